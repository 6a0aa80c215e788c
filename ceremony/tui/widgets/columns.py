# SPDX-License-Identifier: Apache-2.0
"""The columns of a table: how wide each is, and how a text that is too long is cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from ceremony.tui.fit import CUT, fit
from ceremony.tui.text import visible


@dataclass(frozen=True, slots=True)
class Column:
    """A column's title and room, in cells."""

    title: str
    width: int
    """What it always has."""
    share: int = 0
    """Its part of what is left over."""
    above: int = 0
    """It is left out of a table that is not wider than this."""
    tail: bool = False
    """Its texts are told apart by their ends: their beginning is cut."""
    right: bool = False
    """Its texts stand at its right."""
    once: bool = False
    """A text is drawn only where it differs from the one above."""


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of one line, a text from outside as it is."""

    cells: Sequence[str]
    strong: bool = False
    """It stands out; its sign or its cells say why."""
    sign: str = ""
    """A character beside the mark."""


def fit_end(text: str, width: int) -> str:
    """Return `text` as `visible` shows it, cut to the last `width` cells, a sign for what is before them included."""
    shown = visible(text)
    if cell_len(shown) <= width:
        return shown
    end = shown[-(width - len(CUT)) :]
    while cell_len(end) > width - len(CUT):
        end = end[1:]
    return CUT + end


def placed(text: str, column: Column, width: int) -> str:
    """Return `text` as it is drawn in a column that is `width` cells wide."""
    shown = (fit_end if column.tail else fit)(text, width)
    return " " * (width - cell_len(shown)) + shown if column.right else set_cell_size(shown, width)


def widths(columns: Sequence[Column], total: int, gap: int) -> list[tuple[int, int]]:
    """Return the columns that fit into `total` cells, by number, each with its width; `gap` cells are between two."""
    shown = [(number, column) for number, column in enumerate(columns) if total > column.above]
    left = max(0, total - sum(column.width for _, column in shown) - gap * (len(shown) - 1))
    shares = sum(column.share for _, column in shown) or 1
    return [(number, column.width + left * column.share // shares) for number, column in shown]
