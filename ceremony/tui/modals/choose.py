# SPDX-License-Identifier: Apache-2.0
"""One of several options."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList

from ceremony.core.ports import Option
from ceremony.tui.messages import Choose
from ceremony.tui.modals.base import QuestionModal
from ceremony.tui.text import visible


class ChooseModal(QuestionModal[str]):
    """The arrows move, Enter chooses."""

    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,down", "move", "move", key_display="Up Down", tooltip="Move among the options", id="choose.move"),
        Binding("enter", "take", "choose", key_display="Enter", tooltip="Choose what is marked", id="choose.take"),
    ]

    def __init__(self, question: Choose) -> None:
        super().__init__(question.prompt)
        self._options = question.options

    def body(self) -> Iterable[Widget]:
        """List the options, each with its detail below."""
        yield OptionList(*(_lines(option) for option in self._options), markup=False)

    def action_move(self) -> None:
        """Give the focus back to the list, which moves."""
        self.query_one(OptionList).focus()

    def action_take(self) -> None:
        """Choose what is marked."""
        self.query_one(OptionList).action_select()

    @on(OptionList.OptionSelected)
    def take(self, selected: OptionList.OptionSelected) -> None:
        """Answer with the option's key."""
        self.answer(self._options[selected.option_index].key)


def _lines(option: Option) -> Content:
    if not option.detail:
        return Content(visible(option.label))
    return Content.assemble((visible(option.label), "bold"), f"\n  {visible(option.detail)}")
