# SPDX-License-Identifier: Apache-2.0
"""The app: composes the screen, puts the worker's questions, and ends with the worker.

It knows no step and no device: the ceremony is `work`, a function over the two
ports, run in one worker thread. What the worker says arrives as the messages of
`messages`; only this app touches widgets. People's own screens (help, a
deviation, the question whether to stop) come before a question of the worker,
which waits until they are closed, so that nobody answers what just appeared.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Any, ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.scrollbar import ScrollBar
from textual.widgets import Footer

from ceremony.core.plan import Mode
from ceremony.core.ports import Deviation, Operator, Watcher
from ceremony.core.procedure import StepInfo
from ceremony.errors import CeremonyError, ExitCode
from ceremony.tui import messages
from ceremony.tui.ending import Facts, ending_panel
from ceremony.tui.messages import Outcome
from ceremony.tui.modals import modal_for
from ceremony.tui.modals.base import Modal, QuestionModal
from ceremony.tui.modals.deviation import DeviationModal
from ceremony.tui.modals.panel import PanelModal
from ceremony.tui.modals.stop import StopModal
from ceremony.tui.operator import TuiOperator
from ceremony.tui.theme import THEME, WholeCells
from ceremony.tui.widgets import too_small
from ceremony.tui.widgets.header import HeaderLine
from ceremony.tui.widgets.keys import help_text
from ceremony.tui.widgets.log import LogView
from ceremony.tui.widgets.procedure import ProcedureList
from ceremony.tui.widgets.status import StatusView
from ceremony.tui.widgets.step import StepPanel
from ceremony.tui.widgets.told import ToldView

TALL = 38
"""Lines from which on a question does not cover what was told."""

Work = Callable[[Operator, Watcher], ExitCode]


class CeremonyApp(App[ExitCode], inherit_bindings=False):
    """One ceremony on the screen; its result is the exit code."""

    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "Help", key_display="F1", tooltip="Show the keys", id="app.help", priority=True),
        Binding(
            "f8", "deviation", "Deviation", key_display="F8", tooltip="Record a deviation", id="app.deviation", priority=True
        ),
        Binding("ctrl+q", "stop", "Stop", key_display="Ctrl+Q", tooltip="Ask whether to stop", id="app.stop", priority=True),
        Binding("ctrl+c", "stop", "", key_display="Ctrl+C", tooltip="The same", id="app.interrupt", show=False, priority=True),
    ]

    def __init__(self, *, title: str, mode: Mode, steps: Sequence[StepInfo], work: Work, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self.operator = TuiOperator(self.post_message)
        self.outcome: Future[Outcome] = Future()
        """Set by the worker when it ends, whatever became of the screen."""
        self._steps = tuple(steps)
        self._work = work
        self._header = HeaderLine(title, mode, clock)
        self._procedure = ProcedureList(steps)
        self._step = StepPanel()
        self._told = ToldView()
        self._status = StatusView()
        self._log_view = LogView()
        self._waiting: deque[messages.Asked] = deque()
        self._put: QuestionModal[Any] | None = None
        self._ended: Outcome | None = None
        self._said = ""
        self._finished: set[str] = set()

    @property
    def crash(self) -> Exception | None:
        """The error that ended the screen itself, if one did."""
        return self._exception

    def compose(self) -> ComposeResult:
        """Procedure at the left; step, told texts, what takes time and the log at the right."""
        yield self._header
        with Horizontal(id="main"):
            yield self._procedure
            with Vertical(id="right"):
                yield self._step
                yield self._told
                yield self._status
                yield self._log_view
        yield Footer(show_command_palette=False)
        yield too_small.TooSmall()

    def on_mount(self) -> None:
        """Set the colours, then let the ceremony begin."""
        ScrollBar.renderer = WholeCells
        self.register_theme(THEME)
        self.theme = THEME.name
        self.run_worker(self._run_work, name="ceremony", thread=True, exclusive=True, exit_on_error=False)

    def on_unmount(self) -> None:
        """Let the worker end, however the screen ended."""
        self.operator.stop()

    def on_resize(self) -> None:
        """Say on every screen whether the terminal is too small, once the app has taken its new size."""
        self.call_next(self._fit_all)

    def _fit_all(self) -> None:
        for screen in self.screen_stack:
            self._fit(screen)

    def _fit(self, screen: Screen[Any]) -> None:
        screen.set_class(self.size.width < too_small.WIDTH or self.size.height < too_small.HEIGHT, "too-small")
        screen.set_class(self.size.height >= TALL, "tall")

    def _fatal_error(self) -> None:
        # Textual would print a traceback with the values of all variables.
        self._close_messages_no_wait()

    # --- the worker thread ---

    def _run_work(self) -> None:
        try:
            outcome = Outcome(self._work(self.operator, self.operator))
        except CeremonyError as error:
            outcome = Outcome(error.exit_code, error)
        except BaseException as error:  # noqa: BLE001 - the worker's boundary (native panics too): shown, and raised again by `run_tui`
            outcome = Outcome(ExitCode.FAILED, error)
        self.outcome.set_result(outcome)
        self.post_message(messages.CeremonyEnded(outcome))

    # --- what the worker says ---

    @on(messages.StepChanged)
    def show_step(self, message: messages.StepChanged) -> None:
        """Mark the step; show the one that runs now."""
        self._procedure.mark(message.name, message.state)
        self._said = ""
        for number, info in enumerate(self._steps, start=1):
            if info.name == message.name and message.state == "running":
                self._header.show_step(number, len(self._steps))
                self._step.show(info)
        if message.state in {"done", "skipped"}:
            self._finished.add(message.name)
        self._status.clear()

    @on(messages.Recorded)
    def show_record(self, message: messages.Recorded) -> None:
        """Show a line of the log."""
        self._log_view.add(message.line)

    @on(messages.Told)
    def show_told(self, message: messages.Told) -> None:
        """Show what was told."""
        self._told.add(message.text)
        self._said = message.text

    @on(messages.Progressed)
    def show_progress(self, message: messages.Progressed) -> None:
        """Show how far the work is."""
        self._status.progress(message.what, message.done, message.total)

    @on(messages.WaitingStarted)
    def show_waiting(self, message: messages.WaitingStarted) -> None:
        """Show what is being waited for."""
        self._status.wait_for(message.what)

    @on(messages.WaitingEnded)
    def hide_waiting(self, message: messages.WaitingEnded) -> None:
        """Take the wait away."""
        self._status.waited(message.what)

    # --- questions ---

    @on(messages.Asked)
    def take_question(self, message: messages.Asked) -> None:
        """Put the question, now or as soon as people closed what they opened themselves."""
        self._waiting.append(message)
        self._put_next()

    def _put_next(self) -> None:
        if len(self.screen_stack) > 1:
            return
        if self._ended is not None:
            self._show_end(self._ended)
        elif self._waiting and not self.operator.stopping:
            self._show_question(self._waiting.popleft())

    def _show_question(self, asked: messages.Asked) -> None:
        self._put = modal_for(asked.question)
        self._put.said, self._said = self._said, ""
        self._open(self._put, lambda answer: self._answered(asked, answer))

    def _answered(self, asked: messages.Asked, answer: object) -> None:
        self._put = None
        self.operator.complete(asked.answer, answer)
        self._put_next()

    def _open(self, modal: Modal[Any], then: Callable[[Any], None]) -> None:
        self.push_screen(modal, then)
        self._fit(modal)

    # --- what people ask for ---

    def _free(self) -> bool:
        """Whether people may open a screen of their own: one at a time, over a question or none."""
        return self.screen is self._put or len(self.screen_stack) == 1

    def action_help(self) -> None:
        """Show the keys that work now."""
        if self._free():
            here = [active.binding for active in self.screen.active_bindings.values()]
            everywhere = [binding for binding in self.BINDINGS if isinstance(binding, Binding)]
            self.call_next(self._open, PanelModal("Keys", help_text([*here, *everywhere])), lambda _: self._put_next())

    def action_deviation(self) -> None:
        """Take down a deviation."""
        if self._free() and not self.outcome.done():
            self.call_next(self._open, DeviationModal(), self._noted)

    def _noted(self, deviation: Deviation | None) -> None:
        if deviation is not None:
            self.operator.note(deviation)
            self._told.add(f"Deviation noted, it is recorded with what follows: {deviation.happened}")
        self._put_next()

    def action_stop(self) -> None:
        """Ask whether to stop."""
        if self.operator.stopping:
            self._told.add("The ceremony is stopping: what runs now is finished first.")
        elif self._free() and not self.outcome.done():
            self.call_next(self._open, StopModal(), self._decided)

    def _decided(self, stop: bool | None) -> None:
        if stop:
            self._told.add("Stopping: what runs now is finished first.")
            self.operator.stop()
            self._put = None
            for _ in self.screen_stack[1:]:
                self.pop_screen()
        self._put_next()

    @on(messages.StopAsked)
    def take_signal(self) -> None:
        """Treat a signal as the key."""
        self.action_stop()

    # --- the end ---

    @on(messages.CeremonyEnded)
    def take_end(self, message: messages.CeremonyEnded) -> None:
        """Show how it ended, now or as soon as people closed what they opened themselves."""
        self._ended = message.outcome
        self._put_next()

    def _show_end(self, outcome: Outcome) -> None:
        facts = Facts(len(self._finished), len(self._steps), self._log_view.count, tuple(self.operator.deviations()))
        panel = ending_panel(outcome, facts)
        self._open(panel, lambda _: self.exit(outcome.code, return_code=int(outcome.code)))
