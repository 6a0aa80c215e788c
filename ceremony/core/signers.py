# SPDX-License-Identifier: Apache-2.0
"""Signers: the people whose keys an auditor brings from outside the folder, as an `allowed_signers` file.

The file is one that `ssh-keygen -Y verify -f` takes, narrowed (docs/formats.md, "What every
verifier checks"): ASCII, a newline after each line, one blank between fields, no quotes but
those of options, no patterns, and times in UTC alone. A line lists people by the names of
their signature files, and one key:

    ada-example-b9f00a22 namespaces="ceremony-head",valid-after="20260101Z" ssh-ed25519 AAAA… Ada Example

Whatever is taken here, that program takes as well, and never the other way round only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from ceremony.core.cosign import KEY_TYPES, SshPublicKey, parse_public_key
from ceremony.core.log import HEAD_NAMESPACE
from ceremony.errors import VerificationError

MAX_SIGNERS = 1024 * 1024
"""Bytes of a file that are read."""

_NAME = "[A-Za-z0-9._@-]{1,255}"
_NAMES = re.compile(f"{_NAME}(?:,{_NAME})*")
_OPTION = re.compile(r'([^,="]+)(?:="([^"]*)")?(?:,(?=.)|$)')
_KNOWN = ("namespaces", "valid-after", "valid-before")
_TIME = re.compile("([0-9]{4})([0-9]{2})([0-9]{2})(?:([0-9]{2})([0-9]{2})([0-9]{2})?)?Z")
_NOT_BEFORE = datetime(1970, 1, 1, tzinfo=UTC)
"""ssh-keygen counts seconds from here, and refuses none and fewer."""
_HINT = "write a line as `NAME [OPTIONS] TYPE BASE64 [COMMENT]`, with NAME as in heads/NNNN.NAME.sig; docs/formats.md says which"


@dataclass(frozen=True, slots=True)
class Signer:
    """One line: who may sign with which key, and between which times."""

    number: int
    """Of the line, from 1."""
    names: frozenset[str]
    """Of people, as `bundle.slug` writes them."""
    key: SshPublicKey
    after: datetime | None = None
    """Aware UTC; that second is within."""
    before: datetime | None = None
    """Aware UTC; that second is within."""

    def covers(self, at: datetime) -> bool:
        """Tell whether the second of `at` (aware UTC) lies within the line's times."""
        second = at.replace(microsecond=0)
        return (self.after is None or self.after <= second) and (self.before is None or second <= self.before)


@dataclass(frozen=True, slots=True)
class Signers:
    """The lines of a file."""

    lines: tuple[Signer, ...]

    def lists(self, name: str) -> bool:
        """Tell whether any line lists the person of this name (slug)."""
        return any(name in line.names for line in self.lines)

    def lists_key(self, name: str, key: SshPublicKey) -> bool:
        """Tell whether any line lists this person with this key, at whatever time."""
        return any(name in line.names and line.key == key for line in self.lines)

    def takes(self, name: str, key: SshPublicKey, at: datetime) -> bool:
        """Tell whether any line lists this person with this key for `at` (aware UTC)."""
        return any(name in line.names and line.key == key and line.covers(at) for line in self.lines)


def parse(data: bytes, subject: str = "signers") -> Signers:
    """Return the people and keys of a file.

    Raises VerificationError, naming `subject` and the line, for every line that is not in the narrowed form.
    """
    if len(data) > MAX_SIGNERS:
        raise VerificationError(subject, f"is longer than the {MAX_SIGNERS} bytes that are read", hint=_HINT)
    found = (_line(row, number, f"{subject}, line {number}") for number, row in enumerate(data.split(b"\n"), 1))
    return Signers(tuple(signer for signer in found if signer is not None))


def _line(row: bytes, number: int, subject: str) -> Signer | None:
    """Return what a line lists; None for one that says nothing."""
    if not all(0x20 <= byte < 0x7F for byte in row):
        _refuse(subject, "holds something else than printable ASCII, such as a carriage return, a tab or a byte order mark")
    text = row.decode()
    if not text or text.startswith("#"):
        return None
    names, _, rest = text.partition(" ")
    if not _NAMES.fullmatch(names):
        _refuse(subject, "does not begin with names of signature files: letters, digits and . _ @ -, with commas between")
    first, _, key = rest.partition(" ")
    options = {} if first in KEY_TYPES else _options(first, subject)
    key = rest if first in KEY_TYPES else key
    if key.startswith(" "):
        _refuse(subject, "has more than one blank between two fields")
    after, before = (_time(options[name], name, subject) if name in options else None for name in _KNOWN[1:])
    if after is not None and before is not None and before <= after:
        _refuse(subject, "its valid-before is not later than its valid-after")
    return Signer(number, frozenset(names.split(",")), parse_public_key(key, subject), after, before)


def _options(text: str, subject: str) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(text) or not found:
        match = _OPTION.match(text, at)
        name = match[1] if match else ""
        if match is None or name not in _KNOWN or match[2] is None:
            _refuse(subject, f"{text[at : at + 40]!r} is neither a type of key nor an option of {', '.join(_KNOWN)}")
        if name in found:
            _refuse(subject, f"names {name} twice")
        found[name], at = match[2], match.end()
    if "namespaces" in found:
        _check_namespaces(found["namespaces"], subject)
    return found


def _check_namespaces(text: str, subject: str) -> None:
    if not _NAMES.fullmatch(text):
        _refuse(subject, "its namespaces are not plain names with commas between")
    if HEAD_NAMESPACE not in text.split(","):
        _refuse(subject, f"its namespaces do not name {HEAD_NAMESPACE}")


def _time(text: str, name: str, subject: str) -> datetime:
    match = _TIME.fullmatch(text)
    parts = [int(part or 0) for part in match.groups()] if match else [0] * 6
    year, month, day, hour, minute, second = parts
    try:
        at: datetime | None = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:  # no time at all, or the 31st of June
        at = None
    if at is None or at <= _NOT_BEFORE:
        _refuse(subject, f"its {name} is not a time such as 20261119Z or 202611190914Z, in UTC")
    return at


def _refuse(subject: str, what: str) -> NoReturn:
    raise VerificationError(subject, what, hint=_HINT)
