# SPDX-License-Identifier: Apache-2.0
"""Something that must be read before going on: an error, the end, the keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from ceremony.tui.modals.base import Modal
from ceremony.tui.text import visible_lines


class PanelModal(Modal[None]):
    """A title, sentences and a hint; Enter or Escape closes it."""

    AUTO_FOCUS = ".detail"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,escape", "close", "close", key_display="Enter", tooltip="Close this panel", id="panel.close"),
    ]

    def __init__(self, title: str, text: str, *, hint: str = "", failed: bool = False) -> None:
        super().__init__("failed" if failed else "")
        self._title = title
        self._text = text
        self._hint = hint

    def heading(self) -> str:
        """Return the panel's title."""
        return self._title

    def content(self) -> Iterable[Widget]:
        """Show the text, then the hint."""
        yield VerticalScroll(Static(visible_lines(self._text), markup=False), classes="detail")
        if self._hint:
            yield Static(f"What to do: {visible_lines(self._hint)}", classes="hint", markup=False)

    def action_close(self) -> None:
        """Close it."""
        self.answer(None)
