# SPDX-License-Identifier: Apache-2.0
"""A text to read in a place of its own: it wraps at the width, scrolls, and draws only the lines in sight."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from textual.content import Content
from textual.strip import Strip

from ceremony.tui.fit import fit
from ceremony.tui.text import visible
from ceremony.tui.widgets.steady import SteadyView

NARROWEST = 20
"""Cells that a text is given at least."""


class Tone(StrEnum):
    """How a passage is drawn; its words or its lead say the same."""

    PLAIN = "plain"
    STRONG = "strong"
    COMES = "comes"
    GOES = "goes"


@dataclass(frozen=True, slots=True)
class Passage:
    """A text from outside, and what stands before it."""

    lead: str
    text: str
    tone: Tone = Tone.PLAIN
    hang: int = 0
    """Blanks that its further lines begin with."""
    code: bool = False
    """It is cut anywhere, its blanks are kept, and each of its lines begins with the lead."""


class PassagePane(SteadyView, can_focus=False):
    """Passages, one below the other."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"pane--{tone}" for tone in Tone}
    DEFAULT_CSS = """
    PassagePane {
        background: $background;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
        overflow-x: hidden;
    }
    PassagePane > .pane--strong { text-style: bold; color: $primary; }
    PassagePane > .pane--comes { color: $success; }
    PassagePane > .pane--goes { text-style: bold; color: $accent; }
    """

    def __init__(self, classes: str = "", more: str = "", back: str = "") -> None:
        """Make an empty pane; `more` is added to its title while there is more below, `back` when there is more above alone."""
        super().__init__(classes=classes)
        self._title, self._more, self._back, self._entitled = "", more, back, ""
        self._passages: Sequence[Passage] = ()
        self._lines: Sequence[tuple[str, Tone]] = ()
        self._width = 0

    def show(self, passages: Sequence[Passage], title: str = "") -> None:
        """Show these instead, from the first on."""
        self._passages, self._title = passages, title
        self._wrap()
        self.scroll_to(y=0, animate=False, force=True)

    def scroll_pages(self, pages: int) -> bool:
        """Scroll so many pages; return whether there was anything to scroll."""
        before = self.scroll_offset.y
        self.scroll_to(y=before + pages * max(1, self.size.height - 1), animate=False, force=True)
        return self.scroll_offset.y != before

    def on_resize(self) -> None:
        """Wrap anew."""
        if self._width != self._room():
            self._wrap()
        self._entitle()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Say what there is to scroll to."""
        super().watch_scroll_y(old_value, new_value)
        self._entitle()

    def _room(self) -> int:
        return max(NARROWEST, self.size.width - self.styles.scrollbar_size_vertical)

    def _wrap(self) -> None:
        self._width = self._room()
        self._lines = [line for passage in self._passages for line in _lines(passage, self._width)]
        self.set_height(len(self._lines))
        self._entitle()
        self.refresh()

    def _entitle(self) -> None:
        at = self.scroll_offset.y
        hint = self._more if at < self.max_scroll_y else self._back if at else ""
        title = fit(self._title, max(NARROWEST, self.size.width - len(hint))) + hint
        if title != self._entitled:
            self._entitled, self.border_title = title, Content(title)

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        at = self.scroll_offset.y + y
        text, tone = self._lines[at] if at < len(self._lines) else ("", Tone.PLAIN)
        style = self.rich_style + self.get_component_rich_style(f"pane--{tone}", partial=True)
        return Strip([Segment(text, style)]).crop_extend(0, self.size.width, style)


def _lines(passage: Passage, width: int) -> Iterator[tuple[str, Tone]]:
    lead, text = visible(passage.lead), visible(passage.text)
    if passage.code:
        room = max(NARROWEST, width - cell_len(lead))
        parts = [text[at : at + room] for at in range(0, len(text), room)] if text.isascii() else chop_cells(text, room)
        lines = [lead + part for part in parts]
    else:
        lines = list(_wrapped(lead, text.split(" "), passage.hang, width))
    for line in lines or [lead]:
        yield line, passage.tone


def _wrapped(lead: str, words: Sequence[str], hang: int, width: int) -> Iterator[str]:
    """Yield lines of whole words; a word that is longer than a line is cut."""
    line, indent, first = lead, " " * hang, True
    for word in words:
        longer = line + word if first else f"{line} {word}"
        first = False
        if cell_len(longer) <= width:
            line = longer
            continue
        if line.strip():
            yield line
        *whole, rest = chop_cells(word, max(NARROWEST, width - hang)) or [""]
        yield from (indent + part for part in whole)
        line = indent + rest
    yield line
