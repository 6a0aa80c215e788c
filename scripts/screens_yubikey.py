# SPDX-License-Identifier: Apache-2.0
"""The screens of YubiKeys: two virtual ones in this process are prepared, make their root keys, and misbehave; then people stop.

root-a comes with a blocked PIN, root-b with a key in its slot; root-b is pulled while it attests its key.
`screens.py` draws these with the others; alone: python scripts/screens_yubikey.py FOLDER
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from camera import People, hold
from textual.css.query import NoMatches
from yubikit.core.smartcard import SmartCardConnection
from yubikit.piv import KEY_TYPE, MANAGEMENT_KEY_TYPE, SLOT, InvalidPinError, PivSession

from ceremony.cli import rehearse
from ceremony.cli.plan_files import EXAMPLE, judge, load_authorities, load_plan, load_site
from ceremony.cli.practice import Rehearsal
from ceremony.cli.practice_request import practice_request
from ceremony.core.plan import Mode
from ceremony.core.plan_support import site_authorities
from ceremony.core.script import script
from ceremony.core.secret import Secret
from ceremony.devices.rack import SiteRack
from ceremony.devices.yubikey_pcsc import Reader
from ceremony.steps.opening import Inputs
from ceremony.tui.modals.wait import AwaitModal
from ceremony.tui.widgets.touch import TouchPanel

SERIALS = {"root-a": 20461001, "root-b": 20461002}
FACTORY_KEY = bytes(range(1, 9)) * 3
PIN, PUK, MANAGEMENT_KEY = "482916", "73019265", bytes(range(100, 124))
ATTEST = 0xF9
ROOT = str(Path(__file__).resolve().parent.parent)
CHANGES = (
    ('tokens = ["root-a", "root-b", "root-c"]', 'tokens = ["root-a", "root-b"]'),
    ("threshold = 2", "threshold = 1"),
    ('custody = "token-wrapped"', 'custody = "token-only"'),
)
"""What makes the example plan one for them."""


class Finger:
    """A finger that touches when it is told to; False is no finger at all."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def __call__(self) -> bool:
        self._asked.clear()
        return self._asked.wait(10)

    def touch(self) -> None:
        """Touch."""
        self._asked.set()


class Custodians(People):
    """Those who prepare two YubiKeys."""

    def __init__(self, app: Any, camera: Any, answers: Any, cards: dict[str, Any]) -> None:
        super().__init__(app, camera, answers)
        self._cards = cards
        self._reactions[AwaitModal] = self.wait

    async def react(self) -> None:
        """Answer, and touch what asks for it: root-a in time, root-b at the second time only."""
        await super().react()
        try:
            panel = self.app.query_one(TouchPanel)
        except NoMatches:  # while another screen is on top
            return
        if panel.display:
            await asyncio.sleep(3)
            await self.camera.take("touch")
            for card in self._cards.values():
                card.finger.touch()

    async def compare(self, modal: Any, key: str) -> None:
        if key == "compare:root:root-a":
            await self.camera.take("attested")
        if key == "compare:root:root-b":
            await self.camera.press("ctrl+q", "y")
        else:
            await super().compare(modal, key)

    async def confirm(self, modal: Any, key: str) -> None:
        if key == "check:prepare":
            await self.camera.take("prepared")
        await super().confirm(modal, key)

    async def word(self, modal: Any, key: str) -> None:
        shown = {"wipe:root-b": "wipe", "factory:root-b": "factory"}
        if key in shown:
            await self.camera.take(shown[key])
        await super().word(modal, key)

    async def choose(self, modal: Any, key: str) -> None:
        shown = {"blocked:root-a": "blocked", "occupied:root-b": "occupied", "new-pin:root-b": "new-pin"}
        if key in shown:
            await self.camera.take(shown[key])
        if key.startswith("error:"):
            await self.camera.take("pulled")
        await self.camera.press(*("down",) * (key in {"blocked:root-a", "occupied:root-b"}), "enter")

    async def wait(self, _modal: Any, _key: str) -> None:
        """Put the pulled card back."""
        await self.camera.take("put-in")
        self._cards["root-b"].insert()
        await asyncio.sleep(2)


def _begun(card: Any, connect: Callable[[Any], SmartCardConnection], *, blocked: bool) -> Any:
    """Return a card that has been used: with a key in its slot, or with secrets of its own and a blocked PIN."""
    connection = connect(card)
    piv = PivSession(connection)
    piv.authenticate(FACTORY_KEY)
    if blocked:
        piv.change_pin("123456", PIN)
        piv.change_puk("12345678", PUK)
        piv.set_management_key(MANAGEMENT_KEY_TYPE.AES192, MANAGEMENT_KEY)
        while True:
            try:
                piv.verify_pin("000000")
            except InvalidPinError as error:
                if not error.attempts_remaining:
                    break
    else:
        piv.generate_key(SLOT.SIGNATURE, KEY_TYPE.ECCP256)
    connection.close()
    card.finger = Finger()
    return card


def _written(authority: bytes) -> tuple[Path, Path]:
    """Write the plan, the site file and the authority's certificates; return the paths of the first two."""
    folder = Path("yubikeys")
    shutil.copytree(EXAMPLE.parent, folder)
    plan = folder / EXAMPLE.name
    text = plan.read_text(encoding="utf-8")
    for before, after in CHANGES:
        assert before in text, before
        text = text.replace(before, after, 1)
    plan.write_text(text, encoding="utf-8")
    (folder / "authorities.pem").write_bytes(authority)
    tokens = "".join(f'[tokens.{name}]\nyubikey = {serial}\nslot = "9c"\n' for name, serial in SERIALS.items())
    site = folder / "site.toml"
    site.write_text(f'yubico-roots = "authorities.pem"\n{tokens}', encoding="utf-8")
    return plan, site


async def prepared(folder: Path) -> None:
    """Draw the screens of YubiKeys into `folder`."""
    sys.path.append(ROOT)
    from tests.fakes.yubikey import Authority, VirtualYubiKey, When, connection
    from tests.fakes.yubikey import Reader as VirtualReader

    authority = Authority()
    cards = {
        name: _begun(VirtualYubiKey(serial, authority=authority), connection, blocked=name == "root-a")
        for name, serial in SERIALS.items()
    }
    cards["root-b"].fault(ATTEST, When.BEFORE)
    plugs = {name: partial(connection, VirtualReader(card)) for name, card in cards.items()}

    def readers() -> list[Reader]:
        return [Reader(f"Yubico YubiKey CCID {name}", plug) for name, plug in plugs.items() if cards[name].inserted]

    plan_path, site_path = _written(authority.pem)
    (plan, approvals), site = load_plan(plan_path), load_site(site_path)
    brought = load_authorities(site_path, site)
    chosen = rehearse.set_stage(
        Rehearsal(Path("rehearsal-yubikeys")), plan, site, site_authorities(plan, site, brought, Mode.PRACTICE)
    )
    chosen = replace(chosen, rack=SiteRack(site.tokens, readers=readers))
    assert chosen.secrets is not None
    chosen.secrets.answers |= {"puk:root-a": Secret(PUK), "management-key:root-a": Secret(MANAGEMENT_KEY.hex())}
    papers = script(plan, chosen.steps, judge(plan, now=datetime.now(UTC), mode=Mode.PRACTICE))
    inputs = Inputs(
        chosen.site,
        papers,
        approvals,
        practice_request(plan),
        {},
        ("throw-away keys",),
        substituted_request=True,
        authorities=brought,
    )
    await hold(chosen, inputs, folder, partial(Custodians, cards=cards))


if __name__ == "__main__":
    there = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory(prefix="ceremony-screens-") as name:
        os.chdir(name)
        asyncio.run(prepared(there))
        os.chdir("/")
