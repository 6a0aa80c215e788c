# SPDX-License-Identifier: Apache-2.0
"""A wait for something that people put in or take out: nobody answers, it is noticed; people can only give up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import monotonic
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from ceremony.tui.messages import Await
from ceremony.tui.modals.base import QuestionModal


class AwaitModal(QuestionModal[None]):
    """Says what is waited for and since when; Escape gives up. Whoever notices it dismisses the modal."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "give_up", "give up", key_display="Esc", tooltip="Do not wait any longer", id="await.give-up"),
    ]

    def __init__(self, question: Await, now: Callable[[], float] = monotonic) -> None:
        super().__init__(question.prompt)
        self._now = now
        self._since = now()
        self._line = Static(classes="must", markup=False)

    def body(self) -> Iterable[Widget]:
        """Say that nobody needs to press a key, and how long it has been."""
        yield self._line

    def on_mount(self) -> None:
        """Count the seconds."""
        self.tick()
        self.set_interval(1, self.tick)

    def tick(self) -> None:
        """Say how long it has been."""
        self._line.update(f"It is noticed by itself. Waiting for {int(self._now() - self._since):,} s.")

    def action_give_up(self) -> None:
        """Do not wait any longer."""
        self.answer(None)
