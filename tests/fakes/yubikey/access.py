# SPDX-License-Identifier: Apache-2.0
"""Who may do what: PIN, PUK and management key, in one session (NIST SP 800-73-4, part 2; Yubico's PIV extensions)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from ceremony.core.firmware import Firmware
from tests.fakes.yubikey.apdu import Command, Refusal, Status, tlv, tlvs
from tests.fakes.yubikey.state import (
    AES128,
    AES192,
    AES256,
    FACTORY_PIN,
    FACTORY_PUK,
    NEVER,
    TDES,
    ManagementKey,
    PivState,
    Reference,
)

PIN, PUK, MANAGEMENT_SLOT = 0x80, 0x81, 0x9B
_SIZES = {TDES: 24, AES128: 16, AES192: 24, AES256: 32}
_TOUCH = {0xFF: NEVER, 0xFE: 2, 0xFD: 3}
_WITNESS, _CHALLENGE, _RESPONSE = 0x80, 0x81, 0x82


@dataclass(slots=True)
class Access:
    """The gates of one session; gone with the power, or when another application is selected."""

    state: PivState
    firmware: Firmware
    touch: Callable[[int, int], None]
    """Ask for a finger: of which slot, under which policy; raises Refusal when none comes."""
    managed: bool = False
    """The management key was given."""
    verified: bool = False
    """The PIN was given."""
    fresh: bool = False
    """The PIN was given by the command before this one, which policy `always` wants."""
    _open: tuple[int, bytes] | None = field(default=None)
    """What a management key authentication waits for: the tag, and the right value."""

    def verify(self, command: Command) -> bytes:
        """VERIFY (20): without data, tell how the PIN stands."""
        if command.p2 != PIN or command.p1 not in {0x00, 0xFF}:
            raise Refusal(Status.NO_REFERENCE)
        if command.p1 == 0xFF:
            self.verified = False
        elif command.data:
            self.verified = False
            if len(command.data) != 8:
                raise Refusal(Status.BAD_DATA)
            self.state.pin.verify(command.data)
            self.verified = self.fresh = True
        elif not self.verified:
            raise Refusal(Status.BLOCKED) if self.state.pin.left == 0 else self.state.pin.wrong
        return b""

    def change(self, command: Command) -> bytes:
        """CHANGE REFERENCE DATA (24): PIN or PUK."""
        if command.p1 != 0 or command.p2 not in {PIN, PUK}:
            raise Refusal(Status.NO_REFERENCE)
        reference = self.state.pin if command.p2 == PIN else self.state.puk
        if command.p2 == PIN:
            self.verified = False
        old, new = _two(command.data)
        reference.verify(old)
        reference.replace(new)
        return b""

    def unblock(self, command: Command) -> bytes:
        """RESET RETRY COUNTER (2C): a new PIN by the PUK."""
        if command.p1 != 0 or command.p2 != PIN:
            raise Refusal(Status.NO_REFERENCE)
        puk, new = _two(command.data)
        self.state.puk.verify(puk)
        self.state.pin.replace(new)
        return b""

    def set_tries(self, command: Command) -> bytes:
        """SET PIN RETRIES (FA): new counters, and the factory's PIN and PUK with them."""
        self.need_management()
        if not self.verified:
            raise Refusal(Status.NOT_ALLOWED)
        if not command.p1 or not command.p2:
            raise Refusal(Status.BAD_DATA)
        self.verified = False
        self.state.pin = Reference(FACTORY_PIN, FACTORY_PIN, command.p1, command.p1)
        self.state.puk = Reference(FACTORY_PUK, FACTORY_PUK, command.p2, command.p2)
        return b""

    def set_management_key(self, command: Command) -> bytes:
        """SET MANAGEMENT KEY (FF)."""
        self.need_management()
        if command.p1 != 0xFF or command.p2 not in _TOUCH or len(command.data) < 3:
            raise Refusal(Status.BAD_DATA)
        kind, key = command.data[0], tlvs(command.data[1:]).get(MANAGEMENT_SLOT, b"")
        if kind not in _SIZES or len(key) != _SIZES[kind] or (kind != TDES and self.firmware < Firmware(5, 4, 2)):
            raise Refusal(Status.BAD_DATA)
        self.state.management = ManagementKey(kind, key, _TOUCH[command.p2])
        return b""

    def authenticate(self, kind: int, parts: dict[int, bytes]) -> bytes:
        """GENERAL AUTHENTICATE (87) with the management key: mutual (witness first), or of the host alone (challenge first)."""
        # 00 is the card's default algorithm, which is TDES (SP 800-78-4, table 6-2).
        if (kind or TDES) != self.state.management.kind:
            raise Refusal(Status.BAD_DATA)
        opened, self._open = self._open, None
        key, size = self.state.management, 8 if self.state.management.kind == TDES else 16
        if opened is None or parts.get(opened[0], b"") == b"":
            return self._begin(key, size, parts)
        self.touch(MANAGEMENT_SLOT, key.touch_policy)
        tag, expected = opened
        self.managed = secrets.compare_digest(parts[tag], expected)
        if not self.managed:
            raise Refusal(Status.NOT_ALLOWED)
        if tag == _RESPONSE:
            return b""
        if len(parts.get(_CHALLENGE, b"")) != size:
            raise Refusal(Status.BAD_DATA)
        return tlv(0x7C, tlv(_RESPONSE, _encrypt(key, parts[_CHALLENGE])))

    def _begin(self, key: ManagementKey, size: int, parts: dict[int, bytes]) -> bytes:
        fresh = secrets.token_bytes(size)
        if parts.get(_WITNESS) == b"":
            self._open = _WITNESS, fresh
            return tlv(0x7C, tlv(_WITNESS, _encrypt(key, fresh)))
        if parts.get(_CHALLENGE) == b"":
            self._open = _RESPONSE, _encrypt(key, fresh)
            return tlv(0x7C, tlv(_CHALLENGE, fresh))
        raise Refusal(Status.BAD_DATA)

    def need_management(self) -> None:
        """Let pass only who gave the management key; raises Refusal."""
        if not self.managed:
            raise Refusal(Status.NOT_ALLOWED)


def _two(data: bytes) -> tuple[bytes, bytes]:
    if len(data) != 16:
        raise Refusal(Status.BAD_DATA)
    return data[:8], data[8:]


def _encrypt(key: ManagementKey, block: bytes) -> bytes:
    cipher = TripleDES(key.value) if key.kind == TDES else algorithms.AES(key.value)
    encryptor = Cipher(cipher, modes.ECB()).encryptor()
    return encryptor.update(block) + encryptor.finalize()
