# SPDX-License-Identifier: Apache-2.0
"""The terminal itself: whether a screen can be shown on it, and how it is left.

It refuses where no screen can be shown, and where the screen library's own variables
would record keys or screens. This module loads no screen library, so that a refusal
comes before anything is made.
"""

from __future__ import annotations

import curses
import sys
from collections.abc import Mapping

from ceremony.core.plan import Mode
from ceremony.errors import CeremonyError

RECORDERS = ("TEXTUAL", "TEXTUAL_LOG", "TEXTUAL_DEBUG", "TEXTUAL_SCREENSHOT", "TEXTUAL_PRESS", "TEXTUAL_DRIVER")
"""Variables with which the screen library writes keys or screens to a file, or presses keys by itself."""

CLEAR = "\x1b[H\x1b[2J\x1b[3J"
"""Go to the first cell, erase the screen, and what the terminal saved (ECMA-48 8.3.39, xterm)."""


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


def leave() -> None:
    """Clear a terminal that has no other screen to go back to: the last frame would stay, and what follows be written over it."""
    if sys.__stdout__ is not None and sys.__stdout__.isatty() and not _has_other_screen():
        sys.__stdout__.write(CLEAR)
        sys.__stdout__.flush()


def _has_other_screen() -> bool:
    try:
        curses.setupterm()
        return curses.tigetstr("smcup") is not None
    except curses.error:
        return False
