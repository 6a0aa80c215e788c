# SPDX-License-Identifier: Apache-2.0
"""Root keys: one on each token of the plan, made there, read back, and heard by everybody."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ceremony.core import bundle
from ceremony.core.agenda.roots import Held
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.custody import attributes_json, check_made
from ceremony.core.keys import Algorithm, PublicKey
from ceremony.core.plan import Custody
from ceremony.core.ports import KeyRequest, Prompt, Token, TokenKey
from ceremony.errors import CeremonyError, TokenError
from ceremony.steps import attested, import_key, standing
from ceremony.steps.access import authorised, unlocked
from ceremony.steps.import_key import imported
from ceremony.steps.room import Room

ACTION = "generate-key"
WORD = "GENERATE"
RESTORE = "restore-key"
"""The act by which a root key comes to its token in a recovery (`restore`)."""


@dataclass(frozen=True, slots=True)
class MadeRoot:
    """A root key that this ceremony put on a token: the token's name and serial, the public half, and how it is kept."""

    token: str
    serial: str
    public: PublicKey
    custody: Custody


def run(room: Room) -> JsonObject:
    """Make a root key on each token; raises TokenError for an occupied label, VerificationError for a key that does not fit."""
    made: list[Json] = []
    for name in room.plan.key_tokens:
        token = unlocked(room, name)
        key = imported(room, token, name) if room.plan.root.custody is Custody.IMPORTED else _made(room, token, name)
        check_made(key, room.plan.root.algorithm, room.plan.root.custody, locked=False)
        if token.piv is not None:
            attested.prove(room, token, key)
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
    key, serial = token.find(key_label(room)), token.identity.serial
    action = import_key.ACTION if room.plan.root.custody is Custody.IMPORTED else ACTION
    action = RESTORE if room.recovers else action
    act = room.journal.result(action, serial) or room.journal.past.open_intents.get((action, serial), {})
    if key is None or not _ours(room, token, key, act):
        raise TokenError(
            serial, "does not hold the root key of this ceremony", hint="put the right token in; the log names it by its serial"
        )
    if act.get("public_sha256", key.public.sha256) != key.public.sha256:
        # Label and id can be set by whoever has the PIN; the public half is what the log knows.
        where = "under this ceremony's label" if token.piv is None else f"in slot {token.identity.slot}"
        raise TokenError(serial, f"holds another key than the log says {where}", hint="stop, and look at the token")
    return key


def key_of(room: Room, held: Held) -> tuple[Token, TokenKey]:
    """Return the unlocked token and its root key: the one that this ceremony made, or one that is published; raises TokenError."""
    token = unlocked(room, held.token)
    if held.token in room.plan.key_tokens:
        return token, own_key(room, token)
    key = token.find_public(held.public)
    if key is None:
        raise TokenError(
            held.serial,
            f"does not hold root key {held.public.sha256[:16]} any more",
            hint="put the right token in; the log names it by its serial",
        )
    return token, key


def _ours(room: Room, token: Token, key: TokenKey, act: JsonObject) -> bool:
    """Tell whether a key can be this ceremony's; `act` is what the log says of making it, as far as it came."""
    if token.piv is None:
        return key.key_id == key_id(room)
    # A YubiKey keeps no id: it is the key that the log knows, or one that came after the log said that the slot was empty.
    return "public_sha256" in act or (act.get("slot_empty") is True and act.get("slot") == token.identity.slot)


def made_roots(room: Room) -> tuple[MadeRoot, ...]:
    """Return the root keys that this ceremony made, or restored, in the order of the plan's tokens."""
    if not room.plan.key_tokens:
        return ()
    return tuple(
        MadeRoot(
            str(row["token"]),
            str(row["serial"]),
            read_public(row),
            Custody(str(row["custody"])) if room.recovers else room.plan.root.custody,
        )
        for row in rows(room.result("restore" if room.recovers else "root-keys")["keys"])
    )


def backed_up(room: Room) -> Mapping[str, PublicKey]:
    """Return the path, on a volume, of each root key's backup → its public half, also of those that are carried over in a recovery."""
    found = {bundle.root_backup(root.serial): root.public for root in made_roots(room)}
    if room.recovers:
        found |= {str(row["file"]): read_public(row) for row in rows(room.result("restore")["carried"])}
    return found


def rows(listed: Json) -> Sequence[JsonObject]:
    """Return the objects of a list in a record."""
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []


def public_json(public: PublicKey) -> JsonObject:
    """Return a root key's public half as records name it."""
    return {
        "algorithm": public.algorithm,
        "spki": base64.b64encode(public.spki).decode(),
        "sha256": public.sha256,
    }


def read_public(row: JsonObject) -> PublicKey:
    """Return the public half that `public_json` wrote."""
    return PublicKey(Algorithm(str(row["algorithm"])), base64.b64decode(str(row["spki"])))


def _made(room: Room, token: Token, name: str) -> TokenKey:
    serial = token.identity.serial
    done = room.journal.result(ACTION, serial)
    key = token.find(key_label(room))
    if done is not None or (room.journal.interrupted(ACTION, serial) and key is not None):
        own = own_key(room, token)
        if done is None:
            how = "with this ceremony's id" if token.piv is None else "in the slot that was shown empty"
            room.operator.tell(f"The key on {name} was made before the interruption: it is there, {how}.")
            room.journal.finish(ACTION, serial, {"found": True, **_facts(own)})
        return own
    refuse_occupied(room, token, key)
    facts = _before(room, token, name)
    _confirm(room, name, serial)
    request = KeyRequest(
        key_label(room),
        key_id(room),
        room.plan.root.algorithm,
        extractable=room.plan.root.custody is Custody.TOKEN_WRAPPED,
        pin_policy=room.plan.root.pin_policy,
        touch_policy=room.plan.root.touch_policy,
    )
    with room.journal.intent(ACTION, serial, algorithm=request.algorithm, **facts) as result:
        with room.operator.waiting(f"{name} to make its key"):
            made = token.generate(request)
        result.update(_facts(made))
    return made


def refuse_occupied(room: Room, token: Token, key: TokenKey | None) -> None:
    """Raise TokenError when what would be the place of a root key holds `key`."""
    if key is not None:
        what = f"a key labelled {key_label(room)!r}" if token.piv is None else f"a key in slot {token.identity.slot}"
        raise TokenError(
            token.identity.serial,
            f"already holds {what}",
            hint="nothing is overwritten; stop, and begin a new ceremony with an empty token",
        )


def _before(room: Room, token: Token, name: str) -> JsonObject:
    """Return what is recorded of the place of a root key before it is made; a YubiKey's slot is shown empty."""
    identity, root = token.identity, room.plan.root
    if token.piv is None:
        return {"label": key_label(room), "extractable": root.custody is Custody.TOKEN_WRAPPED}
    attested.authorities(room, identity.serial)
    authorised(room, name)
    if identity.slot in standing.read(room, token).occupied:
        raise TokenError(
            identity.serial,
            f"already holds a certificate in slot {identity.slot}",
            hint="nothing is overwritten; stop, and begin a new ceremony with an empty token",
        )
    room.operator.tell(f"Slot {identity.slot} of {name}, serial {identity.serial}, is empty.")
    return {
        "slot": identity.slot,
        "slot_empty": True,
        "pin_policy": root.pin_policy,
        "touch_policy": root.touch_policy,
    }


def _confirm(room: Room, name: str, serial: str) -> None:
    detail = f"A new {room.plan.root.algorithm} root key is made on {name}, serial {serial}. It cannot be made again."
    if not room.operator.confirm(Prompt(f"generate:{name}", f"Make the root key on {name}", detail=detail), word=WORD):
        raise CeremonyError(
            f"the root key on {name} was not confirmed", hint="nothing was made; try this step again when everybody agrees"
        )


def key_id(room: Room) -> bytes:
    """Return the CKA_ID of this ceremony's root keys on PKCS#11 tokens."""
    return bytes.fromhex(room.journal.ceremony)


def _facts(key: TokenKey) -> JsonObject:
    return {"public_sha256": key.public.sha256, "attributes": attributes_json(key.attributes)}


def _json(name: str, token: Token, key: TokenKey) -> JsonObject:
    return {
        "token": name,
        "serial": token.identity.serial,
        **public_json(key.public),
    }
