# SPDX-License-Identifier: Apache-2.0
"""The procedure: every step with a mark and a word for its state; the colour only repeats them."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from ceremony.core.procedure import StepInfo
from ceremony.tui.text import visible

STATES = {"running": ("▶", "now"), "done": ("✓", "done"), "skipped": ("-", "skipped"), "failed": ("✗", "failed")}
"""Mark and word of each state that the watcher's port names."""
TO_COME = ("·", "later")


class StepLine(Static):
    """One step: mark, number, title, and its state in a word."""

    def __init__(self, number: int, info: StepInfo) -> None:
        super().__init__(classes="later", markup=False)
        self._number = number
        self._title = visible(info.title)
        self._state = TO_COME

    def show(self, state: str) -> None:
        """Show the step's new state; one that is not known is shown as it is."""
        self._state = STATES.get(state, ("?", visible(state)))
        self.set_classes(state if state in STATES else "")
        self.refresh(layout=True)

    def render(self) -> Content:
        """Keep the word at the right, whatever the title's length."""
        mark, word = self._state
        head = Content(f"{mark} {self._number:>2} {self._title}")
        room = max(0, self.size.width - len(word) - 1)
        return Content.assemble(head.truncate(room, ellipsis=True, pad=True), " ", word)


class ProcedureList(VerticalScroll):
    """All steps in order."""

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
