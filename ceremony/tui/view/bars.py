# SPDX-License-Identifier: Apache-2.0
"""What stands around the table: what is looked at and its verdict, the tabs, and the row of the cursor."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from ceremony.core.plan import Mode
from ceremony.tui.fit import fit
from ceremony.tui.text import visible
from ceremony.tui.view.verdict import JUDGING

_UNKNOWN = "MODE NOT KNOWN"


class ViewHeader(Widget):
    """Name and kind, the mode as a word and a colour, the verdict."""

    def __init__(self, title: str) -> None:
        super().__init__(classes="unknown")
        self._title = visible(title)
        self._badge = f" *** {_UNKNOWN} *** "
        self._verdict = JUDGING

    def name_it(self, title: str, mode: str) -> None:
        """Show what the first record says."""
        known = mode if mode in set(Mode) else ""
        self._title = visible(title)
        self._badge = f" *** {known.upper() or _UNKNOWN} *** "
        self.set_classes(known or "unknown")
        self.refresh()

    def judge(self, word: str) -> None:
        """Show the verdict."""
        self._verdict = word
        self.refresh()

    def render(self) -> Content:
        """Give mode and verdict their room first, so that a long name hides nothing."""
        width = self.size.width
        right = f"Verdict: {self._verdict} "
        left = f" {fit(self._title, max(0, width - len(self._badge) - len(right) - 3))}"
        gap = max(0, width - Content(left).cell_length - len(self._badge) - len(right))
        before = gap // 2
        return Content.assemble(left, " " * before, (self._badge, "bold reverse"), " " * (gap - before), right)


class TabBar(Widget):
    """The tabs in a line, the current one in brackets."""

    class Clicked(Message):
        """Somebody clicked on a tab."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._labels = [f"{number} {name}" for number, name in enumerate(names, 1)]
        self._current = 0

    def show(self, number: int) -> None:
        """Mark a tab as the current one."""
        self._current = number
        self.refresh()

    def render(self) -> Content:
        """Draw them."""
        parts = [
            (f"[{label}]", "bold reverse") if number == self._current else f" {label} "
            for number, label in enumerate(self._labels)
        ]
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        """Find the tab under the mouse."""
        end = 0
        for number, label in enumerate(self._labels):
            start, end = end, end + len(label) + 2
            if start <= event.x < end:
                self.post_message(self.Clicked(number))


class Detail(Widget):
    """A few lines about a row; its page has all of it."""

    BORDER_TITLE = "The row"

    def __init__(self) -> None:
        super().__init__()
        self._text = ""

    def show(self, text: str) -> None:
        """Show lines that are fit to be shown."""
        self._text = text
        self.refresh()

    def render(self) -> Content:
        """Draw them."""
        return Content(self._text)
