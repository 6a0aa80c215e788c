# SPDX-License-Identifier: Apache-2.0
"""A table with a line below it for a filter: `/` opens it, Enter goes back to the rows, Escape takes it away."""

from __future__ import annotations

from typing import ClassVar, Self

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.geometry import Region
from textual.message import Message
from textual.widgets import Input, Static

from ceremony.tui.text import visible
from ceremony.tui.widgets.entry import LineEntry
from ceremony.tui.widgets.listing import Listing
from ceremony.tui.widgets.table import LineTable

SHOWN = 24
"""Characters of a filter that are repeated beside the number of matches."""


class FilterEntry(LineEntry):
    """A field of one line whose place does not depend on what is typed."""

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Draw it again; once it has its place, a character more lays nothing else out anew."""
        return super().refresh(*regions, repaint=repaint, layout=layout and not self.size, recompose=recompose)


class SearchTable(Vertical):
    """Rows that people search by any part of their text, in any case."""

    DEFAULT_CSS = """
    SearchTable { height: 1fr; }
    SearchTable LineTable { height: 1fr; }
    SearchTable .filter { height: 1; display: none; }
    SearchTable.filtering .filter { display: block; }
    SearchTable .filter Static { width: 9; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "open_filter", "Filter", key_display="/", tooltip="Show only rows that hold a text", id="search.open"),
        Binding("escape", "clear_filter", "All rows", key_display="Esc", tooltip="Show all rows again", id="search.clear"),
    ]

    class Filtered(Message):
        """The filter was opened, changed or taken away."""

        def __init__(self, search: SearchTable) -> None:
            super().__init__()
            self.search = search

    def __init__(self, table: LineTable) -> None:
        super().__init__()
        self.table = table
        self._entry = FilterEntry()

    def compose(self) -> ComposeResult:
        """The rows, and the filter below them."""
        yield self.table
        yield Horizontal(Static("Filter:", markup=False), self._entry, classes="filter")

    def on_mount(self) -> None:
        """Make the field one line high."""
        self._entry.styles.height = 1
        self._entry.styles.border = ("none", "white")
        self._entry.styles.padding = 0

    def on_descendant_focus(self) -> None:
        """Show the mark while people type into the filter, too."""
        self.table.keep_mark(kept=True)

    def on_descendant_blur(self) -> None:
        """Leave the mark to the rows."""
        self.table.keep_mark(kept=False)

    def focus(self, scroll_visible: bool = True) -> Self:
        """Give the focus to the rows."""
        self.table.focus(scroll_visible)
        return self

    def turn_to(self, listing: Listing) -> None:
        """Show another listing as it was left, with the filter that it had."""
        with self.prevent(Input.Changed):
            self._entry.value = listing.wanted
        self.set_class(bool(listing.wanted), "filtering")
        self.table.turn_to(listing)
        self.refresh_bindings()

    @property
    def filtering(self) -> bool:
        """Whether the filter is open."""
        return self.has_class("filtering")

    def found(self, noun: str) -> str:
        """Return how many rows match, as `12 of 245 records match 'pin'`; nothing without a filter."""
        table = self.table
        if not table.needle:
            return ""
        needle = visible(self._entry.taken())
        shown = needle if len(needle) <= SHOWN else needle[: SHOWN - 3] + "..."
        return f"{table.matches:,} of {table.row_count:,} {noun} match {shown!r}"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave Escape to others while there is no filter."""
        return self.filtering if action == "clear_filter" else super().check_action(action, parameters)

    def action_open_filter(self) -> None:
        """Open the filter, or go back to it."""
        self.add_class("filtering")
        self._entry.focus()
        self.refresh_bindings()
        self.post_message(self.Filtered(self))

    def action_clear_filter(self) -> None:
        """Take the filter away, and go back to the rows."""
        self._entry.value = ""
        self.remove_class("filtering")
        self.table.focus()
        self.refresh_bindings()
        self._filter()

    @on(Input.Changed)
    def take(self, changed: Input.Changed) -> None:
        """Filter as people type."""
        changed.stop()
        self._filter()

    @on(Input.Submitted)
    def leave(self, submitted: Input.Submitted) -> None:
        """Go back to the rows; a filter of nothing goes away."""
        submitted.stop()
        if self._entry.taken():
            self.table.focus()
        else:
            self.action_clear_filter()

    def _filter(self) -> None:
        self.table.filter(self._entry.taken())
        self.post_message(self.Filtered(self))
