# SPDX-License-Identifier: Apache-2.0
"""What travels between the program and the process that holds a PKCS#11 module.

A frame is four bytes of length, big-endian, and that many bytes of JSON; bytes
inside are hex. A request is `{"id", "op", ...}`; each has one answer with the same
`id`: `{"ok": {...}}` or `{"fault", "cause"}`. While it works, the worker sends
`{"busy": id}` about once a second, so that slow is told from hung.

Both ends import this module and nothing heavier: the worker starts for every
token. PINs, wrapping keys and private keys that are put on a token pass here and nowhere else.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, BinaryIO, Self, cast

from ceremony.core.canonical import Json, JsonObject

LENGTH_BYTES = 4
MAX_FRAME = 64 * 2**20
"""Bytes; no request of ours comes near it, so a longer frame is not one of ours."""

BUSY_SECONDS = 1.0

OPERATIONS = (
    *("tokens", "select", "state", "login", "count", "initialise", "keys", "generate", "put", "carrier", "put_wrapped"),
    *("unwrap", "sign", "wrap", "lock"),
)


class Fault(StrEnum):
    """Why a token said no: what its many return codes mean to a caller."""

    PIN_WRONG = "pin-wrong"
    PIN_LOCKED = "pin-locked"
    PIN_UNSET = "pin-unset"
    LOGGED_OUT = "logged-out"
    OCCUPIED = "occupied"
    NO_KEY = "no-key"
    SEVERAL_KEYS = "several-keys"
    MAY_NOT_LEAVE = "may-not-leave"
    STILL_LEAVES = "still-leaves"
    NOT_UNWRAPPED = "not-unwrapped"
    UNSUPPORTED = "unsupported"
    FULL = "full"
    READ_ONLY = "read-only"
    NOT_A_MODULE = "not-a-module"
    LOST = "lost"
    REFUSED = "refused"
    BROKEN = "broken"


_FAULTS = {
    Fault.PIN_WRONG: "PinIncorrect PinInvalid PinLenRange",
    Fault.PIN_LOCKED: "PinLocked",
    Fault.PIN_UNSET: "UserPinNotInitialized",
    Fault.LOGGED_OUT: "UserNotLoggedIn",
    Fault.MAY_NOT_LEAVE: "KeyUnextractable KeyNotWrappable",
    Fault.UNSUPPORTED: "MechanismInvalid MechanismParamInvalid FunctionNotSupported KeySizeRange DomainParamsInvalid"
    " AttributeTypeInvalid AttributeValueInvalid TemplateInconsistent",
    Fault.FULL: "DeviceMemory",
    Fault.READ_ONLY: "TokenWriteProtected SessionReadOnly",
    Fault.LOST: "DeviceError DeviceRemoved GeneralError ObjectHandleInvalid KeyHandleInvalid SessionHandleInvalid"
    " SessionClosed SlotIDInvalid TokenNotPresent TokenNotRecognised",
}
_FAULT_OF = {name: fault for fault, names in _FAULTS.items() for name in names.split()}


def fault_of(error: Exception) -> Fault:
    """Return what an exception of the PKCS#11 library means, by its type: it carries no text."""
    return _FAULT_OF.get(type(error).__name__, Fault.REFUSED)


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """A token as its module describes it (PKCS#11 v2.40, CK_TOKEN_INFO)."""

    slot: int
    label: str
    serial: str
    manufacturer: str
    model: str
    firmware: str
    flags: int

    @classmethod
    def of(cls, values: Json) -> Self:
        """Return the facts that the worker sent."""
        return cls(**cast("dict[str, Any]", values))


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A private key on a token and the public object beside it, as read; bytes are hex."""

    label: str
    key_id: str
    kind: str
    """`ec`, `edwards`, `rsa`, or empty for what we do not use."""
    params: str
    point: str
    modulus: str
    exponent: str
    publics: int
    """How many public objects belong to it; the four above are of the one."""
    local: bool | None
    sensitive: bool | None
    extractable: bool | None
    always_sensitive: bool | None
    never_extractable: bool | None

    @classmethod
    def of(cls, values: Json) -> Self:
        """Return the facts that the worker sent."""
        return cls(**cast("dict[str, Any]", values))


def pack(value: JsonObject) -> bytes:
    """Return `value` as a frame."""
    body = json.dumps(value, separators=(",", ":")).encode()
    return len(body).to_bytes(LENGTH_BYTES) + body


def unpack(buffer: bytearray) -> JsonObject | None:
    """Take the first frame out of `buffer`; None while it is not whole.

    Raises ValueError for what cannot be a frame of ours.
    """
    if len(buffer) < LENGTH_BYTES:
        return None
    length = int.from_bytes(buffer[:LENGTH_BYTES])
    if length > MAX_FRAME:
        raise ValueError("a frame is too long")
    end = LENGTH_BYTES + length
    if len(buffer) < end:
        return None
    value: JsonObject = json.loads(bytes(buffer[LENGTH_BYTES:end]))
    buffer[:end] = bytes(end)  # it may hold a secret, and cutting it off only moves a pointer
    del buffer[:end]
    return value


def read(stream: BinaryIO) -> JsonObject | None:
    """Return the next frame of a blocking stream; None when the other end is gone."""
    head = stream.read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    body = stream.read(int.from_bytes(head))
    return unpack(bytearray(head + body))


def clean(text: str) -> str:
    """Return what a token says of itself as a screen and a log can take it: in NFC, other than printable replaced."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in unicodedata.normalize("NFC", text))


def hexes(values: Sequence[bytes]) -> list[str]:
    """Return each value as hex."""
    return [value.hex() for value in values]
