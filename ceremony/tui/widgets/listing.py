# SPDX-License-Identifier: Apache-2.0
"""Rows that are listed, and where people are in them: the mark, the filter, what was looked at; `table` draws them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

from ceremony.tui.widgets.columns import Column, Row


def _nothing(_number: int) -> Row:
    return Row(())


class Listing:
    """Rows by number, so that they can be made as they come into sight; a table shows one listing at a time."""

    def __init__(self, columns: Sequence[Column], *, tail: bool = False) -> None:
        """Make an empty one; with `tail` it follows its end while its last row is marked."""
        self.columns = tuple(columns)
        self.tail = tail
        self.row: Callable[[int], Row] = _nothing
        self.texts: Sequence[str] = ()
        self.wanted = ""
        """What rows must hold, as it was typed; empty without a filter."""
        self.order: Sequence[int] = range(0)
        """The numbers of the rows that hold it."""
        self.at = 0
        """The marked row's place among these."""
        self.top = 0
        """The first of these that is in sight."""
        self.seen: set[int] = set()
        """Numbers of rows that were marked, or passed by the mark while they were in sight."""
        self.furthest = -1
        """The last row that the mark reached while no filter was on."""
        self._looked_through = 0

    @property
    def number(self) -> int | None:
        """The marked row's place among all rows; None when there is no row."""
        return self.order[self.at] if self.order else None

    @property
    def needle(self) -> str:
        """What rows must hold, in lower case."""
        return self.wanted.casefold()

    @property
    def last(self) -> int:
        """The last place; 0 when there is no row."""
        return max(0, len(self.order) - 1)

    @property
    def ends(self) -> bool:
        """Whether the last row is marked, and those to come are to be followed."""
        return self.tail and self.at >= self.last

    def take(self, row: Callable[[int], Row], texts: Sequence[str]) -> None:
        """Take these rows instead; filter and mark stay where they are, or at the end that is followed."""
        ends = self.ends
        self.row, self.texts = row, texts
        self.order = self._matching(0)
        self.at = self.last if ends else min(self.at, self.last)

    def grow(self) -> None:
        """Take notice that the texts, and so the rows, have grown at their end."""
        ends, more = self.ends, self._matching(self._looked_through)
        self.order = [*self.order, *more] if self.wanted else more
        if ends:
            self.at = self.last

    def filter(self, wanted: str) -> None:
        """List only the rows that hold `wanted`, in any case; the marked row stays marked if it is one of them."""
        ends, number, self.wanted = self.ends, self.number, wanted
        self.order = self._matching(0)
        self.at = self.last if ends else min(bisect_left(self.order, number or 0), self.last)

    def _matching(self, start: int) -> Sequence[int]:
        needle, texts = self.needle, self.texts
        self._looked_through = len(texts)
        if not needle:
            return range(len(texts))
        return [number for number in range(start, len(texts)) if needle in texts[number]]
