# SPDX-License-Identifier: Apache-2.0
"""A tree of HTML that is escaped by construction.

Text is a child and nothing else: what a plan, a device or a person said becomes characters
of the page, whatever it holds. Tags, attributes and their values come from this package;
attributes that could load or run anything do not exist here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from html import escape
from typing import TypeAlias

from ceremony.core.hidden import made_visible

Node: TypeAlias = "Element | str | Iterable[Node] | None"

MOST = 2_000
"""Characters of one text that are shown; the files have them all."""
_VOID = frozenset(["meta", "br", "hr"])
_TAGS = _VOID | frozenset(
    [
        *("html", "head", "title", "style", "body", "header", "footer", "nav", "main", "section", "article", "div", "p", "span"),
        *("h1", "h2", "h3", "h4", "a", "ol", "ul", "li", "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "code"),
        *("strong", "em", "small", "del", "ins", "time"),
    ]
)
_ATTRIBUTES = frozenset(
    ["class", "id", "href", "lang", "scope", "charset", "name", "content", "http-equiv", "aria-hidden", "aria-label"]
)


@dataclass(frozen=True, slots=True)
class Element:
    """An element and what is in it; made by `el`."""

    tag: str
    attributes: tuple[tuple[str, str], ...]
    children: tuple[Node, ...]

    def write(self) -> Iterator[str]:
        """Yield the pieces of its HTML."""
        said = "".join(f' {name}="{escape(value)}"' for name, value in self.attributes)
        yield f"<{self.tag}{said}>"
        if self.tag in _VOID:
            return
        yield from _written(self.children)
        yield f"</{self.tag}>"


@dataclass(frozen=True, slots=True)
class Sheet(Element):
    """The style sheet of the page, which is text of this package and no other."""

    css: str

    def write(self) -> Iterator[str]:
        """Yield it as it is: what stands in a style element is not unescaped."""
        yield f"<style>{self.css}</style>"


def el(tag: str, *children: Node, **attributes: str) -> Element:
    """Return an element; `class_` and `http_equiv` are written `class` and `http-equiv`, an empty one is left out.

    Raises KeyError for a tag or an attribute that this page has no use for.
    """
    if tag not in _TAGS:
        raise KeyError(tag)
    named = {name.strip("_").replace("_", "-"): value for name, value in attributes.items() if value}
    if not named.keys() <= _ATTRIBUTES or not named.get("href", "#").startswith("#"):
        raise KeyError(str(named))
    return Element(tag, tuple(named.items()), children)


def _written(children: Iterable[Node]) -> Iterator[str]:
    for child in children:
        if isinstance(child, str):
            yield escape(shown(child))
        elif isinstance(child, Element):
            yield from child.write()
        elif child is not None:
            yield from _written(child)


def shown(text: str) -> str:
    """Return text as it can be read: of a long one the beginning, characters that draw nothing as their Python escapes."""
    if len(text) > MOST:
        text = f"{text[:MOST]} … ({len(text):,} characters in all)"
    return made_visible(text, _escaped)


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
