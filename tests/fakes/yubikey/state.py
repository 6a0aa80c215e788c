# SPDX-License-Identifier: Apache-2.0
"""What a card keeps without power: PIN, PUK, management key, keys and objects; all of it can be pickled."""

from __future__ import annotations

from dataclasses import dataclass, field

from ceremony.core.firmware import Firmware
from tests.fakes.yubikey.apdu import Refusal, Status
from tests.fakes.yubikey.keys import SlotKey

FACTORY_PIN = b"123456\xff\xff"
FACTORY_PUK = b"12345678"
FACTORY_MANAGEMENT_KEY = bytes.fromhex("0102030405060708" * 3)
TDES, AES128, AES192, AES256 = 0x03, 0x08, 0x0A, 0x0C
ATTESTATION_SLOT, ATTESTATION_OBJECT = 0xF9, 0x5FFF01
NEVER = 1
"""The touch policy `never`."""


@dataclass(slots=True)
class Reference:
    """PIN or PUK: its value and how often it may still be wrong."""

    value: bytes
    factory: bytes
    left: int = 3
    total: int = 3

    def verify(self, given: bytes) -> None:
        """Compare; raises Refusal with the tries that are left, or BLOCKED without comparing."""
        if self.left == 0:
            raise Refusal(Status.BLOCKED)
        if given != self.value:
            self.left -= 1
            raise self.wrong
        self.left = self.total

    @property
    def wrong(self) -> Refusal:
        """The answer that says how many tries are left."""
        return Refusal(Status.WRONG + min(self.left, 15))

    def replace(self, new: bytes) -> None:
        """Take a new value of 6 to 8 characters; raises Refusal for others."""
        stripped = new.rstrip(b"\xff")
        if not 6 <= len(stripped) <= 8 or b"\xff" in stripped:
            raise Refusal(Status.BAD_DATA)
        self.value, self.left = new, self.total


@dataclass(slots=True)
class ManagementKey:
    """The management key, and when it wants a finger."""

    kind: int
    value: bytes = FACTORY_MANAGEMENT_KEY
    touch_policy: int = NEVER


def factory_management_key(firmware: Firmware) -> ManagementKey:
    """Return what a firmware ships: AES-192 from 5.7, TDES before, the same bytes."""
    return ManagementKey(AES192 if firmware >= Firmware(5, 7, 0) else TDES)


@dataclass(slots=True)
class PivState:
    """The memory of the PIV application."""

    management: ManagementKey
    pin: Reference = field(default_factory=lambda: Reference(FACTORY_PIN, FACTORY_PIN))
    puk: Reference = field(default_factory=lambda: Reference(FACTORY_PUK, FACTORY_PUK))
    keys: dict[int, SlotKey] = field(default_factory=dict)
    """By slot, F9 too."""
    objects: dict[int, bytes] = field(default_factory=dict)
    made: int = 0
    """How many keys were generated, ever."""

    def reset(self, firmware: Firmware) -> None:
        """Forget everything but slot F9."""
        self.management = factory_management_key(firmware)
        self.pin, self.puk = Reference(FACTORY_PIN, FACTORY_PIN), Reference(FACTORY_PUK, FACTORY_PUK)
        self.keys = {slot: key for slot, key in self.keys.items() if slot == ATTESTATION_SLOT}
        self.objects = {name: data for name, data in self.objects.items() if name == ATTESTATION_OBJECT}
