# SPDX-License-Identifier: Apache-2.0
"""Tokens: each name of the plan is one device with a serial of its own, and a software token makes no production."""

from __future__ import annotations

from ceremony.core.canonical import Json, JsonObject
from ceremony.core.ports import Prompt, TokenIdentity
from ceremony.errors import TokenError
from ceremony.steps.access import opened
from ceremony.steps.room import Room


def run(room: Room) -> JsonObject:
    """Open every token of the root and have its serial read aloud; spends no PIN."""
    found: dict[str, Json] = {}
    serials: dict[str, str] = {}
    for name in room.plan.root.tokens:
        identity = opened(room, name).identity
        if identity.software and not room.practice:
            raise TokenError(
                identity.serial, "is a software token", hint="a production ceremony takes hardware only; name it in the site file"
            )
        if identity.serial in serials:
            raise TokenError(
                identity.serial,
                f"is named as {serials[identity.serial]} and as {name}",
                hint="each name needs a device of its own",
            )
        serials[identity.serial] = name
        _read_aloud(room, name, identity)
        found[name] = identity_json(identity)
        room.journal.record("token", {"name": name, **identity_json(identity)})
    return {"tokens": found}


def identity_json(identity: TokenIdentity) -> JsonObject:
    """Return what names a token, as a record states it."""
    return {
        "serial": identity.serial,
        "kind": identity.kind,
        "manufacturer": identity.manufacturer,
        "model": identity.model,
        "firmware": identity.firmware,
        "label": identity.label,
        "software": identity.software,
        "module": identity.module,
        "module_sha256": identity.module_sha256,
    }


def _read_aloud(room: Room, name: str, identity: TokenIdentity) -> None:
    detail = f"{identity.manufacturer} {identity.model}, firmware {identity.firmware}. Read the serial aloud and compare it with the device."
    if not room.operator.confirm(Prompt(f"token:{name}", f"Is {name} the token with serial {identity.serial}?", detail=detail)):
        raise TokenError(
            identity.serial,
            f"people did not recognise it as {name}",
            hint="put the right token in, or correct the site file",
        )
