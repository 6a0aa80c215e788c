# SPDX-License-Identifier: Apache-2.0
"""A stage for the tests: the real app, headless, a worker of the test's own, and waits that end with an event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from textual.app import App
from textual.message import Message
from textual.pilot import Pilot
from textual.screen import Screen

from ceremony.core.plan import Mode
from ceremony.core.ports import Monitor, Operator, Prompt, Watcher
from ceremony.core.procedure import StepInfo
from ceremony.errors import ExitCode
from ceremony.tui.app import CeremonyApp, Work
from ceremony.tui.messages import Outcome
from tests.tui.demo import STEPS

NOON = datetime(2026, 11, 19, 12, 0, 0, tzinfo=UTC)
PROMPT = Prompt("key", "A question", "Its detail.", "Ada Example")
PATIENCE = 20
"""Seconds after which a wait is a failure."""


class Keyboard:
    """An app while it runs, and the pilot at its keyboard."""

    def __init__(self, app: App[ExitCode], pilot: Pilot[ExitCode], woken: asyncio.Event) -> None:
        self.pilot = pilot
        self._shown = app
        self._woken = woken

    async def until(self, seen: Callable[[], bool]) -> None:
        """Wait until `seen`; looked at again after each message of the app."""
        async with asyncio.timeout(PATIENCE):
            await self.pilot.pause()
            while not seen():
                self._woken.clear()
                await self._woken.wait()
                await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        """Press keys."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Type a text."""
        await self.press(*("space" if char == " " else char for char in text))

    def text(self) -> str:
        """Return what is on the screen, as plain text."""
        return screen_text(self._shown)


class Show(Keyboard):
    """The ceremony's app while it runs, the pilot at its keyboard, and what the worker got."""

    def __init__(self, app: CeremonyApp, pilot: Pilot[ExitCode], woken: asyncio.Event, answers: list[object]) -> None:
        super().__init__(app, pilot, woken)
        self.app = app
        self.answers = answers

    async def modal(self, kind: type[Screen[Any]]) -> None:
        """Wait until a modal of this kind is on top, and laid out."""
        await self.until(lambda: isinstance(self.app.screen, kind) and self.app.screen.size.width > 0)

    async def outcome(self) -> Outcome:
        """Wait until the worker has ended."""
        async with asyncio.timeout(PATIENCE):
            return await asyncio.wrap_future(self.app.outcome)


def screen_text(app: App[Any]) -> str:
    """Return what is on the screen of an app, as plain text."""
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())


def make_app(
    work: Work,
    *,
    mode: Mode = Mode.PRACTICE,
    title: str = "acme-root-2026",
    steps: Sequence[StepInfo] = STEPS,
    monitor: Monitor | None = None,
) -> CeremonyApp:
    """Return an app with a clock that stands still."""
    return CeremonyApp(title=title, mode=mode, steps=steps, work=work, clock=lambda: NOON, monitor=monitor)


@asynccontextmanager
async def on_stage(
    *calls: Callable[[Operator], object],
    work: Work | None = None,
    size: tuple[int, int] = (80, 24),
    mode: Mode = Mode.PRACTICE,
    title: str = "acme-root-2026",
    monitor: Monitor | None = None,
) -> AsyncIterator[Show]:
    """Run the app; its worker makes `calls`, in order, and their results are the show's `answers`; or it does `work`."""
    answers: list[object] = []

    def make_calls(operator: Operator, _watcher: Watcher) -> ExitCode:
        answers.extend(call(operator) for call in calls)
        return ExitCode.DONE

    woken = asyncio.Event()

    def wake(_message: Message) -> None:
        woken.set()

    app = make_app(work or make_calls, mode=mode, title=title, monitor=monitor)
    async with app.run_test(size=size, message_hook=wake) as pilot:
        yield Show(app, pilot, woken, answers)
