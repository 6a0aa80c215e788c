# SPDX-License-Identifier: Apache-2.0
"""The line below the header: the air gap, the volumes, and what stands in the log; what is not good says so by a word and a mark."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget

from ceremony.core.ports import Gauge
from ceremony.tui.fit import fit
from ceremony.tui.text import visible

WIDE = 100
LONGEST, SHORT = 40, 28
"""Cells of one gauge on a wide screen and on a narrow one: what it saw in full stands in the log."""
NOTHING_YET = "looking at the room ..."


class VitalsLine(Widget):
    """One line; gauges at the left, counts at the right."""

    def __init__(self) -> None:
        super().__init__()
        self._gauges: tuple[Gauge, ...] = ()
        self._counts: tuple[str, ...] = ()

    def show_gauges(self, gauges: Sequence[Gauge]) -> None:
        """Show the gauges as they stand now."""
        self._gauges = tuple(gauges)
        self.refresh()

    def show_counts(self, *counts: str) -> None:
        """Show what was counted, at the right; what is empty is left out."""
        self._counts = tuple(count for count in counts if count)
        self.refresh()

    def render(self) -> Content:
        """Give the gauges their room first: a long one is cut, the bad ones come first, good ones alike share their word."""
        width = self.size.width
        right = f"{' | '.join(self._counts)} " if self._counts else ""
        left = self._left()
        if left.cell_length + len(right) + 2 > width:
            right = ""
        left = left.truncate(max(0, width))
        return Content.assemble(left, " " * max(0, width - left.cell_length - len(right)), right)

    def _left(self) -> Content:
        if not self._gauges:
            return Content(f" {NOTHING_YET}")
        longest = LONGEST if self.size.width >= WIDE else SHORT
        bad = [fit(f"{gauge.name} {gauge.saw}", longest) for gauge in self._gauges if not gauge.good]
        good: dict[str, list[str]] = {}
        for gauge in self._gauges:
            if gauge.good:
                good.setdefault(gauge.saw, []).append(gauge.name)
        parts: list[tuple[str, str] | str] = []
        for text in bad:
            parts += [" ", (f" ! {text} ", "bold reverse")]
        parts += [f"  {fit(', '.join(names), longest)} {visible(saw)}" for saw, names in good.items()]
        return Content.assemble(*parts)
