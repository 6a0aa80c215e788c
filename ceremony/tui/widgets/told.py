# SPDX-License-Identifier: Apache-2.0
"""What the ceremony told people: the newest at the end, older texts a scroll away."""

from __future__ import annotations

from collections import deque

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from ceremony.tui.text import visible_lines

KEPT = 200
"""Texts that stay within reach; all that matters later is in the log."""


class ToldView(VerticalScroll):
    """The texts of `Operator.tell`."""

    BORDER_TITLE = "Told"

    def __init__(self) -> None:
        super().__init__()
        self._texts: deque[str] = deque(maxlen=KEPT)
        self._static = Static(markup=False)

    def compose(self) -> ComposeResult:
        """One block of text, so that it wraps anew at every width."""
        yield self._static

    def add(self, text: str) -> None:
        """Add a text and bring it into view."""
        self._texts.append(visible_lines(text))
        self._static.update("\n".join(self._texts))
        self.scroll_end(animate=False)
