# SPDX-License-Identifier: Apache-2.0
"""A record: one line of the ceremony log, and the two ways to read one (design, section 7).

A line is one canonical object with the fourteen members of `Record`, ends in a newline, and
is at most 64 KiB long. `parse_line` says what is wrong with one; `parse_lines` reads many
that are as they should be.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache, partial
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

from ceremony.core import canonical
from ceremony.core.canonical import JsonObject
from ceremony.errors import VerificationError

VERSION = 1
MAX_LINE = 64 * 1024
"""Bytes of a line, newline included."""
FIRST_PREV = "0" * 64

_HINT = "compare with the copies on the volumes; the log was changed, or another program wrote it"
_MEMBERS = frozenset(
    ["v", "ceremony", "seq", "prev", "salt", "utc", "mono_ns", "boot", "kind", "step", "actor", "recorded_by", "outcome", "body"]
)
_TEXTS = ("kind", "step", "actor", "recorded_by", "boot")
_UTC = "%Y-%m-%dT%H:%M:%S.%fZ"
_TIME = re.compile(r"[1-9][0-9]{3}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z")
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
_FIXED_MEMBERS = re.compile(rf"(?:[0-9a-f]{{32}}\n[0-9a-f]{{64}}\n[0-9a-f]{{32}}\n{_TIME.pattern}\n)+")


_MAKE = partial(tuple.__new__, Record)  # `Record._make` counts the members once more
_SIMPLE = {str, int, bool, type(None)}


def format_utc(time: datetime) -> str:
    """Return an aware UTC time as the log writes it."""
    return time.strftime(_UTC)


def parse_line(line: bytes, subject: str) -> Record:
    """Return the record of one raw line, newline included.

    Raises VerificationError, naming `subject`, for anything that `Record.line` would not write.
    """
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


def parse_lines(raw: Sequence[bytes]) -> list[Record] | None:
    """Return the records of raw lines, newlines included, where all of them are plainly as they should be, else None: then ask `parse_line`.

    The members of all lines are looked at together, column by column: that costs a fraction of looking at each line.
    """
    if not raw or max(map(len, raw)) > MAX_LINE or not all(line.endswith(b"\n") for line in raw):
        return None
    values = canonical.plain([line[:-1] for line in raw])
    if values is None or set(map(len, values)) != {len(_MEMBERS)}:
        return None
    try:
        rows = list(map(_IN_ORDER, values))
        versions, *columns, told, body = zip(*rows, strict=True)
        outcomes = [_OUTCOMES[text] for text in told]
    except (KeyError, TypeError):
        return None
    if set(map(type, versions)) != {int} or set(versions) != {VERSION} or not _are_good(columns, body):
        return None
    return list(map(_MAKE, zip(*columns, outcomes, body, strict=True)))


def _are_good(columns: Sequence[Sequence[Any]], bodies: Sequence[Any]) -> bool:
    """Tell whether the members of all lines but version and outcome, in the order of `Record`'s fields, are as they should be."""
    ceremony, seq, prev, salt, utc, mono_ns, *texts = columns
    types = set(map(type, chain(ceremony, prev, salt, utc, *texts)))
    if types != {str} or set(map(type, chain(seq, mono_ns))) != {int} or set(map(type, bodies)) != {dict}:
        return False
    # No text holds a newline: what is plain has no control characters.
    fixed = "\n".join([*chain.from_iterable(zip(ceremony, prev, salt, utc, strict=True)), ""])
    return (
        min(*seq, *mono_ns) >= 0
        and _FIXED_MEMBERS.fullmatch(fixed) is not None
        and all(map(_is_day, {text[:10] for text in utc}))
        and _are_whole(bodies)
    )


def _are_whole(bodies: Sequence[JsonObject]) -> bool:
    """Tell what `canonical.is_whole` tells of each; most bodies hold texts and whole numbers alone."""
    flat = set(map(type, chain.from_iterable(map(dict.values, bodies)))) <= _SIMPLE
    if flat and "".join(chain.from_iterable(bodies)).isascii():
        return True
    return all(canonical.is_whole(body, canonical.MAX_DEPTH - 1) for body in bodies)
