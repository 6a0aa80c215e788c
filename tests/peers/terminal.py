# SPDX-License-Identifier: Apache-2.0
"""The program in a real terminal, a private tmux, typed at as a person types.

with Terminal("rehearse", "--out", folder, size=(80, 24), term="linux") as terminal:
    terminal.until("PRACTICE")
    terminal.keys("Enter")
    assert terminal.ended() == 0

Under TERM=linux the terminal is a text console in two more ways: it has no alternate
screen, so that whatever a program draws can end in the scrollback, and its first five
function keys send what the console's do. `until` waits for what is to be seen, never
for a time; a screen counts once it stands still, so half a drawing is never judged.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.peers.program import command, environment

PATIENCE = 60
"""Seconds after which a wait is a failure."""
_LOOK_EVERY = 0.04
"""Seconds between two looks: less than a key's way to the screen, more than a look costs."""

_OURS = ("TMUX", "TMUX_PANE", "NO_COLOR", "COLORTERM", "COLUMNS", "LINES", "TERM_PROGRAM")
"""Variables of whoever runs the tests, which would say something about another terminal."""

_SETTINGS = """\
set -s escape-time 0
set -s set-clipboard off
set -g default-terminal {term}
set -g status off
set -g remain-on-exit on
set -gq remain-on-exit-format ''
set -g history-limit 100000
set -g default-size {width}x{height}
set -g alternate-screen {alternate}
"""
_CONSOLE_KEYS = {f"F{number}": f"\x1b[[{letter}" for number, letter in enumerate("ABCDE", start=1)}
"""kf1 to kf5 of terminfo(5) `linux`; all its other keys are those of xterm."""


class Terminal:
    """A terminal and the program in it; both end with the block."""

    def __init__(
        self,
        *arguments: object,
        size: tuple[int, int] = (80, 24),
        term: str = "xterm-256color",
        env: Mapping[str, str] | None = None,
        run: list[str] | None = None,
    ) -> None:
        """Run the program with `arguments`, and light, or what `run` says instead."""
        self._run = run or command(*arguments, light=True)
        self._size = size
        self._term = term
        self._open = False
        self._env = {**environment(), "LC_ALL": "C.UTF-8", **(env or {})}
        for name in set(_OURS) - set(env or {}):
            self._env.pop(name, None)
        self.screens: list[str] = []
        """Every screen that stood still when it was looked at, once each in a row."""

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="tmux-"))  # a socket's path is short: not pytest's own folder
        width, height = self._size
        alternate = "off" if self._term == "linux" else "on"
        settings = _SETTINGS.format(term=self._term, width=width, height=height, alternate=alternate)
        (self._folder / "conf").write_text(settings)
        try:
            self._tmux("-f", str(self._folder / "conf"), "new-session", "-d", "-x", str(width), "-y", str(height), *self._run)
        except BaseException:
            shutil.rmtree(self._folder)
            raise
        self._open = True
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if self._open:
                pid = self._closed()
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)  # a program may outlive its terminal
        finally:
            shutil.rmtree(self._folder)

    # --- what is to be seen ---

    def screen(self) -> str:
        """Return what is on the screen now."""
        return self._tmux("capture-pane", "-p")

    def styled(self) -> str:
        """Return what is on the screen now, with its escape sequences."""
        return self._tmux("capture-pane", "-p", "-e")

    def history(self) -> str:
        """Return everything that can be scrolled back to, and the screen."""
        return self._tmux("capture-pane", "-p", "-S", "-")

    def until(self, seen: str | Callable[[str], object], patience: float = PATIENCE) -> str:
        """Return the screen as soon as it stands still and holds a text, or satisfies a test; fails when it never does."""
        there = (lambda screen: seen in screen) if isinstance(seen, str) else seen
        ends = time.monotonic() + patience
        before = None
        while True:
            ended, screen = self._look()
            if screen == before:
                self._keep(screen)
                if there(screen):
                    return screen
                wanted = repr(seen) if isinstance(seen, str) else "what was waited for"
                assert not ended, f"the program ended before {wanted} was seen:\n{self.history()}"
                assert time.monotonic() < ends, f"{wanted} was not seen:\n{screen}"
            before = screen
            time.sleep(_LOOK_EVERY)  # between two looks at another program

    def ended(self, patience: float = PATIENCE) -> int:
        """Return the exit code once the program has ended; that of a signal is negative."""
        ends = time.monotonic() + patience
        while (told := self._fact("#{pane_dead_status}:#{pane_dead_signal}")) == ":":
            assert time.monotonic() < ends, f"the program goes on:\n{self.screen()}"
            time.sleep(_LOOK_EVERY)  # between two looks at another program
            os.kill(int(self._fact("#{pid}")), signal.SIGCHLD)  # tmux may have missed the end of its child: it looks again
        status, _, by = told.partition(":")
        return int(status) if status else -int(by)

    def until_bell(self, patience: float = PATIENCE) -> None:
        """Wait until the bell rang; the next wait is for the next one."""
        ends = time.monotonic() + patience
        while self._fact("#{window_bell_flag}") != "1":
            assert time.monotonic() < ends, f"no bell:\n{self.screen()}"
            time.sleep(_LOOK_EVERY)  # between two looks at another program
        self._tmux("kill-session", "-C")  # which kills nothing: it forgets that the bell rang

    @property
    def pid(self) -> int:
        """The process of the program."""
        return int(self._fact("#{pane_pid}"))

    # --- what a person does ---

    def keys(self, *names: str) -> None:
        """Press keys, by tmux's names for them."""
        for name in names:
            console = _CONSOLE_KEYS.get(name) if self._term == "linux" else None
            self._tmux("send-keys", *(("-l", console) if console else (name,)))

    def type(self, text: str) -> None:
        """Type a text, character by character."""
        self._tmux("send-keys", "-l", text)

    def paste(self, text: str) -> None:
        """Paste a text, bracketed where the program asked for that."""
        self._tmux("load-buffer", "-b", "paste", "-", given=text)
        self._tmux("paste-buffer", "-d", "-p", "-b", "paste")

    def resize(self, width: int, height: int) -> None:
        """Give the terminal another size."""
        self._tmux("resize-window", "-x", str(width), "-y", str(height))

    def kill(self) -> None:
        """Kill the program, as a power cut would."""
        os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Close the window over the program, and wait until it has ended."""
        process = Path("/proc", str(self._closed()))
        ends = time.monotonic() + PATIENCE
        while process.exists():
            assert time.monotonic() < ends, "the program goes on, without a terminal"
            time.sleep(_LOOK_EVERY)  # between two looks at another program

    # --- tmux ---

    def _closed(self) -> int:
        pid = self.pid
        self._tmux("kill-server")
        self._open = False
        return pid

    def _look(self) -> tuple[bool, str]:
        """Return whether the program has ended, and the screen."""
        dead, screen = self._tmux("display-message", "-p", "#{pane_dead}", ";", "capture-pane", "-p").split("\n", 1)
        return dead == "1", screen

    def _fact(self, name: str) -> str:
        return self._tmux("display-message", "-p", name).strip()

    def _keep(self, screen: str) -> None:
        if self.screens[-1:] != [screen]:
            self.screens.append(screen)

    def _tmux(self, *arguments: str, given: str = "") -> str:
        done = subprocess.run(
            ["tmux", "-u", "-S", str(self._folder / "socket"), *arguments],
            input=given,
            capture_output=True,
            encoding="utf-8",
            env=self._env,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"tmux {arguments[0]}: {done.stderr}"
        return done.stdout
