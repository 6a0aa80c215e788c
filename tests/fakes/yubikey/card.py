# SPDX-License-Identifier: Apache-2.0
"""The device: what arrives as bytes, goes to an application, and leaves as bytes; fingers, clocks, counters and faults."""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from cryptography.hazmat.primitives import serialization

from ceremony.core.firmware import Firmware
from tests.fakes.yubikey import management, piv
from tests.fakes.yubikey.apdu import Command, Refusal, Status, tlv
from tests.fakes.yubikey.authority import NEW_CHAIN, Authority
from tests.fakes.yubikey.keys import KeyType, SlotKey
from tests.fakes.yubikey.management import Management, Model
from tests.fakes.yubikey.piv import Piv
from tests.fakes.yubikey.state import (
    ATTESTATION_OBJECT,
    ATTESTATION_SLOT,
    NEVER,
    PivState,
    factory_management_key,
)

ATR = bytes.fromhex("3bfd1300008131fe158073c021c057597562694b657940")
CACHE_SECONDS = 15.0
_CACHED = 3
_SELECT, _GET_RESPONSE = 0xA4, 0xC0
_SHORT = 256
_LONGEST = 4096
_CHAINED = 0x10
_PIV_WHOLE = piv.AID + bytes.fromhex("000010000100")


class CardPulled(Exception):
    """The card is not in the reader, or left it before it answered."""


class When(StrEnum):
    """What a fault does to its command."""

    BEFORE = "before"
    """The card is pulled, and does nothing of it."""
    AFTER = "after"
    """The card does all of it and is pulled before it answers."""
    WRONG_SIGNATURE = "wrong-signature"
    """What it signs does not verify."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, in the `at`th command of the card's life with this instruction."""

    ins: int
    when: When
    at: int


class VirtualYubiKey:
    """A YubiKey; see the package for what can be done with it."""

    def __init__(
        self,
        serial: int,
        firmware: str = "5.7.4",
        *,
        form_factor: int = 3,
        fips: bool = False,
        authority: Authority | None = None,
    ) -> None:
        model = Model(serial, Firmware.parse(firmware), form_factor, fips)
        device = (authority or Authority()).device(model.firmware, fips=fips)
        kind = KeyType.RSA2048 if model.firmware < NEW_CHAIN else KeyType.ECCP256
        certificate = device.certificate.public_bytes(serialization.Encoding.DER)
        state = PivState(factory_management_key(model.firmware))
        state.keys[ATTESTATION_SLOT] = SlotKey(kind, device.private, generated=False, pin_policy=NEVER, touch_policy=NEVER)
        state.objects[ATTESTATION_OBJECT] = tlv(0x70, certificate) + tlv(0x71, b"\0") + tlv(0xFE)
        self._begin(model, state)

    def _begin(self, model: Model, state: PivState) -> None:
        self.model, self.state = model, state
        self.finger: bool | Callable[[], bool] = True
        self.clock: Callable[[], float] = time.monotonic
        self.apdus: list[int] = []
        self.touches = 0
        self.inserted = True
        self.insertions = 0
        self._faults: list[Fault] = []
        self.power_off()

    def power_off(self) -> None:
        """Forget the session: selection, PIN, management key, touches, what was half sent."""
        self._selected: Management | Piv | None = None
        self._rest = b""
        self._chain: tuple[tuple[int, int, int], bytes] | None = None
        self._touched: dict[int, float] = {}
        self._spoils = False

    @classmethod
    def restored(cls, saved: bytes) -> VirtualYubiKey:
        """Return a card with the memory that `saved` gave, its finger on, its counters at zero."""
        card = cls.__new__(cls)
        card._begin(*pickle.loads(saved))
        return card

    def saved(self) -> bytes:
        """Return what the card keeps without power, for this process or another."""
        return pickle.dumps((self.model, self.state))

    @property
    def serial(self) -> int:
        """The serial number."""
        return self.model.serial

    def pull(self) -> None:
        """Take the card out."""
        self.inserted = False
        self.power_off()

    def insert(self) -> None:
        """Put the card in."""
        self.inserted = True
        self.insertions += 1

    def fault(self, ins: int, when: When, nth: int = 1) -> None:
        """Plan a fault in the `nth` command from now with this instruction."""
        self._faults.append(Fault(ins, when, self.count(ins) + nth))

    def count(self, *instructions: int) -> int:
        """Return how many commands with these instructions arrived, all for none named; each link of a chain is one."""
        return sum(ins in instructions for ins in self.apdus) if instructions else len(self.apdus)

    def transmit(self, apdu: bytes) -> tuple[bytes, int]:
        """Return data and status word for one command APDU; raises CardPulled."""
        if not self.inserted:
            raise CardPulled(self.serial)
        self.apdus.append(apdu[1] if len(apdu) > 1 else 0)
        fault = self._due() if self._faults else None
        if fault is When.BEFORE:
            self.pull()
            raise CardPulled(self.serial)
        self._spoils = fault is When.WRONG_SIGNATURE
        answer = self._answer(apdu)
        if fault is When.AFTER:
            self.pull()
            raise CardPulled(self.serial)
        return answer

    def _due(self) -> When | None:
        ins = self.apdus[-1]
        due = next((fault for fault in self._faults if (fault.ins, fault.at) == (ins, self.count(ins))), None)
        return due.when if due else None

    def _answer(self, apdu: bytes) -> tuple[bytes, int]:
        try:
            command = Command.parse(apdu)
            if command.ins == _GET_RESPONSE and self._rest:
                return self._piece()
            self._rest = b""
            whole = self._unchained(command)
            if whole is None:
                return b"", Status.OK
            data = self._handle(whole)
        except Refusal as refusal:
            return b"", refusal.status
        if command.extended or len(data) <= _SHORT:
            return data, Status.OK
        self._rest = data
        return self._piece()

    def _piece(self) -> tuple[bytes, int]:
        """Return the next 256 bytes of a long answer (ISO/IEC 7816-4, section 5.3.4)."""
        piece, self._rest = self._rest[:_SHORT], self._rest[_SHORT:]
        return piece, Status.MORE + min(len(self._rest), 0xFF) if self._rest else Status.OK

    def _unchained(self, command: Command) -> Command | None:
        """Return the whole of a chain of commands with its last link; None before."""
        name, chain = (command.ins, command.p1, command.p2), self._chain
        self._chain = None
        if command.cla & ~_CHAINED:
            raise Refusal(Status.NO_CLASS)
        data = chain[1] + command.data if chain and chain[0] == name else command.data
        if len(data) > _LONGEST:
            raise Refusal(Status.WRONG_LENGTH)
        if command.cla & _CHAINED:
            self._chain = name, data
            return None
        return replace(command, data=data) if chain else command

    def _handle(self, command: Command) -> bytes:
        if command.ins == _SELECT:
            return self._select(command)
        if self._selected is None:
            raise Refusal(Status.NO_INSTRUCTION)
        return self._selected.handle(command)

    def _select(self, command: Command) -> bytes:
        if command.p1 != 0x04:
            raise Refusal(Status.BAD_P1P2)
        self._selected = None
        # An application may be named by the beginning of its identifier (ISO/IEC 7816-4, section 8.2.1.2).
        if len(command.data) >= 5 and _PIV_WHOLE.startswith(command.data):
            self._selected = Piv(self.model, self.state, self._touch, self._spoilt)
        elif command.data == management.AID:
            self._selected = Management(self.model)
        else:
            raise Refusal(Status.NOT_FOUND)
        return self._selected.selected()

    def _touch(self, slot: int, policy: int) -> None:
        if policy == NEVER:
            return
        now = self.clock()
        if policy == _CACHED and slot in self._touched and now - self._touched[slot] < CACHE_SECONDS:
            return
        if not (self.finger() if callable(self.finger) else self.finger):
            raise Refusal(Status.NOT_ALLOWED)
        self.touches += 1
        self._touched[slot] = now

    def _spoilt(self, signature: bytes) -> bytes:
        # The last byte: the encoding stays what it was, r and s in their range.
        return signature[:-1] + bytes([signature[-1] ^ 1]) if self._spoils else signature
