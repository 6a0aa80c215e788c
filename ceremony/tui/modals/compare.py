# SPDX-License-Identifier: Apache-2.0
"""A digest that is read aloud: hex groups and PGP words, ticked group by group by the two who compare it.

Each has a key and a column of their own, and neither can be more than one group
ahead of the other, so that both hear the same reading. One who is here alone has
one column. Nobody can agree before each group has all its ticks, and never by
the key that goes on everywhere else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ceremony.tui.fit import fit
from ceremony.tui.messages import Compare
from ceremony.tui.modals.base import QuestionModal
from ceremony.tui.spoken import WIDTH, spoken
from ceremony.tui.widgets.code import QrCode

NAMES_AT, TICKS_AT, TICK_WIDTH = 17, 6 + WIDTH + 2, 4
"""Where the names begin, where the ticks begin, and what each of them takes, in cells."""
BEHIND = " │ ──"
"""Where the lead of the second passes the first's."""
LONGEST, SHORT = 34, 24
"""Cells of a name above the groups, and within a sentence."""
WIDE, AROUND = 132, 16
"""Columns from which on a code stands beside the groups, and the lines that are not the code."""
SMALL = 38
"""Lines below which the detail has two of them, so that all groups of a SHA-256 are in sight."""


class CompareModal(QuestionModal[bool]):
    """1 and 2 tick the group that was read; once all are ticked, Y says that they are the same. N says that they differ."""

    AUTO_FOCUS = ".groups"
    DEFAULT_CSS = """
    CompareModal .readers { height: auto; }
    CompareModal .beside { height: auto; }
    CompareModal .beside .groups { width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "tick(0)", "heard", key_display="1", tooltip="The first person heard the group", id="compare.first"),
        Binding("2", "tick(1)", "heard", key_display="2", tooltip="The second person heard the group", id="compare.second"),
        Binding("enter,space", "habit", "heard", key_display="Enter", tooltip="Tick, where one is alone", id="compare.tick"),
        Binding("backspace,escape", "untick", "back", key_display="Esc", tooltip="Take the last tick back", id="compare.untick"),
        Binding("y,Y", "agree", "all the same", key_display="Y", tooltip="Everybody heard the same digest", id="compare.yes"),
        Binding("n,N", "differ", "they differ", key_display="N", tooltip="What was heard differs", id="compare.no"),
    ]

    def __init__(self, question: Compare) -> None:
        self._readers = tuple(dict.fromkeys(question.people))
        super().__init__(question.prompt)
        self._groups = spoken(question.digest, question.words)
        self._code = QrCode(question.prompt.code) if question.prompt.code else None
        self._ticks: list[int] = []
        """Who ticked, in order."""

    def keys(self) -> list[Binding]:
        """Return the keys of those who are here."""
        first, second, habit, *rest = super().keys()
        return [first, second, *rest] if len(self._readers) > 1 else [replace(habit, key="enter"), *rest]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Take no key of somebody who is not here."""
        return parameters[0] in range(len(self._readers)) if action == "tick" else super().check_action(action, parameters)

    def body(self) -> Iterable[Widget]:
        """List the groups, below the names of those who tick them."""
        yield Static(self._heads(), classes="readers", markup=False)
        lines = [Static(self._line(number), markup=False) for number in range(len(self._groups))]
        groups = VerticalScroll(*lines, classes="groups")
        yield Horizontal(groups, self._code, classes="beside") if self._code else groups

    def on_mount(self) -> None:
        """Keep the groups together, and say what is to be done first."""
        self.query_one(".groups").styles.margin = 0
        self.on_resize()
        self._show()

    def on_resize(self) -> None:
        """Leave the groups their room."""
        small = self.app.size.height < SMALL
        for detail in self.query(".detail"):
            detail.styles.max_height = 2 if small else 12
        self._note.styles.margin = self._key_line.styles.margin = 0 if small else (1, 0, 0, 0)
        if self._code:
            shown = self.app.size.width >= WIDE and self.app.size.height >= self._code.rows + AROUND
            self._code.display = shown
            self.query_one(".dialog").styles.max_width = WIDE if shown else None

    def action_tick(self, person: int) -> None:
        """Tick the next group for a person, unless the other one is behind."""
        mine, done = self._ticks.count(person), self._done()
        if self.has_class("too-small"):
            self.app.bell()
        elif mine == len(self._groups):
            self.note(f"{self._called(person)} has ticked every group.")
        elif mine > done:
            self.note(f"Wait for {self._called(1 - person)}, who has not ticked group {mine} yet.")
        else:
            self._ticks.append(person)
            self._show()

    def action_habit(self) -> None:
        """Tick for one who is alone; say how to tick where two are."""
        if len(self._readers) == 1:
            self.action_tick(0)
        else:
            self.note(f"Press 1 when {self._called(0)} heard the group, 2 when {self._called(1)} did.")

    def action_untick(self) -> None:
        """Take the last tick back."""
        if self.has_class("too-small"):
            self.app.bell()
        elif self._ticks:
            self._ticks.pop()
            self._show()

    def action_agree(self) -> None:
        """Agree, once every group was read."""
        if self._done() < len(self._groups):
            self.note("Read and tick every group first.")
        else:
            self.answer(result=True)

    def action_differ(self) -> None:
        """Say that what was heard differs."""
        self.answer(result=False)

    def _done(self) -> int:
        return min(self._ticks.count(person) for person in range(len(self._readers)))

    def _called(self, person: int) -> str:
        return fit(self._readers[person], SHORT)

    def _show(self) -> None:
        lines = list(self.query(".groups Static").results(Static))
        for number, line in enumerate(lines):
            line.update(self._line(number))
        lines[min(self._done(), len(lines) - 1)].scroll_visible(animate=False)
        self.note(self._what_next())

    def _what_next(self) -> str:
        done, total = self._done(), len(self._groups)
        if done == total:
            return "Every group is ticked. Y: all the same. N: they differ."
        for person in range(len(self._readers)):
            if self._ticks.count(person) == done < self._ticks.count(1 - person):
                return f"Group {done + 1} of {total}: {self._called(person)} ({person + 1}) has not ticked it yet."
        return f"Read group {done + 1} of {total} aloud; " + (
            "1 and 2 tick what they heard." if len(self._readers) > 1 else "tick it when it is the same."
        )

    def _heads(self) -> Content:
        """Lead from each name to its column; the line of the second passes behind that of the first."""
        parts: list[str | tuple[str, str]] = []
        for person, name in enumerate(self._readers):
            shown = fit(name, LONGEST)
            room = TICKS_AT + 1 + TICK_WIDTH * person - (NAMES_AT + 5 + cell_len(shown))
            lead = "─" * (room - len(BEHIND)) + BEHIND if person else "─" * room
            parts += ["\n" * person, " " * NAMES_AT, (f" {person + 1} ", "bold reverse"), f" {shown} {lead}┐"]
        return Content.assemble(*parts)

    def _line(self, number: int) -> Content:
        now = number == self._done()
        ticks = " ".join("[x]" if self._ticks.count(person) > number else "[ ]" for person in range(len(self._readers)))
        line = f"{'>' if now else ' '} {number + 1:>2}  {self._groups[number]}  {ticks}"
        return Content.styled(line, "bold reverse" if now else "")
