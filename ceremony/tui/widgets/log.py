# SPDX-License-Identifier: Apache-2.0
"""The ceremony log as it grows: one line a record, in words, the newest at the end; `/` filters it.

It holds every record and draws those in sight. While it has the focus it is
larger, and shows the marked record whole. It follows its end until people mark
an earlier record, and again once they mark the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from ceremony.core.canonical import Json
from ceremony.core.chronicle import sentence
from ceremony.core.record import Outcome
from ceremony.tui import records
from ceremony.tui.text import visible
from ceremony.tui.widgets.pane import Passage, PassagePane
from ceremony.tui.widgets.search import SearchTable
from ceremony.tui.widgets.table import Column, LineTable, Row

COLUMNS = (
    Column("", 6),
    Column("", 8),
    Column("", 7),
    Column("", 17, above=70),
    Column("", 12, 1),
)
"""Number, time, outcome, step where there is room for it, and the sentence."""
UNREADABLE = "a record that cannot be shown: it is not a JSON object"
_BAD = frozenset([Outcome.FAIL, Outcome.REFUSED])


def row(line: bytes, names: Mapping[str, str] | None = None) -> Row:
    """Return a raw log line as number, time, outcome, step and sentence; one that cannot be read says so."""
    record = records.read(line)
    if record is None:
        return Row(("", "", "", "-", UNREADABLE), strong=True)
    seq, utc, step, outcome = (_text(record.get(name)) for name in ("seq", "utc", "step", "outcome"))
    return Row((f"{seq:>6}", utc[11:19], outcome, step or "-", visible(sentence(record, names))), strong=outcome in _BAD)


def _text(value: Json) -> str:
    return visible(value if isinstance(value, str) else "" if value is None else str(value))


class LogView(SearchTable):
    """The records, the newest at the end; `names` is token serial → name, as far as it is known, and may grow."""

    BORDER_TITLE = "Log"
    DEFAULT_CSS = """
    LogView .whole { height: 3; display: none; border-top: solid $foreground; }
    LogView:focus-within .whole { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "more", "More", key_display="Enter", tooltip="Scroll the marked record on", id="log.more", show=False),
    ]

    def __init__(self, names: Mapping[str, str] | None = None) -> None:
        super().__init__(LineTable(COLUMNS, gap=1, titles=False, tail=True, empty="No record matches.", on_mark=self._show_whole))
        self._names = names
        self._rows: list[Row] = []
        self._texts: list[str] = []
        self._behind = False
        self._whole = PassagePane(classes="whole", more="(Enter: more)", back="(Enter: back)")

    def compose(self) -> ComposeResult:
        """The records, the filter, the marked one whole."""
        yield from super().compose()
        yield self._whole

    def on_mount(self) -> None:
        """Begin with what there is."""
        self.table.show(self._rows.__getitem__, self._texts)

    @property
    def count(self) -> int:
        """How many records there are."""
        return len(self._rows)

    def add(self, line: bytes) -> None:
        """Add a raw line of the log."""
        added = row(line, self._names)
        self._rows.append(added)
        self._texts.append(" ".join(added.cells).casefold())
        if not self._behind:
            self._behind = True
            self.call_next(self._catch_up)

    def _catch_up(self) -> None:
        """Draw what was added meanwhile: records come in floods."""
        self._behind = False
        self.table.extended()
        self._entitle()

    @on(SearchTable.Filtered)
    def show_matches(self) -> None:
        """Say how many records match."""
        self._entitle()

    def _show_whole(self, number: int | None) -> None:
        if number is None:
            self._whole.show(())
        else:
            *facts, words = self._rows[number].cells
            lead = " ".join(fact.strip() for fact in facts if fact)
            self._whole.show((Passage(f"{lead}: ", words, hang=2),))

    def action_more(self) -> None:
        """Scroll the marked record on; from its end back to its beginning."""
        if not self._whole.scroll_pages(1):
            self._whole.scroll_to(y=0, animate=False, force=True)

    def _entitle(self) -> None:
        found = self.found("records")
        self.border_title = Content(f"Log, {found or f'{self.count:,} records'}")
