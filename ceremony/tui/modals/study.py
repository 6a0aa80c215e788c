# SPDX-License-Identifier: Apache-2.0
"""A table that people read before they go on: rows to search and sort, the marked one whole below.

Tens of thousands of rows cost no more than those in sight: columns and order are found once, cells when they are
drawn. Enter agrees to nothing here, so that nobody agrees by a key too many.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from ceremony.tui import study
from ceremony.tui.fit import fit
from ceremony.tui.messages import Study
from ceremony.tui.modals.base import QuestionModal
from ceremony.tui.pauses import settle
from ceremony.tui.widgets.columns import Row
from ceremony.tui.widgets.pane import PassagePane
from ceremony.tui.widgets.search import SearchTable
from ceremony.tui.widgets.table import MARK, LineTable

AROUND = 4
"""Cells of frame and padding at both sides."""
GAP = 2
"""Cells between two columns."""
LONGEST = 30
"""Cells of a column's title in the line of counts."""


def _key(keys: str, action: str, label: str, display: str, tooltip: str, *, show: bool = True, priority: bool = False) -> Binding:
    return Binding(keys, action, label, key_display=display, tooltip=tooltip, id=f"study.{display}", show=show, priority=priority)


class StudyModal(QuestionModal[bool]):
    """The arrows move, `/` filters, S sorts; Y says that it is what was expected, N that it is not."""

    AUTO_FOCUS = "LineTable"
    DEFAULT_CSS = """
    StudyModal .counts { height: 1; text-style: bold; }
    StudyModal .pane { border-top: solid $foreground; border-title-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        _key("slash", "open_filter", "filter", "/", "Show only rows that hold a text, in any column"),
        _key("escape", "clear_filter", "all rows", "Esc", "Show all rows again", show=False),
        _key("s,S", "sort", "sort", "S", "Sort by the next column; after the last, as it was"),
        _key("r,R", "turn", "reverse", "R", "Sort the other way round", show=False),
        _key("y,Y", "agree", "as expected", "Y", "This is what we expected"),
        _key("n,N", "refuse", "no: stop", "N", "It is not what we expected: stop here"),
        _key("up", "move(-1)", "up", "Up", "Mark the row above", show=False),
        _key("down", "move(1)", "down", "Down", "Mark the row below", show=False),
        _key("pageup", "scroll_detail(-1)", "text before", "PgUp", "Scroll the text below back", show=False, priority=True),
        _key("pagedown", "scroll_detail(1)", "more", "PgDn", "Scroll the text below on", show=False, priority=True),
    ]

    def __init__(self, question: Study) -> None:
        super().__init__(question.prompt)
        self._listing = question.listing
        self._shapes = study.shapes(question.listing)
        self._texts = study.texts(question.listing)
        self._order: Sequence[int] = range(len(self._texts))
        self._sorted_by = -1
        """Place among the shapes; -1 for the order in which the rows came."""
        self._backwards = False
        self._shown = study.laid_out(self._shapes, None, 0, GAP)
        self._rows = SearchTable(LineTable((), gap=GAP, empty="No row matches.", on_mark=self._show_row))
        self._counts = Static(classes="counts", markup=False)
        self._pane = PassagePane(classes="pane", more=" (PgDn: more)", back=" (PgUp: back)")

    def content(self) -> Iterable[Widget]:
        """Keep what was told to one line: the table needs the room."""
        self.said = fit(" ".join(self.said.split()), self._room())
        return super().content()

    def body(self) -> Iterable[Widget]:
        """Count, list, and leave room for the marked row in full."""
        yield self._counts
        yield self._rows
        yield self._pane

    def on_mount(self) -> None:
        """Fill the table."""
        self._show_rows()
        self.call_after_refresh(settle)

    def on_resize(self) -> None:
        """Give the columns their room anew."""
        self._lay_out()
        self._rows.table.refresh()
        self._show_row(self._rows.table.number)

    # --- keys ---

    def name_scrolling(self) -> None:
        """Name the keys that work now."""
        self._show_keys()

    def _show_keys(self) -> None:
        shown = {
            "open_filter": not self._rows.filtering,
            "clear_filter": self._rows.filtering,
            "turn": self._sorted_by >= 0,
            "scroll_detail(1)": any(detail.max_scroll_y for detail in self._details()),
        }
        self._key_line.show([replace(key, show=shown.get(key.action, key.show)) for key in self.keys()])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Turn an order round only where there is one."""
        return self._sorted_by >= 0 if action == "turn" else super().check_action(action, parameters)

    def action_move(self, rows: int) -> None:
        """Move in the table, whatever has the focus."""
        self._rows.table.action_move(rows)

    def action_open_filter(self) -> None:
        """Open the filter."""
        self._rows.action_open_filter()

    def action_clear_filter(self) -> None:
        """Take the filter away."""
        self._rows.action_clear_filter()

    def action_sort(self) -> None:
        """Sort by the next column, from its smallest on; after the last column by none."""
        self._sorted_by = (self._sorted_by + 2) % (len(self._shapes) + 1) - 1
        self._backwards = False
        self._sort()

    def action_turn(self) -> None:
        """Sort by the same column the other way round."""
        self._backwards = not self._backwards
        self._sort()

    def action_scroll_detail(self, pages: int) -> None:
        """Scroll what is asked before the pane on the way down, after it on the way up."""
        ahead = any(detail.scroll_offset.y < detail.max_scroll_y for detail in self._details())
        if (pages > 0 and ahead) or not self._pane.scroll_pages(pages):
            super().action_scroll_detail(pages)

    def _details(self) -> Iterable[VerticalScroll]:
        return self.query(".detail").results(VerticalScroll)

    def action_agree(self) -> None:
        """Say that it is what was expected."""
        self.answer(result=True)

    def action_refuse(self) -> None:
        """Say that it is not."""
        self.answer(result=False)

    # --- what is shown ---

    @on(SearchTable.Filtered)
    def show_counts(self) -> None:
        """Count what matches, and name the key that shows all rows again."""
        self._count()
        self._show_keys()

    def _sort(self) -> None:
        self._order = study.order(self._listing, self._column(), backwards=self._backwards)
        place = self._rows.table.listing
        place.at = place.top = 0
        self._show_rows()
        self.refresh_bindings()

    def _column(self) -> study.Shape | None:
        """Return the column that the rows are sorted by."""
        return self._shapes[self._sorted_by] if self._sorted_by >= 0 else None

    def _show_rows(self) -> None:
        self._lay_out()
        rows, order = self._listing.rows, self._order
        self._rows.table.show(
            lambda number: Row(study.cells(rows[order[number]], self._shown)), [self._texts[number] for number in order]
        )
        self._show_row(self._rows.table.number)
        self._show_keys()

    def _lay_out(self) -> None:
        table = self._rows.table
        self._shown = study.laid_out(
            self._shapes, self._column(), self._room() - MARK - table.styles.scrollbar_size_vertical, GAP
        )
        table.listing.columns = tuple(self._shown.values())

    def _room(self) -> int:
        return max(3, self.app.size.width - AROUND)

    def _show_row(self, number: int | None) -> None:
        if number is None:
            self._pane.show((), "Nothing is marked")
        else:
            row = self._listing.rows[self._order[number]]
            self._pane.show(study.passages(self._shapes, row, self._shown), "The marked row, whole")
        self._count()

    def _count(self) -> None:
        number, column = len(self._texts), self._column()
        found = self._rows.found("rows") or f"{number:,} {'row' if number == 1 else 'rows'}"
        by = f", sorted by {fit(column.title, LONGEST)}{', backwards' if self._backwards else ''}" if column else ""
        counts = fit(f"{found}{by}.", self._room())
        if counts != self._counts.content:
            self._counts.update(counts, layout=False)
