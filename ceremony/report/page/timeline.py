# SPDX-License-Identifier: Apache-2.0
"""What happened, step by step: when each began and ended, and its records in words.

An intent stands with the result that follows it; records that tell the same over and over
stand together. Each line names its records, so that nothing that is passed over is hidden.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ceremony.core.chronicle import sentence
from ceremony.core.chronicle.facts import Facts
from ceremony.core.record import Outcome, Record
from ceremony.core.step_words import STEPS
from ceremony.report.page.markup import Element, Node, el
from ceremony.report.page.material import Material
from ceremony.report.page.parts import clock, counted, more, note, section, table, time

FLOOD = 4
"""Lines alike, one after the other, of which the first alone is shown."""
_MOST, _MOST_STEPS = 80, 150
_QUIET = frozenset(["begin", "end"])
_TITLES: Mapping[str, str] = {"open": "Opening", "resume": "Taking up again"}


@dataclass(slots=True)
class _Line:
    """One or more records that are told as one."""

    first: int
    last: int
    utc: str
    words: str
    alike: tuple[str, ...]
    """What makes two lines alike."""
    bad: bool
    count: int = 1


@dataclass(slots=True)
class _Visit:
    """A step, as long as no other was begun."""

    step: str
    records: list[Record] = field(default_factory=list)


def timeline(m: Material) -> Element:
    """Return the section."""
    visits = _visits(m.records)
    steps = [(_step(visit), *_times(visit), counted(len(visit.records), "record")) for visit in visits]
    return section(
        "timeline",
        "Timeline",
        note("All times are UTC, by this machine's clock. The numbers are those of the records in ceremony.jsonl."),
        table(("Step", "Began", "Ended", "Records"), steps[:_MOST_STEPS], class_="steps"),
        [_told(visit, m.state.names) for visit in visits[:_MOST_STEPS]],
        more(_MOST_STEPS, len(visits), "ceremony.jsonl"),
    )


def _visits(records: Sequence[Record]) -> Sequence[_Visit]:
    found: list[_Visit] = []
    for record in records:
        if not found or found[-1].step != record.step:
            found.append(_Visit(record.step))
        found[-1].records.append(record)
    return found


def _step(visit: _Visit) -> str:
    info = STEPS.get(visit.step)
    return info.title if info else _TITLES.get(visit.step, visit.step or "no step")


def _times(visit: _Visit) -> tuple[str, str]:
    """Return when a visit began, and how it ended."""
    first, last = visit.records[0], visit.records[-1]
    ended = next((record for record in reversed(visit.records) if record.kind == "end"), None)
    if ended is not None:
        return time(first.utc), time(ended.utc)
    if visit.step in _TITLES:
        return time(first.utc), time(last.utc)
    return time(
        first.utc
    ), "with the log, after this page" if visit.step == "close" else f"did not end here; last record {time(last.utc)}"


def _told(visit: _Visit, names: Mapping[str, str]) -> Node:
    lines = [line for line in _flood(_paired(visit.records, names)) if line.words]
    if not lines:
        return None
    rows: list[tuple[Node, ...]] = [_row(line) for line in lines[:_MOST]]
    last = visit.records[-1].seq
    return el(
        "article",
        el("h3", _step(visit), " ", el("span", f"{time(visit.records[0].utc)}", class_="cite")),
        table(("Record", "Time", "What happened"), rows, class_="events"),
        more(_MOST, len(lines), f"ceremony.jsonl, up to record {last}"),
        class_="visit",
    )


def _row(line: _Line) -> tuple[Node, ...]:
    numbers = f"{line.first}" if line.first == line.last else f"{line.first}-{line.last}"
    words: Node = el("strong", line.words) if line.bad else line.words
    again = el("span", f" and {line.count - 1:,} more like it", class_="cite") if line.count > 1 else None
    return numbers, clock(line.utc), [words, again]


def _paired(records: Sequence[Record], names: Mapping[str, str]) -> Iterator[_Line]:
    """Yield lines: an intent whose result is the next record is told by the result."""
    waiting: Record | None = None
    for record in records:
        if waiting is not None and record.kind == "result" and _act(waiting) == _act(record):
            yield _line(record, names, first=waiting.seq)
            waiting = None
            continue
        if waiting is not None:
            yield _line(waiting, names)
            waiting = None
        if record.kind == "intent":
            waiting = record
        elif record.kind not in _QUIET:
            yield _line(record, names)
    if waiting is not None:
        yield _line(waiting, names)


def _line(record: Record, names: Mapping[str, str], first: int | None = None) -> _Line:
    body = Facts(record.body)
    # Answers, people and devices are told one by one, whatever their number: that is what people look for.
    about = (body.text("name"), record.actor) if record.kind in {"roll-call", "check", "token", "deviation", "custody"} else ()
    alike = (record.kind, body.text("action"), str(record.outcome), *about)
    if body.text("action") == "answer":
        alike = (*alike, body.text("key"))
    bad = record.outcome in {Outcome.FAIL, Outcome.REFUSED} or record.kind in {"error", "stop", "volume-out", "deviation"}
    start = record.seq if first is None else first
    return _Line(start, record.seq, record.utc, sentence(record.as_json(), names), alike, bad)


def _flood(lines: Iterator[_Line]) -> Iterator[_Line]:
    """Yield lines, those of a flood as one."""
    run: list[_Line] = []
    for line in lines:
        if run and run[-1].alike != line.alike:
            yield from _one(run)
            run = []
        run.append(line)
    yield from _one(run)


def _one(run: Sequence[_Line]) -> Iterator[_Line]:
    if len(run) < FLOOD:
        yield from run
        return
    first = run[0]
    yield _Line(first.first, run[-1].last, first.utc, first.words, first.alike, first.bad, len(run))


def _act(record: Record) -> tuple[str, str]:
    body = Facts(record.body)
    return body.text("action"), body.text("key")
