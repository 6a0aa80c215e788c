# SPDX-License-Identifier: Apache-2.0
"""The state of the ceremony, as its log tells it: steps, people, media, tokens, keys, deviations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from ceremony.core.chronicle import Section
from ceremony.tui.modals.base import Modal
from ceremony.tui.text import visible

LABEL = 22
"""Cells of a label; a longer one wraps."""


class StateModal(Modal[None]):
    """Sections of labels and values; the arrows and page keys scroll, Enter or Escape closes it."""

    HEADING = "State of the ceremony, by its log"
    AUTO_FOCUS = ".sections"
    DEFAULT_CSS = """
    StateModal .sections { height: 1fr; scrollbar-size-vertical: 1; }
    StateModal .section { text-style: bold underline; margin-top: 1; }
    StateModal .line { height: auto; }
    StateModal .label { width: 24; padding-right: 1; }
    StateModal .value { width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,down,pageup,pagedown", "scroll", "scroll", key_display="Up Down", tooltip="Scroll", id="state.scroll"),
        Binding("enter,escape", "close", "close", key_display="Enter", tooltip="Close this panel", id="state.close"),
    ]

    def __init__(self, sections: Sequence[Section]) -> None:
        super().__init__()
        self._sections = tuple(sections)

    def content(self) -> Iterable[Widget]:
        """List the sections."""
        with VerticalScroll(classes="sections"):
            if not self._sections:
                yield Static("Nothing is recorded yet.")
            for section in self._sections:
                yield Static(visible(section.title), classes="section", markup=False)
                for label, value in section.lines:
                    yield Horizontal(
                        Static(visible(label), classes="label", markup=False),
                        Static(visible(value), classes="value", markup=False),
                        classes="line",
                    )

    def action_close(self) -> None:
        """Close it."""
        self.answer(None)
