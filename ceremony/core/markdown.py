# SPDX-License-Identifier: Apache-2.0
"""Markdown for paper: text from outside that shows exactly its characters, and tables of it (the script, the working paper)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from ceremony.core.hidden import made_visible

BLANK = "_" * 16
"""Where somebody writes by hand."""

_SPECIAL = re.compile(r"[\\`*_\[\]<>|~&#$^{}]")
# Of a list: a bullet, or a number of at most nine digits. A line of minuses is a rule, or makes a title of the line above.
_LIST = re.compile(r"[-+]|[0-9]{1,9}(?=[.)](?:\s|$))")


def escape(text: str) -> str:
    """Return text as Markdown that shows exactly its characters, those that draw nothing as their code points."""
    return made_visible(_SPECIAL.sub(r"\\\g<0>", text), "(U+{:04X})".format)


def first(text: str) -> str:
    """Return text as `escape` does, for the beginning of a paragraph or of an item: it begins no list there, and no rule."""
    mark = _LIST.match(text)
    if mark is None:
        return escape(text)
    at = mark.end() if mark[0].isdecimal() else mark.start()
    return f"{text[:at]}\\{text[at]}{escape(text[at + 1 :])}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], escape: Callable[[str], str] = escape) -> Iterator[str]:
    """Yield the lines of a table and an empty one; `header` is Markdown, `rows` are text, which `escape` makes into it."""
    yield _row(header)
    yield _row(["---"] * len(header))
    for row in rows:
        yield _row([escape(cell) for cell in row])
    yield ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
