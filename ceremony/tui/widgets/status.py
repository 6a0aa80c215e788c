# SPDX-License-Identifier: Apache-2.0
"""What takes time: what is being waited for, and how far long work is, in words beside the bar, with rate and time left."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from ceremony.tui.text import visible

BAR = 20
"""Cells of the bar; drawn with the two block characters that every console font has."""
SETTLED = 2.0
"""Seconds after which a rate says something."""


def bar(done: int, total: int) -> str:
    """Return a bar, a percentage and the numbers; full when there is nothing to do."""
    share = min(done, total) / total if total > 0 else 1.0
    filled = int(share * BAR)
    return f"{'█' * filled}{'░' * (BAR - filled)} {int(share * 100):>3} %  {done:,} of {total:,}"


def pace(done: int, left: int, seconds: float) -> str:
    """Return rate and time left, once `done` in `seconds` tells something; otherwise nothing."""
    if seconds < SETTLED or done <= 0:
        return ""
    rate = done / seconds
    return f"{rate:,.0f} a second, {duration(left / rate)} left" if rate >= 1 else f"{duration(left / rate)} left"


def duration(seconds: float) -> str:
    """Return a time in words: seconds below two minutes, else minutes."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


class StatusView(Vertical):
    """Three lines that are there only while they have something to say."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._wait = Static(classes="waiting", markup=False)
        self._work = Static(classes="progress", markup=False)
        self._pace = Static(classes="pace", markup=False)
        self._clock = clock
        self._waiting_for: list[str] = []
        self._seconds = 0
        self._begun: tuple[str, int, float] = ("", 0, 0.0)
        """The work in hand, how far it was when it began to be shown, and when that was."""
        self._paused = 0.0
        """When the pause began; 0 while there is none."""

    def compose(self) -> ComposeResult:
        """Waiting above, progress below."""
        yield self._wait
        yield self._work
        yield self._pace

    def on_mount(self) -> None:
        """Hide all; count the seconds of a wait."""
        for line in (self._wait, self._work, self._pace):
            line.display = False
        self.set_interval(1, self._tick)

    @property
    def working(self) -> bool:
        """Whether long work is in hand."""
        return bool(self._work.display)

    def wait_for(self, what: str) -> None:
        """Show what is being waited for, from now on."""
        self._waiting_for.append(what)
        self._seconds = 0
        self._show_wait()

    def waited(self, what: str) -> None:
        """Take one wait away; another may go on."""
        if what in self._waiting_for:
            self._waiting_for.remove(what)
        self._show_wait()

    def progress(self, what: str, done: int, total: int) -> None:
        """Show how far a piece of work is, until it is done."""
        now = self._clock()
        name, before, since = self._begun
        if name != what or done < before:
            before, since = done, now
            self._begun = (what, before, since)
        self._work.update(f"{visible(what)}  {bar(done, total)}")
        self._work.display = done < total
        self._show_pace(pace(done - before, total - done, now - since))

    def pause(self, *, paused: bool) -> None:
        """Show that the work is held, or that it goes on; the rate does not count the pause."""
        now = self._clock()
        if paused:
            self._paused = now
            self._show_pace("PAUSED: what was begun is finished, nothing new begins. P goes on.")
        elif self._paused:
            name, before, since = self._begun
            self._begun = (name, before, since + now - self._paused)
            self._paused = 0.0
            self._show_pace("")

    def clear(self) -> None:
        """Forget everything: a step ended."""
        self._waiting_for.clear()
        self._begun = ("", 0, 0.0)
        self._show_wait()
        self._work.display = False
        self._show_pace("")

    def _tick(self) -> None:
        self._seconds += 1
        self._show_wait()

    def _show_wait(self) -> None:
        self._wait.display = bool(self._waiting_for)
        if self._waiting_for:
            self._wait.update(f"Waiting: {visible(self._waiting_for[-1])} ({self._seconds} s)")

    def _show_pace(self, text: str) -> None:
        if self._paused and not text.startswith("PAUSED"):
            return
        self._pace.update(text)
        self._pace.display = bool(text) and (self.working or bool(self._paused))
