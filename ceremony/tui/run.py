# SPDX-License-Identifier: Apache-2.0
"""The one way into the screens: `run_tui` holds a ceremony on this terminal and returns its exit code.

    run_tui(title="acme-root-2026 genesis", mode=Mode.PRACTICE, steps=steps, work=lambda operator, watcher: ...)

It refuses where no screen can be shown, and where the screen library's own
variables would record keys or screens. What the ceremony is, it does not know.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from ceremony.core.plan import Mode
from ceremony.core.procedure import StepInfo
from ceremony.errors import CeremonyError, ExitCode
from ceremony.tui.app import CeremonyApp, Work
from ceremony.tui.ending import last_words
from ceremony.tui.messages import StopAsked

RECORDERS = ("TEXTUAL", "TEXTUAL_LOG", "TEXTUAL_DEBUG", "TEXTUAL_SCREENSHOT", "TEXTUAL_PRESS", "TEXTUAL_DRIVER")
"""Variables with which the screen library writes keys or screens to a file, or presses keys by itself."""


def run_tui(
    *,
    title: str,
    mode: Mode,
    steps: Sequence[StepInfo],
    work: Work,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ExitCode:
    """Hold the ceremony that `work` walks through, on this terminal; return what it ended with.

    `work` runs in a thread of its own; what it raises is shown: a CeremonyError
    gives its exit code, any other error is raised again after it was shown.
    Raises CeremonyError where no screen can be shown.
    """
    check_terminal(mode, os.environ, tty=all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)))
    app = CeremonyApp(title=title, mode=mode, steps=steps, work=work, clock=clock)
    with _interrupts_ask(app):
        app.run()
    return conclude(app)


def check_terminal(mode: Mode, environ: Mapping[str, str], *, tty: bool) -> None:
    """Raise CeremonyError unless a screen can be shown here, and nothing records it."""
    if not tty or environ.get("TERM", "dumb") in {"", "dumb", "unknown"}:
        other = ", or let it answer itself with --auto" if mode is Mode.PRACTICE else ""
        raise CeremonyError(
            "there is no terminal to show the ceremony on", hint=f"start it in a terminal, without redirection{other}"
        )
    for name in RECORDERS:
        if name in environ:
            raise CeremonyError(
                f"the variable {name} is set, with which keys and screens could be recorded", hint=f"unset {name}"
            )


def conclude(app: CeremonyApp) -> ExitCode:
    """Return the exit code of an app that has ended, and say on stderr how it ended; raise what nobody foresaw."""
    if app.crash is not None:
        raise app.crash
    outcome = app.outcome.result(timeout=0)
    if outcome.unexpected is not None:
        raise outcome.unexpected
    print(last_words(outcome), file=sys.stderr)  # noqa: T201 - the screen is gone; these words stay
    return outcome.code


@contextmanager
def _interrupts_ask(app: CeremonyApp) -> Iterator[None]:
    before = signal.signal(signal.SIGINT, lambda _signal, _frame: app.post_message(StopAsked()))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
