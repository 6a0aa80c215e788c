# SPDX-License-Identifier: Apache-2.0
"""A table as a value: columns, rows of text, and what to say of a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ceremony.tui.text import visible, visible_lines
from ceremony.tui.widgets.columns import Column, Row

CELL = 500
"""Characters of a cell that are kept: more than any screen is wide."""
SEARCHED = 4_000
"""Characters of a row that a search looks at."""
SHOWN = 256 * 1024
"""Bytes of a file or line that are shown."""


@dataclass(frozen=True, slots=True)
class SearchedRow(Row):
    """A row, its cells as they were read, and what a search looks at."""

    searched: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One row in full; `text` is fit to be shown."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows; `detail` and `page` take a row's number."""

    title: str
    """What it is and how much of it there is."""
    columns: tuple[Column, ...]
    rows: Sequence[SearchedRow]
    detail: Callable[[int], str]
    """Return a few lines about a row, fit to be shown."""
    page: Callable[[int], Page]


def row(*cells: str, more: str = "", alarm: bool = False) -> SearchedRow:
    """Return a row; `more` is searched and not drawn, `alarm` says by a sign that something went wrong."""
    searched = " ".join((*cells, more))[:SEARCHED].casefold()
    return SearchedRow(tuple(cell[:CELL] for cell in cells), alarm, "!" if alarm else "", searched)


def facts_text(lines: Sequence[tuple[str, str]]) -> str:
    """Return labels and values, one a line, fit to be shown."""
    return "\n".join(f"{visible(label):<10} {visible(value)}" for label, value in lines)


def heading(title: str) -> str:
    """Return a line that begins a part of a page."""
    return f"── {visible(title)} ──"


def bytes_text(data: bytes, *, lines: bool) -> str:
    """Return bytes as text, fit to be shown; what is not UTF-8 as escapes, what is too much as a count."""
    text = data[:SHOWN].decode(errors="backslashreplace")
    more = f"\n... and {len(data) - SHOWN:,} bytes more" if len(data) > SHOWN else ""
    return (visible_lines(text) if lines else visible(text)) + more


def when(utc: str) -> tuple[str, str]:
    """Return date and time, to the second, of a time as the log writes it."""
    return utc[:10], utc[11:19]
