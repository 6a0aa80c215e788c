# SPDX-License-Identifier: Apache-2.0
"""Colours and characters that a text console has.

The colours are the sixteen of the Linux console, so that sixteen colours show
what sixteen million do. Scroll bars are drawn in whole cells: console fonts have
no eighths of a block.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import ClassVar

from textual.scrollbar import ScrollBarRender
from textual.theme import Theme

BLACK, GREY, LIGHT, WHITE = "#000000", "#555555", "#aaaaaa", "#ffffff"
CYAN, BRIGHT_CYAN, YELLOW, GREEN, RED = "#00aaaa", "#55ffff", "#ffff55", "#55ff55", "#aa0000"

THEME = Theme(
    name="ceremony",
    primary=BRIGHT_CYAN,
    secondary=CYAN,
    accent=YELLOW,
    warning=YELLOW,
    error=RED,
    success=GREEN,
    foreground=WHITE,
    background=BLACK,
    surface=BLACK,
    panel=BLACK,
    boost=BLACK,
    dark=True,
    text_alpha=1.0,
    variables={
        "block-cursor-foreground": BLACK,
        "block-cursor-background": BRIGHT_CYAN,
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-foreground": WHITE,
        "block-cursor-blurred-background": BLACK,
        "block-cursor-blurred-text-style": "reverse",
        "input-cursor-foreground": BLACK,
        "input-cursor-background": WHITE,
        "input-selection-background": CYAN,
        "footer-background": BLACK,
        "footer-foreground": WHITE,
        "footer-key-foreground": BLACK,
        "footer-key-background": LIGHT,
        "footer-description-foreground": WHITE,
        "footer-description-background": BLACK,
        "scrollbar": LIGHT,
        "scrollbar-hover": WHITE,
        "scrollbar-active": WHITE,
        "scrollbar-background": GREY,
        "scrollbar-background-hover": GREY,
        "scrollbar-background-active": GREY,
        "scrollbar-corner-color": BLACK,
    },
)


@dataclass(frozen=True, slots=True)
class Marks:
    """One character for each state; a word always stands beside it."""

    done: str
    now: str
    later: str
    failed: str
    skipped: str = "-"


MARKS = Marks(done="✓", now="▶", later="·", failed="✗")
CONSOLE_MARKS = Marks(done="+", now=">", later="·", failed="!")
"""For the console of Linux, whose usual fonts have no check mark and no triangle."""


def marks() -> Marks:
    """Return the characters that this terminal has."""
    return CONSOLE_MARKS if os.environ.get("TERM") == "linux" else MARKS


class WholeCells(ScrollBarRender):
    """A scroll bar without parts of cells."""

    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * 8
