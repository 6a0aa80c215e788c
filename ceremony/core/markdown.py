# SPDX-License-Identifier: Apache-2.0
"""Markdown for paper: text from outside that shows exactly its characters, and tables of it (the script, the working paper)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

BLANK = "_" * 16
"""Where somebody writes by hand."""

_SPECIAL = frozenset("\\`*_[]<>|~&#")


def escape(text: str) -> str:
    """Return text as Markdown that shows exactly its characters, those that do not print as their code points."""
    return "".join(_escaped(character) for character in text)


def _escaped(character: str) -> str:
    if not character.isprintable():
        return f"(U+{ord(character):04X})"
    return f"\\{character}" if character in _SPECIAL else character


def table(header: Sequence[str], rows: Iterable[Sequence[str]], escape: Callable[[str], str] = escape) -> Iterator[str]:
    """Yield the lines of a table and an empty one; `header` is Markdown, `rows` are text, which `escape` makes into it."""
    yield _row(header)
    yield _row(["---"] * len(header))
    for row in rows:
        yield _row([escape(cell) for cell in row])
    yield ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
