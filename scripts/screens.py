# SPDX-License-Identifier: Apache-2.0
"""Hold whole rehearsals before a camera: each screen of the guide becomes an SVG.

    scripts/screens [FOLDER]        default docs/screens

They are of the example plans of a rotation and of a genesis, on throw-away tokens; a short one is on virtual YubiKeys
(`screens_yubikey`). Every run has other keys and digests, so every run draws other pictures of the same
screens.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import screens_yubikey
from camera import SIZE, Camera, People, hold

from ceremony.cli import rehearse, stage
from ceremony.cli.folder import open_folder
from ceremony.cli.plan_files import EXAMPLE, judge, load_plan
from ceremony.cli.practice import Rehearsal
from ceremony.cli.practice_request import practice_request
from ceremony.cli.practice_subject import Given, judged
from ceremony.core.plan import Mode
from ceremony.core.script import script
from ceremony.devices import softhsm
from ceremony.steps.opening import Inputs
from ceremony.tui.view.app import ViewApp


class Everybody(People):
    """The people of the example plan; each screen is drawn as it comes, before they answer."""

    wrong = True
    """Whether the first PIN is still to be typed wrong."""

    async def compare(self, _modal: Any, key: str) -> None:
        if "request" in key:
            await self._own_screens()
        await self.camera.press("1", "2", "1", "2", "1")
        await self.camera.take("compare-gate" if "gate" in key else "compare-head" if "head" in key else "compare")
        await self.camera.press("2", *("1", "2") * 6, "y")

    async def _own_screens(self) -> None:
        """Take what people open themselves: help, a deviation, the state, the question whether to stop."""
        for key, name in {"f1": "help", "f8": "deviation", "f9": "state", "ctrl+q": "stop"}.items():
            await self.camera.press(key)
            await self.camera.take(name)
            await self.camera.press("escape")

    async def show_secret(self, _modal: Any, _key: str) -> None:
        await self.camera.take("secret-cover")
        await self.camera.press("enter", "enter")
        await self.camera.take("secret-written")
        await self.camera.press("enter")

    async def secret(self, modal: Any, key: str) -> None:
        await self.camera.take("pin" if key.startswith("pin:") else "passphrase")
        if key.startswith("pin:") and self.wrong:
            self.wrong = False
            await self.camera.type("0000")
        else:
            await super().secret(modal, key)

    async def confirm(self, modal: Any, key: str) -> None:
        await self.camera.take({"token": "token", "retry": "wrong-pin", "check": "check"}[key.partition(":")[0]])
        await super().confirm(modal, key)

    async def word(self, modal: Any, key: str) -> None:
        await self.camera.take("irreversible")
        await super().word(modal, key)

    async def review(self, _modal: Any, _key: str) -> None:
        await self.camera.take("review")
        await self.camera.press("j")
        await self.camera.take("review-json")
        await self.camera.press("j", *("down",) * 40, "tab", "down")
        await self.camera.take("review-repositories")
        await self.camera.press("y")

    async def choose(self, modal: Any, key: str) -> None:
        assert not key.startswith("error:"), modal._error
        if not key.startswith("custody:"):
            await self.camera.take("answer")
        elif key == "custody:b":
            await self.camera.take("custody")
        await super().choose(modal, key)

    async def end(self, _modal: Any, _key: str) -> None:
        for page in ("end", "end-head", "end-next"):
            await self.camera.take(page)
            await self.camera.press("tab")
        await self.camera.press("enter")


class Stolen(People):
    """The people of the example of a rotation: what they read of the stolen keys is drawn, and what changes."""

    async def study(self, modal: Any, key: str) -> None:
        await self.camera.take(key)
        await super().study(modal, key)

    async def review(self, modal: Any, key: str) -> None:
        await self.camera.take("review-changes")
        await super().review(modal, key)


async def example(folder: Path) -> Path:
    """Hold the example plan; return its ceremony folder."""
    plan, approvals = load_plan(EXAMPLE)
    rehearsal = Rehearsal(Path("rehearsal"))
    chosen = rehearse.set_stage(rehearsal, plan, None)
    request = practice_request(plan)
    warnings = judge(plan, now=datetime.now(UTC), mode=Mode.PRACTICE)
    modules = stage.module_digests([softhsm.find_module()])
    papers = script(plan, chosen.steps, warnings)
    inputs = Inputs(chosen.site, papers, approvals, request, modules, ("throw-away keys and tokens",), substituted_request=True)
    await hold(chosen, inputs, folder, Everybody)
    return rehearsal.ceremony


async def rotation(folder: Path) -> None:
    """Hold the example of a rotation, on a fleet that is made up."""
    now = datetime.now(UTC)
    plan, _ = load_plan(EXAMPLE.with_name("rotation.toml"))
    rehearsal = Rehearsal(Path("rotation"))
    given = judged(Given(plan, None, {}, None, hardware=False), now)
    chosen, subject = rehearse.set_subject(rehearse.set_stage(rehearsal, plan, None), rehearsal, given, None, now)
    modules = stage.module_digests([softhsm.find_module()])
    papers = script(subject.plan, chosen.steps, judge(plan, now=now, mode=Mode.PRACTICE))
    inputs = Inputs(
        chosen.site, papers, {}, subject.request, modules, subject.substitutions, subject.made_up, trusted_root=subject.trusted
    )
    await hold(chosen, inputs, folder, Stolen)


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
        asyncio.run(screens_yubikey.prepared(folder))
        asyncio.run(rotation(folder))
        ceremony = asyncio.run(example(folder))
        asyncio.run(look(ceremony, folder))
        os.chdir("/")
    print(*sorted(path.name for path in folder.glob("*.svg")), sep="\n")


if __name__ == "__main__":
    main()
