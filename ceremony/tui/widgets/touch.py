# SPDX-License-Identifier: Apache-2.0
"""Touch now: a panel over the ceremony's screen while a token waits for a finger, with the seconds that are left.

It appears only when half a second has passed, so that a token that answers at
once flashes nothing, and goes as soon as the wait ends. It asks nothing and takes
no key. It leaves the two lines on top and the footer in sight.
Put one on a screen with a layer `over`; `start` and `stop` are the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from time import monotonic

from rich.cells import cell_len
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget

from ceremony.tui.fit import fit

DELAY = 0.5
"""Seconds before it is shown."""
EVERY = 0.1
"""Seconds between two looks at the clock."""
BAR = 40
"""Cells of the bar."""

OVER = "The token may have stopped waiting; what happened is told next."
HELP = "The touch is noticed by itself. No key is to be pressed."

_FONT = {
    "T": ("███", " █ ", " █ ", " █ ", " █ "),
    "O": ("███", "█ █", "█ █", "█ █", "███"),
    "U": ("█ █", "█ █", "█ █", "█ █", "███"),
    "C": ("███", "█  ", "█  ", "█  ", "███"),
    "H": ("█ █", "█ █", "███", "█ █", "█ █"),
    "0": ("███", "█ █", "█ █", "█ █", "███"),
    "1": (" █ ", "██ ", " █ ", " █ ", "███"),
    "2": ("███", "  █", "███", "█  ", "███"),
    "3": ("███", "  █", "███", "  █", "███"),
    "4": ("█ █", "█ █", "███", "  █", "  █"),
    "5": ("███", "█  ", "███", "  █", "███"),
    "6": ("███", "█  ", "███", "█ █", "███"),
    "7": ("███", "  █", "  █", "  █", "  █"),
    "8": ("███", "█ █", "███", "█ █", "███"),
    "9": ("███", "█ █", "███", "  █", "███"),
}


def large(text: str) -> list[str]:
    """Return letters of TOUCH and digits as five lines that are read from across the room."""
    rows = (" ".join(_FONT[char][row] for char in text) for row in range(5))
    return ["".join(2 * cell for cell in row) for row in rows]


@dataclass(frozen=True, slots=True)
class Touch:
    """One wait for a finger."""

    what: str
    seconds: int
    since: float


class TouchPanel(Widget):
    """Says what is to be touched, and counts down; hidden while nothing is."""

    DEFAULT_CSS = """
    TouchPanel {
        display: none;
        layer: over;
        width: 100%;
        height: 100%;
        dock: top;
        margin: 2 0 1 0;
        border: heavy $accent;
        background: $background;
        color: $foreground;
        content-align: left middle;
        text-wrap: nowrap;
    }
    """

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._now = now
        self._waits: list[Touch] = []
        self._timer: Timer | None = None
        self._drawn: list[tuple[str, str]] = []

    def on_mount(self) -> None:
        """Look at the clock from now on, while there is something to wait for."""
        self._timer = self.set_interval(EVERY, self.tick, pause=not self._waits)

    def start(self, what: str, seconds: int) -> None:
        """Begin to wait for a touch of `what`, for `seconds`; with 0 it is no wait for a touch, and nothing happens."""
        if seconds > 0:
            self._waits.append(Touch(what, seconds, self._now()))
            self.tick()
            if self._timer is not None:
                self._timer.resume()

    def stop(self, what: str) -> None:
        """End the newest wait for `what`, if there is one."""
        for wait in reversed(self._waits):
            if wait.what == what:
                self._waits.remove(wait)
                break
        self.tick()
        if not self._waits and self._timer is not None:
            self._timer.pause()

    def tick(self) -> None:
        """Show, count down or hide, as the clock says."""
        late = [wait for wait in self._waits if self._now() - wait.since >= DELAY]
        drawn = self._lines(late[-1]) if late else []
        if drawn != self._drawn:
            self._drawn = drawn
            self.refresh()
        self.display = bool(late)

    def render(self) -> Content:
        """Draw every line in the middle."""
        width = self.size.width
        parts: list[str | tuple[str, str]] = []
        for number, (line, style) in enumerate(self._drawn):
            parts += ["\n" if number else "", " " * max(0, (width - cell_len(line)) // 2), (line, style)]
        return Content.assemble(*parts)

    def _lines(self, wait: Touch) -> list[tuple[str, str]]:
        left = max(0.0, wait.seconds - (self._now() - wait.since))
        filled = ceil(left / wait.seconds * BAR)
        seconds = ceil(left)
        words = f"{seconds} second{'' if seconds == 1 else 's'} left" if seconds else OVER
        return [
            *((line, "bold") for line in large("TOUCH")),
            ("", ""),
            (f"TOUCH {fit(wait.what, max(10, self.app.size.width - 20))} NOW", "bold reverse"),
            ("", ""),
            *((line, "bold") for line in large(str(seconds))),
            ("", ""),
            (f"{'█' * filled}{'░' * (BAR - filled)}", ""),
            (words, "bold"),
            ("", ""),
            (HELP, ""),
        ]
