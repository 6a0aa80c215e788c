# SPDX-License-Identifier: Apache-2.0
"""All that is about to be signed, one difference a line, and the marked one in full below."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import DataTable, Static

from ceremony.core.ports import Change
from ceremony.tui.messages import Review
from ceremony.tui.modals.base import QuestionModal
from ceremony.tui.text import visible

COLUMNS = {"repository": (22, 2), "role": (9, 0), "field": (11, 0), "before": (11, 1), "after": (11, 1)}
"""Widths that fill 80 columns with the table's own spacing, and the part, of four, that each gets of any more."""


class ReviewModal(QuestionModal[bool]):
    """The arrows move, Y agrees to sign exactly this, N does not."""

    AUTO_FOCUS = "DataTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,down", "move", "move", key_display="Up Down", tooltip="Move among the changes", id="review.move"),
        Binding(
            "y,Y", "answer(True)", "sign exactly this", key_display="Y", tooltip="Agree to sign these changes", id="review.yes"
        ),
        Binding("n,N", "answer(False)", "do not sign", key_display="N", tooltip="Do not agree", id="review.no"),
    ]

    def __init__(self, question: Review) -> None:
        super().__init__(question.prompt)
        self._changes = question.changes
        self._table = DataTable[Text](cursor_type="row")
        self._whole = Static(markup=False)

    def body(self) -> Iterable[Widget]:
        """Count the changes, list them, and leave room for one in full."""
        repositories = len({change.repository for change in self._changes})
        yield Static(f"{len(self._changes):,} changes in {repositories:,} repositories.", classes="must", markup=False)
        yield self._table
        yield VerticalScroll(self._whole, classes="change", can_focus=False)

    def on_mount(self) -> None:
        """Fill the table."""
        more = max(0, self.size.width - 80)
        for name, (width, share) in COLUMNS.items():
            self._table.add_column(name, width=width + more * share // 4, key=name)
        self._table.add_rows(_row(change) for change in self._changes)

    def action_move(self) -> None:
        """Give the focus back to the table, which moves."""
        self._table.focus()

    def action_answer(self, agreed: bool) -> None:
        """Answer."""
        self.answer(agreed)

    @on(DataTable.RowHighlighted)
    def show_whole(self, row: DataTable.RowHighlighted) -> None:
        """Show the marked change in full."""
        change = self._changes[row.cursor_row]
        where = f"{visible(change.repository)}  {visible(change.role)}  {visible(change.field)}"
        self._whole.update(f"{where}\nbefore: {_side(change.before)}\nafter:  {_side(change.after)}")


def _side(value: str) -> str:
    return visible(value) or "(nothing)"


def _row(change: Change) -> list[Text]:
    values = (change.repository, change.role, change.field, change.before or "-", change.after or "-")
    return [Text(visible(value), no_wrap=True, overflow="ellipsis") for value in values]
