# SPDX-License-Identifier: Apache-2.0
"""The table of the view: the arrows to the side change the tab, Enter opens a row, and so does a click on the marked one."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from ceremony.tui.widgets.table import LineTable


class Rows(LineTable, inherit_bindings=False):
    """The rows of a tab."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Move", key_display="Up Down", tooltip="Go to another row", id="rows.move", show=False),
        Binding("down", "move(1)", "Move", show=False),
        Binding(
            "pageup", "page(-1)", "Page", key_display="PgUp PgDn", tooltip="Go a page on or back", id="rows.page", show=False
        ),
        Binding("pagedown", "page(1)", "Page", show=False),
        Binding("home", "first", "Start", key_display="Home End", tooltip="Go to the first or last row", show=False),
        Binding("end", "last", "End", show=False),
        Binding("enter", "choose", "Open", key_display="Enter", tooltip="Show the row in full", id="rows.open"),
        Binding(
            "tab,right", "aside(1)", "Next tab", key_display="Tab", tooltip="Go to the next tab", id="rows.aside", show=False
        ),
        Binding("shift+tab,left", "aside(-1)", "Tab before", show=False),
    ]

    class Chosen(Message):
        """The marked row is wanted in full; `number` is its number in the table."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    class Aside(Message):
        """The table of another tab is wanted."""

        def __init__(self, tabs: int) -> None:
            super().__init__()
            self.tabs = tabs

    def action_aside(self, tabs: int) -> None:
        """Ask for the tab so many further on."""
        self.post_message(self.Aside(tabs))

    def action_choose(self) -> None:
        """Ask for the row in full."""
        if self.number is not None:
            self.post_message(self.Chosen(self.number))

    def on_click(self, click: events.Click) -> None:
        """Open the row that was clicked when it is the marked one."""
        if self.place_at(click) == self.listing.at:
            self.action_choose()
