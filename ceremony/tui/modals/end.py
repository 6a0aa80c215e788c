# SPDX-License-Identifier: Apache-2.0
"""The last screen: how it ended, the final head as words, hex and QR code, and what each person does next.

It draws an `Ending`; the words of one are made in `ceremony.tui.ending`. A
ceremony that was not closed has no head and no next steps: then it is one page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ceremony.core.ports import Summary
from ceremony.core.words import words
from ceremony.tui.modals.base import Modal
from ceremony.tui.spoken import spoken
from ceremony.tui.text import visible, visible_lines
from ceremony.tui.widgets.code import QrCode

WIDE = 120
"""Columns from which on the code stands beside the words."""
AROUND = 9
"""Lines that are not the page: header, footer, frame, names of the pages, keys."""
HEAD_LINES = 14
"""Lines of the head's page without its code."""

MORE = Binding("pagedown", "scroll(0, 1)", "more text", key_display="PgDn", tooltip="More text", id="end.on", show=False)
NOTHING_LEFT = "Nobody has anything left to do."


@dataclass(frozen=True, slots=True)
class Ending:
    """How a ceremony ended, in words."""

    title: str
    text: str
    hint: str
    """What to do; empty when all went well."""
    resume: str
    """How to go on; empty when there is nothing to go on with."""
    rows: tuple[tuple[str, str], ...]
    """Facts, each with its label."""
    failed: bool
    summary: Summary | None


class Row(Horizontal):
    """A label and what belongs to it, side by side."""

    def __init__(self, label: str, text: str) -> None:
        super().__init__(Static(label, classes="label", markup=False), Static(text, classes="text", markup=False))


class EndModal(Modal[None]):
    """Enter closes; Tab and the arrows turn the pages and scroll them."""

    DEFAULT_CSS = """
    EndModal .pages { height: auto; margin: 0 0 1 0; }
    EndModal .page { height: 1fr; scrollbar-size-vertical: 1; }
    EndModal Row { height: auto; }
    EndModal Row .label { width: 12; text-style: bold; }
    EndModal Row .text { width: 1fr; }
    EndModal .task .label, EndModal .last-task .label { width: 4; }
    EndModal .text-part { height: auto; margin: 0 0 1 0; }
    EndModal .must-do { text-style: bold; }
    EndModal .person { text-style: bold; }
    EndModal .task { margin: 0 0 0 2; }
    EndModal .last-task { margin: 0 0 1 2; }
    EndModal .head { height: auto; layout: vertical; }
    EndModal .head.beside { layout: horizontal; }
    EndModal .head .words { width: 100%; height: auto; }
    EndModal .head.beside .words { width: 66; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,right", "turn(1)", "next page", key_display="Tab", tooltip="Next page", id="end.next"),
        Binding("shift+tab,left", "turn(-1)", "", key_display="Left", tooltip="Page before", id="end.before", show=False),
        Binding("enter,escape", "close", "close", key_display="Enter", tooltip="Close, and leave the screen", id="end.close"),
        Binding("down", "scroll(1, 0)", "", key_display="Down", tooltip="Scroll down", id="end.down", show=False),
        Binding("up", "scroll(-1, 0)", "", key_display="Up", tooltip="Scroll up", id="end.up", show=False),
        MORE,
        Binding("pageup", "scroll(0, -1)", "", key_display="PgUp", tooltip="Text before", id="end.back", show=False),
    ]

    def __init__(self, ending: Ending) -> None:
        self.ending = ending
        super().__init__("failed" if ending.failed else "")
        summary = ending.summary
        self._pages = {"Summary": _page(*_summary(ending))}
        self._code: QrCode | None = None
        if summary is not None:
            self._code = QrCode(f"ceremony-head:sha256:{summary.digest}")
            self._room = Static(markup=False)
            self._head = Vertical(Vertical(*_head(summary), self._room, classes="words"), self._code, classes="head")
            self._pages |= {"Head": _page(self._head), "Next steps": _page(*_next_steps(summary))}
        self._names = Static(classes="pages", markup=False)
        self._shown = 0

    def heading(self) -> str:
        """Return how it ended."""
        return self.ending.title

    def keys(self) -> list[Binding]:
        """Name Tab only where there is another page."""
        turn, *rest = super().keys()
        return rest if self.ending.summary is None else [turn, *rest]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Turn pages where there are several."""
        return self.ending.summary is not None if action == "turn" else super().check_action(action, parameters)

    def content(self) -> Iterable[Widget]:
        """Show the names of the pages, and the first page."""
        if len(self._pages) > 1:
            yield self._names
        yield from self._pages.values()

    def on_mount(self) -> None:
        """Take all the height, so that no page moves the frame."""
        frame = self.query_one(".dialog").styles
        frame.max_width, frame.height, frame.max_height = 130, "100%" if self._code else "auto", 49
        self.on_resize()
        self._show(0)

    def on_resize(self) -> None:
        """Draw the code beside the words, below them, or not at all."""
        if self._code is not None:
            width, height = self.app.size
            lines = self._code.rows
            beside = width >= WIDE and height >= lines + AROUND
            self._head.set_class(beside, "beside")
            self._code.display = beside or height >= lines + AROUND + HEAD_LINES
            self._room.display = not self._code.display
            self._room.update(_too_small(width, height, lines))
        else:
            self._pages["Summary"].styles.height = "auto"
            self._pages["Summary"].styles.max_height = self.app.size.height - AROUND
        self.call_after_refresh(self._name_keys)

    def action_turn(self, pages: int) -> None:
        """Show the next page, or the one before."""
        self._show((self._shown + pages) % len(self._pages))

    def action_scroll(self, lines: int, pages: int) -> None:
        """Scroll the page."""
        page = list(self._pages.values())[self._shown]
        page.scroll_relative(y=lines + pages * max(1, page.size.height - 1), animate=False)

    def action_close(self) -> None:
        """Close it."""
        self.answer(None)

    def _show(self, number: int) -> None:
        self._shown = number
        parts: list[str | tuple[str, str]] = []
        for place, (name, page) in enumerate(self._pages.items()):
            page.display = place == number
            parts.append((f"[{name}]", "bold reverse") if place == number else f" {name} ")
            parts.append("  ")
        self._names.update(Content.assemble(*parts, f"page {number + 1} of {len(self._pages)}"))
        self.call_after_refresh(self._name_keys)

    def _name_keys(self) -> None:
        page = list(self._pages.values())[self._shown]
        self._key_line.show([*self.keys(), *([replace(MORE, show=True)] if page.max_scroll_y else [])])


def _page(*parts: Widget) -> VerticalScroll:
    return VerticalScroll(*parts, classes="page", can_focus=False)


def _summary(ending: Ending) -> Iterator[Widget]:
    hint = f"What to do: {ending.hint}" if ending.hint else ""
    for text, style in ((ending.text, ""), (hint, "must-do"), (ending.resume, "")):
        if text:
            yield Static(visible_lines(text), classes=f"text-part {style}".strip(), markup=False)
    for label, text in ending.rows:
        yield Row(label, visible_lines(text))


def _head(summary: Summary) -> Iterator[Widget]:
    lines = spoken(summary.digest, words(summary.digest))
    yield Static(f"{visible(summary.head)}, as people heard it:", classes="text-part", markup=False)
    yield Static(
        "\n".join(f"{number:>2}  {line}" for number, line in enumerate(lines, start=1)), classes="text-part", markup=False
    )
    yield Static(f"SHA-256\n{summary.digest}", classes="text-part", markup=False)


def _too_small(width: int, height: int, lines: int) -> str:
    return (
        f"This terminal is too small for the QR code of the head ({width} by {height}). It is shown from"
        f" {WIDE} columns by {lines + AROUND} lines on, or below the words from {lines + AROUND + HEAD_LINES} lines on."
    )


def _next_steps(summary: Summary) -> Iterator[Widget]:
    for errand in summary.errands:
        yield Static(visible(errand.person), classes="person", markup=False)
        for number, task in enumerate(errand.tasks, start=1):
            row = Row(f"{number}.", visible_lines(task))
            row.set_classes("task" if number < len(errand.tasks) else "last-task")
            yield row
    if not summary.errands:
        yield Static(NOTHING_LEFT, markup=False)
