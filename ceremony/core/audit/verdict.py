# SPDX-License-Identifier: Apache-2.0
"""A folder under audit: what was read of it once, and what was found so far."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from ceremony.core import bundle
from ceremony.core.log import Recovered, recover
from ceremony.core.past import Past
from ceremony.core.ports import Readable
from ceremony.errors import CeremonyError, ExitCode


class Level(IntEnum):
    """How a finding counts; the value is the exit code that it asks for."""

    OK = ExitCode.DONE
    FAILED = ExitCode.FAILED
    INCOMPLETE = ExitCode.INCOMPLETE


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the verdict: what was looked at, and what was found."""

    level: Level
    subject: str
    text: str


@dataclass(slots=True)
class Audited:
    """A folder under audit: what was read once, and what was found so far."""

    folder: Readable
    names: frozenset[str]
    log: bytes
    found: Recovered
    past: Past
    findings: list[Finding] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    """Path → SHA-256 of every file that was read."""

    @property
    def verdict(self) -> ExitCode:
        """FAILED when anything failed, else INCOMPLETE when anything is missing, else DONE."""
        levels = {finding.level for finding in self.findings}
        return next((ExitCode(level) for level in (Level.FAILED, Level.INCOMPLETE) if level in levels), ExitCode.DONE)

    @property
    def mode(self) -> str:
        """The mode that the first record states; empty when there is none."""
        return str(self.past.opened.get("mode", ""))

    def ok(self, subject: str, text: str) -> None:
        """Add a finding that something holds."""
        self.findings.append(Finding(Level.OK, subject, text))

    def failed(self, subject: str, text: str) -> None:
        """Add a finding that something does not hold."""
        self.findings.append(Finding(Level.FAILED, subject, text))

    def incomplete(self, subject: str, text: str) -> None:
        """Add a finding that something is not there yet."""
        self.findings.append(Finding(Level.INCOMPLETE, subject, text))

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes and note its digest; None, with a finding, when it is not there."""
        if not path:
            self.failed(bundle.LOG, "names a file without a name")
            return None
        try:
            data = self.folder.read(path) if path in self.names else None
        except CeremonyError as error:
            self.failed(path, f"cannot be read: {error.message}")
            return None
        if data is None:
            self.failed(path, "is recorded, and is not there")
            return None
        self.digests[path] = hashlib.sha256(data).hexdigest()
        return data


def begin(folder: Readable) -> Audited:
    """Read a folder's names and log; raises CeremonyError when it holds no log."""
    names = frozenset(folder.names())
    if bundle.LOG not in names:
        raise CeremonyError(
            f"there is no {bundle.LOG} in this folder", hint="name the ceremony folder, or the tar that the courier carried"
        )
    log = folder.read(bundle.LOG)
    found = recover(log)
    past = Past()
    audited = Audited(folder, names, log, found, past)
    for record in found.records:
        if not past.note_untrusted(record):
            audited.failed(f"record {record.seq}", "does not say what a record of its kind says")
    return audited


def by_subject(findings: list[Finding]) -> Iterator[Finding]:
    """Yield the findings, what failed first, then what is missing, then what holds."""
    order = {Level.FAILED: 0, Level.INCOMPLETE: 1, Level.OK: 2}
    yield from sorted(findings, key=lambda finding: order[finding.level])
