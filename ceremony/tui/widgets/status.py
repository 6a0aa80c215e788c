# SPDX-License-Identifier: Apache-2.0
"""What takes time: what is being waited for, and how far long work is, in words beside the bar."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from ceremony.tui.text import visible

BAR = 20
"""Cells of the bar; drawn with the two block characters that every console font has."""


def bar(done: int, total: int) -> str:
    """Return a bar, a percentage and the numbers; full when there is nothing to do."""
    share = min(done, total) / total if total > 0 else 1.0
    filled = int(share * BAR)
    return f"{'█' * filled}{'░' * (BAR - filled)} {int(share * 100):>3} %  {done:,} of {total:,}"


class StatusView(Vertical):
    """Two lines that are there only while they have something to say."""

    def __init__(self) -> None:
        super().__init__()
        self._wait = Static(classes="waiting", markup=False)
        self._work = Static(classes="progress", markup=False)
        self._waiting_for: list[str] = []
        self._seconds = 0

    def compose(self) -> ComposeResult:
        """Waiting above, progress below."""
        yield self._wait
        yield self._work

    def on_mount(self) -> None:
        """Hide both; count the seconds of a wait."""
        self._wait.display = False
        self._work.display = False
        self.set_interval(1, self._tick)

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
        self._work.update(f"{visible(what)}  {bar(done, total)}")
        self._work.display = done < total

    def clear(self) -> None:
        """Forget everything: a step ended."""
        self._waiting_for.clear()
        self._show_wait()
        self._work.display = False

    def _tick(self) -> None:
        self._seconds += 1
        self._show_wait()

    def _show_wait(self) -> None:
        self._wait.display = bool(self._waiting_for)
        if self._waiting_for:
            self._wait.update(f"Waiting: {visible(self._waiting_for[-1])} ({self._seconds} s)")
