# SPDX-License-Identifier: Apache-2.0
"""Yes or no: with a key, or, for what cannot be undone, by typing a word."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input, Static

from ceremony.tui.messages import Confirm
from ceremony.tui.modals.base import QuestionModal
from ceremony.tui.text import visible
from ceremony.tui.widgets.entry import LineEntry


class ConfirmModal(QuestionModal[bool]):
    """Yes by Enter or Y, no by Escape or N."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,y,Y", "answer(True)", "yes", key_display="Enter", tooltip="Agree", id="confirm.yes"),
        Binding("escape,n,N", "answer(False)", "no", key_display="Esc", tooltip="Do not agree", id="confirm.no"),
    ]

    def __init__(self, question: Confirm) -> None:
        super().__init__(question.prompt)

    def action_answer(self, agreed: bool) -> None:
        """Answer."""
        self.answer(agreed)


class ConfirmWordModal(QuestionModal[bool]):
    """Yes by typing the word exactly, no by Escape."""

    AUTO_FOCUS = "LineEntry"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter",
            "submit",
            "agree, once the word is typed",
            key_display="Enter",
            tooltip="Agree, once the word is typed",
            id="confirm-word.yes",
        ),
        Binding("escape", "refuse", "no", key_display="Esc", tooltip="Do not agree", id="confirm-word.no"),
    ]

    def __init__(self, question: Confirm) -> None:
        super().__init__(question.prompt)
        self._word = question.word

    def body(self) -> Iterable[Widget]:
        """Name the word, and take it."""
        yield Static(f"Type {visible(self._word)} to agree.", classes="must", markup=False)
        yield LineEntry()

    @on(Input.Submitted)
    def action_submit(self) -> None:
        """Agree when the word is right; say so when it is not."""
        if self.query_one(LineEntry).taken() == self._word:
            self.answer(result=True)
        else:
            self.note(f"That is not the word {self._word}. Esc says no.")

    def action_refuse(self) -> None:
        """Do not agree."""
        self.answer(result=False)


def confirm_modal(question: Confirm) -> QuestionModal[bool]:
    """Return the modal for a question with or without a word."""
    return ConfirmWordModal(question) if question.word else ConfirmModal(question)
