# SPDX-License-Identifier: Apache-2.0
"""The log as tables: every line of it, whether it is a record or not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from ceremony.core import log
from ceremony.core.canonical import JsonObject
from ceremony.core.chronicle import State, overview, sentence
from ceremony.core.chronicle.facts import Facts
from ceremony.core.record import MAX_LINE, Outcome
from ceremony.tui import records
from ceremony.tui.text import visible, visible_lines
from ceremony.tui.view.tables import Page, SearchedRow, Table, bytes_text, facts_text, heading, row, when
from ceremony.tui.widgets.columns import Column

TOLD = 2_000
"""Characters of a sentence; a record that says more is read in full on its page."""
LINES = 200_000
"""Lines of a log that are shown: a log that is longer was not written by this program."""
_BAD = frozenset([Outcome.FAIL, Outcome.REFUSED])
_NOTABLE = frozenset(
    ["deviation", "error", "stop", "resume", "set-aside", "mended", "again", "substitution", "volume-out", "volume-whole"]
)
_DEVICES = frozenset(["token", "medium"])


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log; what it holds beyond this is read again when it is wanted."""

    number: int
    line: bytes
    told: str
    kind: str = ""
    """Empty for a line that is no record."""
    utc: str = ""
    step: str = ""
    actor: str = ""
    outcome: str = ""
    objection: bool = False
    """Somebody does not agree, or not to all of it."""

    @property
    def bad(self) -> bool:
        """Whether it did not come out well, or cannot be read."""
        return not self.kind or self.outcome in _BAD

    @property
    def notable(self) -> bool:
        """Whether it tells of something that does not happen when all goes well."""
        return self.bad or self.objection or self.kind in _NOTABLE


@dataclass(frozen=True, slots=True)
class Chronicle:
    """The log as it was read."""

    state: State
    entries: tuple[Entry, ...]
    rest: int
    """Bytes behind the last line that is shown."""


def read(data: bytes, most: int = LINES) -> Chronicle:
    """Return every line of a log in words, whatever it holds."""
    state, entries, end = State(), [], 0
    for number, line in enumerate(islice(log.lines(data), most)):
        entries.append(_entry(state, number, line))
        end += len(line)
    return Chronicle(state, tuple(entries), len(data) - end)


def _entry(state: State, number: int, line: bytes) -> Entry:
    record = _record(line)
    if record is None:
        return Entry(number, line, f"A line of {len(line):,} bytes that is no whole record")
    state.note(record)
    whole = Facts(record)
    body = whole.inner("body")
    return Entry(
        number,
        line,
        sentence(record, state.names)[:TOLD],
        kind=whole.text("kind") or "nothing",
        utc=whole.text("utc"),
        step=whole.text("step"),
        actor=whole.text("actor"),
        outcome=whole.text("outcome"),
        objection=body.text("action") == "answer" and body.text("answer") != "agree",
    )


def _record(line: bytes) -> JsonObject | None:
    return records.read(line) if len(line) <= MAX_LINE and line.endswith(b"\n") else None


# --- tables --------------------------------------------------------------------

_TIMELINE = (
    Column("No.", 6, right=True),
    Column("Date", 10, above=107),
    Column("UTC", 8),
    Column("Step", 15, above=97),
    Column("What happened", 20, share=1),
    Column("Outcome", 9),
)


def timeline(chronicle: Chronicle, chained: int | None = None) -> Table:
    """Return one row a line; `chained` is how many of the lines the audit found to chain, None before it is known."""
    entries = chronicle.entries
    damaged = sum(not entry.kind for entry in entries)
    bad = f", {damaged:,} DAMAGED" if damaged else ""
    more = f", and {chronicle.rest:,} bytes more that are not shown" if chronicle.rest else ""
    return _table(
        f"Timeline, {len(entries):,} lines of the log{bad}{more}", _TIMELINE, entries, lambda entry: _timeline_row(entry, chained)
    )


def _timeline_row(entry: Entry, chained: int | None) -> SearchedRow:
    date, time = when(entry.utc)
    outcome = _outcome(entry, chained)
    loose = chained is not None and entry.number >= chained
    hidden = f"{entry.kind} {entry.actor}"
    return row(str(entry.number), date, time, entry.step, entry.told, outcome, more=hidden, alarm=entry.bad or loose)


def _outcome(entry: Entry, chained: int | None) -> str:
    if not entry.kind:
        return "DAMAGED"
    if chained is not None and entry.number >= chained:
        return "UNCHAINED"
    return entry.outcome.upper() if entry.outcome in _BAD else entry.outcome


_DEVIATIONS = (
    Column("No.", 6, right=True),
    Column("Date", 10, above=107),
    Column("UTC", 8),
    Column("Kind", 12),
    Column("What happened", 20, share=1),
)


def deviations(chronicle: Chronicle) -> Table:
    """Return what did not go by the script: deviations, errors, refusals, wrong PINs, stops, stand-ins, objections."""
    entries = [entry for entry in chronicle.entries if entry.notable]
    noted = len(chronicle.state.deviations)
    title = f"Deviations, {noted:,} noted by people; {len(entries):,} records of what did not go by the script"
    return _table(title, _DEVIATIONS, entries, _deviation_row)


def _deviation_row(entry: Entry) -> SearchedRow:
    date, time = when(entry.utc)
    alarm = entry.bad or entry.kind == "deviation"
    return row(str(entry.number), date, time, entry.kind or "damaged", entry.told, alarm=alarm)


_DEVICE_COLUMNS = (
    Column("Device", 9),
    Column("Name", 10, share=1),
    Column("Serial", 18, share=1),
    Column("Model", 16, share=2),
    Column("Firmware", 8),
    Column("Kind", 10),
)


def devices(chronicle: Chronicle) -> Table:
    """Return the tokens and media, one row a record that names one."""
    entries = [entry for entry in chronicle.entries if entry.kind in _DEVICES]
    return _table(f"Devices, {len(entries):,} records of tokens and media", _DEVICE_COLUMNS, entries, _device_row)


def _device_row(entry: Entry) -> SearchedRow:
    body = Facts(_record(entry.line) or {}).inner("body")
    if entry.kind == "token":
        model = f"{body.text('manufacturer')} {body.text('model')}"
        kind = "software" if body.flag("software") else body.text("kind")
        return row("token", body.text("name"), body.text("serial"), model, body.text("firmware"), kind)
    role, kind = body.text("role"), "folder" if body.flag("folder") else "medium"
    return row("courier" if role == "courier" else "volume", role, body.text("serial"), body.text("model"), "", kind)


_SUMMARY = (Column("About", 16, once=True), Column("", 23, share=1), Column("", 20, share=3))


def summary(chronicle: Chronicle) -> Table:
    """Return what the records say of the ceremony as a whole."""
    lines = [(section.title, label, value) for section in overview(chronicle.state) for label, value in section.lines]
    return Table(
        "Summary, as the records tell it",
        _SUMMARY,
        [row(*line) for line in lines],
        lambda number: visible(lines[number][2]),
        lambda number: Page(lines[number][0], facts_text([lines[number][1:]])),
    )


# --- one record ----------------------------------------------------------------


def _table(
    title: str,
    columns: tuple[Column, ...],
    entries: Sequence[Entry],
    make: Callable[[Entry], SearchedRow],
    chained: int | None = None,
) -> Table:
    return Table(
        title,
        columns,
        [make(entry) for entry in entries],
        lambda number: _detail(entries[number], chained),
        lambda number: record_page(entries[number], chained),
    )


def _detail(entry: Entry, chained: int | None) -> str:
    where = f"Record {entry.number}: {' '.join(when(entry.utc))} UTC, step {entry.step}, by {entry.actor}"
    return "\n".join(visible(line[:TOLD]) for line in (entry.told, f"{where}, {_outcome(entry, chained)}"))


def record_page(entry: Entry, chained: int | None = None) -> Page:
    """Return a line of the log in words, as JSON, and byte for byte."""
    record = _record(entry.line)
    digest = ("SHA-256", hashlib.sha256(entry.line).hexdigest())
    told, lines, pretty = entry.told, [digest], ""
    if record is not None:
        whole = Facts(record)
        told = told if len(told) < TOLD else sentence(record)
        lines = [*((label, whole.text(name)) for label, name in _MEMBERS), ("Outcome", _outcome(entry, chained)), digest]
        pretty = f"\n{heading('The record as JSON')}\n{visible_lines(json.dumps(record, indent=2, ensure_ascii=False))}\n"
    raw = heading(f"The line as it stands in the log, {len(entry.line):,} bytes")
    text = "\n".join([visible(told), "", facts_text(lines), pretty, raw, bytes_text(entry.line, lines=False)])
    return Page(f"Record {entry.number}", text)


_MEMBERS = (("Time", "utc"), ("Kind", "kind"), ("Step", "step"), ("Who acted", "actor"), ("Written by", "recorded_by"))
