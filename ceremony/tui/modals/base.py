# SPDX-License-Identifier: Apache-2.0
"""What all modals share: the frame, the keys in words, and that nothing is answered unseen.

`Modal` is a frame with a title and a line of keys. `QuestionModal` puts one
question of the worker: who must answer, the title, the detail (it scrolls), and
whatever its kind adds in `body`. Their only output is `answer`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from textwrap import shorten
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from ceremony.core.ports import Option, Prompt
from ceremony.tui.fit import fit
from ceremony.tui.text import visible, visible_lines
from ceremony.tui.who import in_a_sentence
from ceremony.tui.widgets.keys import KeyLine
from ceremony.tui.widgets.too_small import TooSmall

Result = TypeVar("Result")

WHO = 60
"""Cells of the name of who must answer."""
SAID = 200
"""Characters that three lines hold; the whole text is under `Told`."""

SCROLL_UP = Binding(
    "pageup", "scroll_detail(-1)", "text before", key_display="PgUp", tooltip="Scroll the text back", id="question.up", show=False
)
SCROLL_DOWN = Binding(
    "pagedown", "scroll_detail(1)", "more text", key_display="PgDn", tooltip="Scroll the text on", id="question.down", show=False
)


class Modal(ModalScreen[Result]):
    """A frame over the ceremony's screen; the header and the footer stay in sight."""

    HEADING = ""

    def __init__(self, classes: str = "") -> None:
        super().__init__(classes=classes)
        self._note = Static(classes="note", markup=False)
        self._note.display = False
        self._key_line = KeyLine(self.keys())

    def compose(self) -> ComposeResult:
        """Lay out the frame: title on its border, content, a note, the keys."""
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content(visible(self.heading()))
            yield from self.content()
            yield self._note
            yield self._key_line
        yield TooSmall()

    def heading(self) -> str:
        """Return the title on the border."""
        return self.HEADING

    def content(self) -> Iterable[Widget]:
        """Return what stands in the frame."""
        return ()

    def keys(self) -> list[Binding]:
        """Return the bindings that the line of keys names: those of the modal's own class."""
        return [binding for binding in type(self).BINDINGS if isinstance(binding, Binding)]

    def note(self, text: str) -> None:
        """Say something about what was just typed."""
        self._note.update(visible(text))
        self._note.display = bool(text)

    def answer(self, result: Result) -> None:
        """Leave with `result`; not while the terminal is too small to have shown what is answered."""
        if self.has_class("too-small"):
            self.app.bell()
        else:
            self.dismiss(result)


class QuestionModal(Modal[Result]):
    """One question of the worker."""

    BINDINGS: ClassVar[list[BindingType]] = [SCROLL_UP, SCROLL_DOWN]

    def __init__(self, prompt: Prompt) -> None:
        super().__init__("failed" if prompt.alarm else "")
        self._prompt = prompt
        self._withdrawn = False
        self.said = ""
        """What the step told last, if no question came since; shown where the modal covers it."""

    def heading(self) -> str:
        """Return the question's title."""
        return self._prompt.title

    def content(self) -> Iterable[Widget]:
        """Return who must answer, the detail, and what this kind of question adds."""
        if self.said:
            yield Static(shorten(visible(" ".join(self.said.split())), SAID, placeholder=" ..."), classes="said", markup=False)
        if self._prompt.who:
            yield Static(f"For {fit(in_a_sentence(self._prompt.who), WHO)}", classes="who", markup=False)
        if self._prompt.detail:
            text = Static(visible_lines(self._prompt.detail), markup=False)
            yield VerticalScroll(text, classes="detail", can_focus=False)
        yield from self.body()

    def sight(self, options: Sequence[Option]) -> None:
        """Take notice of what there is now; most questions do not change."""

    def withdraw(self) -> None:
        """Leave without an answer: what was asked for was seen. People's own screen over it stays."""
        self._withdrawn = True
        if self.app.screen is self:  # `is_current` is true below another modal, too
            self.dismiss(None)

    def on_screen_resume(self) -> None:
        """Leave as soon as nothing is over it, once it was withdrawn."""
        if self._withdrawn:
            self.dismiss(None)

    def body(self) -> Iterable[Widget]:
        """Return what this kind of question adds."""
        return ()

    def on_mount(self) -> None:
        """Name the keys that scroll where the detail is longer than its place."""
        self.call_after_refresh(self.name_scrolling)

    def name_scrolling(self) -> None:
        """Name the keys that scroll while there is more text than its place holds."""
        if any(detail.max_scroll_y for detail in self.query(".detail").results(VerticalScroll)):
            self._key_line.show([*self.keys(), replace(SCROLL_DOWN, show=True)])

    def action_scroll_detail(self, pages: int) -> None:
        """Scroll the detail, wherever the focus is."""
        for detail in self.query(".detail").results(VerticalScroll):
            detail.scroll_relative(y=pages * max(1, detail.size.height - 1), animate=False)
