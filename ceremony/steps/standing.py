# SPDX-License-Identifier: Apache-2.0
"""How a YubiKey stands, read from the device: recorded, and told to people."""

from __future__ import annotations

from ceremony.core.canonical import JsonObject
from ceremony.core.ports import Piv, PivStanding, SlotKey, Token, Tries
from ceremony.errors import TokenError
from ceremony.steps.room import Room


def piv_of(token: Token) -> Piv:
    """Return what only a YubiKey can do; raises TokenError for any other token."""
    if token.piv is None:
        raise TokenError(token.identity.serial, "is no YubiKey", hint="name one in the site file")
    return token.piv


def read(room: Room, token: Token) -> PivStanding:
    """Read and record how a YubiKey stands, which spends no try; raises TokenError for any other token."""
    standing = piv_of(token).standing()
    room.journal.record("standing", {"token": token.identity.serial, **_json(standing)})
    return standing


def tell(room: Room, token: Token, standing: PivStanding) -> None:
    """Tell people what is on a YubiKey."""
    identity = token.identity
    management = f"management key {standing.management_key}{_factory(standing.management_key_factory)}"
    slots = ", ".join(slot_words(standing, slot) for slot in standing.occupied)
    empty = "" if identity.slot in standing.occupied else f" Slot {identity.slot} is empty."
    room.operator.tell(
        f"{identity.name}, YubiKey {identity.serial}: PIN {_tries(standing.pin)}; PUK {_tries(standing.puk)}; {management}."
        f"{empty} Occupied slots: {slots or 'none'}."
    )


def slot_words(standing: PivStanding, slot: str) -> str:
    """Return what is in an occupied slot, in words."""
    key = next((key for key in standing.keys if key.slot == slot), None)
    certificate = "a certificate" if slot in standing.certificates else ""
    held = f"a key ({key.algorithm}, {key.origin})" if key is not None else ""
    return f"{slot} with {' and '.join(part for part in (held, certificate) if part)}"


def _tries(tries: Tries) -> str:
    left = f"{tries.left} of {tries.total} tries left" if tries.left else "BLOCKED, no try left"
    return left + _factory(tries.factory)


def _factory(factory: bool) -> str:
    return ", the factory's" if factory else ", not the factory's"


def _json(standing: PivStanding) -> JsonObject:
    return {
        "pin": _tries_json(standing.pin),
        "puk": _tries_json(standing.puk),
        "management_key": standing.management_key,
        "management_key_factory": standing.management_key_factory,
        "factory": list(standing.factory),
        "keys": [_key_json(key) for key in standing.keys],
        "certificates": list(standing.certificates),
    }


def _tries_json(tries: Tries) -> JsonObject:
    return {"factory": tries.factory, "left": tries.left, "total": tries.total}


def _key_json(key: SlotKey) -> JsonObject:
    return {
        "slot": key.slot,
        "algorithm": key.algorithm,
        "origin": key.origin,
        "pin_policy": key.pin_policy,
        "touch_policy": key.touch_policy,
        "public_sha256": key.public_sha256,
    }
