# SPDX-License-Identifier: Apache-2.0
"""A secret, typed without echo, with the tries that are left beside it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from ceremony.core.secret import Secret
from ceremony.tui.messages import AskSecret
from ceremony.tui.modals.base import QuestionModal
from ceremony.tui.widgets.entry import SecretEntry


def tries(retries_left: int) -> str:
    """Return how many tries are left, in words."""
    return {0: "No tries are left.", 1: "One try is left."}.get(retries_left, f"{retries_left} tries are left.")


class SecretModal(QuestionModal[Secret]):
    """Enter gives what was typed, Escape clears it; an empty field spends no try."""

    AUTO_FOCUS = "SecretEntry"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "done", key_display="Enter", tooltip="Give what was typed", id="secret.done"),
        Binding("escape", "clear", "clear", key_display="Esc", tooltip="Forget what was typed", id="secret.clear"),
    ]

    def __init__(self, question: AskSecret) -> None:
        super().__init__(question.prompt)
        self._retries_left = question.retries_left

    def body(self) -> Iterable[Widget]:
        """Say how many tries are left, and take the secret."""
        if self._retries_left is not None:
            yield Static(tries(self._retries_left), classes="must" if self._retries_left > 1 else "danger", markup=False)
        yield SecretEntry()

    def action_submit(self) -> None:
        """Give the secret, when there is one."""
        entry = self.query_one(SecretEntry)
        if entry.empty:
            self.note("Nothing was typed, so nothing was tried.")
        elif not self.has_class("too-small"):
            self.answer(entry.take())

    def action_clear(self) -> None:
        """Forget what was typed."""
        self.query_one(SecretEntry).wipe()

    @on(SecretEntry.Refused)
    def say_why(self, refused: SecretEntry.Refused) -> None:
        """Say why something was not taken."""
        self.note(refused.why)
