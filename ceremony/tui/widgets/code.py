# SPDX-License-Identifier: Apache-2.0
"""A QR code (ISO/IEC 18004) in half blocks: two modules a cell, black on white, with its quiet zone.

Not every camera reads a code that is light on dark, so it brings its own background.
"""

from __future__ import annotations

import segno
from textual.content import Content
from textual.widget import Widget

QUIET = 4
"""Modules of white around the code (ISO/IEC 18004, section 9.1)."""

_HALVES = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


def half_blocks(text: str) -> list[str]:
    """Return the QR code of `text`, error correction M, as lines of half blocks; each cell is two modules, one above the other."""
    code = segno.make_qr(text, error="m", boost_error=False)
    rows = [[bool(module) for module in row] for row in code.matrix_iter(border=QUIET)]
    rows += [[False] * len(rows[0])] * (len(rows) % 2)
    return [
        "".join(_HALVES[pair] for pair in zip(above, below, strict=True)) for above, below in zip(*2 * [iter(rows)], strict=True)
    ]


class QrCode(Widget):
    """The code of one text; as large as it must be, never smaller."""

    DEFAULT_CSS = """
    QrCode {
        width: auto;
        height: auto;
        background: #ffffff;
        color: #000000;
        text-style: none;
        text-wrap: nowrap;
    }
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self._lines = half_blocks(text)

    @property
    def rows(self) -> int:
        """Lines that it takes."""
        return len(self._lines)

    def render(self) -> Content:
        """Draw it."""
        return Content("\n".join(self._lines))
