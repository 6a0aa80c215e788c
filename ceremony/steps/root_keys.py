# SPDX-License-Identifier: Apache-2.0
"""Root keys: one on each token of the plan, made there, read back, and heard by everybody."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from ceremony.core import bundle
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.custody import attributes_json, check_made
from ceremony.core.keys import Algorithm, PublicKey
from ceremony.core.plan import Custody
from ceremony.core.ports import KeyRequest, Prompt, Token, TokenKey
from ceremony.errors import CeremonyError, TokenError
from ceremony.steps.access import unlocked
from ceremony.steps.room import Room

ACTION = "generate-key"
WORD = "GENERATE"


@dataclass(frozen=True, slots=True)
class MadeRoot:
    """A root key of this ceremony: its token's name and serial, and its public half."""

    token: str
    serial: str
    public: PublicKey


def run(room: Room) -> JsonObject:
    """Make a root key on each token; raises TokenError for an occupied label, VerificationError for a key that does not fit."""
    made: list[Json] = []
    for name in room.plan.root.tokens:
        token = unlocked(room, name)
        key = _made(room, token, name)
        check_made(key, room.plan.root.algorithm, room.plan.root.custody, locked=False)
        if not room.compare(Prompt(f"compare:root:{name}", f"Root key of {name}"), key.public.sha256):
            raise CeremonyError(
                f"people did not hear the same digest for the root key of {name}", hint="read it again, group by group"
            )
        room.keep({bundle.token_evidence(token.identity.serial, "public.pem"): key.public.pem})
        made.append(_json(name, token, key))
    return {"keys": made}


def key_label(room: Room) -> str:
    """Return the label of this plan's root keys on their tokens."""
    return room.plan.name


def own_key(room: Room, token: Token) -> TokenKey:
    """Return the root key that this ceremony made on a token; raises TokenError when it is not there."""
    key = token.find(key_label(room))
    if key is None or key.key_id != _key_id(room):
        raise TokenError(
            token.identity.serial,
            "does not hold the root key of this ceremony",
            hint="put the right token in; the log names it by its serial",
        )
    made = room.journal.result(ACTION, token.identity.serial)
    if made is not None and made["public_sha256"] != key.public.sha256:
        # Label and id can be set by whoever has the PIN; the public half is what the log knows.
        raise TokenError(
            token.identity.serial,
            "holds another key than the log says under this ceremony's label",
            hint="stop, and look at the token",
        )
    return key


def made_roots(room: Room) -> tuple[MadeRoot, ...]:
    """Return the root keys of this ceremony, in the plan's order."""
    keys = room.result("root-keys")["keys"]
    rows = [row for row in keys if isinstance(row, dict)] if isinstance(keys, list) else []
    return tuple(
        MadeRoot(
            str(row["token"]), str(row["serial"]), PublicKey(Algorithm(str(row["algorithm"])), base64.b64decode(str(row["spki"])))
        )
        for row in rows
    )


def _made(room: Room, token: Token, name: str) -> TokenKey:
    serial = token.identity.serial
    done = room.journal.result(ACTION, serial)
    key = token.find(key_label(room))
    if done is not None or (room.journal.interrupted(ACTION, serial) and key is not None):
        own = own_key(room, token)
        if done is None:
            room.operator.tell(f"The key on {name} was made before the interruption: it is there, with this ceremony's id.")
            room.journal.finish(ACTION, serial, {"found": True, **_facts(own)})
        return own
    if key is not None:
        raise TokenError(
            serial,
            f"already holds a key labelled {key_label(room)!r}",
            hint="take an empty token, or another name for the plan; nothing is overwritten",
        )
    _confirm(room, name, serial)
    request = KeyRequest(
        key_label(room),
        _key_id(room),
        room.plan.root.algorithm,
        extractable=room.plan.root.custody is Custody.TOKEN_WRAPPED,
        pin_policy=room.plan.root.pin_policy,
        touch_policy=room.plan.root.touch_policy,
    )
    with room.journal.intent(
        ACTION, serial, label=request.label, algorithm=request.algorithm, extractable=request.extractable
    ) as result:
        with room.operator.waiting(f"{name} to make its key"):
            made = token.generate(request)
        result.update(_facts(made))
    return made


def _confirm(room: Room, name: str, serial: str) -> None:
    detail = f"A new {room.plan.root.algorithm} root key is made on {name}, serial {serial}. It cannot be made again."
    if not room.operator.confirm(Prompt(f"generate:{name}", f"Make the root key on {name}", detail=detail), word=WORD):
        raise CeremonyError(
            f"the root key on {name} was not confirmed", hint="nothing was made; try this step again when everybody agrees"
        )


def _key_id(room: Room) -> bytes:
    return bytes.fromhex(room.journal.ceremony)


def _facts(key: TokenKey) -> JsonObject:
    return {"public_sha256": key.public.sha256, "attributes": attributes_json(key.attributes)}


def _json(name: str, token: Token, key: TokenKey) -> JsonObject:
    return {
        "token": name,
        "serial": token.identity.serial,
        "algorithm": key.public.algorithm,
        "spki": base64.b64encode(key.public.spki).decode(),
        "sha256": key.public.sha256,
    }
