# SPDX-License-Identifier: Apache-2.0
"""The auditor's view, headless, on folders in memory; waits end with a message of the app."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.message import Message
from textual.pilot import Pilot

from ceremony.core.bundle import LOG
from ceremony.core.canonical import JsonObject, encode
from ceremony.core.log import Tail
from ceremony.core.ports import Readable
from ceremony.core.record import Outcome, Record
from ceremony.errors import ExitCode
from ceremony.tui.view.app import ViewApp
from tests.fakes.folder import FakeFolder
from tests.fakes.room import CEREMONY
from tests.tui.stage import Keyboard

PUBLIC = "91e84908bdf14018caca1713df94d2531a9436be8de1acd2362f4647cfd5e2d7"
OPEN: JsonObject = {
    "mode": "production",
    "plan": {"name": "acme-root-2026", "kind": "genesis", "dialect": "notary", "facility": "Acme, vault room 2, Zurich"},
    "people": [{"name": "Ada Example", "role": "administrator"}, {"name": "Wim Example", "role": "witness"}],
}
TOKEN: JsonObject = {
    "name": "root-a", "serial": "5f3c21", "kind": "yubikey", "manufacturer": "Yubico", "model": "YubiKey 5 NFC FIPS",
    "firmware": "5.7.2", "label": "", "software": False, "module": "", "module_sha256": "",
}  # fmt: skip
INVENTORY: JsonObject = {
    "root_keys": [
        {
            "role": "root",
            "algorithm": "ecdsa-p256",
            "bits": 256,
            "public_sha256": PUBLIC,
            "device": TOKEN,
            "settings": {
                "custody": "token-only",
                "made": "on the token",
                "attested": True,
                "slot": "9c",
                "firmware": "5.7.2",
                "pinned": True,
                "attributes": None,
            },
        }
    ],
    "repository_keys": {
        "docker.io/acme/app": {"role": "targets", "algorithm": "ecdsa-p256", "id": "ab12", "public_sha256": "1" * 64, "made_here": True},
        "docker.io/acme/web": {"role": "targets", "algorithm": "ed25519", "id": "cd34", "public_sha256": "2" * 64, "made_here": False},
    },
}  # fmt: skip
RECORDS: tuple[tuple[str, str, JsonObject, Outcome], ...] = (
    ("open", "open", OPEN, Outcome.OK),
    ("begin", "preflight", {}, Outcome.OK),
    ("check", "preflight", {"name": "clocks", "saw": "apart by 94 s", "hint": "set them"}, Outcome.FAIL),
    ("end", "preflight", {"made": {}}, Outcome.OK),
    ("roll-call", "roll-call", {"name": "Wim Example", "role": "witness", "how": "key"}, Outcome.OK),
    ("medium", "volumes", {"role": "a", "serial": "4C530001", "model": "Kingston DataTraveler", "folder": False}, Outcome.OK),
    ("token", "tokens", TOKEN, Outcome.OK),
    ("login", "root-keys", {"token": "5f3c21", "retries_left": 2}, Outcome.FAIL),
    ("intent", "root-keys", {"action": "generate-key", "key": "5f3c21", "algorithm": "ecdsa-p256", "label": "acme"}, Outcome.PENDING),
    ("result", "root-keys", {"action": "generate-key", "key": "5f3c21", "public_sha256": PUBLIC}, Outcome.OK),
    ("deviation", "root-keys", {"expected": "a red seal", "happened": "a blue seal", "decided": "go on"}, Outcome.OK),
    ("stop", "root-keys", {"why": "people stopped the ceremony"}, Outcome.OK),
)  # fmt: skip


def log_of(*records: tuple[str, str, JsonObject, Outcome]) -> bytes:
    """Return a log that chains: kind, step, body, outcome of each record."""
    tail, lines = Tail(), []
    for seq, (kind, step, body, outcome) in enumerate(records):
        record = Record(
            ceremony=CEREMONY, seq=seq, prev=tail.last, salt="5a" * 16, utc=f"2026-11-19T09:{seq // 60 % 60:02}:{seq % 60:02}.000000Z",
            mono_ns=seq, boot="b", kind=kind, step=step, actor="Ada Example", recorded_by="Ada Example", outcome=outcome, body=body,
        )  # fmt: skip
        lines.append(record.line())
        tail = tail.follow(record, lines[-1])
    return b"".join(lines)


def a_folder(log: bytes | None = None, **more: bytes) -> FakeFolder:
    """Return a folder that looks like a ceremony's, and does not verify."""
    files = {
        LOG: log_of(*RECORDS) if log is None else log,
        "evidence/inventory.json": encode(INVENTORY),
        "README.txt": b"Read me.\n",
    }
    return FakeFolder("folder", {**files, **more})


class Show(Keyboard):
    """The view while it runs, and the pilot at its keyboard."""

    def __init__(self, app: ViewApp, pilot: Pilot[ExitCode], woken: asyncio.Event) -> None:
        super().__init__(app, pilot, woken)
        self.app = app

    def lines(self, part: str) -> list[str]:
        """Return the lines of the screen that hold `part`."""
        return [line for line in self.text().splitlines() if part in line]


def make_view(folder: Readable) -> ViewApp:
    """Return the app on a folder in memory."""
    sizes = {path: len(data) for path, data in folder.files.items()} if isinstance(folder, FakeFolder) else {LOG: 1}
    return ViewApp(folder, sizes, name="/media/courier/ceremony.tar")


@asynccontextmanager
async def on_view(folder: Readable, *, size: tuple[int, int] = (80, 24), judged: bool = True) -> AsyncIterator[Show]:
    """Show a folder; wait until it was judged."""
    woken = asyncio.Event()

    def wake(_message: Message) -> None:
        woken.set()

    app = make_view(folder)
    async with app.run_test(size=size, message_hook=wake) as pilot:
        show = Show(app, pilot, woken)
        if judged:
            await show.until(lambda: app.verdict is not None)
        yield show
