# SPDX-License-Identifier: Apache-2.0
"""Whether to stop the ceremony."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from ceremony.tui.modals.base import Modal

TEXT = (
    "The ceremony is left as it is, the stop is recorded, and it can be resumed later."
    " What runs now is finished first; an open question is not answered."
)


class StopModal(Modal[bool]):
    """Y stops, Escape goes on; Enter does nothing, so that nobody stops by habit."""

    HEADING = "Stop the ceremony?"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,Y", "answer(True)", "stop", key_display="Y", tooltip="Stop the ceremony", id="stop.yes"),
        Binding("escape,n,N", "answer(False)", "go on", key_display="Esc", tooltip="Go on with the ceremony", id="stop.no"),
    ]

    def content(self) -> Iterable[Widget]:
        """Say what stopping means."""
        yield Static(TEXT, markup=False)

    def action_answer(self, stop: bool) -> None:
        """Answer."""
        self.answer(stop)
