# SPDX-License-Identifier: Apache-2.0
"""A digest as people read it to one another: a line for each four bytes, hex beside PGP words, in columns."""

from __future__ import annotations

from collections.abc import Sequence

BYTES = 4
"""Bytes of a line: eight hex digits, four words."""
WIDTH = 54
"""Cells of every line."""

_WORD_WIDTHS = (9, 11)
"""Of the longest word at an even and at an odd place."""


def spoken(digest: str, words: Sequence[str]) -> list[str]:
    """Return the lines for a digest in hex and its words, one a byte."""
    lines = []
    for place in range(0, len(words), BYTES):
        digits = digest[2 * place : 2 * (place + BYTES)].lower()
        said = " ".join(f"{word:<{_WORD_WIDTHS[i % 2]}}" for i, word in enumerate(words[place : place + BYTES]))
        lines.append(f"{digits[:4]} {digits[4:]:<4}  {said}".ljust(WIDTH))
    return lines
