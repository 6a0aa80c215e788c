# SPDX-License-Identifier: Apache-2.0
"""The ceremony's screen: header, vitals, procedure, the step in hand, what was told, what takes time, and the log.

It shows what it is given and decides nothing; the app gives it what the worker said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from ceremony.core.chronicle import State
from ceremony.core.plan import Mode
from ceremony.core.ports import Gauge
from ceremony.core.procedure import StepInfo
from ceremony.tui import messages, records
from ceremony.tui.widgets.header import HeaderLine
from ceremony.tui.widgets.log import LogView
from ceremony.tui.widgets.procedure import ProcedureList
from ceremony.tui.widgets.status import StatusView
from ceremony.tui.widgets.step import StepPanel
from ceremony.tui.widgets.told import ToldView
from ceremony.tui.widgets.touch import TouchPanel
from ceremony.tui.widgets.vitals import VitalsLine


class Frame(Vertical):
    """Everything that is in sight while no question is open."""

    def __init__(self, *, title: str, mode: Mode, steps: Sequence[StepInfo], clock: Callable[[], datetime]) -> None:
        super().__init__()
        self.said = ""
        """What was told last, since the step began or the last question was put."""
        self.finished: set[str] = set()
        """Steps that were done or skipped."""
        self.state = State()
        self._steps = tuple(steps)
        self._header = HeaderLine(title, mode, clock)
        self._vitals = VitalsLine()
        self._procedure = ProcedureList(steps)
        self._step = StepPanel()
        self._told = ToldView()
        self.status = StatusView()
        self._log = LogView(self.state.names)
        self.touch = TouchPanel()
        """What stands over everything while a token waits for a finger; the app places it."""

    def compose(self) -> ComposeResult:
        """Procedure at the left; step, told texts, what takes time and the log at the right."""
        yield self._header
        yield self._vitals
        with Horizontal(id="main"):
            yield self._procedure
            with Vertical(id="right"):
                yield self._step
                yield self._told
                yield self.status
                yield self._log

    @property
    def records(self) -> int:
        """How many records the log showed in this sitting."""
        return self._log.count

    def step(self, name: str, state: str) -> None:
        """Mark a step; show the one that runs now."""
        self._procedure.mark(name, state)
        self.said = ""
        for number, info in enumerate(self._steps, start=1):
            if info.name == name and state == "running":
                self._header.show_step(number, len(self._steps))
                self._step.show(info)
        if state in {"done", "skipped"}:
            self.finished.add(name)
        self.status.clear()

    def record(self, line: bytes) -> None:
        """Show a line of the log."""
        self._log.add(line)
        record = records.read(line)
        if record is not None:
            self.state.note(record)
        noted = len(self.state.deviations)
        deviations = f"{noted} deviation{'s' if noted != 1 else ''}" if noted else ""
        self._vitals.show_counts(deviations, f"{self._log.count:,} records")

    def tell(self, text: str) -> None:
        """Show what was told."""
        self._told.add(text)
        self.said = text

    def gauges(self, gauges: Sequence[Gauge]) -> None:
        """Show how the room stands."""
        self._vitals.show_gauges(gauges)

    def wait_for(self, message: messages.WaitingStarted) -> None:
        """Show what is being waited for: a touch over everything, the rest in a line."""
        if message.seconds:
            self.touch.start(message.what, message.seconds)
        else:
            self.status.wait_for(message.what)

    def waited(self, what: str) -> None:
        """Take a wait away."""
        self.touch.stop(what)
        self.status.waited(what)
