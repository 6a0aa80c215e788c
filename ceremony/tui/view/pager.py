# SPDX-License-Identifier: Apache-2.0
"""A long text on the screen, cut into lines of the width that there is; every character stays where it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from rich.cells import cell_len, chop_cells
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ceremony.tui.text import visible
from ceremony.tui.view.tables import Page


class Pager(ScrollView, can_focus=True, inherit_bindings=False):
    """A text that is fit to be shown, under a title; only the lines in sight are drawn."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_up", "scroll", key_display="Up Down PgUp PgDn", tooltip="Scroll", id="pager.up"),
        Binding("down", "scroll_down", "scroll", show=False),
        Binding("pageup", "page_up", "scroll", show=False),
        Binding("pagedown,space", "page_down", "scroll", show=False),
        Binding("home", "scroll_home", "start", key_display="Home End", tooltip="Go to the start or end", show=False),
        Binding("end", "scroll_end", "end", show=False),
        Binding("escape,enter", "close", "Back", key_display="Esc", tooltip="Go back to the table", id="pager.close"),
    ]

    class Closed(Message):
        """It was read."""

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        self._lines: list[str] = []

    def show(self, page: Page) -> None:
        """Show a page, from its start."""
        self.border_title = Content(visible(page.title))
        self._text = page.text
        self._wrap()
        self.scroll_to(y=0, animate=False)

    def on_resize(self, _: events.Resize) -> None:
        """Cut the lines anew."""
        self._wrap()

    def _wrap(self) -> None:
        width = self.scrollable_content_region.width
        self._lines = [part for line in self._text.split("\n") for part in wrapped(line, width)] if width > 0 else []
        self.virtual_size = Size(width, len(self._lines))
        self.refresh()

    def action_close(self) -> None:
        """Go back."""
        self.post_message(self.Closed())

    def render_line(self, y: int) -> Strip:
        """Draw one line in sight."""
        at = self.scroll_offset.y + y
        text = self._lines[at] if at < len(self._lines) else ""
        return Strip([Segment(text)]).adjust_cell_length(self.size.width).apply_style(self.rich_style)


def wrapped(line: str, width: int) -> Iterator[str]:
    """Yield a line in parts that fit, cut behind a space where there is one; the parts together are the line."""
    if not line.isascii():
        yield from chop_cells(line, width) if cell_len(line) > width else [line]
        return
    start = 0
    while len(line) - start > width:
        space = line.rfind(" ", start, start + width)
        end = space + 1 if space > start else start + width
        yield line[start:end]
        start = end
    yield line[start:]
