# SPDX-License-Identifier: Apache-2.0
"""What people signed during a ceremony: a text that was kept, and their signature beside it, with the key of the first record."""

from __future__ import annotations

from collections.abc import Mapping

from ceremony.core import cosign
from ceremony.core.audit.verdict import Audited
from ceremony.core.plan import Person
from ceremony.errors import VerificationError

TEXT, SIGNATURE = ".txt", ".sig"
_HINT = "the log is not that of a ceremony as this program holds it"


def recorded_at(a: Audited) -> Mapping[str, int]:
    """Return path → the `seq` of the last record that names this file with a digest."""
    found: dict[str, int] = {}
    for record in a.found.records:
        files = record.body.get("files")
        if record.kind == "files" and isinstance(files, dict):
            found.update(dict.fromkeys(files, record.seq))
    return found


def kept_before(when: Mapping[str, int], path: str, seq: int) -> None:
    """Check that a text and the signature beside it were recorded before record `seq`; raises VerificationError."""
    for name in (path, beside(path)):
        if when.get(name, seq) >= seq:
            raise fault(name, f"was not kept before record {seq}, which rests on it")


def beside(path: str) -> str:
    """Return the path of the signature over a text."""
    return path.removesuffix(TEXT) + SIGNATURE


def signed(a: Audited, path: str, person: Person, namespace: str) -> None:
    """Check the signature beside a text by a person's key of the first record; raises VerificationError."""
    text, armored = a.read(path) or b"", a.read(beside(path)) or b""
    cosign.verify(armored, text, cosign.parse_public_key(person.key, f"key of {person.name}"), namespace, beside(path))


def fault(subject: str, what: str) -> VerificationError:
    """Return the error for a log that tells of something else than what was signed."""
    return VerificationError(subject, what, hint=_HINT)
