# SPDX-License-Identifier: Apache-2.0
"""The PIV application: keys, objects and attestation (NIST SP 800-73-4, part 2; Yubico's PIV extensions)."""

from __future__ import annotations

from collections.abc import Callable

from cryptography import x509

from ceremony.core.firmware import Firmware
from tests.fakes.yubikey import keys
from tests.fakes.yubikey.access import MANAGEMENT_SLOT, PIN, PUK, Access
from tests.fakes.yubikey.apdu import Command, Refusal, Status, tlv, tlvs
from tests.fakes.yubikey.authority import IssuerKey, Link, statement
from tests.fakes.yubikey.keys import NEW_TYPES, KeyType, SlotKey
from tests.fakes.yubikey.management import Model
from tests.fakes.yubikey.state import ATTESTATION_OBJECT, ATTESTATION_SLOT, FACTORY_MANAGEMENT_KEY, NEVER, PivState

AID = bytes.fromhex("a000000308")
SLOTS = frozenset({0x9A, 0x9C, 0x9D, 0x9E, *range(0x82, 0x96), ATTESTATION_SLOT})
OBJECT_LIMIT = 3052
_ONCE, _ALWAYS = 2, 3
_DISCOVERY = bytes.fromhex("7e124f0ba0000003080000100001005f2f024000")
_NEED_PIN = frozenset({0x5FC109, 0x5FC103, 0x5FC108, 0x5FC121})
"""Printed information, fingerprints, face and iris (SP 800-73-4, part 1, table 2)."""


class Piv:
    """The application, selected."""

    def __init__(self, model: Model, state: PivState, touch: Callable[[int, int], None], spoil: Callable[[bytes], bytes]) -> None:
        self._model, self._state, self._touch, self._spoil = model, state, touch, spoil
        self.access = Access(state, model.firmware, touch)
        access = self.access
        since = model.firmware.__ge__
        self._commands: dict[int, Callable[[Command], bytes]] = {
            0x20: access.verify,
            0x24: access.change,
            0x2C: access.unblock,
            0x47: self._generate,
            0x87: self._authenticate,
            0xCB: self._get,
            0xDB: self._put,
            0xFA: access.set_tries,
            0xFB: self._reset,
            0xFD: lambda _: model.version,
            0xFE: self._import,
            0xFF: access.set_management_key,
        }
        if since(Firmware(4, 3, 0)):
            self._commands[0xF9] = self._attest
        if since(Firmware(5, 0, 0)):
            self._commands[0xF8] = lambda _: model.serial.to_bytes(4)
        if since(Firmware(5, 3, 0)):
            self._commands[0xF7] = self._metadata
        if since(Firmware(5, 7, 0)):
            self._commands[0xF6] = self._move

    def selected(self) -> bytes:
        """Return the answer to SELECT."""
        return bytes.fromhex("61114f0600001000010079074f05a000000308")

    def handle(self, command: Command) -> bytes:
        """Return the answer to a command; raises Refusal."""
        if command.ins not in self._commands:
            self.access.fresh = False
            raise Refusal(Status.NO_INSTRUCTION)
        if command.ins == 0x20:
            self.access.fresh = False
            return self._commands[0x20](command)
        try:
            return self._commands[command.ins](command)
        finally:
            self.access.fresh = False

    def _authenticate(self, command: Command) -> bytes:
        parts = tlvs(tlvs(command.data).get(0x7C, b""))
        if command.p2 == MANAGEMENT_SLOT:
            return self.access.authenticate(command.p1, parts)
        key = self._state.keys.get(command.p2)
        if key is None or key.kind != command.p1 or command.p2 == ATTESTATION_SLOT:
            raise Refusal(Status.BAD_DATA)
        allowed = {_ONCE: self.access.verified, _ALWAYS: self.access.fresh}.get(key.pin_policy, True)
        if not allowed:
            raise Refusal(Status.NOT_ALLOWED)
        self._touch(command.p2, key.touch_policy)
        if 0x81 in parts:
            return tlv(0x7C, tlv(0x82, self._spoil(keys.sign(key, parts[0x81]))))
        return tlv(0x7C, tlv(0x82, keys.agree(key, parts.get(0x85, b""))))

    def _generate(self, command: Command) -> bytes:
        self.access.need_management()
        parts = tlvs(tlvs(command.data).get(0xAC, b""))
        kind = self._kind(_byte(parts, 0x80), command.p2)
        self._state.made += 1
        private = keys.generate(kind, str(self._model.serial), self._state.made)
        self._state.keys[command.p2] = self._slot_key(kind, private, command.p2, parts, generated=True)
        return tlv(0x7F49, keys.public_parts(private))

    def _import(self, command: Command) -> bytes:
        self.access.need_management()
        kind, parts = self._kind(command.p1, command.p2), tlvs(command.data)
        self._state.keys[command.p2] = self._slot_key(kind, keys.take_in(kind, parts), command.p2, parts, generated=False)
        return b""

    def _kind(self, number: int, slot: int) -> KeyType:
        if slot not in SLOTS or number not in set(KeyType):
            raise Refusal(Status.BAD_DATA)
        kind = KeyType(number)
        too_new = kind in NEW_TYPES and self._model.firmware < Firmware(5, 7, 0)
        if too_new or (self._model.fips and kind in {KeyType.RSA1024, KeyType.X25519}):
            raise Refusal(Status.BAD_DATA)
        return kind

    def _slot_key(self, kind: KeyType, private: keys.Private, slot: int, parts: dict[int, bytes], *, generated: bool) -> SlotKey:
        pin_policy, touch_policy = _byte(parts, 0xAA), _byte(parts, 0xAB)
        if pin_policy > _ALWAYS or touch_policy > 3 or (self._model.fips and pin_policy == NEVER):
            raise Refusal(Status.BAD_DATA)
        default = {0x9C: _ALWAYS, 0x9E: NEVER}.get(slot, _ONCE)
        return SlotKey(kind, private, generated, pin_policy or default, touch_policy or NEVER)

    def _move(self, command: Command) -> bytes:
        self.access.need_management()
        target, source = command.p1, command.p2
        if source not in self._state.keys:
            raise Refusal(Status.NO_REFERENCE)
        if target != 0xFF and (target not in SLOTS or target in self._state.keys or ATTESTATION_SLOT in {target, source}):
            raise Refusal(Status.BAD_DATA)
        key = self._state.keys.pop(source)
        if target != 0xFF:
            self._state.keys[target] = key
        return b""

    def _get(self, command: Command) -> bytes:
        name = self._object(command)
        if name == 0x7E:
            return _DISCOVERY
        if name in _NEED_PIN and not self.access.verified:
            raise Refusal(Status.NOT_ALLOWED)
        if name not in self._state.objects:
            raise Refusal(Status.NOT_FOUND)
        return tlv(0x53, self._state.objects[name])

    def _put(self, command: Command) -> bytes:
        self.access.need_management()
        name, data = self._object(command), tlvs(command.data).get(0x53)
        if data is None or name == 0x7E:
            raise Refusal(Status.BAD_DATA)
        if len(data) > OBJECT_LIMIT:
            raise Refusal(Status.NO_SPACE)
        if data:
            self._state.objects[name] = data
        else:
            self._state.objects.pop(name, None)
        return b""

    def _object(self, command: Command) -> int:
        name = tlvs(command.data).get(0x5C, b"")
        if (command.p1, command.p2) != (0x3F, 0xFF) or not 1 <= len(name) <= 3:
            raise Refusal(Status.BAD_DATA)
        return int.from_bytes(name)

    def _metadata(self, command: Command) -> bytes:
        state, slot = self._state, command.p2
        if slot in {PIN, PUK}:
            reference = state.pin if slot == PIN else state.puk
            default = reference.value == reference.factory
            return tlv(1, b"\xff") + tlv(5, bytes([default])) + tlv(6, bytes([reference.total, reference.left]))
        if slot == MANAGEMENT_SLOT:
            key, default = state.management, state.management.value == FACTORY_MANAGEMENT_KEY
            return tlv(1, bytes([key.kind])) + tlv(2, bytes([0, key.touch_policy])) + tlv(5, bytes([default]))
        if slot not in state.keys:
            raise Refusal(Status.NO_REFERENCE)
        held = state.keys[slot]
        policies, origin = bytes([held.pin_policy, held.touch_policy]), 1 if held.generated else 2
        public = keys.public_parts(held.private)
        return tlv(1, bytes([held.kind])) + tlv(2, policies) + tlv(3, bytes([origin])) + tlv(4, public)

    def _attest(self, command: Command) -> bytes:
        key, device = self._state.keys.get(command.p1), self._device()
        if key is None or not key.generated or command.p1 == ATTESTATION_SLOT:
            raise Refusal(Status.BAD_DATA)
        return statement(command.p1, key, device, self._model)

    def _device(self) -> Link:
        key = self._state.keys.get(ATTESTATION_SLOT)
        stored = tlvs(self._state.objects.get(ATTESTATION_OBJECT, b"")).get(0x70)
        if key is None or stored is None or not isinstance(key.private, IssuerKey):
            raise Refusal(Status.NO_REFERENCE)
        return Link(key.private, x509.load_der_x509_certificate(stored))

    def _reset(self, command: Command) -> bytes:
        if self._state.pin.left or self._state.puk.left:
            raise Refusal(Status.CONDITIONS)
        self._state.reset(self._model.firmware)
        self.access.managed = self.access.verified = False
        return b""


def _byte(parts: dict[int, bytes], tag: int) -> int:
    """Return the one byte of a TLV, 0 when it is not there."""
    return int.from_bytes(parts.get(tag, b"\0")[:1])
