# SPDX-License-Identifier: Apache-2.0
"""One log in several places: the folder's, the volumes', the tars'. Which are the same, which lack their end, which differ.

While a ceremony is held its log is written to the work folder and to both volumes at once;
whoever changes one of them later would have to change all. A copy that ends early was out of
the computer, or lost its end; one that differs is of another story, and both are shown.

The copies' chains are not verified by themselves: what is the same, byte for byte, as a log
that was audited needs no more, and what is not is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ceremony.core.audit.verdict import Audited, Finding, Level
from ceremony.core.log import lines
from ceremony.core.record import parse_line
from ceremony.errors import VerificationError


@dataclass(frozen=True, slots=True)
class Copy:
    """A log in some place."""

    place: str
    """Where it was read, as findings name it."""
    log: bytes


@dataclass(frozen=True, slots=True)
class _Lined:
    """A copy, taken apart."""

    place: str
    whole: tuple[bytes, ...]
    """Its lines that end in a newline."""
    torn: int
    """Bytes after the last newline."""


def check_copies(a: Audited, copies: Sequence[Copy], place: str) -> Sequence[Finding]:
    """Return how each copy stands to the log under audit, which is at `place`; nothing without copies.

    All are held against the longest log that begins with the audited one, so that it is told when that one lacks its end.
    """
    own, *others = [_lined(copy) for copy in (Copy(place, a.log), *copies)]
    longest = max([own, *(one for one in others if _common(one, own) == len(own.whole))], key=lambda one: len(one.whole))
    findings = [_against(one, longest, closed=a.past.closed) for one in (own, *others) if one is not longest]
    if longest is not own:
        findings.append(_longer(longest, own, closed=a.past.closed))
    if others:
        shared = min(_common(one, own) for one in others)
        what = f"the first {shared} records are" if shared else "no record is"
        findings.append(Finding(Level.OK, "copies", f"{what} the same in all {1 + len(others)} places"))
    return findings


def _lined(copy: Copy) -> _Lined:
    found = tuple(lines(copy.log))
    torn = len(found[-1]) if found and not found[-1].endswith(b"\n") else 0
    return _Lined(copy.place, found[:-1] if torn else found, torn)


def _common(one: _Lined, other: _Lined) -> int:
    """Return how many lines are the same from the beginning on."""
    pairs = zip(one.whole, other.whole, strict=False)
    return next((number for number, (line, its) in enumerate(pairs) if line != its), min(len(one.whole), len(other.whole)))


def _against(one: _Lined, longest: _Lined, *, closed: bool) -> Finding:
    """Return how a log stands to the one that all are held against; `closed` when the audited log is."""
    same = _common(one, longest)
    if same < len(one.whole):
        there, here = (_told(other.whole, same) for other in (longest, one))
        text = f"is not the log of {longest.place} from record {same} on: there it is {there}, here {here}"
        return Finding(Level.FAILED, one.place, text)
    torn = f", and ends in {one.torn} bytes of a torn line" if one.torn else ""
    missing = len(longest.whole) - same
    if missing:
        return Finding(
            Level.INCOMPLETE,
            one.place,
            f"lacks the last {missing} of {len(longest.whole)} records that {longest.place} has{torn}",
        )
    if torn:
        return Finding(
            Level.FAILED if closed else Level.INCOMPLETE, one.place, f"holds the same {same} records as {longest.place}{torn}"
        )
    return Finding(Level.OK, one.place, f"holds the same {same} records as {longest.place}")


def _longer(longest: _Lined, own: _Lined, *, closed: bool) -> Finding:
    """Return what is said of a copy that goes on where the audited log ends."""
    first = _told(longest.whole, len(own.whole))
    text = f"goes on where {own.place} ends, with record {len(own.whole)}: {first}"
    return Finding(
        Level.FAILED if closed else Level.INCOMPLETE, longest.place, f"{text}; nothing follows a close" if closed else text
    )


def _told(whole: Sequence[bytes], number: int) -> str:
    """Return kind, step and time of a record."""
    try:
        record = parse_line(whole[number], f"record {number}")
    except VerificationError:
        return "no record"
    return f"{record.kind} of {record.step} at {record.utc}"
