# SPDX-License-Identifier: Apache-2.0
"""Hold a whole rehearsal of the example plan before a camera: each screen of the guide becomes an SVG.

    scripts/screens [FOLDER]        default docs/screens

The ceremony is real, on throw-away tokens; Textual's Pilot presses the keys. Every run has other
keys and digests, so every run draws other pictures of the same screens. What is shown to one person
alone is not drawn.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from ceremony.cli import rehearse, stage
from ceremony.cli.folder import open_folder
from ceremony.cli.plan_files import EXAMPLE, judge, load_plan
from ceremony.cli.practice import Rehearsal
from ceremony.cli.practice_request import practice_request
from ceremony.core.plan import Mode
from ceremony.core.script import script
from ceremony.devices import softhsm
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
from ceremony.tui.view.app import ViewApp

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
        await self._pilot.press(*keys)
        await self._pilot.pause()

    async def type(self, text: str) -> None:
        await self.press(*("space" if char == " " else char for char in text), "enter")

    async def own_screens(self) -> None:
        """Take what people open themselves: help, a deviation, the state, the question whether to stop."""
        for key, name in {"f1": "help", "f8": "deviation", "f9": "state", "ctrl+q": "stop"}.items():
            await self.press(key)
            await self.take(name)
            await self.press("escape")


class People:
    """Everybody in the room: what they do at each kind of question."""

    def __init__(self, app: CeremonyApp, camera: Camera, answers: Any) -> None:
        self._app, self._camera, self._answers = app, camera, answers
        self._wrong = True
        self._reactions: dict[type, Callable[[Any, str], Awaitable[None]]] = {
            CompareModal: self._compare,
            ShowSecretModal: self._show_secret,
            SecretModal: self._secret,
            ConfirmModal: self._confirm,
            ConfirmWordModal: self._word,
            ReviewModal: self._review,
            ChooseModal: self._choose,
            EndModal: self._end,
        }

    async def react(self, modal: QuestionModal[Any] | EndModal) -> None:
        """Answer the question that is on the screen."""
        key = modal._prompt.key if isinstance(modal, QuestionModal) else "end"
        await self._reactions[type(modal)](modal, key)

    async def _compare(self, _modal: Any, key: str) -> None:
        if "request" in key:
            await self._camera.own_screens()
        await self._camera.press("1", "2", "1", "2", "1")
        await self._camera.take("compare" if "head" not in key else "compare-head")
        await self._camera.press("2", *("1", "2") * 6, "y")

    async def _show_secret(self, _modal: Any, _key: str) -> None:
        await self._camera.take("secret-cover")
        await self._camera.press("enter", "enter")
        await self._camera.take("secret-written")
        await self._camera.press("enter")

    async def _secret(self, _modal: Any, key: str) -> None:
        await self._camera.take("pin" if key.startswith("pin:") else "passphrase")
        if key.startswith("pin:") and self._wrong:
            self._wrong = False
            await self._camera.type("0000")
        else:
            await self._camera.type(self._answers[key].text())

    async def _confirm(self, _modal: Any, key: str) -> None:
        await self._camera.take({"token": "token", "retry": "wrong-pin", "check": "check"}[key.partition(":")[0]])
        await self._camera.press("enter")

    async def _word(self, modal: Any, _key: str) -> None:
        await self._camera.take("irreversible")
        await self._camera.type(modal._word)

    async def _review(self, _modal: Any, _key: str) -> None:
        await self._camera.take("review")
        await self._camera.press("j")
        await self._camera.take("review-json")
        await self._camera.press("j", *("down",) * 40, "tab", "down")
        await self._camera.take("review-repositories")
        await self._camera.press("y")

    async def _choose(self, _modal: Any, key: str) -> None:
        await self._camera.take("error" if key.startswith("error:") else "answer")
        await self._camera.press("enter")

    async def _end(self, _modal: Any, _key: str) -> None:
        for page in ("end", "end-head", "end-next"):
            await self._camera.take(page)
            await self._camera.press("tab")
        await self._camera.press("enter")


async def hold(folder: Path) -> Path:
    """Hold the rehearsal; return its ceremony folder."""
    plan, approvals = load_plan(EXAMPLE)
    rehearsal = Rehearsal(Path("rehearsal"))
    chosen = rehearse.set_stage(rehearsal, plan, None)
    request = practice_request(plan)
    warnings = judge(plan, now=datetime.now(UTC), mode=Mode.PRACTICE)
    modules = stage.module_digests([softhsm.find_module()])
    papers = script(plan, chosen.steps, warnings)
    inputs = Inputs(chosen.site, papers, approvals, request, modules, ("throw-away keys and tokens",), substituted_request=True)
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
        camera = Camera(app, pilot, folder)
        people = People(app, camera, chosen.secrets.answers if chosen.secrets else {})
        while app.return_value is None:
            await pilot.pause(0.05)
            if isinstance(app.screen, QuestionModal | EndModal) and app.screen.size.width:
                await people.react(app.screen)
    return rehearsal.ceremony


async def look(ceremony: Path, folder: Path) -> None:
    """Look at the finished folder as an auditor does."""
    with open_folder(ceremony) as reader:
        app = ViewApp(reader, reader.sizes, name=reader.name)
        async with app.run_test(size=SIZE) as pilot:
            camera = Camera(app, pilot, folder)
            await app.workers.wait_for_complete()
            for key, name in {"1": "view-verdict", "2": "view-timeline", "3": "view-keys"}.items():
                await camera.press(key)
                await camera.take(name)


def main() -> None:
    """Draw everything."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[1] / "docs/screens").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ceremony-screens-") as name:
        os.chdir(name)
        ceremony = asyncio.run(hold(folder))
        asyncio.run(look(ceremony, folder))
        os.chdir("/")
    print(*sorted(path.name for path in folder.glob("*.svg")), sep="\n")


if __name__ == "__main__":
    main()
