# SPDX-License-Identifier: Apache-2.0
"""A digest that everybody hears: hex groups and PGP words, ticked group by group while they are read aloud."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ceremony.tui.messages import Compare
from ceremony.tui.modals.base import QuestionModal

BYTES = 4
"""Bytes of a group: eight hex digits, four words."""


class CompareModal(QuestionModal[bool]):
    """Enter ticks the group that was read; once all are ticked, Y says that they are the same. N says that they differ."""

    AUTO_FOCUS = ".groups"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "enter,space",
            "tick",
            "heard",
            key_display="Enter",
            tooltip="Tick the group that was read",
            id="compare.tick",
        ),
        Binding("backspace,escape", "untick", "back", key_display="Esc", tooltip="Take the last tick back", id="compare.untick"),
        Binding("y,Y", "agree", "all the same", key_display="Y", tooltip="Everybody heard the same digest", id="compare.yes"),
        Binding("n,N", "differ", "they differ", key_display="N", tooltip="What was heard differs", id="compare.no"),
    ]

    def __init__(self, question: Compare) -> None:
        super().__init__(question.prompt)
        digest, words = question.digest.lower(), question.words
        self._groups = [(digest[2 * i : 2 * (i + BYTES)], words[i : i + BYTES]) for i in range(0, len(words), BYTES)]
        self._ticked = 0

    def body(self) -> Iterable[Widget]:
        """List the groups."""
        lines = [Static(self._line(number), markup=False) for number in range(len(self._groups))]
        yield VerticalScroll(*lines, classes="groups")

    def action_tick(self) -> None:
        """Tick the next group."""
        self._tick(self._ticked + 1)

    def action_untick(self) -> None:
        """Take the last tick back."""
        self._tick(self._ticked - 1)

    def action_agree(self) -> None:
        """Agree, once every group was read."""
        if self._ticked < len(self._groups):
            self.note("Read and tick every group first.")
        else:
            self.answer(result=True)

    def action_differ(self) -> None:
        """Say that what was heard differs."""
        self.answer(result=False)

    def _tick(self, ticked: int) -> None:
        if self.has_class("too-small"):
            return
        self._ticked = min(max(ticked, 0), len(self._groups))
        lines = list(self.query(".groups Static").results(Static))
        for number, line in enumerate(lines):
            line.update(self._line(number))
        lines[min(self._ticked, len(lines) - 1)].scroll_visible(animate=False)
        self.note("")

    def _line(self, number: int) -> Content:
        digits, words = self._groups[number]
        mark = "✓" if number < self._ticked else "▶" if number == self._ticked else "·"
        line = f"{mark} {number + 1:>2}  {digits[:4]} {digits[4:]:<4}  {' '.join(f'{word:<11}' for word in words)}"
        return Content.styled(line, "bold reverse" if number == self._ticked else "")
