# SPDX-License-Identifier: Apache-2.0
"""A line of text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from ceremony.tui.messages import AskText
from ceremony.tui.modals.base import QuestionModal
from ceremony.tui.widgets.entry import MAX_LINE, LineEntry


class TextModal(QuestionModal[str]):
    """Enter gives what was typed, Escape clears the field."""

    AUTO_FOCUS = "LineEntry"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "done", key_display="Enter", tooltip="Give what was typed", id="text.done"),
        Binding("escape", "clear", "clear", key_display="Esc", tooltip="Clear the field", id="text.clear"),
    ]

    def __init__(self, question: AskText) -> None:
        super().__init__(question.prompt)
        self._default = question.default

    def body(self) -> Iterable[Widget]:
        """Take a line."""
        yield LineEntry(self._default)

    @on(Input.Submitted)
    def action_submit(self) -> None:
        """Give the line."""
        self.answer(self.query_one(LineEntry).taken())

    def action_clear(self) -> None:
        """Clear the field."""
        self.query_one(LineEntry).clear()

    @on(LineEntry.Refused)
    def say_too_long(self) -> None:
        """Say why nothing more is taken."""
        self.note(f"A line has at most {MAX_LINE} characters; what was too long was not taken.")
