# SPDX-License-Identifier: Apache-2.0
"""The one way into the auditor's view: `run_view` shows a folder on this terminal and returns the audit's exit code."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping

from ceremony.core import bundle
from ceremony.core.plan import Mode
from ceremony.core.ports import Readable
from ceremony.errors import CeremonyError, ExitCode
from ceremony.tui.terminal import check_terminal, leave, on_terminal
from ceremony.tui.view.app import LeaveAsked, ViewApp
from ceremony.tui.view.verdict import Auditor


def run_view(folder: Readable, sizes: Mapping[str, int], *, name: str, auditor: Auditor) -> ExitCode:
    """Show a ceremony folder, read-only, until people leave; return what the audit says.

    `sizes` is the length of each file in bytes, `name` how people know the folder, `auditor` judges it.
    Raises CeremonyError where no screen can be shown, and for a folder that holds no
    ceremony. INCOMPLETE when people leave before the audit has ended.
    """
    check_terminal(Mode.PRODUCTION, os.environ, tty=on_terminal())
    if bundle.LOG not in folder.names():
        raise CeremonyError(
            f"there is no {bundle.LOG} in this folder", hint="name the ceremony folder, or the tar that the courier carried"
        )
    app = ViewApp(folder, sizes, name=name, auditor=auditor)
    try:
        asyncio.run(_shown(app))
    finally:
        leave()
    return conclude(app)


def conclude(app: ViewApp) -> ExitCode:
    """Return the exit code of a view that was left, and say the verdict on stderr; raise what nobody foresaw."""
    if app.crash is not None:
        raise app.crash
    code = app.return_value if app.return_value is not None else ExitCode.INCOMPLETE
    said = app.verdict.word if app.verdict is not None else "left before the audit had ended"
    print(said, file=sys.stderr)  # noqa: T201 - the screen is gone; the verdict stays
    return code


async def _shown(app: ViewApp) -> None:
    """Run the app; an interrupt and the order to end are as the key that leaves."""
    loop = asyncio.get_running_loop()
    # Through the loop, which sleeps until something happens on it: nothing on this screen moves by itself.
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, lambda: app.post_message(LeaveAsked()))
    await app.run_async()
