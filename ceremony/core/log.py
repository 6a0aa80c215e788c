# SPDX-License-Identifier: Apache-2.0
"""The ceremony log: records, their chain, heads, and recovery of a torn tail (design, section 7).

The log is UTF-8 JSON Lines, a `Record` a line (`record`). `prev` is the
SHA-256 of the raw line before it, newline included (64 zeros in the first), so
the hash is over stored bytes and a verifier need not encode anything.

A chain alone is not tamper-evident: its tail can be cut. A `Head` states the
length and hashes of the log so far; people sign it, and that is what verifies.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from ceremony.core.merkle import Frontier, Tree
from ceremony.core.record import FIRST_PREV, Record, parse_line, parse_lines
from ceremony.errors import VerificationError

HEAD_NAMESPACE = "ceremony-head"
"""What people's signatures over a head are for (SSHSIG)."""
HEAD_FORM = f"{HEAD_NAMESPACE}/v1"

_HINT = "compare with the copies on the volumes; the log was changed, or another program wrote it"
_BATCH = 256
"""Lines that are read together."""
_PARTS = (32, 4, 1)
"""Lines of each part of a batch that holds an odd one, and of such a part in its turn."""


@dataclass(frozen=True, slots=True)
class Tail:
    """Where a log ends: all that is needed to append to it, and to state its head."""

    ceremony: str = ""
    entries: int = 0
    size: int = 0
    """Bytes in all."""
    last: str = FIRST_PREV
    """SHA-256 of the last raw line, hex."""
    merkle: Frontier = field(default_factory=Frontier)
    boot: str = ""
    mono_ns: int = 0

    def follow(self, record: Record, line: bytes) -> Tail:
        """Return the tail after one more record.

        Raises VerificationError when the record does not follow: another ceremony, a gap in
        `seq`, a `prev` that is not the line before, or a monotonic clock that ran backwards.
        """
        chain = Chain(self)
        chain.follow(record, line)
        return chain.tail()


class Chain:
    """The end of a log while it is read, line by line: a `Tail` that grows."""

    __slots__ = ("_boot", "_ceremony", "_last", "_mono_ns", "_tree", "entries", "size")

    def __init__(self, tail: Tail | None = None) -> None:
        tail = tail or Tail()
        self.entries, self.size = tail.entries, tail.size
        self._ceremony, self._last, self._boot, self._mono_ns = tail.ceremony, tail.last, tail.boot, tail.mono_ns
        self._tree = Tree(tail.merkle)

    def follow(self, record: Record, line: bytes) -> None:
        """Take in one more record; raises VerificationError, and takes nothing in, where `Tail.follow` does."""
        if record.seq != self.entries:
            raise self._refused(record, f"stands where record {self.entries} should")
        if record.prev != self._last:
            raise self._refused(record, "does not name the hash of the line before it")
        if record.ceremony != self._ceremony and self.entries:
            raise self._refused(record, "belongs to another ceremony")
        if record.mono_ns < self._mono_ns and record.boot == self._boot:
            raise self._refused(record, "is older than the record before it")
        self.entries += 1
        self.size += len(line)
        self._ceremony, self._boot, self._mono_ns = record.ceremony, record.boot, record.mono_ns
        self._last = hashlib.sha256(line).hexdigest()
        self._tree.add(line)

    def follow_all(self, records: Sequence[Record], raw: Sequence[bytes]) -> bool:
        """Take in many records, and return whether that was done: only where all of them plainly follow, else nothing is taken in."""
        digests = [hashlib.sha256(line).hexdigest() for line in raw]
        boots, ceremonies = {record.boot for record in records}, {record.ceremony for record in records}
        times = [record.mono_ns for record in records]
        if len(boots) != 1 or len(ceremonies) != 1 or (self.entries and self._ceremony not in ceremonies):
            return False
        if times != sorted(times) or (self._boot in boots and times[0] < self._mono_ns):
            return False
        if [record.seq for record in records] != list(range(self.entries, self.entries + len(records))):
            return False
        if [record.prev for record in records] != [self._last, *digests[:-1]]:
            return False
        last = records[-1]
        self._ceremony, self._boot, self._mono_ns, self._last = last.ceremony, last.boot, last.mono_ns, digests[-1]
        self.entries += len(records)
        self.size += sum(map(len, raw))
        for line in raw:
            self._tree.add(line)
        return True

    def tail(self) -> Tail:
        """Return the end as it is now."""
        frontier = self._tree.frontier()
        return Tail(self._ceremony, self.entries, self.size, self._last, frontier, self._boot, self._mono_ns)

    @staticmethod
    def _refused(record: Record, what: str) -> VerificationError:
        return VerificationError(f"record {record.seq}", what, hint=_HINT)


def records(raw: Iterable[bytes], chain: Chain) -> Iterator[Record]:
    """Yield the records of raw lines that follow `chain`, which goes on with them; raises VerificationError for the first that does not.

    Lines are read a few hundred at a time, and nothing is kept of them.
    """
    rest = iter(raw)
    while batch := list(islice(rest, _BATCH)):
        yield from _together(batch, chain)


def _together(batch: Sequence[bytes], chain: Chain) -> Iterator[Record]:
    """Yield the records of some lines: all at once, or in smaller parts, so that an odd line holds up few others."""
    found = parse_lines(batch)
    if found is not None and chain.follow_all(found, batch):
        yield from found
    elif found is not None:
        for record, line in zip(found, batch, strict=True):
            chain.follow(record, line)
            yield record
    elif len(batch) == 1:
        record = parse_line(batch[0], f"record {chain.entries}")
        chain.follow(record, batch[0])
        yield record
    else:
        size = next(size for size in _PARTS if size < len(batch))
        for start in range(0, len(batch), size):
            yield from _together(batch[start : start + size], chain)


def lines(data: bytes) -> Iterator[bytes]:
    """Yield the raw lines of a log, newlines included; the last may lack its newline."""
    start = 0
    while start < len(data):
        end = data.find(b"\n", start) + 1 or len(data)
        yield data[start:end]
        start = end


@dataclass(frozen=True, slots=True)
class Recovered:
    """A log as it was found: its longest valid prefix, and the rest, byte for byte."""

    records: tuple[Record, ...]
    tail: Tail
    torn: bytes
    fault: VerificationError | None
    """Why the rest is not part of the log; None when nothing is torn."""


def recover(data: bytes) -> Recovered:
    """Return the longest valid prefix of a log and what follows it; never raises.

    A record counts only if it ends in a newline, is canonical, and chains.
    """
    found: list[Record] = []
    chain, fault = Chain(), None
    try:
        found.extend(records(lines(data), chain))
    except VerificationError as error:
        fault = error
    return Recovered(tuple(found), chain.tail(), data[chain.size :], fault)


def read(data: bytes) -> Recovered:
    """Return a whole log; raises VerificationError, naming the record, where `recover` would cut."""
    found = recover(data)
    if found.fault is not None:
        raise found.fault
    return found


@dataclass(frozen=True, slots=True)
class Head:
    """A short statement of a log's length and hashes, which people sign."""

    ceremony: str
    entries: int
    size: int
    sha256: str
    """Of all the log's bytes so far, hex."""
    chain: str
    """Of the last raw line, hex."""
    merkle: str
    """RFC 6962 root, hex."""

    def text(self) -> bytes:
        """Return the statement: ASCII lines of `name: value`."""
        return (
            f"{HEAD_FORM}\norigin: ceremony/{self.ceremony}\nentries: {self.entries}\nbytes: {self.size}\n"
            f"sha256: {self.sha256}\nchain: {self.chain}\nmerkle: {self.merkle}\n"
        ).encode()

    @property
    def digest(self) -> str:
        """The SHA-256 of the statement, hex: what people hear as words."""
        return hashlib.sha256(self.text()).hexdigest()


def head(tail: Tail, sha256: str) -> Head:
    """Return the head of a log that ends at `tail`; `sha256` is that of all its bytes, hex."""
    return Head(tail.ceremony, tail.entries, tail.size, sha256, tail.last, tail.merkle.root())


_HEAD = re.compile(
    rf"{HEAD_FORM}\norigin: ceremony/([0-9a-f]{{32}})\nentries: (0|[1-9][0-9]{{0,15}})\nbytes: (0|[1-9][0-9]{{0,15}})\n"
    r"sha256: ([0-9a-f]{64})\nchain: ([0-9a-f]{64})\nmerkle: ([0-9a-f]{64})\n"
)


def parse_head(data: bytes, subject: str) -> Head:
    """Return the head of a statement; raises VerificationError for anything `Head.text` would not write."""
    match = _HEAD.fullmatch(data.decode("ascii", "replace"))
    if match is None:
        raise VerificationError(subject, f"is not a {HEAD_FORM} statement", hint=_HINT)
    origin, entries, length, sha256, chain, merkle = match.groups()
    return Head(origin, int(entries), int(length), sha256, chain, merkle)
