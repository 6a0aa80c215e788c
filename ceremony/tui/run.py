# SPDX-License-Identifier: Apache-2.0
"""The one way into the screens: `run_tui` holds a ceremony on this terminal and returns its exit code.

    run_tui(title="acme-root-2026 genesis", mode=Mode.PRACTICE, steps=steps, work=lambda operator, watcher: ...)

What the ceremony is, it does not know. Where no screen can be shown, it refuses (see `terminal`).
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType

from ceremony.core.plan import Mode
from ceremony.core.ports import Monitor
from ceremony.core.procedure import StepInfo
from ceremony.errors import ExitCode
from ceremony.tui.app import CeremonyApp, Work
from ceremony.tui.ending import last_words
from ceremony.tui.messages import EndAsked, StopAsked
from ceremony.tui.terminal import check_terminal, leave, on_terminal


def run_tui(
    *,
    title: str,
    mode: Mode,
    steps: Sequence[StepInfo],
    work: Work,
    monitor: Monitor | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ExitCode:
    """Hold the ceremony that `work` walks through, on this terminal; return what it ended with.

    `work` runs in a thread of its own; what it raises is shown: a CeremonyError
    gives its exit code, any other error is raised again after it was shown. `monitor`
    is looked at all the time, in another thread.
    Raises CeremonyError where no screen can be shown.
    """
    check_terminal(mode, os.environ, tty=on_terminal())
    app = CeremonyApp(title=title, mode=mode, steps=steps, work=work, clock=clock, monitor=monitor)
    try:
        with _signals_ask(app):
            app.run()
    finally:
        leave()
    return conclude(app)


def conclude(app: CeremonyApp) -> ExitCode:
    """Return the exit code of an app that has ended, and say on stderr how it ended; raise what nobody foresaw."""
    if app.crash is not None:
        raise app.crash
    outcome = app.outcome.result(timeout=0)
    if outcome.unexpected is not None:
        raise outcome.unexpected
    print(last_words(outcome, app.summary), file=sys.stderr)  # noqa: T201 - the screen is gone; these words stay
    return outcome.code


@contextmanager
def _signals_ask(app: CeremonyApp) -> Iterator[None]:
    """Treat an interrupt as the key that asks, and the order to end as people's decision to stop: it is recorded, too."""

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if app.lent and number != signal.SIGINT:
            os.killpg(0, signal.SIGINT)  # as the key that ends the program which has the terminal
        if number == signal.SIGHUP:
            _end_without_terminal(app)
        else:
            app.post_message(StopAsked() if number == signal.SIGINT else EndAsked())

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_without_terminal(app: CeremonyApp) -> None:
    """Stop, and end the process once the stop is recorded: the screen library waits for ever for a terminal that is gone."""
    app.operator.stop()
    app.outcome.add_done_callback(lambda ended: os._exit(ended.result().code))
