# SPDX-License-Identifier: Apache-2.0
"""What draws a ceremony's screens: a camera, people who answer every question, and the walk from the first one to the last.

Textual's Pilot presses the keys. What is shown to one person alone is not drawn.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from ceremony.cli import stage
from ceremony.steps.opening import Inputs, open_ceremony
from ceremony.tui.app import CeremonyApp
from ceremony.tui.modals.base import QuestionModal
from ceremony.tui.modals.choose import ChooseModal
from ceremony.tui.modals.compare import CompareModal
from ceremony.tui.modals.confirm import ConfirmModal, ConfirmWordModal
from ceremony.tui.modals.end import EndModal
from ceremony.tui.modals.review import ReviewModal
from ceremony.tui.modals.secret import SecretModal
from ceremony.tui.modals.show_secret import ShowSecretModal
from ceremony.tui.modals.study import StudyModal
from ceremony.tui.modals.text import TextModal

SIZE = (100, 30)
FOREIGN = re.compile(r"@font-face \{.*?\}\s*|<!--.*?-->\s*", re.DOTALL)
"""Fonts from a server, and whose program drew it."""


class Camera:
    """Presses the keys of a ceremony and takes a picture where the guide needs one, once each."""

    def __init__(self, app: Any, pilot: Pilot[Any], folder: Path) -> None:
        self._app, self._pilot, self._folder = app, pilot, folder
        self.taken: list[str] = []

    async def take(self, name: str) -> None:
        """Draw the screen into NAME.svg; fonts come from the reader's machine, not from a server."""
        await self._pilot.pause()
        if name not in self.taken:
            self.taken.append(name)
            drawing = FOREIGN.sub("", self._app.export_screenshot(title="ceremony"))
            (self._folder / f"{name}.svg").write_text(drawing.replace("Fira Code", "DejaVu Sans Mono"), encoding="utf-8")

    async def press(self, *keys: str) -> None:
        """Press keys."""
        await self._pilot.press(*keys)
        await self._pilot.pause()

    async def type(self, text: str) -> None:
        """Type a line."""
        await self.press(*("space" if char == " " else char for char in text), "enter")


class People:
    """Everybody in the room: what they do at each kind of question, from its key; by default what takes the ceremony on."""

    def __init__(self, app: CeremonyApp, camera: Camera, answers: Any) -> None:
        self.app, self.camera, self.answers = app, camera, answers
        self._reactions: dict[type, Callable[[Any, str], Awaitable[None]]] = {
            CompareModal: self.compare,
            ShowSecretModal: self.show_secret,
            SecretModal: self.secret,
            ConfirmModal: self.confirm,
            ConfirmWordModal: self.word,
            ReviewModal: self.review,
            StudyModal: self.study,
            TextModal: self.text,
            ChooseModal: self.choose,
            EndModal: self.end,
        }

    async def react(self) -> None:
        """Answer the question that is on the screen, if there is one."""
        modal = self.app.screen
        if isinstance(modal, QuestionModal | EndModal) and modal.size.width:
            key = modal._prompt.key if isinstance(modal, QuestionModal) else "end"
            await self._reactions[type(modal)](modal, key)

    async def compare(self, _modal: Any, _key: str) -> None:
        await self.camera.press(*("1", "2") * 8, "y")

    async def show_secret(self, _modal: Any, _key: str) -> None:
        await self.camera.press("enter", "enter", "enter")

    async def secret(self, _modal: Any, key: str) -> None:
        await self.camera.type(self.answers[key].text())

    async def confirm(self, _modal: Any, _key: str) -> None:
        await self.camera.press("enter")

    async def word(self, modal: Any, _key: str) -> None:
        await self.camera.type(modal._word)

    async def review(self, _modal: Any, _key: str) -> None:
        await self.camera.press(*("down",) * 40, "y")

    async def study(self, _modal: Any, _key: str) -> None:
        await self.camera.press("y")

    async def text(self, _modal: Any, _key: str) -> None:
        await self.camera.press("enter")

    async def choose(self, _modal: Any, _key: str) -> None:
        await self.camera.press("enter")

    async def end(self, _modal: Any, _key: str) -> None:
        await self.camera.press("tab", "tab", "enter")


async def hold(chosen: stage.Stage, inputs: Inputs, folder: Path, invited: Callable[[CeremonyApp, Camera, Any], People]) -> None:
    """Hold a rehearsal on the screens until it ends, before people who take pictures of it."""
    work, monitor = stage.staged(chosen, secrets.token_hex(16), lambda room: open_ceremony(room, inputs))
    app = CeremonyApp(
        title=stage.title(chosen),
        mode=chosen.mode,
        steps=chosen.steps,
        work=work,
        clock=lambda: datetime.now(UTC),
        monitor=monitor,
    )
    async with app.run_test(size=SIZE) as pilot:
        people = invited(app, Camera(app, pilot, folder), chosen.secrets.answers if chosen.secrets else {})
        while app.return_value is None:
            await pilot.pause(0.05)
            await people.react()
