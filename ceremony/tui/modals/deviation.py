# SPDX-License-Identifier: Apache-2.0
"""A deviation: what was expected, what happened, what was decided, and by whom."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input, Static

from ceremony.core.ports import Deviation
from ceremony.tui.modals.base import Modal
from ceremony.tui.widgets.entry import MAX_LINE, LineEntry

FIELDS = {"expected": "What was expected", "happened": "What happened", "decided": "What was decided", "by": "Decided by"}


class DeviationModal(Modal["Deviation | None"]):
    """Enter goes to the next field, and records from the last one; Escape forgets it all."""

    HEADING = "Record a deviation"
    AUTO_FOCUS = "LineEntry"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "next",
            "next field, then record",
            key_display="Enter",
            tooltip="Next field; record from the last",
            id="deviation.next",
        ),
        Binding("escape", "forget", "forget it", key_display="Esc", tooltip="Record nothing", id="deviation.forget"),
    ]

    def content(self) -> Iterable[Widget]:
        """Take the four lines."""
        for name, label in FIELDS.items():
            yield Static(label, classes="label", markup=False)
            yield LineEntry(id=name)

    @on(Input.Submitted)
    def action_next(self) -> None:
        """Go to the first field that is empty; with none, record."""
        for name, label in FIELDS.items():
            entry = self.query_one(f"#{name}", LineEntry)
            if not entry.taken():
                if self.focused is not entry:
                    self.set_focus(entry)
                    self.note("")
                else:
                    self.note(f"{label} is still empty.")
                return
        values = {name: self.query_one(f"#{name}", LineEntry).taken() for name in FIELDS}
        self.answer(Deviation(**values))

    def action_forget(self) -> None:
        """Record nothing."""
        self.answer(None)

    @on(LineEntry.Refused)
    def say_too_long(self) -> None:
        """Say why nothing more is taken."""
        self.note(f"A line has at most {MAX_LINE} characters; what was too long was not taken.")
