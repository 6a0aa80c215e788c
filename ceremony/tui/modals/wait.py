# SPDX-License-Identifier: Apache-2.0
"""A wait for something that people put in or take out: nobody answers, it is noticed; people can only give up.

What is there meanwhile, and why it is not what is waited for, is shown as it comes and goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ceremony.core.ports import Option
from ceremony.tui.messages import Await
from ceremony.tui.modals.base import QuestionModal
from ceremony.tui.modals.choose import option_text


class AwaitModal(QuestionModal[None]):
    """Says what is waited for and since when; Escape gives up. Whoever notices it dismisses the modal."""

    DEFAULT_CSS = """
    AwaitModal .there { margin-top: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "give_up", "give up", key_display="Esc", tooltip="Do not wait any longer", id="await.give-up"),
    ]

    def __init__(self, question: Await, now: Callable[[], float] = monotonic) -> None:
        super().__init__(question.prompt)
        self._now = now
        self._since = now()
        self._line = Static(classes="must", markup=False)
        self._options = question.options
        self._there = Static(_there(question.options or ()), markup=False)

    def body(self) -> Iterable[Widget]:
        """Say what is there, that nobody needs to press a key, and how long it has been."""
        if self._options is not None:
            yield VerticalScroll(self._there, classes="detail there", can_focus=False)
        yield self._line

    def on_mount(self) -> None:
        """Count the seconds."""
        self.tick()
        self.set_interval(1, self.tick)

    def tick(self) -> None:
        """Say how long it has been."""
        self._line.update(f"It is noticed by itself. Waiting for {int(self._now() - self._since):,} s.")

    def sight(self, options: Sequence[Option]) -> None:
        """Show what there is now."""
        if tuple(options) != self._options:
            self._options = tuple(options)
            self._there.update(_there(options))
            self.call_after_refresh(self.name_scrolling)

    def action_give_up(self) -> None:
        """Do not wait any longer."""
        self.answer(None)


def _there(options: Sequence[Option]) -> Content:
    """Return what is there, one after the other."""
    if not options:
        return Content("Nothing is plugged in.")
    return Content("\n").join([Content("Plugged in now:"), *(option_text(option, "  ") for option in options)])
