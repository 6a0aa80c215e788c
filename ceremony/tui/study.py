# SPDX-License-Identifier: Apache-2.0
"""A table to read, on a screen of any width: which columns there is room for, in which order, and the whole row as passages.

The first column names the row and is always shown; the one that the rows are sorted by stands beside it. Each
column takes what nine of ten of its texts need, as long as there is room; what is cut or left out stands in the
passages, which hold every text whole. There is no screen in here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from ceremony.core.ports import Listing
from ceremony.tui.fit import CUT, fit
from ceremony.tui.text import visible
from ceremony.tui.widgets.columns import Column
from ceremony.tui.widgets.pane import Passage, Tone

LEAST = 12
"""Cells below which a column that needs more is left out."""
MOST = 22
"""Cells that a column but the first is given before the others had their turn."""
NARROWEST = len(CUT) + 1
"""Cells of any column, so that what is cut can be told."""
NOTHING = "-"
"""What stands for a row's name where it has none."""
LABEL = 16
"""Cells of a column's title before its text, at most."""

_DIGITS = re.compile("[0-9]+")


@dataclass(frozen=True, slots=True)
class Shape:
    """What there is to know of a column before it is given room."""

    number: int
    """Its place in the listing."""
    title: str
    width: int
    """Characters that its title and nine of ten of its texts need."""
    alike: bool
    """All its texts are the same."""


def shapes(listing: Listing) -> Sequence[Shape]:
    """Return the columns that have a text in any row; the first one in any case."""
    texts = [*zip(*listing.rows, strict=True)] or [()] * len(listing.columns)
    return tuple(
        Shape(number, title, max(len(title), _usual(column), NARROWEST), alike=len(column) > 1 and len(set(column)) == 1)
        for number, (title, column) in enumerate(zip(listing.columns, texts, strict=True))
        if number == 0 or any(column)
    )


def _usual(column: Sequence[str]) -> int:
    lengths = sorted(len(text) for text in column if text)
    return lengths[len(lengths) * 9 // 10] if lengths else 0


def laid_out(columns: Sequence[Shape], sorted_by: Shape | None, total: int, gap: int) -> Mapping[int, Column]:
    """Return the columns that fit into `total` cells by their places in the listing, in the order in which they stand.

    Where not all fit, those go first whose texts are all the same: they tell no row from another.
    """
    first, others = columns[0], [shape for shape in columns[1:] if shape is not sorted_by]
    if sum(shape.width + gap for shape in columns) - gap > total:
        others = [shape for shape in others if not shape.alike]
    beside = [sorted_by] if sorted_by is not None and sorted_by is not first else []
    given: list[tuple[Shape, int]] = []
    left = total + gap
    for shape in (first, *beside, *others):
        width = min(shape.width, total // 2 if shape is first else MOST, left - gap)
        if shape is first or width >= min(shape.width, LEAST):
            given.append((shape, max(width, NARROWEST)))
            left -= width + gap
    columns_shown = {}
    for shape, width in given:
        more = max(0, min(left, shape.width - width))
        left -= more
        columns_shown[shape.number] = Column(shape.title, width + more, tail=shape is first)
    return columns_shown


def order(listing: Listing, sorted_by: Shape | None, *, backwards: bool = False) -> Sequence[int]:
    """Return the rows' numbers in order of one column, numbers in texts by their value; rows with nothing there come last."""
    rows = listing.rows
    if sorted_by is None:
        return range(len(rows))
    place = sorted_by.number
    told = [number for number in range(len(rows)) if rows[number][place]]
    told.sort(key=lambda number: _natural(rows[number][place]), reverse=backwards)
    return [*told, *(number for number in range(len(rows)) if not rows[number][place])]


def _natural(text: str) -> str:
    """Return what sorts as the text does, `app-9` before `app-10`."""
    return _DIGITS.sub(lambda found: f"{len(digits := found[0].lstrip('0')):05}{digits}", text.casefold())


def texts(listing: Listing) -> Sequence[str]:
    """Return what a filter looks into: all texts of a row; none that people type goes over from one to the next."""
    return ["\n".join(row).casefold() for row in listing.rows]


def cells(row: Sequence[str], shown: Mapping[int, Column]) -> Sequence[str]:
    """Return the texts of a row that are shown, in the order of the columns."""
    return [row[place] or (NOTHING if place == 0 else "") for place in shown]


def passages(columns: Sequence[Shape], row: Sequence[str], shown: Mapping[int, Column]) -> Sequence[Passage]:
    """Return every text of a row, whole: its name, then what the table has no room for, then what stands there too."""
    first, *others = (shape for shape in columns if row[shape.number] or shape.number == 0)
    others.sort(key=lambda shape: shape.number in shown and cell_len(visible(row[shape.number])) <= shown[shape.number].width)
    hang = min(LABEL, max(len(shape.title) for shape in columns)) + 2
    return tuple(
        Passage(
            set_cell_size(fit(shape.title, hang - 2), hang),
            row[shape.number] or NOTHING,
            Tone.STRONG if shape is first else Tone.PLAIN,
            hang=hang,
        )
        for shape in (first, *others)
    )
