# SPDX-License-Identifier: Apache-2.0
"""The verdict over a public copy (see `ceremony.core.redacted`), from its bytes alone.

What is shown must be what people signed: each raw line has its place in the chain as far
as that can be seen, and all lines, withheld or not, make the Merkle root of every head.
Files must be those that shown records name. What is withheld says nothing, and nothing is
said about it: how long it is, what it names, whether the last one closes the log.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from ceremony.core import bundle, proof, redacted
from ceremony.core.audit.brought import check_brought
from ceremony.core.audit.verdict import Audited
from ceremony.core.log import Head, Recovered, Tail, lines, parse_head
from ceremony.core.past import Past
from ceremony.core.plan import Mode
from ceremony.core.ports import Readable
from ceremony.core.record import FIRST_PREV, Record, parse_line
from ceremony.core.signers import Signers
from ceremony.errors import CeremonyError, VerificationError

_HINT = "compare it with the copy that was published first"


@dataclass(slots=True)
class _Lines:
    """The lines of a copy, as far as they were read."""

    shown: list[Record] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    chain: list[str] = field(default_factory=list)
    """SHA-256, hex, of each raw line; empty for one that is withheld."""
    sizes: list[int] = field(default_factory=list)
    """Bytes of the log up to and with each line; -1 once one is withheld."""

    def take(self, line: bytes) -> None:
        """Take in the next line; raises VerificationError when it cannot stand there."""
        seq = len(self.leaves)
        leaf = redacted.withheld_leaf(line, seq)
        before = self.sizes[-1] if self.sizes else 0
        if leaf is None:
            record = parse_line(line, f"record {seq}")
            self._follow(record, seq)
            self.shown.append(record)
        self.leaves.append(leaf or proof.leaf(line))
        self.chain.append("" if leaf else hashlib.sha256(line).hexdigest())
        self.sizes.append(-1 if leaf or before < 0 else before + len(line))

    def _follow(self, record: Record, seq: int) -> None:
        last = self.shown[-1] if self.shown else None
        prev = self.chain[-1] if self.chain else FIRST_PREV
        subject = f"record {seq}"
        if record.seq != seq:
            raise VerificationError(subject, f"says that it is record {record.seq}", hint=_HINT)
        if prev and record.prev != prev:
            raise VerificationError(subject, "does not name the hash of the line before it", hint=_HINT)
        if last and record.ceremony != last.ceremony:
            raise VerificationError(subject, "belongs to another ceremony", hint=_HINT)
        if last and record.boot == last.boot and record.mono_ns < last.mono_ns:
            raise VerificationError(subject, "is older than the record before it", hint=_HINT)


def is_copy(folder: Readable) -> bool:
    """Tell whether a folder is a public copy, and not that of a ceremony."""
    names = folder.names()
    return redacted.LOG in names and bundle.LOG not in names


def audit_copy(folder: Readable, signers: Signers | None = None) -> Audited:
    """Return everything that was found in a public copy; its `found` has the records that are shown."""
    data, read, past = folder.read(redacted.LOG), _Lines(), Past()
    fault: VerificationError | None = None
    for line in lines(data):
        try:
            read.take(line)
        except VerificationError as error:
            fault = error
            break
    found = Recovered(tuple(read.shown), Tail(entries=len(read.leaves)), b"", fault)
    a = Audited(folder, frozenset(folder.names()), data, found, past)
    for record in read.shown:
        if not past.note_untrusted(record):
            a.failed(f"record {record.seq}", "does not say what a record of its kind says")
    _check_lines(a, read)
    if not read.shown:
        return a
    final = _check_heads(a, read)
    _check_files(a, final)
    check_brought(a, final, signers)
    return a


def _check_lines(a: Audited, read: _Lines) -> None:
    entries, shown = len(read.leaves), read.shown
    if a.found.fault is not None:
        a.failed(redacted.LOG, a.found.fault.message)
    if not shown:
        a.failed(redacted.LOG, "shows no record")
        return
    if any((record.kind == "open") != (record.seq == 0) for record in shown):
        a.failed(redacted.LOG, "does not begin with the record that opens a ceremony, or opens one twice")
    if any(record.kind == "close" and record.seq != entries - 1 for record in shown):
        a.failed(redacted.LOG, "goes on after its close record")
    if shown[-1].seq == entries - 1 and shown[-1].kind != "close":
        a.incomplete(redacted.LOG, "there is no close record")
    a.ok(redacted.LOG, f"{len(shown)} of {entries} records are shown, {entries - len(shown)} are withheld")
    if shown[0].seq == 0:
        if a.mode not in set(Mode) or a.past.opened.get("form") != "ceremony/v1":
            a.failed("record 0", "is not of a form and mode that are known")
    elif any(record.kind == "substitution" for record in shown):
        a.ok("mode", "PRACTICE: a record says what stands in for the real thing")
    else:
        a.ok("mode", "record 0, which says whether it was a practice, is withheld")


def _check_heads(a: Audited, read: _Lines) -> int:
    """Check every head; return the number of the highest that states the whole log, 0 when there is none."""
    final = 0
    for number, path in sorted((bundle.head_number(path), path) for path in a.names if bundle.head_number(path)):
        try:
            stated = parse_head(a.read(path) or b"", path)
        except CeremonyError as error:
            a.failed(path, error.message)
            continue
        wrong = _difference(a, read, stated)
        if wrong:
            a.failed(path, wrong)
            continue
        unseen = "; its bytes and sha256 cannot be judged" if stated.entries and read.sizes[stated.entries - 1] < 0 else ""
        a.ok(path, f"states the first {stated.entries} records{unseen}")
        if stated.entries == len(read.leaves):
            final = number
    if not final:
        a.incomplete("heads", "none states the whole log")
    return final


def _difference(a: Audited, read: _Lines, stated: Head) -> str:
    """Return what a head states that the copy does not show; empty when it shows all of it."""
    count = stated.entries
    if not 0 < count <= len(read.leaves):
        return f"states {count} records; the copy has {len(read.leaves)} lines"
    if stated.ceremony != read.shown[0].ceremony:
        return "is of another ceremony"
    if stated.merkle != proof.root(read.leaves[:count]):
        return "does not state these lines"
    if read.chain[count - 1] and stated.chain != read.chain[count - 1]:
        return "does not state the last of these lines"
    size = read.sizes[count - 1]
    if size >= 0 and (stated.size, stated.sha256) != (size, hashlib.sha256(a.log[:size]).hexdigest()):
        return "does not state these bytes"
    return ""


def _check_files(a: Audited, final: int) -> None:
    """Check that each file is one that a shown record names, and that the copy says of itself what it is."""
    entries, shown = a.found.tail.entries, len(a.found.records)
    if redacted.NOTE not in a.names:
        a.failed(redacted.NOTE, "is not there")
    elif a.read(redacted.NOTE) != redacted.note(entries, entries - shown):
        a.failed(redacted.NOTE, "is not what a copy says of itself")
    good = 0
    bound = {path for path in a.names if bundle.signed_head(path)[0]} | {redacted.LOG, redacted.NOTE}
    if final and bundle.head(final) not in a.past.files:
        bound.add(bundle.head(final))  # by the signatures over it
    for path in sorted(a.names - bound):
        a.read(path)
        recorded = a.past.files.get(path)
        if recorded is None:
            a.failed(path, "is named by no record that is shown")
        elif a.digests.get(path) != recorded:
            a.failed(path, "is not the file that was recorded")
        else:
            good += 1
    left_out = len(a.past.files.keys() - a.names)
    a.ok("files", f"{good} are as recorded; {left_out} more that shown records name are left out")
