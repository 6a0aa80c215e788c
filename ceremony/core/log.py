# SPDX-License-Identifier: Apache-2.0
"""The ceremony log: records, their chain, heads, and recovery of a torn tail (design, section 7).

The log is UTF-8 JSON Lines. Each line is one canonical object with the fourteen
members of `Record`, ends in a newline, and is at most 64 KiB long. `prev` is the
SHA-256 of the raw line before it, newline included (64 zeros in the first), so
the hash is over stored bytes and a verifier need not encode anything.

A chain alone is not tamper-evident: its tail can be cut. A `Head` states the
length and hashes of the log so far; people sign it, and that is what verifies.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from ceremony.core import canonical
from ceremony.core.canonical import JsonObject
from ceremony.core.merkle import Frontier, Tree
from ceremony.errors import VerificationError

VERSION = 1
MAX_LINE = 64 * 1024
"""Bytes of a line, newline included."""
FIRST_PREV = "0" * 64
HEAD_NAMESPACE = "ceremony-head"
"""What people's signatures over a head are for (SSHSIG)."""
HEAD_FORM = f"{HEAD_NAMESPACE}/v1"

_HINT = "compare with the copies on the volumes; the log was changed, or another program wrote it"
_MEMBERS = frozenset(
    ["v", "ceremony", "seq", "prev", "salt", "utc", "mono_ns", "boot", "kind", "step", "actor", "recorded_by", "outcome", "body"]
)
_TEXTS = ("kind", "step", "actor", "recorded_by", "boot")
_UTC = "%Y-%m-%dT%H:%M:%S.%fZ"
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z")
_FIXED = re.compile("[0-9a-f]+")


class Outcome(StrEnum):
    """How what a record tells of came out."""

    OK = "ok"
    FAIL = "fail"
    REFUSED = "refused"
    PENDING = "pending"
    """An intent: its result is a later record."""


_OUTCOMES = {str(outcome): outcome for outcome in Outcome}


class Record(NamedTuple):
    """One line of the log; a tuple, because a log may have a million of them."""

    ceremony: str
    """128 random bits, hex."""
    seq: int
    prev: str
    salt: str
    """128 random bits, hex: a withheld record cannot be guessed from its hash."""
    utc: str
    """`YYYY-MM-DDThh:mm:ss.ffffffZ`."""
    mono_ns: int
    boot: str
    kind: str
    step: str
    actor: str
    recorded_by: str
    outcome: Outcome
    body: JsonObject

    def line(self) -> bytes:
        """Return the raw line, newline included; raises VerificationError when it is too long or not writable."""
        data = canonical.encode(self.as_json(), f"record {self.seq}") + b"\n"
        if len(data) > MAX_LINE:
            raise VerificationError(
                f"record {self.seq}", f"is {len(data)} bytes long, more than {MAX_LINE}", hint="split what it tells"
            )
        return data

    def as_json(self) -> JsonObject:
        """Return the record as the object that its line encodes."""
        return {
            "v": VERSION, "ceremony": self.ceremony, "seq": self.seq, "prev": self.prev, "salt": self.salt,
            "utc": self.utc, "mono_ns": self.mono_ns, "boot": self.boot, "kind": self.kind, "step": self.step,
            "actor": self.actor, "recorded_by": self.recorded_by, "outcome": str(self.outcome), "body": self.body,
        }  # fmt: skip


_IN_ORDER = itemgetter("v", *Record._fields)
_FIXED_MEMBERS = re.compile(rf"[0-9a-f]{{32}}\n[0-9a-f]{{64}}\n[0-9a-f]{{32}}\n{_TIME.pattern}")


def format_utc(time: datetime) -> str:
    """Return an aware UTC time as the log writes it."""
    return time.strftime(_UTC)


def parse_line(line: bytes, subject: str) -> Record:
    """Return the record of one raw line, newline included.

    Raises VerificationError, naming `subject`, for anything that `Record.line` would not write.
    """
    return _quick(line) or _parse(line, subject)


def _quick(line: bytes) -> Record | None:
    """Return the record of a line in which all is plainly as it should be; None for any other, which `_parse` judges."""
    value = canonical.plain(line[:-1]) if line.endswith(b"\n") and len(line) <= MAX_LINE else None
    if value is None or len(value) != len(_MEMBERS):
        return None
    try:
        v, ceremony, seq, prev, salt, utc, mono_ns, boot, kind, step, actor, recorded_by, told, body = _IN_ORDER(value)
        outcome = _OUTCOMES[told]
        # No text holds a newline: what is plain has no control characters. Whatever is no text makes no such line, or no such sum.
        fixed = _FIXED_MEMBERS.fullmatch(f"{ceremony}\n{prev}\n{salt}\n{utc}")
        texts = boot + kind + step + actor + recorded_by
    except (KeyError, TypeError):
        return None
    if not (
        fixed
        and type(texts) is str
        and type(body) is dict
        and _is_day(utc[:10])
        and canonical.is_whole(body, canonical.MAX_DEPTH - 1)
    ):
        return None
    if not (type(v) is type(seq) is type(mono_ns) is int and v == VERSION and seq >= 0 and mono_ns >= 0):
        return None
    return Record(ceremony, seq, prev, salt, utc, mono_ns, boot, kind, step, actor, recorded_by, outcome, body)


def _parse(line: bytes, subject: str) -> Record:
    if len(line) > MAX_LINE or not line.endswith(b"\n"):
        raise VerificationError(subject, "is not one whole line of at most 64 KiB", hint=_HINT)
    value = canonical.parse_object(line[:-1], subject)
    if value.keys() != _MEMBERS or value["v"] != VERSION or isinstance(value["v"], bool):
        raise VerificationError(subject, f"does not have the members of a version {VERSION} record", hint=_HINT)
    body = value["body"]
    texts = [value[name] for name in _TEXTS]
    if not isinstance(body, dict) or not all(isinstance(text, str) for text in texts):
        raise VerificationError(subject, "has a member of the wrong type", hint=_HINT)
    return Record(
        ceremony=_hex(value, "ceremony", 32, subject), seq=_count(value, "seq", subject), prev=_hex(value, "prev", 64, subject),
        salt=_hex(value, "salt", 32, subject), utc=_utc(value, subject), mono_ns=_count(value, "mono_ns", subject),
        boot=str(value["boot"]), kind=str(value["kind"]), step=str(value["step"]), actor=str(value["actor"]),
        recorded_by=str(value["recorded_by"]), outcome=_outcome(value, subject), body=body,
    )  # fmt: skip


def _hex(value: JsonObject, name: str, length: int, subject: str) -> str:
    text = value[name]
    if not isinstance(text, str) or len(text) != length or not _FIXED.fullmatch(text):
        raise VerificationError(subject, f"{name} is not {length} hex digits", hint=_HINT)
    return text


def _count(value: JsonObject, name: str, subject: str) -> int:
    number = value[name]
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise VerificationError(subject, f"{name} is not a number from 0", hint=_HINT)
    return number


def _utc(value: JsonObject, subject: str) -> str:
    text = value["utc"]
    if isinstance(text, str) and _TIME.fullmatch(text) and _is_day(text[:10]):
        return text
    raise VerificationError(subject, f"utc is not a time of the form {_UTC}", hint=_HINT)


@lru_cache(maxsize=64)
def _is_day(text: str) -> bool:
    """Tell whether `YYYY-MM-DD` names a day; a log names few of them."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _outcome(value: JsonObject, subject: str) -> Outcome:
    text = value["outcome"]
    outcome = _OUTCOMES.get(text) if isinstance(text, str) else None
    if outcome is None:
        raise VerificationError(subject, f"outcome is not one of {', '.join(Outcome)}", hint=_HINT)
    return outcome


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

    def tail(self) -> Tail:
        """Return the end as it is now."""
        frontier = self._tree.frontier()
        return Tail(self._ceremony, self.entries, self.size, self._last, frontier, self._boot, self._mono_ns)

    @staticmethod
    def _refused(record: Record, what: str) -> VerificationError:
        return VerificationError(f"record {record.seq}", what, hint=_HINT)


def records(raw: Iterable[bytes], chain: Chain) -> Iterator[Record]:
    """Yield the records of raw lines, each once it follows `chain`, which keeps up; raises VerificationError for the first that does not.

    Nothing is kept of a line that was read.
    """
    for line in raw:
        record = _quick(line) or _parse(line, f"record {chain.entries}")
        chain.follow(record, line)
        yield record


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
