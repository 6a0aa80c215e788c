# SPDX-License-Identifier: Apache-2.0
"""A table to read and search: one line a row, and only the lines in sight are drawn.

Rows are asked for by number, so they can be made as they come into sight; ten
thousand of them cost no more than the twenty that are seen. A row is marked by a
character, and one that stands out by a sign or its words, not by colour alone.
What is cut at a column's width ends in a sign for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.strip import Strip

from ceremony.tui.fit import fit
from ceremony.tui.theme import marks
from ceremony.tui.widgets.columns import Column, Row, placed, widths
from ceremony.tui.widgets.listing import Listing
from ceremony.tui.widgets.steady import SteadyView

_UNTOLD = -2
MARK = 2
"""Cells of the mark and the sign before a row."""

__all__ = ["Column", "LineTable", "Row"]


def _key(keys: str, action: str, shown: str, tooltip: str) -> Binding:
    return Binding(keys, action, shown, key_display=shown, tooltip=tooltip, id=f"table.{shown}", show=False)


class LineTable(SteadyView, can_focus=True, inherit_bindings=False):
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
        self._gap, self._head, self._empty = " " * gap, int(titles), empty
        self._listing = Listing(columns, tail=tail)
        self._kept = not tail
        self._on_mark, self._told = on_mark, -1

    # --- what it shows ---

    @property
    def listing(self) -> Listing:
        """What is shown, and where people are in it."""
        return self._listing

    @property
    def number(self) -> int | None:
        """The marked row's place among all rows; None when there is no row."""
        return self._listing.number

    @property
    def seen(self) -> set[int]:
        """Rows that were marked, or passed by the mark while they were in sight."""
        return self._listing.seen

    @property
    def furthest(self) -> int:
        """The last row that the mark reached while no filter was on."""
        return self._listing.furthest

    @property
    def needle(self) -> str:
        """What rows must hold, in lower case; empty without a filter."""
        return self._listing.needle

    @property
    def matches(self) -> int:
        """How many rows hold it."""
        return len(self._listing.order)

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return len(self._listing.texts)

    def show(self, row: Callable[[int], Row], texts: Sequence[str]) -> None:
        """Show these rows instead: `row` gives one by its number; `texts` is what a filter looks into, one a row, in lower case."""
        self._listing.take(row, texts)
        self.turn_to(self._listing)

    def turn_to(self, listing: Listing) -> None:
        """Show another listing as it was left, or the same whose rows are others now."""
        self._listing, self._told = listing, _UNTOLD
        self._arrange()

    def extended(self) -> None:
        """Take notice that the texts, and so the rows, have grown at their end."""
        follows = self._listing.ends and self.scroll_offset.y >= self.max_scroll_y
        self._listing.grow()
        self._arrange(scroll=follows)

    def filter(self, wanted: str) -> None:
        """Show only the rows that hold `wanted`, in any case; the marked row stays marked if it is one of them."""
        if wanted.casefold() != self.needle:
            self._listing.filter(wanted)
            self._arrange()

    def _arrange(self, *, scroll: bool = True) -> None:
        top = self._listing.top
        self.set_height(len(self._listing.order) + self._head)
        if scroll:
            self._bring_into_view(top)
        self._mark_seen(self._listing.at, self._listing.at)
        self.refresh()

    # --- the mark ---

    def keep_mark(self, kept: bool) -> None:
        """Show the mark without the focus too, or not."""
        self._kept = kept or not self._listing.tail
        self.refresh()

    def action_move(self, rows: int) -> None:
        """Mark the row that is so many further."""
        self._mark(self._listing.at + rows)

    def action_page(self, pages: int) -> None:
        """Mark the row that is so many pages further."""
        self._mark(self._listing.at + pages * max(1, self._body() - 1))

    def action_first(self) -> None:
        """Mark the first row."""
        self._mark(0)

    def action_last(self) -> None:
        """Mark the last row."""
        self._mark(self._listing.last)

    def _mark(self, at: int) -> None:
        if self.screen.has_class("too-small"):
            self.app.bell()  # nothing is passed unseen
            return
        listing, top = self._listing, self.scroll_offset.y
        before, listing.at = listing.at, max(0, min(at, listing.last))
        self._bring_into_view(top)
        if abs(listing.at - before) == 1 and top == self.scroll_offset.y:
            self.refresh_lines(min(before, listing.at) + self._head, 2)
        else:
            self.refresh()
        self._mark_seen(before, listing.at)

    def _mark_seen(self, before: int, now: int) -> None:
        listing = self._listing
        first, last = sorted((before, now)) if abs(now - before) < self._body() else (now, now)
        listing.seen.update(listing.order[first : last + 1])
        if listing.order and not listing.wanted:
            listing.furthest = max(listing.furthest, now)
        told = -1 if listing.number is None else listing.number
        if told != self._told:
            self._told = told
            self._on_mark(listing.number)

    def _body(self) -> int:
        return max(0, self.size.height - self._head)

    def _bring_into_view(self, top: int) -> None:
        body, at = self._body(), self._listing.at
        if body:
            # Without force nothing scrolls before the scroll bar was drawn.
            self.scroll_to(y=min(max(top, at - body + 1), at), animate=False, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Remember where it stands, however it came there."""
        super().watch_scroll_y(old_value, new_value)
        self._listing.top = round(new_value)

    def watch_show_vertical_scrollbar(self, shown: bool) -> None:
        """Put a bar that was just shown where the rows are: Textual moves only one that is there."""
        if shown:
            self.vertical_scrollbar.position = self.scroll_y

    def on_resize(self) -> None:
        """Keep the marked row in sight."""
        self._bring_into_view(self.scroll_offset.y)

    def on_focus(self) -> None:
        """Draw the mark."""
        self.refresh()

    def on_blur(self) -> None:
        """Draw the mark as one that does not move, or not at all."""
        self.refresh()

    def place_at(self, click: events.Click) -> int | None:
        """Return which of the listed rows was clicked; None beside them."""
        line = click.get_content_offset_capture(self).y - self._head
        place = self.scroll_offset.y + line
        return place if line >= 0 and place < len(self._listing.order) else None

    def on_click(self, click: events.Click) -> None:
        """Mark the row that was clicked."""
        place = self.place_at(click)
        if place is not None:
            self._mark(place)

    # --- drawing ---

    def render_line(self, y: int) -> Strip:
        """Draw the titles, a row, or nothing."""
        at, order = self.scroll_offset.y + y - self._head, self._listing.order
        if y < self._head:
            titles = [column.title for column in self._listing.columns]
            return self._strip(" " * MARK + self._line(titles), "line-table--titles")
        if not order and at == 0:
            return self._strip(" " * MARK + fit(self._empty, max(3, self._room())))
        if at >= len(order):
            return self._strip("")
        row = self._listing.row(order[at])
        marked = at == self._listing.at and (self.has_focus or self._kept)
        style = "line-table--marked" if marked else "line-table--strong" if row.strong else ""
        cells = row.cells if y == self._head else self._without_what_is_above(row.cells, order[at - 1])
        return self._strip(f"{marks().now if marked else ' '}{row.sign or ' '}{self._line(cells)}", style)

    def _without_what_is_above(self, cells: Sequence[str], above: int) -> Sequence[str]:
        columns = self._listing.columns
        if not any(column.once for column in columns):
            return cells
        others = self._listing.row(above).cells
        return ["" if column.once and cell == other else cell for column, cell, other in zip(columns, cells, others, strict=True)]

    def _strip(self, text: str, style: str = "") -> Strip:
        drawn = self.rich_style + self.get_component_rich_style(style) if style else self.rich_style
        return Strip([Segment(text, drawn)]).crop_extend(0, self.size.width, drawn)

    def _line(self, cells: Sequence[str]) -> str:
        columns = self._listing.columns
        return self._gap.join(
            placed(cells[number], columns[number], width) for number, width in widths(columns, self._room(), len(self._gap))
        )

    def _room(self) -> int:
        return self.size.width - self.styles.scrollbar_size_vertical - MARK
