# SPDX-License-Identifier: Apache-2.0
"""The line on top that never goes away: the ceremony's name, its mode, the UTC time, the step.

Time and step number tie a video to the log. The mode is said by a word, and
again by the colour of the whole line.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from textual.content import Content
from textual.widget import Widget

from ceremony.core.plan import Mode
from ceremony.tui.fit import fit
from ceremony.tui.text import visible


class HeaderLine(Widget):
    """One line, drawn again each second."""

    def __init__(self, title: str, mode: Mode, clock: Callable[[], datetime]) -> None:
        super().__init__(classes=mode.value)
        self._title = visible(title)
        self._mode = mode
        self._clock = clock
        self._step = ""

    def on_mount(self) -> None:
        """Start the clock's tick."""
        self.set_interval(1, self.refresh)

    def show_step(self, number: int, total: int) -> None:
        """Show which step is in hand."""
        self._step = f"step {number} of {total}"
        self.refresh()

    def render(self) -> Content:
        """Give every part but the name its room first, so that a long name hides nothing."""
        width = self.size.width
        form = "%Y-%m-%d %H:%M:%S UTC" if width >= 100 else "%H:%M:%S UTC"
        right = f"{self._clock().strftime(form)}  {self._step or 'not begun'} "
        badge = f" *** {self._mode.value.upper()} *** "
        name = Content(fit(f" {self._title}", max(0, width - len(badge) - len(right) - 1)))
        gap = max(0, width - name.cell_length - len(badge) - len(right))
        left = gap // 2
        return Content.assemble(name, " " * left, (badge, "bold reverse"), " " * (gap - left), right)
