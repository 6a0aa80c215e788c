# SPDX-License-Identifier: Apache-2.0
"""The management application: what the device says of itself (READ CONFIG, as yubikit's `management` reads it)."""

from __future__ import annotations

from dataclasses import dataclass

from ceremony.core.firmware import Firmware
from tests.fakes.yubikey.apdu import Command, Refusal, Status, tlv

AID = bytes.fromhex("a000000527471117")
_READ_CONFIG = 0x1D
_EVERY_APPLICATION, _PIV = 0x033B, 0x0010
_FIPS_PIV = 0b10


@dataclass(frozen=True, slots=True)
class Model:
    """What a device is, from the factory on."""

    serial: int
    firmware: Firmware
    form_factor: int
    """Yubico's number: 1 USB-A keychain, 2 USB-A nano, 3 USB-C keychain, 4 USB-C nano, 5 USB-C and Lightning, 6 and 7 Bio."""
    fips: bool

    @property
    def form_byte(self) -> int:
        """The form factor with the bit of the FIPS series."""
        return self.form_factor | (0x80 if self.fips else 0)

    @property
    def version(self) -> bytes:
        """The firmware as three bytes."""
        return bytes([self.firmware.major, self.firmware.minor, self.firmware.patch])


class Management:
    """The application, selected."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def selected(self) -> bytes:
        """Return the answer to SELECT."""
        return f"Virtual mgr - FW version {self._model.firmware}".encode()

    def handle(self, command: Command) -> bytes:
        """Return the answer to a command; raises Refusal."""
        if command.ins != _READ_CONFIG:
            raise Refusal(Status.NO_INSTRUCTION)
        if command.p1 != 0:
            raise Refusal(Status.BAD_P1P2)
        model, fips = self._model, bytes([_FIPS_PIV if self._model.fips else 0])
        values = {
            0x01: _EVERY_APPLICATION.to_bytes(2),
            0x02: model.serial.to_bytes(4),
            # Only PIV is switched on: the device has a smart card interface, and no others.
            0x03: _PIV.to_bytes(2),
            0x04: bytes([model.form_byte]),
            0x05: model.version,
            0x06: bytes(2),
            0x07: b"\x0f",
            0x08: b"\0",
            0x0A: b"\0",
        }
        if model.firmware >= Firmware(5, 7, 0):
            values |= {0x14: fips, 0x15: fips}
        info = b"".join(tlv(tag, value) for tag, value in values.items())
        return bytes([len(info)]) + info
