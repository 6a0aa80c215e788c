# SPDX-License-Identifier: Apache-2.0
"""What sections of the page are made of: headings, tables, lists of facts, digests, times."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ceremony.core.words import words
from ceremony.errors import VerificationError
from ceremony.report.page.markup import Element, Node, el

HEX_GROUP, WORD_GROUP = 8, 4
"""How many digits, or words, stand together: as people read them aloud."""


def section(anchor: str, title: str, *children: Node) -> Element:
    """Return a section of the page."""
    return el("section", el("h2", title), *children, id=anchor)


def link(one: Element) -> Element:
    """Return a link to a section of the page, by the title that it has there."""
    title = one.children[0]
    return el("a", title.children if isinstance(title, Element) else title, href=f"#{dict(one.attributes)['id']}")


def facts(rows: Iterable[tuple[str, Node]]) -> Element | None:
    """Return a list of label and value; None without any. A row with nothing to say is left out."""
    told = [(label, value) for label, value in rows if value not in ("", None, [])]
    if not told:
        return None
    return el("dl", [el("div", el("dt", label), el("dd", value)) for label, value in told], class_="facts")


def table(head: Sequence[str], rows: Iterable[Sequence[Node]], *, class_: str = "") -> Element:
    """Return a table; on a narrow screen each cell is named by its column."""
    body = [
        el("tr", [el("td", el("span", name, class_="col"), cell) for name, cell in zip(head, row, strict=True)]) for row in rows
    ]
    columns = el("tr", [el("th", name, scope="col") for name in head])
    return el("table", el("thead", columns), el("tbody", body), class_=class_)


def note(*children: Node) -> Element:
    """Return a sentence beside what it is about."""
    return el("p", *children, class_="note")


def alarm(*children: Node) -> Element:
    """Return a sentence that nobody may pass over."""
    return el("p", *children, class_="alarm")


def code(text: str) -> Element:
    """Return text that is compared character by character."""
    return el("code", text)


def digest(text: str) -> Element:
    """Return a digest in groups that can be read aloud; what is no digest stands as it is."""
    groups = [text[at : at + HEX_GROUP] for at in range(0, len(text), HEX_GROUP)] if len(text) <= 128 else [text]
    return el("code", [el("span", group) for group in groups], class_="hex")


def spoken(text: str) -> Element | None:
    """Return a digest as PGP words; None for what is none."""
    try:
        listed = words(text) if text else []
    except VerificationError:
        return None
    groups = [" ".join(listed[at : at + WORD_GROUP]) for at in range(0, len(listed), WORD_GROUP)]
    return el("span", [el("span", group) for group in groups], class_="words") if groups else None


def both(text: str) -> Node:
    """Return a digest as hex, and as words below."""
    return [digest(text), spoken(text)] if text else None


def items(texts: Iterable[Node]) -> Element:
    """Return a list."""
    return el("ul", [el("li", text) for text in texts])


def more(shown: int, total: int, where: str) -> Element | None:
    """Return what is said below a list that was cut; None when it was not."""
    return note(f"and {total - shown:,} more, see ", code(where)) if total > shown else None


def time(utc: str) -> str:
    """Return a time of the log to the second."""
    return f"{utc[:10]} {utc[11:19]} UTC" if utc else "not known"


def clock(utc: str) -> str:
    """Return the time of day of a time of the log."""
    return utc[11:19]


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with what it counts: `1 key`, `2 keys`, `no keys`."""
    return f"{f'{number:,}' if number else 'no'} {one if number == 1 else many or f'{one}s'}"


def listed(names: Sequence[str], most: int) -> str:
    """Return the first names, and how many more there are."""
    left = len(names) - most
    return ", ".join(names[:most]) + (f" and {left:,} more" if left > 0 else "")


def role(word: str) -> str:
    """Return a role as people say it."""
    return word.replace("-", " ")


def record(*numbers: int) -> Element:
    """Return how records are cited."""
    said = ", ".join(f"{number:,}" for number in numbers)
    return el("span", f"record{'' if len(numbers) == 1 else 's'} {said}", class_="cite")
