# SPDX-License-Identifier: Apache-2.0
"""A table to read and search: one line a row, and only the lines in sight are drawn.

Rows are asked for by number, so they can be made as they come into sight; ten
thousand of them cost no more than the twenty that are seen. A row is marked by a character, not by colour alone. What is cut at a column's width ends
in a sign for the rest.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.cells import set_cell_size
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ceremony.tui.fit import fit
from ceremony.tui.theme import marks
from ceremony.tui.widgets.columns import Column, Row, fit_end, widths

MARK = 2
"""Cells of the mark before a row."""

__all__ = ["Column", "LineTable", "Row"]


def _key(keys: str, action: str, shown: str, tooltip: str) -> Binding:
    return Binding(keys, action, shown, key_display=shown, tooltip=tooltip, id=f"table.{shown}", show=False)


class LineTable(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows below a line of titles; one row is marked."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"line-table--titles", "line-table--marked", "line-table--strong"}
    DEFAULT_CSS = """
    LineTable {
        background: $background;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        overflow-x: hidden;
    }
    LineTable > .line-table--titles { text-style: bold underline; }
    LineTable > .line-table--strong { text-style: bold; color: $accent; }
    LineTable > .line-table--marked { text-style: reverse; }
    LineTable:focus > .line-table--marked {
        text-style: bold;
        color: $block-cursor-foreground;
        background: $block-cursor-background;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        _key("up", "move(-1)", "Up", "Mark the row above"),
        _key("down", "move(1)", "Down", "Mark the row below"),
        _key("left,pageup", "page(-1)", "Left", "Go back by as many rows as are seen"),
        _key("right,pagedown", "page(1)", "Right", "Go on by as many rows as are seen"),
        _key("home", "first", "Home", "Go to the first row"),
        _key("end", "last", "End", "Go to the last row"),
    ]

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        gap: int = 2,
        titles: bool = True,
        tail: bool = False,
        empty: str = "There is nothing.",
        on_mark: Callable[[int | None], None] = lambda _number: None,
    ) -> None:
        """Make an empty table.

        With `tail` it follows its end while the last row is marked, and shows no mark without the focus.
        `on_mark` is told at once which row is newly marked, by its number, None when none is left: what
        it changes is drawn together with the mark, where a message would come a picture later.
        """
        super().__init__()
        self._columns = tuple(columns)
        self._gap, self._head, self._tail, self._empty = " " * gap, int(titles), tail, empty
        self._row: Callable[[int], Row] = lambda _number: Row(())
        self._texts: Sequence[str] = ()
        self._needle, self._kept = "", not tail
        self._order: Sequence[int] = range(0)
        self._looked_through = 0
        self._at = 0
        self._on_mark, self._told = on_mark, -1
        self.seen: set[int] = set()
        """Rows that were marked, or passed by the mark while they were in sight."""
        self.furthest = -1
        """The last row that the mark reached while no filter was on."""

    # --- what it shows ---

    @property
    def number(self) -> int | None:
        """The marked row's place among all rows; None when there is no row."""
        return self._order[self._at] if self._order else None

    @property
    def needle(self) -> str:
        """What rows must hold, in lower case; empty without a filter."""
        return self._needle

    @property
    def matches(self) -> int:
        """How many rows hold it."""
        return len(self._order)

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return len(self._texts)

    def show(self, row: Callable[[int], Row], texts: Sequence[str]) -> None:
        """Show rows, the first one marked, or the last of a table that follows its end: `row` gives one by its number; `texts` is what a filter looks into, one a row, in lower case."""
        self._row, self._texts = row, texts
        self._order = self._matching(0)
        self._at = max(0, len(self._order) - 1) if self._tail else 0
        self._arrange()

    def extended(self) -> None:
        """Take notice that the texts, and so the rows, have grown at their end."""
        last = self._at >= len(self._order) - 1
        in_sight = self.scroll_offset.y >= self.max_scroll_y
        more = self._matching(self._looked_through)
        self._order = [*self._order, *more] if self._needle else more
        if self._tail and last:
            self._at = max(0, len(self._order) - 1)
        self._arrange(scroll=in_sight and self._tail and last)

    def filter(self, needle: str) -> None:
        """Show only the rows that hold `needle`, in any case; the marked row stays marked if it is one of them."""
        needle = needle.casefold()
        if needle == self._needle:
            return
        following, number, self._needle = self._tail and self._at >= len(self._order) - 1, self.number, needle
        self._order = self._matching(0)
        last = max(0, len(self._order) - 1)
        self._at = last if following else min(bisect_left(self._order, number or 0), last)
        self._arrange()

    def _matching(self, start: int) -> Sequence[int]:
        needle, texts = self._needle, self._texts
        self._looked_through = len(texts)
        if not needle:
            return range(len(texts))
        return [number for number in range(start, len(texts)) if needle in texts[number]]

    def _arrange(self, *, scroll: bool = True) -> None:
        self.virtual_size = Size(0, len(self._order) + self._head)
        if scroll:
            self._bring_into_view()
        self._mark_seen(self._at, self._at)
        self.refresh()

    # --- the mark ---

    def keep_mark(self, kept: bool) -> None:
        """Show the mark without the focus too, or not."""
        self._kept = kept or not self._tail
        self.refresh()

    def action_move(self, rows: int) -> None:
        """Mark the row that is so many further."""
        self._mark(self._at + rows)

    def action_page(self, pages: int) -> None:
        """Mark the row that is so many pages further."""
        self._mark(self._at + pages * max(1, self._body() - 1))

    def action_first(self) -> None:
        """Mark the first row."""
        self._mark(0)

    def action_last(self) -> None:
        """Mark the last row."""
        self._mark(len(self._order) - 1)

    def _mark(self, at: int) -> None:
        if self.screen.has_class("too-small"):
            self.app.bell()  # nothing is passed unseen
            return
        before, top = self._at, self.scroll_offset.y
        self._at = max(0, min(at, len(self._order) - 1))
        self._bring_into_view()
        if abs(self._at - before) == 1 and top == self.scroll_offset.y:
            self.refresh_lines(min(before, self._at) + self._head, 2)
        else:
            self.refresh()
        self._mark_seen(before, self._at)

    def _mark_seen(self, before: int, now: int) -> None:
        first, last = sorted((before, now)) if abs(now - before) < self._body() else (now, now)
        self.seen.update(self._order[first : last + 1])
        if self._order and not self._needle:
            self.furthest = max(self.furthest, now)
        told = -1 if self.number is None else self.number
        if told != self._told:
            self._told = told
            self._on_mark(self.number)

    def _body(self) -> int:
        return max(0, self.size.height - self._head)

    def _bring_into_view(self) -> None:
        body, top = self._body(), self.scroll_offset.y
        if body:
            # Without force nothing scrolls before the scroll bar was drawn.
            self.scroll_to(y=min(max(top, self._at - body + 1), self._at), animate=False, force=True)

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        """Put a bar that was just shown where the rows are: Textual moves only one that is there."""
        if shown:
            self.vertical_scrollbar.position = self.scroll_y

    def on_resize(self) -> None:
        """Keep the marked row in sight."""
        self._bring_into_view()

    def on_focus(self) -> None:
        """Draw the mark."""
        self.refresh()

    def on_blur(self) -> None:
        """Draw the mark as one that does not move, or not at all."""
        self.refresh()

    def on_click(self, click: events.Click) -> None:
        """Mark the row that was clicked."""
        line = click.y - self._head
        if line >= 0 and self.scroll_offset.y + line < len(self._order):
            self._mark(self.scroll_offset.y + line)

    # --- drawing ---

    def render_line(self, y: int) -> Strip:
        """Draw the titles, a row, or nothing."""
        at = self.scroll_offset.y + y - self._head
        if y < self._head:
            titles = [column.title for column in self._columns]
            return self._strip(" " * MARK + self._line(titles), "line-table--titles")
        if not self._order and at == 0:
            return self._strip(" " * MARK + fit(self._empty, max(3, self._room())))
        if at >= len(self._order):
            return self._strip("")
        row = self._row(self._order[at])
        marked = at == self._at and (self.has_focus or self._kept)
        style = "line-table--marked" if marked else "line-table--strong" if row.strong else ""
        return self._strip(f"{marks().now if marked else '':<{MARK}}{self._line(row.cells)}", style)

    def _strip(self, text: str, style: str = "") -> Strip:
        drawn = self.rich_style + self.get_component_rich_style(style) if style else self.rich_style
        return Strip([Segment(text, drawn)]).crop_extend(0, self.size.width, drawn)

    def _line(self, cells: Sequence[str]) -> str:
        return self._gap.join(
            set_cell_size((fit_end if self._columns[number].tail else fit)(cells[number], width), width)
            for number, width in widths(self._columns, self._room(), len(self._gap))
        )

    def _room(self) -> int:
        return self.size.width - self.styles.scrollbar_size_vertical - MARK
