# SPDX-License-Identifier: Apache-2.0
"""Public copies in memory, and signers who were there."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import lru_cache

from ceremony.core import redacted
from ceremony.core.audit import audit
from ceremony.core.audit.redacted import audit_copy
from ceremony.core.audit.redacting import redact
from ceremony.core.audit.verdict import Audited
from ceremony.core.bundle import LOG, slug
from ceremony.core.plan import Mode
from ceremony.core.signers import Signers, parse
from tests.core.audit.test_signed_logs import held
from tests.fakes.folder import FakeFolder

EVERYBODY = ("Ada", "Sam", "Wim")


@lru_cache(maxsize=8)
def copy(*named: str, mode: Mode = Mode.PRACTICE) -> Mapping[str, bytes]:
    """Return the files of a public copy of a finished ceremony."""
    files = held(mode)
    made = redact(audit(FakeFolder(files=files)), named)
    return {redacted.LOG: made.log, redacted.NOTE: made.note, **{path: files[path] for path in made.kept}}


def people(mode: Mode = Mode.PRACTICE) -> Mapping[str, str]:
    """Return name → key of the people of the ceremony."""
    return {person["name"]: person["key"] for person in json.loads(held(mode)[LOG].split(b"\n")[0])["body"]["people"]}


def signers(names: Collection[str] = EVERYBODY, options: str = "", mode: Mode = Mode.PRACTICE) -> Signers:
    """Return the keys of some of them, as an auditor brings them."""
    return parse("".join(f"{slug(name)} {options}{people(mode)[name]}\n" for name in names).encode())


def judged(files: Mapping[str, bytes], brought: Signers | None = None) -> Audited:
    return audit_copy(FakeFolder(files=files), brought)


def lines(files: Mapping[str, bytes]) -> list[bytes]:
    return files[redacted.LOG].splitlines(keepends=True)


def with_lines(files: Mapping[str, bytes], changed: Collection[bytes]) -> Mapping[str, bytes]:
    return {**files, redacted.LOG: b"".join(changed)}


def recounted(files: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Return the copy with its note written anew, as whoever changed it would."""
    there = lines(files)
    withheld = sum(line.startswith(b'{"leaf":') for line in there)
    return {**files, redacted.NOTE: redacted.note(len(there), withheld)}
