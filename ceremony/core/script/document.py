# SPDX-License-Identifier: Apache-2.0
"""What the script is made of: sections, and in them what is read, what is said and where people write.

Plain values. Every text here is text and nothing else, whatever a plan put into it: a writer
(`as_markdown`, or the page for paper in `report.script`) sees to it that it stays so, and both
write the same document.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

WORD_GROUPS = 8
"""Groups of four words in which a SHA-256 is read aloud, as the screens show it."""


class Cue(StrEnum):
    """What a line of a step is for; its value is the word before it."""

    WHO = "Who"
    SAY = "Say"
    DO = "Do"
    CHECK = "Check"
    BUT = "But"
    """What cannot be undone: a sentence that stands alone."""
    KNOW = "Know"
    HEAD = "Head"


class Space(StrEnum):
    """How much somebody writes into a field."""

    INITIALS = "initials"
    SHORT = "short"
    LONG = "long"
    LINE = "line"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A sentence or two."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list; of names, when there may be very many short ones."""

    texts: tuple[str, ...]
    names: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known before the day: label and text."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; where a cell is empty, somebody writes."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[int, ...]
    """Of the columns, in hundredths of the page."""
    tall: bool = False
    """A cell takes sentences, not a word."""


@dataclass(frozen=True, slots=True)
class Digest:
    """A SHA-256 that is read aloud, hex."""

    hex: str


@dataclass(frozen=True, slots=True)
class Guidance:
    """A step in words."""

    lines: tuple[tuple[Cue, str], ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """A box to tick; with `numbered`, and a number beside it."""

    text: str
    numbered: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """Where somebody writes, and what."""

    label: str
    space: Space = Space.SHORT


@dataclass(frozen=True, slots=True)
class Form:
    """A row of boxes to tick and of fields to fill in."""

    choices: tuple[Choice, ...] = ()
    fields: tuple[Field, ...] = ()
    label: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """Space for each group of words of a digest that is read aloud."""

    groups: int = WORD_GROUPS
    whole: bool = False
    """Every word is written down, each into a box of its own."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Empty lines, on paper; a file has no need of them."""

    count: int


Block: TypeAlias = Paragraph | Items | Facts | Table | Digest | Guidance | Form | Heard | Lines


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the script; on paper it may begin a page."""

    title: str
    blocks: tuple[Block, ...]
    sections: tuple[Section, ...] = ()
    aside: str = ""
    """What stands beside the title."""
    page: bool = False
    """It begins a page."""


@dataclass(frozen=True, slots=True)
class Document:
    """A whole script."""

    title: str
    name: str
    """Of the plan."""
    subtitle: str
    sha256: str
    """Of the plan, hex."""
    blocks: tuple[Block, ...]
    sections: tuple[Section, ...]
