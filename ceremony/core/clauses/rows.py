# SPDX-License-Identifier: Apache-2.0
"""A row of the table before it is judged, and the four ways to judge it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ceremony.core.clauses.seen import Seen
from ceremony.core.clauses.values import MOST_LISTED, Clause, Holds
from ceremony.core.record import Record


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of a row, and what answers it."""

    finding: Holds
    why: str
    records: frozenset[int] = frozenset()
    files: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Row:
    """A clause and how it is judged."""

    number: str
    source: str
    demand: str
    judge: Callable[[Seen], Found]
    checked: bool = True

    def of(self, seen: Seen) -> Clause:
        """Return the clause as a log and a folder answer it."""
        found = self.judge(seen)
        return Clause(
            self.number, self.source, self.demand, found.finding, found.why,
            tuple(sorted(found.records)[:MOST_LISTED]), len(found.records),
            tuple(sorted(found.files)[:MOST_LISTED]), len(found.files), self.checked,
        )  # fmt: skip


def met(why: str, records: Iterable[Record] = (), files: Iterable[str] = ()) -> Found:
    """Say that the log and the folder show it."""
    return Found(Holds.MET, why, *_answers(records, files))


def not_met(why: str, records: Iterable[Record] = (), files: Iterable[str] = ()) -> Found:
    """Say that the log and the folder do not show it, though they could."""
    return Found(Holds.NOT_MET, why, *_answers(records, files))


def not_applicable(why: str, records: Iterable[Record] = ()) -> Found:
    """Say that nothing in this ceremony is what the clause is about."""
    return Found(Holds.NOT_APPLICABLE, why, *_answers(records, ()))


def outside(why: str, records: Iterable[Record] = (), files: Iterable[str] = ()) -> Found:
    """Say that no log could show it."""
    return Found(Holds.OUTSIDE, why, *_answers(records, files))


def always_outside(why: str) -> Callable[[Seen], Found]:
    """Return the judge of a row that no log could answer."""
    return lambda _: outside(why)


def when_made(judge: Callable[[Seen], Found]) -> Callable[[Seen], Found]:
    """Return a judge of a clause on the making of root keys: it says nothing of a ceremony that makes none."""

    def judged(seen: Seen) -> Found:
        return judge(seen) if seen.makes_root else not_applicable("No root key was to be made in this ceremony.")

    return judged


def _answers(records: Iterable[Record], files: Iterable[str]) -> tuple[frozenset[int], frozenset[str]]:
    return frozenset(record.seq for record in records), frozenset(files)
