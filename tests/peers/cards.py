# SPDX-License-Identifier: Apache-2.0
"""The process in the room: a real pcscd, and virtual YubiKeys in its readers, as clients of vsmartcard's vpcd.

`python -m tests.peers.cards FOLDER` is started by `pcscd.SmartCards` in namespaces of
its own. FOLDER holds the cards, `0.card`, `1.card`, ..., in the order of the slots.
Each line of stdin is a request (JSON: what to do, and its arguments), each line of
stdout its answer (JSON: `answer`, or `error`). The end of stdin is the end of it all.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from smartcard import scard

from tests.fakes.yubikey import VirtualYubiKey, When
from tests.peers.vpcd import FIRST_PORT, SECONDS, SLOTS, Slot, friendly_name

_PAUSE = 0.01
_TOUCH_SECONDS = 15.0
_SETTLED = 2.0
"""Seconds after which a card that pcscd does not see will not be seen."""
_DRIVER = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"


@dataclass
class Finger:
    """A person's finger: `on` the token, `off` it, or `asked`: coming when the card waits for it and they say so."""

    kind: str = "on"
    _wanted: threading.Event = field(default_factory=threading.Event)
    _comes: threading.Event = field(default_factory=threading.Event)

    def __call__(self) -> bool:
        if self.kind != "asked":
            return self.kind == "on"
        self._comes.clear()
        self._wanted.set()
        came = self._comes.wait(_TOUCH_SECONDS)
        if not came:
            self._wanted.clear()
        return came

    def wait(self) -> None:
        """Wait until the card waits."""
        if not self._wanted.wait(SECONDS):
            raise TimeoutError("the card waits for no finger")

    def touch(self) -> None:
        """Touch the card once it waits."""
        self.wait()
        # Before the card goes on: what it wants next is another touch.
        self._wanted.clear()
        self._comes.set()


class Service:
    """The running pcscd, and what it says is in its slots."""

    def __init__(self, folder: Path, slots: int) -> None:
        for command in (["mount", "-t", "tmpfs", "tmpfs", "/run"], ["ip", "link", "set", "lo", "up"]):
            subprocess.run([_program(command[0]), *command[1:]], check=True)
        configuration, drivers = folder / "reader.conf", folder / "no-usb-drivers"
        configuration.write_text("".join(_reader(folder, reader) for reader in range((slots + SLOTS - 1) // SLOTS)))
        drivers.mkdir()
        pcscd = _program("pcscd")
        options = subprocess.run([pcscd, "--help"], capture_output=True, text=True, check=False).stdout
        polkit = ["--disable-polkit"] if "--disable-polkit" in options else []
        with (folder / "pcscd.log").open("wb") as log:
            self._process = subprocess.Popen(
                [_program("setpriv"), "--pdeathsig", "KILL", pcscd, "--foreground", "--config", str(configuration), *polkit],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Readers that are really plugged in stay the host's.
                env={**os.environ, "PCSCLITE_HP_DROPDIR": str(drivers)},
            )
        self._context = self._established()

    def _established(self) -> int:
        until = time.monotonic() + SECONDS
        while True:
            result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
            if result == scard.SCARD_S_SUCCESS:
                return int(context)
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"pcscd did not start: {scard.SCardGetErrorMessage(result)}")
            time.sleep(_PAUSE)

    def wait(self, reader: str, *, present: bool, seconds: float = SECONDS) -> None:
        """Wait until pcscd has seen the card of that reader come or go; raises TimeoutError."""
        until, known = time.monotonic() + seconds, scard.SCARD_STATE_UNAWARE
        while time.monotonic() < until:
            result, states = scard.SCardGetStatusChange(self._context, 1000, [(reader, known)])
            if result == scard.SCARD_E_UNKNOWN_READER:
                time.sleep(_PAUSE)
                continue
            known = states[0][1]
            if bool(known & scard.SCARD_STATE_PRESENT) == present and not known & scard.SCARD_STATE_MUTE:
                return
        raise TimeoutError(f"pcscd does not see that a card {'came into' if present else 'left'} {reader}")

    def close(self) -> None:
        """End pcscd."""
        scard.SCardReleaseContext(self._context)
        self._process.terminate()
        self._process.wait(SECONDS)


def _reader(folder: Path, reader: int) -> str:
    # The driver keeps its slots in global variables: each reader has a copy of it, or the last would take them all.
    driver, port = folder / f"vpcd-{reader}.so", FIRST_PORT + reader * SLOTS
    shutil.copyfile(_DRIVER, driver)
    name = friendly_name(reader)
    return f'FRIENDLYNAME "{name}"\nDEVICENAME /dev/null:0x{port:04X}\nLIBPATH {driver}\nCHANNELID 0x{port:04X}\n\n'


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        raise FileNotFoundError(f"the program {name} is missing")
    return found


class Table:
    """The cards on the table, and what people do with them; each public method is a request."""

    def __init__(self, service: Service, cards: Sequence[VirtualYubiKey]) -> None:
        self._service = service
        self._slots = [Slot(place) for place in range(len(cards))]
        self._cards = {card.serial: card for card in cards}
        self._fingers = {card.serial: Finger() for card in cards}
        self._late = 0.0
        for serial, card in self._cards.items():
            card.finger, card.clock = self._fingers[serial], self._clock
        self._fill(dict(zip(self._slots, cards, strict=True)))

    def reader(self, serial: int) -> str:
        """Return the reader that the card is in, or was in last."""
        return self._slot(serial).name

    def pull(self, serial: int) -> None:
        """Take a card out."""
        self._empty(self._slot(serial))

    def put(self, serial: int) -> None:
        """Put a card back where it was; once more when pcscd was still busy with its going, as after a fault."""
        slot = self._slot(serial)
        slot.put(self._cards[serial])
        try:
            self._service.wait(slot.name, present=True, seconds=_SETTLED)
        except TimeoutError:
            self._empty(slot)
            self._fill({slot: self._cards[serial]})

    def swap(self, one: int, other: int) -> None:
        """Take two cards out, and put each where the other was."""
        first, second = self._slot(one), self._slot(other)
        self._empty(first, second)
        self._fill({first: self._cards[other], second: self._cards[one]})

    def finger(self, serial: int, kind: str) -> None:
        """Lay the finger `on` the card, lift it `off`, or let it be `asked`, and come when `touch` says so."""
        self._fingers[serial].kind = kind

    def asks(self, serial: int) -> None:
        """Wait until the card waits for a finger."""
        self._fingers[serial].wait()

    def touch(self, serial: int) -> None:
        """Touch a card once it waits."""
        self._fingers[serial].touch()

    def touches(self, serial: int) -> int:
        """Return how many touches the card took."""
        return self._cards[serial].touches

    def later(self, seconds: float) -> None:
        """Let time pass for the cards."""
        self._late += seconds

    def fault(self, serial: int, ins: int, when: str, nth: int) -> None:
        """Plan a fault."""
        self._cards[serial].fault(ins, When(when), nth)

    def apdus(self, serial: int) -> list[int]:
        """Return the instructions that arrived, in order."""
        return self._cards[serial].apdus

    def saved(self, serial: int) -> str:
        """Return what the card keeps without power, hex."""
        return self._cards[serial].saved().hex()

    def _clock(self) -> float:
        return time.monotonic() + self._late

    def _slot(self, serial: int) -> Slot:
        return next(slot for slot in self._slots if slot.card is self._cards[serial])

    def _fill(self, cards: dict[Slot, VirtualYubiKey]) -> None:
        for slot, card in cards.items():
            slot.put(card)
        for slot in cards:
            self._service.wait(slot.name, present=True)

    def _empty(self, *slots: Slot) -> None:
        for slot in slots:
            slot.pull()
        for slot in slots:
            self._service.wait(slot.name, present=False)


def _answered(table: Table, request: str) -> str:
    try:
        do, *arguments = json.loads(request)
        return json.dumps({"answer": getattr(table, do)(*arguments)})
    except Exception as error:  # noqa: BLE001 - the boundary of a process: whoever asked is to fail, not this
        return json.dumps({"error": f"{type(error).__name__}: {error}"})


def main(folder: Path) -> None:
    """Serve until stdin ends."""
    files = sorted(folder.glob("*.card"), key=lambda file: int(file.stem))
    cards = [VirtualYubiKey.restored(file.read_bytes()) for file in files]
    service = Service(folder, len(cards))
    try:
        table = Table(service, cards)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        for request in sys.stdin:
            sys.stdout.write(f"{_answered(table, request)}\n")
            sys.stdout.flush()
    finally:
        service.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
