# SPDX-License-Identifier: Apache-2.0
"""A room with a real smart card service: pcscd, with virtual YubiKeys in its readers, away from the machine's own.

with SmartCards(one, other) as room:                    # two VirtualYubiKeys; a copy of each is put in
    done = room.run("ykman", "list", "--serials")       # stdout, stderr, returncode
    subprocess.Popen(room.command("ceremony", "tokens"))    # an argument list for Popen or tmux; `env`, `cwd` as there
    room.pull(serial); room.put(serial); room.swap(serial, other_serial)
    room.finger(serial, "off")                          # refused at once; "on" again; or "asked":
    room.asks(serial); room.touch(serial)               # the card waits until somebody touches it; both wait until it does
    room.later(16)                                      # seconds pass for the cards
    room.fault(serial, 0x87, When.BEFORE, nth=2)        # see tests.fakes.yubikey
    room.apdus(serial); room.count(serial, 0x87); room.touches(serial); room.reader(serial)
    room.card(serial)                                   # the card as it is now, a copy to look into

A namespace of users, mounts and networks makes it, which needs no root where users
may make one; else root does. What runs in it has a /run and a loopback interface of
its own and no network; the files are the machine's. `pkill` does nothing there,
because ykman ends GnuPG's scdaemon with it.

Readers have two slots each. An odd number of cards leaves one empty, and ykman (not
us) waits three seconds for a card in it whenever it looks around; so does a card that
was pulled. `ykman --reader NAME`, with what `room.reader` says, looks nowhere else.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.fakes.yubikey import VirtualYubiKey, When
from tests.peers.program import ROOT

SECONDS = 60
_PROBE = "mount -t tmpfs tmpfs /run && ip link set lo up"
_SBIN = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_NEEDED = ("unshare", "nsenter", "mount", "ip", "setpriv", "pcscd")


class SmartCards:
    """The room; open from `with` on."""

    def __init__(self, *cards: VirtualYubiKey) -> None:
        self._cards = cards

    def __enter__(self) -> Self:
        missing = [name for name in _NEEDED if shutil.which(name, path=_SBIN) is None]
        if missing:
            raise FileNotFoundError(f"programs are missing: {', '.join(missing)}; scripts/test installs them")
        self._flags = _namespaces()
        self._folder = Path(tempfile.mkdtemp(prefix="smart-cards-"))
        (self._folder / "bin").mkdir()
        (self._folder / "bin" / "pkill").write_text("#!/bin/sh\nexit 1\n")
        (self._folder / "bin" / "pkill").chmod(0o755)
        for place, card in enumerate(self._cards):
            (self._folder / f"{place}.card").write_bytes(card.saved())
        self._asking = threading.Lock()
        self._errors = (self._folder / "cards.log").open("wb")
        self._host = subprocess.Popen(
            ["unshare", *self._flags, sys.executable, "-m", "tests.peers.cards", str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PATH": _SBIN, "PYTHONPATH": str(ROOT)},
        )
        try:
            self._expect_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the service and take the room down."""
        try:
            self._host.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self._host.kill()
            self._host.communicate()
        self._errors.close()
        shutil.rmtree(self._folder)

    def command(self, *arguments: object, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> list[str]:
        """Return the arguments that run a program in the room, `env` added to its environment, in `cwd` or where we are."""
        inside = ["nsenter", f"--target={self._host.pid}", *(_JOIN[flag] for flag in self._flags), "--preserve-credentials"]
        path = f"{self._folder / 'bin'}:{os.environ.get('PATH', '')}"
        more = [f"{name}={value}" for name, value in {"PATH": path, **(env or {})}.items()]
        # To join a mount namespace is to be in its root folder.
        return [*inside, "env", "-C", str(cwd or Path.cwd()), *more, *map(str, arguments)]

    def run(
        self, *arguments: object, env: Mapping[str, str] | None = None, cwd: Path | None = None, typed: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in the room to its end, without a terminal; `typed` is its input."""
        return subprocess.run(
            self.command(*arguments, env=env, cwd=cwd), input=typed, capture_output=True, text=True, timeout=SECONDS,
            check=False,
        )  # fmt: skip

    def pull(self, serial: int) -> None:
        """Take a card out."""
        self._ask("pull", serial)

    def put(self, serial: int) -> None:
        """Put a card back where it was."""
        self._ask("put", serial)

    def swap(self, one: int, other: int) -> None:
        """Put each of two cards where the other was."""
        self._ask("swap", one, other)

    def finger(self, serial: int, kind: str) -> None:
        """Lay the finger `on` a card, lift it `off`, or let the card wait for it: `asked`."""
        self._ask("finger", serial, kind)

    def asks(self, serial: int) -> None:
        """Wait until a card waits for a finger; raises RuntimeError when it does not within 20 seconds."""
        self._ask("asks", serial)

    def touch(self, serial: int) -> None:
        """Touch a card once it waits for it."""
        self._ask("touch", serial)

    def touches(self, serial: int) -> int:
        """Return how many touches a card took."""
        return int(str(self._ask("touches", serial)))

    def later(self, seconds: float) -> None:
        """Let time pass for the cards."""
        self._ask("later", seconds)

    def fault(self, serial: int, ins: int, when: When, nth: int = 1) -> None:
        """Plan a fault in the `nth` command from now with this instruction."""
        self._ask("fault", serial, ins, when, nth)

    def apdus(self, serial: int) -> list[int]:
        """Return the instructions that reached a card, in order."""
        arrived = self._ask("apdus", serial)
        assert isinstance(arrived, list)
        return arrived

    def count(self, serial: int, *instructions: int) -> int:
        """Return how many commands with these instructions reached a card, all for none named."""
        return sum(ins in instructions or not instructions for ins in self.apdus(serial))

    def reader(self, serial: int) -> str:
        """Return the name of the reader that a card is in, or was in last."""
        return str(self._ask("reader", serial))

    def card(self, serial: int) -> VirtualYubiKey:
        """Return a copy of a card as it is now."""
        return VirtualYubiKey.restored(bytes.fromhex(str(self._ask("saved", serial))))

    def _ask(self, do: str, *arguments: object) -> object:
        assert self._host.stdin is not None
        assert self._host.stdout is not None
        with self._asking:
            self._host.stdin.write(json.dumps([do, *arguments]) + "\n")
            self._host.stdin.flush()
            line = self._host.stdout.readline()
        said = json.loads(line) if line else {"error": self._log()}
        if "error" in said:
            raise RuntimeError(f"{do}: {said['error']}")
        answer: object = said["answer"]
        return answer

    def _expect_ready(self) -> None:
        assert self._host.stdout is not None
        if self._host.stdout.readline() != "ready\n":
            raise RuntimeError(f"the smart card service did not start: {self._log()}")

    def _log(self) -> str:
        files = (self._folder / "cards.log", self._folder / "pcscd.log")
        return "\n".join(file.read_text(errors="replace") for file in files if file.exists())


_JOIN = {"--map-root-user": "--user", "--mount": "--mount", "--net": "--net"}
"""How nsenter names what unshare made."""


def _namespaces() -> list[str]:
    """Return what unshare takes on this machine; raises RuntimeError when it grants no namespaces at all."""
    said = ""
    for flags in (["--map-root-user", "--mount", "--net"], ["--mount", "--net"]):
        probe = subprocess.run(
            ["unshare", *flags, "sh", "-c", _PROBE], env={"PATH": _SBIN}, capture_output=True, text=True, check=False
        )
        if probe.returncode == 0:
            return flags
        said += probe.stderr
    raise RuntimeError(f"neither this user nor root may make namespaces here: {said}")
