# SPDX-License-Identifier: Apache-2.0
"""A table on the screen, drawn line by line: what it costs depends on the rows in sight, not on how many there are.

The row of the cursor is marked by `>`, one where something went wrong by `!`; colours repeat it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ceremony.tui.fit import fit
from ceremony.tui.text import visible
from ceremony.tui.view.bars import Detail
from ceremony.tui.view.tables import Column, Row, Table

_GUTTER = 2
_GAP = 1


@dataclass(slots=True)
class _Place:
    """A table, and where people are in it."""

    table: Table
    shown: Sequence[int]
    """The numbers of the rows that hold what is searched for."""
    search: str = ""
    cursor: int = 0
    top: int = 0

    def filter(self) -> None:
        """Find the rows anew."""
        wanted, rows = self.search.casefold(), self.table.rows
        self.shown = [n for n, row in enumerate(rows) if wanted in row.searched] if wanted else range(len(rows))
        self.cursor = max(0, min(self.cursor, len(self.shown) - 1))


class Sheet(ScrollView, can_focus=True, inherit_bindings=False):
    """One of several tables at a time, each with a cursor and a search of its own; the row of the cursor stands in `detail`, too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Move", key_display="Up Down", tooltip="Go to another row", id="sheet.move", show=False),
        Binding("down", "move(1)", "Move", show=False),
        Binding(
            "pageup", "turn(-1)", "Page", key_display="PgUp PgDn", tooltip="Go a page on or back", id="sheet.turn", show=False
        ),
        Binding("pagedown", "turn(1)", "Page", show=False),
        Binding("home", "to_end(False)", "Start", key_display="Home End", tooltip="Go to the first or last row", show=False),
        Binding("end", "to_end(True)", "End", show=False),
        Binding("enter", "choose", "Open", key_display="Enter", tooltip="Show the row in full", id="sheet.open"),
        Binding(
            "tab,right", "aside(1)", "Next tab", key_display="Tab", tooltip="Go to the next tab", id="sheet.aside", show=False
        ),
        Binding("shift+tab,left", "aside(-1)", "Tab before", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"sheet--head", "sheet--row", "sheet--alarm", "sheet--cursor"}

    class Chosen(Message):
        """The row of the cursor is wanted in full; `number` is its number in the table."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    class Aside(Message):
        """The table of another tab is wanted."""

        def __init__(self, tabs: int) -> None:
            super().__init__()
            self.tabs = tabs

    def __init__(self, tables: Mapping[str, Table], detail: Detail) -> None:
        super().__init__()
        self._detail = detail
        self._places = {name: _Place(table, range(len(table.rows))) for name, table in tables.items()}
        self._open = next(iter(tables))

    @property
    def _at(self) -> _Place:
        return self._places[self._open]

    @property
    def table(self) -> Table:
        """The table that is shown."""
        return self._at.table

    @property
    def search(self) -> str:
        """What the rows that are shown hold; empty when all are shown."""
        return self._at.search

    @property
    def number(self) -> int | None:
        """The number, in the table, of the cursor's row; None when no row is shown."""
        place = self._at
        return place.shown[place.cursor] if place.cursor < len(place.shown) else None

    def on_mount(self) -> None:
        """Draw what there is."""
        self._lay_out()

    def turn_to(self, name: str) -> None:
        """Show another of the tables, as it was left."""
        self._open = name
        self._lay_out()
        self._go(self._at.cursor)

    def take(self, tables: Mapping[str, Table]) -> None:
        """Take newer tables in the place of some; search and cursor stay."""
        for name, table in tables.items():
            place = self._places[name]
            place.table = table
            place.filter()
        self._lay_out()
        self._go(self._at.cursor)

    def seek(self, text: str) -> None:
        """Show only the rows that hold `text`, whatever its case; all of them for nothing."""
        place, number = self._at, self.number
        place.search = text
        place.filter()
        if number is not None:
            place.cursor = max(0, bisect_right(place.shown, number) - 1)
        self._lay_out()
        self._go(place.cursor)

    def _lay_out(self) -> None:
        place = self._at
        found = f"; {len(place.shown):,} with '{visible(place.search)}'" if place.search else ""
        self.border_title = Content(f"{place.table.title}{found}")
        # Set so that nothing but this widget is laid out anew: the scroll bar is always there.
        self.set_reactive(Sheet.virtual_size, Size(self.size.width, len(place.shown) + 1))
        self.vertical_scrollbar.window_virtual_size = len(place.shown) + 1
        self.refresh()

    # --- moving ---

    @property
    def _page(self) -> int:
        return max(1, self.size.height - 1)

    def _go(self, cursor: int) -> None:
        place, before = self._at, self._at.cursor
        place.cursor = max(0, min(cursor, len(place.shown) - 1))
        place.top = max(0, min(max(place.top, place.cursor - self._page + 1), place.cursor, len(place.shown) - self._page))
        for row in {before, place.cursor}:
            self.refresh_line(row + 1)
        self.scroll_to(y=place.top, animate=False, force=True)
        # At once, not by a message: cursor and detail are then drawn in one frame.
        self._detail.show("There is no such row." if self.number is None else self.table.detail(self.number))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Remember where the table stands, however it came there."""
        super().watch_scroll_y(old_value, new_value)
        self._at.top = round(new_value)

    def on_resize(self, _: events.Resize) -> None:
        """Keep the cursor in sight."""
        self._lay_out()
        self._go(self._at.cursor)

    def action_move(self, rows: int) -> None:
        """Move the cursor by rows."""
        self._go(self._at.cursor + rows)

    def action_turn(self, pages: int) -> None:
        """Move the cursor by pages."""
        self._go(self._at.cursor + pages * self._page)

    def action_to_end(self, last: bool) -> None:
        """Move the cursor to the first or last row."""
        self._go(len(self._at.shown) - 1 if last else 0)

    def action_aside(self, tabs: int) -> None:
        """Ask for the tab so many further on."""
        self.post_message(self.Aside(tabs))

    def action_choose(self) -> None:
        """Ask for the row in full."""
        if self.number is not None:
            self.post_message(self.Chosen(self.number))

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the row under the mouse; open it when it was there."""
        at = self.scroll_offset.y + event.get_content_offset_capture(self).y - 1
        if 0 <= at < len(self._at.shown):
            if at == self._at.cursor:
                self.action_choose()
            self._go(at)

    # --- drawing ---

    def render_line(self, y: int) -> Strip:
        """Draw the head, or one row in sight."""
        width = self.scrollable_content_region.width
        if y == 0:
            text = self._text([column.title for column in self.table.columns], "", width)
            return _strip(text, width).apply_style(self.get_component_rich_style("sheet--head"))
        at = self.scroll_offset.y + y - 1
        if at >= len(self._at.shown):
            return _strip("", width).apply_style(self.get_component_rich_style("sheet--row"))
        row = self.table.rows[self._at.shown[at]]
        above = self.table.rows[self._at.shown[at - 1]] if y > 1 and at else None
        cursor = at == self._at.cursor
        mark = (">" if cursor else " ") + ("!" if row.alarm else " ")
        style = "sheet--cursor" if cursor else "sheet--alarm" if row.alarm else "sheet--row"
        return _strip(self._text(self._cells(row, above), mark, width), width).apply_style(self.get_component_rich_style(style))

    def _cells(self, row: Row, above: Row | None) -> list[str]:
        if above is None:
            return list(row.cells)
        same = [
            column.once and cell == other for column, cell, other in zip(self.table.columns, row.cells, above.cells, strict=True)
        ]
        return ["" if blank else cell for cell, blank in zip(row.cells, same, strict=True)]

    def _text(self, cells: Sequence[str], mark: str, width: int) -> str:
        parts = (
            _cell(cell, column, room)
            for cell, (column, room) in zip(cells, _rooms(self.table.columns, width), strict=True)
            if room
        )
        return set_cell_size(mark, _GUTTER) + (" " * _GAP).join(parts)


def _rooms(columns: Sequence[Column], width: int) -> Iterator[tuple[Column, int]]:
    """Yield each column with its cells; 0 for one that is left out."""
    shown = [column for column in columns if width >= column.from_width]
    left = max(0, width - _GUTTER - sum(column.width + _GAP for column in shown) + _GAP)
    shares = sum(column.share for column in shown)
    for column in columns:
        yield column, column.width + (left * column.share // shares if shares else 0) if column in shown else 0


def _cell(text: str, column: Column, room: int) -> str:
    shown = fit(text, room)
    return " " * (room - cell_len(shown)) + shown if column.right else set_cell_size(shown, room)


def _strip(text: str, width: int) -> Strip:
    return Strip([Segment(text)]).adjust_cell_length(width)
