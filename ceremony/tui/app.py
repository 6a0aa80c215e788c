# SPDX-License-Identifier: Apache-2.0
"""The app: puts the worker's questions, passes on what it says, and ends with it.

It knows no step and no device: the ceremony is `work`, a function over the two
ports, run in one worker thread. What the worker says arrives as the messages of
`messages`; only this app touches widgets. People's own screens (help, the state of
the ceremony, a deviation, the question whether to stop) come before a question of the
worker, which waits until they are closed, so that nobody answers what just appeared.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from textual import on
from textual.app import App, ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.filter import LineFilter, NoColor
from textual.screen import Screen
from textual.scrollbar import ScrollBar
from textual.widgets import Footer

from ceremony.core.chronicle import overview
from ceremony.core.plan import Mode
from ceremony.core.ports import Deviation, Monitor, Operator, Summary, Watcher
from ceremony.core.procedure import StepInfo
from ceremony.errors import CeremonyError, ExitCode
from ceremony.tui import messages
from ceremony.tui.ending import Facts, ending_panel
from ceremony.tui.messages import Outcome
from ceremony.tui.modals import modal_for
from ceremony.tui.modals.base import Modal, QuestionModal
from ceremony.tui.modals.deviation import DeviationModal
from ceremony.tui.modals.panel import PanelModal
from ceremony.tui.modals.state import StateModal
from ceremony.tui.modals.stop import StopModal
from ceremony.tui.operator import TuiOperator
from ceremony.tui.terminal import lent
from ceremony.tui.theme import THEME, WholeCells
from ceremony.tui.widgets import too_small
from ceremony.tui.widgets.frame import Frame
from ceremony.tui.widgets.keys import help_text

TALL = 38
"""Lines from which on a question does not cover what was told."""
LOOK_EVERY = 2
"""Seconds between two looks at the room."""

Work = Callable[[Operator, Watcher], ExitCode]


def _key(key: str, action: str, label: str, shown: str, tooltip: str, *, show: bool = True) -> Binding:
    """Return a key that works on every screen."""
    return Binding(key, action, label, key_display=shown, tooltip=tooltip, id=f"app.{action}.{key}", show=show, priority=True)


class CeremonyApp(App[ExitCode], inherit_bindings=False):
    """One ceremony on the screen; its result is the exit code."""

    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        _key("f1", "help", "Help", "F1", "Show the keys"),
        _key("f8", "deviation", "Deviation", "F8", "Record a deviation"),
        _key("f9", "state", "State", "F9", "Show the state of the ceremony"),
        _key("ctrl+q", "stop", "Stop", "Ctrl+Q", "Ask whether to stop"),
        _key("ctrl+c", "stop", "", "Ctrl+C", "The same", show=False),
        Binding("p,P", "pause", "Pause", key_display="P", tooltip="Hold long work, or let it go on", id="app.pause"),
    ]

    def __init__(
        self,
        *,
        title: str,
        mode: Mode,
        steps: Sequence[StepInfo],
        work: Work,
        clock: Callable[[], datetime],
        monitor: Monitor | None = None,
    ) -> None:
        super().__init__()
        self.operator = TuiOperator(self.post_message)
        self.outcome: Future[Outcome] = Future()
        """Set by the worker when it ends, whatever became of the screen."""
        self.summary: Summary | None = None
        """What the ceremony left, once it was closed."""
        self.lent = False
        """Whether another program has the terminal."""
        self._steps = len(steps)
        self._work = work
        self._monitor = monitor
        self._frame = Frame(title=title, mode=mode, steps=steps, clock=clock)
        self._waiting: deque[messages.Asked | messages.TerminalAsked] = deque()
        self._put: QuestionModal[Any] | None = None
        self._put_for: Future[Any] | None = None
        self._ended: Outcome | None = None
        self._leaving = False
        """Whether the process was told to end: then nobody is waited for."""

    @property
    def crash(self) -> Exception | None:
        """The error that ended the screen itself, if one did."""
        return self._exception

    def compose(self) -> ComposeResult:
        """The frame, the keys, and the notice for a terminal that is too small."""
        yield self._frame
        yield self._frame.touch
        yield Footer(show_command_palette=False)
        yield too_small.TooSmall()

    def on_mount(self) -> None:
        """Set the colours, look at the room, then let the ceremony begin."""
        ScrollBar.renderer = WholeCells
        self.register_theme(THEME)
        self.theme = THEME.name
        if self._monitor is not None:
            self._look()
            self.set_interval(LOOK_EVERY, self._look)
        self.run_worker(self._run_work, name="ceremony", group="ceremony", thread=True, exclusive=True, exit_on_error=False)

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

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Draw without any colour where NO_COLOR asks for it; Textual itself would draw in greys."""
        return [*super().get_line_filters(), *([NoColor()] if self.no_color else [])]

    def _fatal_error(self) -> None:
        # Textual would print a traceback with the values of all variables.
        self._close_messages_no_wait()

    # --- other threads ---

    def _run_work(self) -> None:
        try:
            outcome = Outcome(self._work(self.operator, self.operator))
        except CeremonyError as error:
            outcome = Outcome(error.exit_code, error)
        except BaseException as error:  # noqa: BLE001 - the worker's boundary (native panics too): shown, and raised again by `run_tui`
            outcome = Outcome(ExitCode.FAILED, error)
        self.outcome.set_result(outcome)
        self.post_message(messages.CeremonyEnded(outcome))

    def _look(self) -> None:
        monitor = self._monitor
        if monitor is not None and not self.outcome.done():
            report = partial(self._report, monitor)
            self.run_worker(report, name="monitor", group="monitor", thread=True, exclusive=True, exit_on_error=False)

    def _report(self, monitor: Monitor) -> None:
        self.post_message(messages.Gauged(tuple(monitor.look())))

    # --- what the worker says ---

    @on(messages.StepChanged)
    def show_step(self, message: messages.StepChanged) -> None:
        """Mark the step; show the one that runs now."""
        self._frame.step(message.name, message.state)
        self.refresh_bindings()

    @on(messages.Recorded)
    def show_record(self, message: messages.Recorded) -> None:
        """Show a line of the log."""
        self._frame.record(message.line)

    @on(messages.Told)
    def show_told(self, message: messages.Told) -> None:
        """Show what was told."""
        self._frame.tell(message.text)

    @on(messages.Gauged)
    def show_gauges(self, message: messages.Gauged) -> None:
        """Show how the room stands."""
        self._frame.gauges(message.gauges)

    @on(messages.Progressed)
    def show_progress(self, message: messages.Progressed) -> None:
        """Show how far the work is."""
        working = self._frame.status.working
        self._frame.status.progress(message.what, message.done, message.total)
        if working is not self._frame.status.working:
            self.refresh_bindings()

    @on(messages.WaitingStarted)
    def show_waiting(self, message: messages.WaitingStarted) -> None:
        """Show what is being waited for."""
        self._frame.wait_for(message)

    @on(messages.WaitingEnded)
    def hide_waiting(self, message: messages.WaitingEnded) -> None:
        """Take the wait away."""
        self._frame.waited(message.what)

    @on(messages.Closed)
    def take_summary(self, message: messages.Closed) -> None:
        """Keep what the ceremony left for the last screen."""
        self.summary = message.summary

    # --- questions ---

    @on(messages.Asked)
    def take_question(self, message: messages.Asked) -> None:
        """Put the question, now or as soon as people closed what they opened themselves."""
        self._waiting.append(message)
        self._put_next()

    @on(messages.TerminalAsked)
    def take_loan(self, message: messages.TerminalAsked) -> None:
        """Lend the terminal, now or as soon as people closed what they opened themselves."""
        self._waiting.append(message)
        self._put_next()

    @on(messages.Noticed)
    def take_notice(self, message: messages.Noticed) -> None:
        """Take away a question that was answered by itself, whether it is shown yet or not."""
        self._waiting = deque(asked for asked in self._waiting if asked.answer is not message.answer)
        if self._put is not None and self._put_for is message.answer:
            self._put.withdraw()

    @on(messages.Sighted)
    def take_sight(self, message: messages.Sighted) -> None:
        """Show what there is now in the question that is open, or keep it for when it is put."""
        for asked in self._waiting:
            if isinstance(asked, messages.Asked) and asked.answer is message.answer:
                question = asked.question
                if isinstance(question, messages.Choose | messages.Await):
                    asked.question = replace(question, options=message.options)
        if self._put is not None and self._put_for is message.answer:
            self._put.sight(message.options)

    def _put_next(self) -> None:
        if len(self.screen_stack) > 1:
            return
        if self._ended is not None:
            self._show_end(self._ended)
        elif self._waiting and not self.operator.stopping:
            asked = self._waiting.popleft()
            if isinstance(asked, messages.TerminalAsked):
                self._lend(asked)
            else:
                self._show_question(asked)

    def _lend(self, asked: messages.TerminalAsked) -> None:
        """Take the screen away, and hold still until the worker gives the terminal back."""
        try:
            with self.suspend(), lent(asked.what):
                self.lent = True
                self.operator.complete(asked.answer, None)
                if asked.answer.exception() is None:  # else people stopped before, and nobody gives it back
                    asked.back.wait()
        except SuspendNotSupported:
            refusal = CeremonyError(
                "this screen has no terminal to lend", hint="start the program on the computer's own terminal"
            )
            self.operator.complete(asked.answer, refusal)
        finally:
            self.lent = False

    def _show_question(self, asked: messages.Asked) -> None:
        self._put, self._put_for = modal_for(asked.question), asked.answer
        self._put.said, self._frame.said = self._frame.said, ""
        self._open(self._put, lambda answer: self._answered(asked, answer))

    def _answered(self, asked: messages.Asked, answer: object) -> None:
        self._put = self._put_for = None
        self.operator.complete(asked.answer, answer)
        self._put_next()

    def _open(self, modal: Modal[Any], then: Callable[[Any], None]) -> None:
        self.push_screen(modal, then)
        self._fit(modal)

    # --- what people ask for ---

    def _free(self) -> bool:
        """Whether people may open a screen of their own: one at a time, over a question or none."""
        return self.screen is self._put or len(self.screen_stack) == 1

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to pause while there is long work, and to go on wherever it is paused."""
        if action == "pause":
            return self._frame.status.working or self.operator.paused
        return super().check_action(action, parameters)

    def action_help(self) -> None:
        """Show the keys that work now."""
        if self._free():
            here = [active.binding for active in self.screen.active_bindings.values()]
            everywhere = [binding for binding in self.BINDINGS if isinstance(binding, Binding)]
            self.call_next(self._open, PanelModal("Keys", help_text([*here, *everywhere])), lambda _: self._put_next())

    def action_state(self) -> None:
        """Show the state of the ceremony, as its log tells it; take it away when it is shown."""
        if isinstance(self.screen, StateModal):
            self.screen.action_close()
        elif self._free():
            self.call_next(self._open, StateModal(overview(self._frame.state)), lambda _: self._put_next())

    def action_pause(self) -> None:
        """Hold long work at its next report, or let it go on."""
        paused = not self.operator.paused
        self.operator.pause(paused=paused)
        self._frame.status.pause(paused=paused)

    def action_deviation(self) -> None:
        """Take down a deviation."""
        if self._free() and not self.outcome.done():
            self.call_next(self._open, DeviationModal(), self._noted)

    def _noted(self, deviation: Deviation | None) -> None:
        if deviation is not None:
            self.operator.note(deviation)
            self._frame.tell(f"Deviation noted, it is recorded with what follows: {deviation.happened}")
        self._put_next()

    def action_stop(self) -> None:
        """Ask whether to stop."""
        if self.operator.stopping:
            self._frame.tell("The ceremony is stopping: what runs now is finished first.")
        elif not isinstance(self.screen, StopModal) and not self.outcome.done():
            self.call_next(self._open, StopModal(), self._decided)

    def _decided(self, stop: bool | None) -> None:
        if stop:
            self._frame.tell("Stopping: what runs now is finished first.")
            self.operator.stop()
            self._put = self._put_for = None
            for _ in self.screen_stack[1:]:
                self.pop_screen()
        self._put_next()

    @on(messages.StopAsked)
    def take_signal(self) -> None:
        """Treat a signal as the key."""
        self.action_stop()

    @on(messages.EndAsked)
    def take_order(self) -> None:
        """Stop without a question, and leave once the stop is recorded."""
        self._leaving = True
        if not self.outcome.done():
            self._decided(stop=True)
        elif self._ended is not None:
            self.exit(self._ended.code, return_code=int(self._ended.code))

    # --- the end ---

    @on(messages.CeremonyEnded)
    def take_end(self, message: messages.CeremonyEnded) -> None:
        """Show how it ended, now or as soon as people closed what they opened themselves."""
        self._ended = message.outcome
        self._put_next()

    def _show_end(self, outcome: Outcome) -> None:
        facts = Facts(len(self._frame.finished), self._steps, self._frame.records, tuple(self.operator.deviations()))
        if self._leaving:
            self.exit(outcome.code, return_code=int(outcome.code))
            return
        panel = ending_panel(outcome, facts, self.summary)
        self._open(panel, lambda _: self.exit(outcome.code, return_code=int(outcome.code)))
