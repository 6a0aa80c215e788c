# SPDX-License-Identifier: Apache-2.0
"""Publishing that is killed in the middle, and run again: no repository twice, none left out."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from ceremony.core.keys import Algorithm
from ceremony.core.published.changes import Changes
from ceremony.core.software_key import make
from tests.core.published.stock import Stock
from tests.online.faults import Answer, Asked, passed_on
from tests.online.renewed import Folder

GUNS = [f"docker.io/acme/app{n:02}" for n in range(12)]
ROOT = Path(__file__).resolve().parent.parent.parent


class Passing:
    """Passes requests on to a real server; kills the process that publishes at a chosen POST, before the server got it or after it took it."""

    def __init__(self, url: str, *, kill_at: int = 0, taken: bool = False) -> None:
        self.url, self.kill_at, self.kill_taken = url, kill_at, taken
        self.taken: list[str] = []
        """Whose metadata the real server took, in that order."""
        self.posts = 0
        self.victim = 0
        self.killed = False
        self.turn = threading.Lock()

    def answer(self, asked: Asked) -> Answer:
        if asked.method != "POST":
            return passed_on(self.url, asked)
        with self.turn:  # so that which POST is the chosen one is certain
            if self.killed:  # what the dead process had under way goes no further
                return Answer(503)
            self.posts += 1
            dies = self.posts == self.kill_at
            if dies and not self.kill_taken:
                self.kill()
                return Answer(503)
            reply = passed_on(self.url, asked)
            if reply.status == 200:
                self.taken.append(asked.gun)
            if dies:
                self.kill()
            return reply

    def kill(self) -> None:
        os.kill(self.victim, signal.SIGKILL)
        self.killed = True


@pytest.mark.parametrize("taken", [True, False], ids=["after the server took it", "before the server got it"])
def test_killed_in_the_middle_it_goes_on_where_it_was(server, faulty, tmp_path, taken):
    fleet = [Stock(server, tmp_path, gun) for gun in GUNS]
    for stock in fleet[::4]:
        stock.add("1.0", stock.gun)
    before = {stock.gun: stock.tags(tmp_path / "old") for stock in fleet[::4]}
    folder, new = Folder(server, GUNS), make(Algorithm.ECDSA_P256)
    made = {stock.gun: folder.sign(stock, Changes(targets=new.public), new) for stock in fleet}
    for path, data in folder.files.items():
        (tmp_path / "ceremony" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "ceremony" / path).write_bytes(data)

    between, afterwards = Passing(server.url, kill_at=5, taken=taken), Passing(server.url)
    command = [sys.executable, "-m", "tests.peers.publishing", str(tmp_path / "ceremony")]
    with subprocess.Popen(
        [*command, faulty(between.answer).url], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        between.victim = process.pid
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    first = set(between.taken)
    assert len(first) == (5 if taken else 4)

    again = [*command, faulty(afterwards.answer).url]
    done = subprocess.run(again, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [f"{'published-before' if gun in first else 'published'} {gun}" for gun in GUNS],
    ), done.stderr
    assert Counter(between.taken + afterwards.taken) == Counter(GUNS)
    for gun in GUNS:
        assert server.get(gun, "root.json") == made[gun]["root"]
        assert server.get(gun, "targets.json") == made[gun]["targets"]
    for stock in fleet[::4]:
        assert stock.tags(tmp_path / "old") == stock.tags(tmp_path / "fresh") == before[stock.gun]
