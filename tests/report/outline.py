# SPDX-License-Identifier: Apache-2.0
"""A page as an HTML parser takes it: every element with its attributes, and the text, told apart by the standard library alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "br", "hr"}
TAGS = VOID | {
    *("html", "head", "title", "style", "body", "header", "nav", "main", "section", "article", "div", "p", "span", "a", "ol"),
    *("ul", "li", "dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "code", "strong", "em", "del", "ins"),
    *("h1", "h2", "h3"),
}
VALUES = {
    "class": re.compile("[a-z-]+"),
    "id": re.compile("[a-z]+"),
    "href": re.compile("#[a-z]+"),
    "lang": re.compile("en"),
    "scope": re.compile("col"),
    "charset": re.compile("utf-8"),
    "name": re.compile("[a-z-]+"),
    "http-equiv": re.compile("Content-Security-Policy"),
    "content": re.compile("[-a-zA-Z0-9 =,.;:'/+]+"),
    "aria-hidden": re.compile("true"),
    "aria-label": re.compile("Contents"),
}
"""Attribute → what it may say: nothing that comes from a folder."""


@dataclass
class Outline(HTMLParser):
    """The page, parsed; a page that is not balanced, or says in an element what no folder may say there, fails."""

    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag, attrs):
        assert tag in TAGS, tag
        for name, value in attrs:
            assert name in VALUES, (tag, attrs)
            assert VALUES[name].fullmatch(value or ""), (tag, attrs)
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        (self.styles if self._open and self._open[-1] == "style" else self.text).append(data)

    def handle_comment(self, data):
        raise AssertionError(data)

    def handle_decl(self, decl):
        assert decl == "DOCTYPE html"

    def handle_pi(self, data):
        raise AssertionError(data)

    def unknown_decl(self, data):
        raise AssertionError(data)

    def tags(self) -> list[str]:
        """Return the names of all elements, in order."""
        return [tag for tag, _ in self.elements]

    def words(self) -> str:
        """Return the text, blanks as one."""
        return " ".join(" ".join(self.text).split())


def outline(page: bytes) -> Outline:
    """Parse a page."""
    found = Outline()
    found.feed(page.decode())
    found.close()
    assert not found._open
    return found
