# SPDX-License-Identifier: Apache-2.0
"""The terminal itself: whether a screen can be shown on it, and how it is left.

It refuses where no screen can be shown, and where the screen library's own variables
would record keys or screens. This module loads no screen library, so that a refusal
comes before anything is made. While the terminal is lent to another program, the keys
that send signals are for that program alone.
"""

from __future__ import annotations

import curses
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType

from ceremony.core.plan import Mode
from ceremony.errors import CeremonyError

RECORDERS = ("TEXTUAL", "TEXTUAL_LOG", "TEXTUAL_DEBUG", "TEXTUAL_SCREENSHOT", "TEXTUAL_PRESS", "TEXTUAL_DRIVER")
"""Variables with which the screen library writes keys or screens to a file, or presses keys by itself."""

CLEAR = "\x1b[H\x1b[2J\x1b[3J"
"""Go to the first cell, erase the screen, and what the terminal saved (ECMA-48 8.3.39, xterm)."""


_PAGE, _PAGE_END = "\x1b[?1049h\x1b[H\x1b[2J", "\x1b[2J\x1b[?1049l"
"""Go to the other screen, and back from it (xterm): nothing on it can be scrolled back to."""


def check_terminal(mode: Mode, environ: Mapping[str, str], *, tty: bool) -> None:
    """Raise CeremonyError unless a screen can be shown here, and nothing records it."""
    if not tty or environ.get("TERM", "dumb") in {"", "dumb", "unknown"}:
        other = ", or let it answer itself with --auto" if mode is Mode.PRACTICE else ""
        raise CeremonyError(
            "there is no terminal to show the ceremony on", hint=f"start it in a terminal, without redirection{other}"
        )
    for name in RECORDERS:
        if name in environ:
            raise CeremonyError(
                f"the variable {name} is set, with which keys and screens could be recorded", hint=f"unset {name}"
            )


def on_terminal() -> bool:
    """Tell whether people see what is drawn and can answer: all three standard streams are terminals."""
    return all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


@contextmanager
def lent(what: str) -> Iterator[None]:
    """Give the terminal, which no screen holds now, to another program: on an empty page under `what`, which is gone afterwards.

    Ctrl+C ends that program and not this one; Ctrl+Z does nothing, for nobody could bring that program back.
    """
    page, end = (_PAGE, _PAGE_END) if _has_other_screen() else (CLEAR, CLEAR)
    before = {number: signal.signal(number, _pass_by) for number in (signal.SIGINT, signal.SIGQUIT)}
    before[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, signal.SIG_IGN)  # which, unlike a handler, the program inherits
    _write(page + "".join(char if char.isprintable() or char == "\n" else "?" for char in what) + "\n\n")
    try:
        yield
    finally:
        _write(end)
        for number, handler in before.items():
            signal.signal(number, handler)


def _pass_by(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the key was for the program that has the terminal."""


def leave() -> None:
    """Clear a terminal that has no other screen to go back to: the last frame would stay, and what follows be written over it."""
    if sys.__stdout__ is not None and sys.__stdout__.isatty() and not _has_other_screen():
        _write(CLEAR)


def _write(text: str) -> None:
    if sys.__stdout__ is not None:
        with suppress(OSError):  # the terminal may be gone
            sys.__stdout__.write(text)
            sys.__stdout__.flush()


def _has_other_screen() -> bool:
    if sys.__stdout__ is None:
        return False
    try:
        curses.setupterm(fd=sys.__stdout__.fileno())  # the screen library puts something else in the place of `sys.stdout`
        return curses.tigetstr("smcup") is not None
    except curses.error:
        return False
