# SPDX-License-Identifier: Apache-2.0
"""Custody `imported`: a root key is made in memory, backed up to both volumes, and only then put on its token.

No key is on a token without its backup, so a crash can lose a key that nothing names,
never one that does. What is on the token is told by its public half: the intent states
it before the token is touched. An interrupted import is finished when that key is there;
when it is not, the key went with the memory it was in, and another one is made.

Nothing attests such a key. That the token holds its private half is shown by one
signature, verified here with the public half that was made.
"""

from __future__ import annotations

from ceremony.core import backup, bundle, software_key
from ceremony.core.canonical import JsonObject
from ceremony.core.challenge import challenge
from ceremony.core.custody import attributes_json
from ceremony.core.keys import PublicKey, verify
from ceremony.core.ports import KeyRequest, Prompt, Token, TokenKey
from ceremony.core.record import Outcome
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import CeremonyError, TokenError, VerificationError
from ceremony.steps import standing
from ceremony.steps.access import authorised
from ceremony.steps.room import Room
from ceremony.steps.signing import touched

ACTION = "import-key"
WORD = "GENERATE"


def imported(room: Room, token: Token, name: str) -> TokenKey:
    """Return the root key that was made here and put on this token, which is unlocked; make it unless it is there.

    Raises TokenError for an occupied label or slot, before anything is made, and for a token that holds
    another key than the log says; StorageError when a volume did not take the backup; CeremonyError when
    people do not agree.
    """
    serial = token.identity.serial
    done = room.journal.result(ACTION, serial)
    key = token.find(room.plan.name)
    if done is not None:
        return _recorded(serial, key, str(done["public_sha256"]))
    begun = room.journal.past.open_intents.get((ACTION, serial))
    if begun is not None and key is not None and key.public.sha256 == begun["public_sha256"]:
        room.operator.tell(f"The key was put on {name} before the interruption: it is there, and its backup is on both volumes.")
        _prove(room, token, name, key, key.public)
        room.journal.finish(ACTION, serial, {"found": True, **_facts(key)})
        return key
    free = place(room, token, name, key)
    if begun is not None:
        room.operator.tell(
            f"No key was put on {name} before the interruption. Another one is made; the older backup is set aside."
        )
        room.journal.finish(ACTION, serial, {"interrupted": True}, outcome=Outcome.FAIL)
    _confirm(room, name, serial)
    return _put(room, token, name, _made(room, name, serial), free)


def _recorded(serial: str, key: TokenKey | None, public_sha256: str) -> TokenKey:
    if key is None or key.public.sha256 != public_sha256:
        raise TokenError(
            serial,
            "does not hold the root key that the log says was put on it",
            hint="put the right token in; the log names it by its serial",
        )
    return key


def place(room: Room, token: Token, name: str, key: TokenKey | None) -> JsonObject:
    """Return what is recorded of the place of the key, which `key` and everything else leaves free; raises TokenError."""
    root, identity = room.root, token.identity
    hint = "nothing is overwritten; stop, and begin a new ceremony with an empty token"
    if token.piv is None:
        if key is not None:
            raise TokenError(identity.serial, f"already holds a key labelled {room.plan.name!r}", hint=hint)
        return {"label": room.plan.name}
    authorised(room, name)
    if identity.slot in standing.read(room, token).occupied:
        raise TokenError(identity.serial, f"already holds a key or certificate in slot {identity.slot}", hint=hint)
    room.operator.tell(f"Slot {identity.slot} of {name}, serial {identity.serial}, is empty.")
    return {"slot": identity.slot, "slot_empty": True, "pin_policy": root.pin_policy, "touch_policy": root.touch_policy}


def _confirm(room: Room, name: str, serial: str) -> None:
    detail = (
        f"A new {room.plan.root.algorithm} root key is made in the memory of this computer, encrypted to both volumes, "
        f"and put on {name}, serial {serial}. Nothing can attest such a key, and the log says so."
    )
    if not room.operator.confirm(Prompt(f"generate:{name}", f"Make the root key for {name}", detail=detail), word=WORD):
        raise CeremonyError(
            f"the root key for {name} was not confirmed", hint="nothing was made; try this step again when everybody agrees"
        )


def _made(room: Room, name: str, serial: str) -> SoftwareKey:
    """Return a new key whose backup is on both volumes."""
    with room.operator.waiting(f"the key of {name} to be made, and both volumes to take its backup"):
        private = software_key.make(room.plan.root.algorithm)
        manifest: JsonObject = {
            "kind": "root-key",
            "ceremony": room.journal.ceremony,
            "serial": serial,
            "label": room.plan.name,
            "algorithm": private.public.algorithm,
            "public_sha256": private.public.sha256,
        }
        packed = backup.pack(manifest, {backup.PKCS8: private.pkcs8()})
        recipient = str(room.result("protector")["recipient"])
        room.on_volumes({bundle.root_backup(serial): backup.encrypt(packed, recipient)})
    return private


def _put(room: Room, token: Token, name: str, private: SoftwareKey, place: JsonObject) -> TokenKey:
    root, serial = room.plan.root, token.identity.serial
    request = KeyRequest(
        room.plan.name,
        bytes.fromhex(room.journal.ceremony),
        root.algorithm,
        extractable=False,
        pin_policy=root.pin_policy,
        touch_policy=root.touch_policy,
    )
    facts: JsonObject = {
        **place,
        "algorithm": request.algorithm,
        "public_sha256": private.public.sha256,
        "host_made": True,
    }
    with room.journal.intent(ACTION, serial, **facts) as result:
        with room.operator.waiting(f"{name} to take its key"):
            key = token.import_key(request, private)
        _prove(room, token, name, key, private.public)
        result.update(_facts(key))
    return key


def _prove(room: Room, token: Token, name: str, key: TokenKey, public: PublicKey) -> None:
    """Have the key sign once; raises VerificationError unless the private half of `public` did it."""
    subject = f"root key {public.sha256[:16]}"
    if key.public != public:
        raise VerificationError(subject, f"is not the one that {name} shows", hint="do not use this token")
    scheme = room.dialect.scheme(public.algorithm)
    message = challenge(room.journal.head(), serial=token.identity.serial, slot=token.identity.slot, public=public)
    with touched(room, token, key, f"{name} to sign once with the key that it was given"):
        (signature,) = token.sign(key, scheme, [message])
    verify(public, scheme, message, signature, subject)


def _facts(key: TokenKey) -> JsonObject:
    return {"public_sha256": key.public.sha256, "attributes": attributes_json(key.attributes), "attested": False}
