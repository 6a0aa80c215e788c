# SPDX-License-Identifier: Apache-2.0
"""One of several options; for an alarm, what went wrong and what to do first, in full."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option as Row

from ceremony.core.ports import Option, Prompt
from ceremony.tui.messages import Choose
from ceremony.tui.modals.base import SCROLL_DOWN, SCROLL_UP, QuestionModal
from ceremony.tui.text import visible, visible_lines

ERROR = "Error"
"""Title of an alarm; its sentence stands inside, where it has room."""
_WENT = "What was marked is not here any more: choose again."


class _Line(Row):
    """An option in the list; what cannot be chosen cannot be marked."""

    def __init__(self, option: Option) -> None:
        super().__init__(_lines(option, marked=False), disabled=bool(option.trouble))
        self.option = option


class ChooseModal(QuestionModal[str]):
    """The arrows move, Enter chooses; what comes and goes meanwhile is shown, and never marked by itself."""

    AUTO_FOCUS = "OptionList"
    DEFAULT_CSS = """
    ChooseModal .wrong {
        background: $accent;
        color: $background;
        text-style: bold;
        width: 100%;
        text-align: center;
        margin: 0 0 1 0;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,down", "move", "move", key_display="Up Down", tooltip="Move among the options", id="choose.move"),
        replace(SCROLL_UP, priority=True),  # else the list takes them
        replace(SCROLL_DOWN, priority=True),
        Binding("enter", "take", "choose", key_display="Enter", tooltip="Choose what is marked", id="choose.take"),
    ]

    def __init__(self, question: Choose) -> None:
        prompt = question.prompt
        super().__init__(replace(prompt, title=ERROR, detail="") if prompt.alarm else prompt)
        self.set_class(prompt.alarm, "failed")
        self._error = prompt if prompt.alarm else None
        self._options = question.options

    def body(self) -> Iterable[Widget]:
        """List the options, each with its detail below; what went wrong stands above them."""
        if self._error is not None:
            yield Static("Something went wrong.", classes="wrong", markup=False)
            yield VerticalScroll(Static(_said(self._error), markup=False), classes="detail", can_focus=False)
        yield OptionList(*map(_Line, self._options), markup=False)

    def on_mount(self) -> None:
        """Leave the choices their room below a long error."""
        self.on_resize()

    def sight(self, options: Sequence[Option]) -> None:
        """List what there is now; the mark stays on the option that it is on, and goes with it."""
        if tuple(options) == self._options:
            return
        found = self.query_one(OptionList)
        marked = found.highlighted_option
        key = marked.option.key if isinstance(marked, _Line) else ""
        self._options = tuple(options)
        found.set_options(map(_Line, self._options))
        here = [number for number, option in enumerate(self._options) if option.key == key and not option.trouble]
        found.highlighted = here[0] if here else None
        self.note("" if here or marked is None else _WENT)

    def on_resize(self) -> None:
        """Take a third of the screen for an error."""
        if self._error is not None:
            self.query_one(".detail").styles.max_height = self.app.size.height // 3

    def action_move(self) -> None:
        """Give the focus back to the list, which moves."""
        self.query_one(OptionList).focus()

    def action_take(self) -> None:
        """Choose what is marked."""
        self.query_one(OptionList).action_select()

    def action_scroll_detail(self, pages: int) -> None:
        """Scroll the detail; where it is all in sight, the list."""
        if any(detail.max_scroll_y for detail in self.query(".detail").results(VerticalScroll)):
            super().action_scroll_detail(pages)
        else:
            options = self.query_one(OptionList)
            step = pages * max(1, options.size.height // 2)
            options.highlighted = min(max((options.highlighted or 0) + step, 0), len(self._options) - 1)

    @on(OptionList.OptionHighlighted)
    def mark(self, highlighted: OptionList.OptionHighlighted) -> None:
        """Say by a sign, too, which option is marked."""
        for number, option in enumerate(self._options):
            lines = _lines(option, marked=number == highlighted.option_list.highlighted)
            highlighted.option_list.replace_option_prompt_at_index(number, lines)
        self.note("")

    @on(OptionList.OptionSelected)
    def take(self, selected: OptionList.OptionSelected) -> None:
        """Answer with the option's key."""
        if isinstance(selected.option, _Line):
            self.answer(selected.option.option.key)


def _said(error: Prompt) -> Content:
    """Return the sentence, and what to do."""
    sentence = (visible_lines(error.title), "bold")
    return Content.assemble(sentence, f"\n\nWhat to do: {visible_lines(error.detail)}" if error.detail else "")


def _lines(option: Option, *, marked: bool) -> Content:
    return Content.assemble("> " if marked else "  ", option_text(option, "    "))


def option_text(option: Option, indent: str) -> Content:
    """Return an option's label, and what is said of it in lines of their own, so far in."""
    label = visible(option.label)
    if not option.detail and not option.trouble:
        return Content(label)
    detail = f"\n{indent}{visible(option.detail)}" if option.detail else ""
    trouble = f"\n{indent}Cannot serve: {visible(option.trouble)}" if option.trouble else ""
    return Content.assemble((label, "bold"), detail, trouble)
