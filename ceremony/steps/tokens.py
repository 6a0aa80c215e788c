# SPDX-License-Identifier: Apache-2.0
"""Tokens: each name of the plan is one device with a serial of its own, and a software token makes no production.

In production every token attests its root key, or is claimed as hardware by two people.
"""

from __future__ import annotations

from collections.abc import Sequence

from ceremony.core import bundle
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.plan import Custody
from ceremony.core.ports import Prompt, TokenIdentity
from ceremony.errors import TokenError
from ceremony.steps import attested, claiming, firmware, published_root
from ceremony.steps.access import opened, unlocked
from ceremony.steps.room import Room
from ceremony.steps.root_keys import public_json, rows

YUBIKEY = "yubikey"
"""The kind of a token that is one."""


def run(room: Room) -> JsonObject:
    """Open every token, have its serial read aloud and judge a YubiKey's firmware; find the root keys that sign what is published.

    Asks for no PIN, but of PKCS#11 tokens that sign what is published: they show their keys to who is logged in. Raises
    TokenError for a token that cannot serve, CeremonyError for one that people do not claim.
    """
    found: dict[str, Json] = {}
    serials: dict[str, str] = {}
    signing: list[Json] = []
    for name in (*room.plan.signing_tokens, *room.plan.key_tokens):
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
        if name in room.plan.signing_tokens:
            claiming.claim(room, identity, Custody.IMPORTED)
            signing.append(_signing(room, name, signing))
            continue
        if identity.kind == YUBIKEY:
            _judge(room, identity)
        claiming.claim(room, identity, room.root.custody)
    return {"tokens": found, **({"signing": signing} if signing else {})}


def _signing(room: Room, name: str, others: Sequence[Json]) -> JsonObject:
    """Return the root key on a token that signs for most of what is published.

    Raises TokenError when there is none, and for a key that one of the `others` holds too: it would not count twice.
    """
    token = opened(room, name)
    # A YubiKey tells what is in its slot to anybody; other tokens show their keys to who is logged in.
    key = published_root.find(token if token.piv is not None else unlocked(room, name), room)
    serial = token.identity.serial
    if key is None:
        raise TokenError(
            serial, "holds no root key that is published", hint="put in a token whose key signs the roots; or correct the plan"
        )
    for other in rows([*others]):
        if other["sha256"] == key.sha256:
            raise TokenError(
                serial, f"holds the same root key as {other['token']}", hint="name one of the two in the plan: a key counts once"
            )
    room.operator.tell(f"{name}, serial {serial}, holds root key {key.sha256[:16]}, which is published.")
    room.keep({bundle.token_evidence(serial, "public.pem"): key.pem})
    row: JsonObject = {"token": name, "serial": serial, **public_json(key)}
    room.journal.record("root-found", row)
    return row


def _judge(room: Room, identity: TokenIdentity) -> None:
    """Refuse a YubiKey that the plan's custody is not for, or whose attestation or firmware will not do, before anything is made."""
    custody = room.root.custody
    if custody is Custody.TOKEN_WRAPPED:
        raise TokenError(
            identity.serial,
            "is a YubiKey, whose keys cannot leave it to be backed up",
            hint='name a PKCS#11 token in the site file, or write custody = "token-only" in the plan',
        )
    if custody is Custody.TOKEN_ONLY:
        attested.authorities(room, identity.serial)
    firmware.check(room, identity)


def yubikeys(room: Room) -> Sequence[str]:
    """Return the plan's names of those root tokens that are YubiKeys, as they were recorded."""
    found = room.result("tokens")["tokens"]
    rows = found.items() if isinstance(found, dict) else ()
    return [name for name, row in rows if isinstance(row, dict) and row["kind"] == YUBIKEY]


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
        **(
            {"slot": identity.slot, "form_factor": identity.form_factor, "fips": identity.fips}
            if identity.kind == YUBIKEY
            else {}
        ),
    }


def _read_aloud(room: Room, name: str, identity: TokenIdentity) -> None:
    slot = f", slot {identity.slot}" if identity.slot else ""
    detail = f"{identity.manufacturer} {identity.model}, firmware {identity.firmware}{slot}. Read the serial aloud and compare it with the device."
    if not room.operator.confirm(Prompt(f"token:{name}", f"Is {name} the token with serial {identity.serial}?", detail=detail)):
        raise TokenError(
            identity.serial,
            f"people did not recognise it as {name}",
            hint="put the right token in, or correct the site file",
        )
