# SPDX-License-Identifier: Apache-2.0
"""The procedure: every step with a mark and a word for its state; the colour only repeats them."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from ceremony.core.procedure import StepInfo
from ceremony.tui.fit import fit
from ceremony.tui.text import visible
from ceremony.tui.theme import marks

WORDS = {"running": "now", "done": "done", "skipped": "skipped", "failed": "failed", "later": "later"}
"""The word of each state that the watcher's port names, and of a step to come."""


def mark_of(state: str) -> str:
    """Return the character of a state; a question mark for one that is not known."""
    shown = marks()
    known = {"running": shown.now, "done": shown.done, "skipped": shown.skipped, "failed": shown.failed, "later": shown.later}
    return known.get(state, "?")


class StepLine(Static):
    """One step: mark, number, title, and its state in a word."""

    def __init__(self, number: int, info: StepInfo) -> None:
        super().__init__(classes="later", markup=False)
        self._number = number
        self._title = visible(info.title)
        self._state = "later"
        self.minutes = info.minutes

    @property
    def open(self) -> bool:
        """Whether the step still takes time."""
        return self._state not in {"done", "skipped"}

    def show(self, state: str) -> None:
        """Show the step's new state; one that is not known is shown as it is."""
        self._state = state
        self.set_classes(state if state in WORDS else "")
        self.refresh(layout=True)

    def render(self) -> Content:
        """Keep the word at the right, whatever the title's length."""
        word = WORDS.get(self._state, visible(self._state))
        room = max(0, self.size.width - len(word) - 1)
        head = Content(fit(f"{mark_of(self._state)} {self._number:>2} {self._title}", room))
        return Content.assemble(head.truncate(room, pad=True), " ", word)


class ProcedureList(VerticalScroll):
    """All steps in order, and how long those to come may take."""

    BORDER_TITLE = "Procedure"

    def __init__(self, steps: Sequence[StepInfo]) -> None:
        super().__init__()
        self._lines = {info.name: StepLine(number, info) for number, info in enumerate(steps, start=1)}

    def compose(self) -> ComposeResult:
        """One line a step."""
        yield from self._lines.values()

    def mark(self, name: str, state: str) -> None:
        """Show the state of a step, and bring it into view."""
        line = self._lines.get(name)
        if line is not None:
            line.show(state)
            self.scroll_to_widget(line, animate=False)
            self._show_time()

    def on_mount(self) -> None:
        """Say how long it may take."""
        self._show_time()

    def _show_time(self) -> None:
        minutes = sum(line.minutes for line in self._lines.values() if line.open)
        self.border_title = f"Procedure: {minutes} min to go" if minutes else "Procedure"
