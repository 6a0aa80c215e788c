# SPDX-License-Identifier: Apache-2.0
"""Names from outside in places of a fixed width: plain, on one line, and cut in a way that is seen."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from ceremony.tui.text import visible

CUT = "..."
"""What stands for the rest; console fonts have no ellipsis."""


def fit(text: str, width: int) -> str:
    """Return `text` as `visible` shows it, cut to `width` cells, a sign for the rest included."""
    shown = visible(text)
    longest = 4 * width  # marks that take no cell of their own are not taken without end
    if cell_len(shown) <= width and len(shown) <= longest:
        return shown
    return set_cell_size(shown[:longest], max(0, width - len(CUT))).rstrip() + CUT
