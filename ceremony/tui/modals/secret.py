# SPDX-License-Identifier: Apache-2.0
"""A secret, typed without echo; beside the field, what it is for (a token's serial) and how many tries are left.

That people agree to spend a last try is asked before, by the step; here it is said once more, loudly.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from ceremony.core.secret import Secret
from ceremony.tui.messages import AskSecret
from ceremony.tui.modals.base import QuestionModal
from ceremony.tui.text import visible_lines
from ceremony.tui.widgets.entry import SecretEntry


def tries(retries_left: int) -> str:
    """Return how many tries are left, in words."""
    return {0: "No tries are left.", 1: "One try is left."}.get(retries_left, f"{retries_left} tries are left.")


LAST = "*** THIS IS THE LAST TRY *** If it is wrong, the token is blocked."


class SecretModal(QuestionModal[Secret]):
    """Enter gives what was typed, Escape clears it; an empty field spends no try."""

    AUTO_FOCUS = "SecretEntry"
    DEFAULT_CSS = """
    SecretModal .last { background: $accent; color: $background; text-style: bold; width: 100%; text-align: center; }
    SecretModal .row { height: auto; }
    SecretModal .row SecretEntry { width: 32; }
    SecretModal .beside { height: auto; width: 1fr; padding: 0 0 0 2; }
    SecretModal .tries { text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "done", key_display="Enter", tooltip="Give what was typed", id="secret.done"),
        Binding("escape", "clear", "clear", key_display="Esc", tooltip="Forget what was typed", id="secret.clear"),
    ]

    def __init__(self, question: AskSecret) -> None:
        super().__init__(replace(question.prompt, detail=""))
        self._detail = question.prompt.detail
        self._retries_left = question.retries_left

    def body(self) -> Iterable[Widget]:
        """Take the secret; beside it stand the detail and the tries, above it that this is the last one."""
        if self._retries_left == 1:
            yield Static(LAST, classes="last", markup=False)
        beside: list[Widget] = []
        if self._detail:
            beside.append(VerticalScroll(Static(visible_lines(self._detail), markup=False), classes="detail", can_focus=False))
        if self._retries_left is not None:
            beside.append(Static(tries(self._retries_left), classes="tries", markup=False))
        yield Horizontal(SecretEntry(), Vertical(*beside, classes="beside"), classes="row")

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
