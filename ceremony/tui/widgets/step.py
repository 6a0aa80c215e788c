# SPDX-License-Identifier: Apache-2.0
"""The step in hand, as the printed script has it: who acts, what is said, done and checked."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Static

from ceremony.core.procedure import StepInfo
from ceremony.tui.text import visible, visible_lines

DANGER = "What is done in this step cannot be undone."


class Passage(Horizontal):
    """A label and its text, side by side; nothing at all where there is no text."""

    def __init__(self, label: str) -> None:
        super().__init__(classes="passage")
        self._label = Static(label, classes="label", markup=False)
        self._text = Static(classes="text", markup=False)

    def compose(self) -> ComposeResult:
        """Label, then text."""
        yield self._label
        yield self._text

    def show(self, text: str) -> None:
        """Replace the text."""
        self._text.update(visible_lines(text))
        self.display = bool(text)


class StepPanel(VerticalScroll):
    """Title, who, how long, and the script."""

    BORDER_TITLE = "Step in hand"

    def __init__(self) -> None:
        super().__init__()
        self._title = Static("The ceremony has not begun.", classes="title", markup=False)
        self._danger = Static(classes="danger", markup=False)
        self._passages = {label: Passage(label) for label in ("Who", "Say", "Do", "Check", "Time")}

    def compose(self) -> ComposeResult:
        """The title, a warning where one is due, and the script."""
        yield self._title
        yield self._danger
        yield from self._passages.values()

    def on_mount(self) -> None:
        """Hide what has nothing to show yet."""
        self._danger.display = False
        for passage in self._passages.values():
            passage.display = False

    def show(self, info: StepInfo) -> None:
        """Show a step, from its first line on."""
        self._title.update(visible(info.title))
        self._danger.update(info.but or DANGER)
        self._danger.display = info.irreversible
        texts = {
            "Who": info.who,
            "Say": info.say,
            "Do": info.do,
            "Check": info.check,
            "Time": f"about {info.minutes} min" if info.minutes else "",
        }
        for label, text in texts.items():
            self._passages[label].show(text)
        self.scroll_home(animate=False)
