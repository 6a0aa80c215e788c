# SPDX-License-Identifier: Apache-2.0
"""A rehearsal for the benchmarks: one P-256 root on SoftHSM, as many repositories as asked for, held up to a step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ceremony.cli import rehearse, stage
from ceremony.cli.headless import HeadlessOperator
from ceremony.cli.practice import Rehearsal
from ceremony.cli.practice_request import practice_request
from ceremony.core.bundle import LOG
from ceremony.core.plan import Plan
from ceremony.core.plan_reader import read_plan
from ceremony.core.ports import Differences, Option, Prompt, Summary
from ceremony.core.secret import Secret
from ceremony.steps import runner
from ceremony.steps.opening import Inputs, open_ceremony
from ceremony.steps.room import Room
from ceremony.volumes.logfile import LogFiles
from ceremony.volumes.store import FolderStore
from ceremony.volumes.usb import UsbMedia


class Quiet(HeadlessOperator):
    """Answers as a rehearsal does, and says nothing."""

    def tell(self, text: str) -> None:
        pass

    def confirm(self, prompt: Prompt, word: str = "") -> bool:
        return True

    def compare(self, prompt: Prompt, digest: str, people: tuple[str, str]) -> bool:
        return True

    def choose(self, prompt: Prompt, options: Sequence[Option], now: Callable[[], Sequence[Option]] | None = None) -> str:
        if prompt.key.startswith("error:"):
            raise SystemExit(f"{prompt.title}: {prompt.detail}")
        return options[0].key

    def review(self, prompt: Prompt, differences: Differences) -> bool:
        return True

    def closed(self, summary: Summary) -> None:
        pass

    def show_secret(self, prompt: Prompt, secret: Secret) -> None:
        pass

    def step(self, name: str, state: str) -> None:
        pass

    def progress(self, what: str, done: int, total: int) -> None:
        pass


PLAN = b"""
schema = 1
name = "bench"
kind = "genesis"
dialect = "notary"
facility = "bench"
previous = "first"
[root]
algorithm = "ecdsa-p256"
tokens = ["root-a"]
threshold = 1
custody = "token-wrapped"
certificate = "docker.io/acme/*"
[expires]
root = 2046-01-01T00:00:00Z
certificate = 2046-01-01T00:00:00Z
targets = 2043-01-01T00:00:00Z
[[repositories]]
names-from = "guns.txt"
targets = { source = "generate", deliver-to = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p" }
snapshot = { source = "request" }
timestamp = { source = "request" }
[backup]
protect = "passphrase"
[[people]]
name = "Ada"
role = "administrator"
organisation = "Acme"
key = ""
[[people]]
name = "Sam"
role = "security-officer"
organisation = "Acme"
key = ""
[[people]]
name = "Wim"
role = "witness"
organisation = "Notaries"
key = ""
independent = true
[close]
quorum = { witness = 1 }
"""


def plan(count: int) -> Plan:
    """Return a plan of `count` repositories under one prefix, one token."""
    names = "".join(f"docker.io/acme/app-{i:05}\n" for i in range(count))
    return read_plan(PLAN, {"guns.txt": names.encode()})


def room_before(step: str, folder: Path, count: int, media: UsbMedia | None = None) -> Room:
    """Hold a rehearsal of `count` repositories up to a step, on folders unless there are media, and return its room."""
    rehearsal = Rehearsal(folder / "rehearsal")
    made = plan(count)
    set_stage = rehearse.set_stage(rehearsal, made, None)
    if media is not None:
        set_stage = replace(set_stage, media=media)
    assert set_stage.secrets is not None
    people = Quiet(set_stage.secrets.answers, set_stage.steps)
    room = stage.room_of(set_stage, "be" * 16, LogFiles(FolderStore(set_stage.folder), LOG), people, people)
    open_ceremony(room, Inputs(set_stage.site, "", {}, practice_request(made), {}, (), substituted_request=True))
    for info in set_stage.steps:
        if info.name == step:
            break
        do(room, info.name)
    room.journal.step = step
    return room


def do(room: Room, step: str) -> None:
    """Do a step, as the runner does, but for what people see."""
    room.journal.step = step
    room.journal.record("begin", {})
    room.journal.record("end", {"made": runner.STEPS[step](room)})
