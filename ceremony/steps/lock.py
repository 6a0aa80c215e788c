# SPDX-License-Identifier: Apache-2.0
"""Lock: a wrapped root key is made unextractable for good, now that its backups were restored; read back."""

from __future__ import annotations

from ceremony.core.canonical import Json, JsonObject
from ceremony.core.custody import attributes_json, check_made, check_restored
from ceremony.core.plan import Custody
from ceremony.errors import CeremonyError
from ceremony.steps.access import unlocked
from ceremony.steps.room import Room
from ceremony.steps.root_keys import made_roots, own_key

ACTION = "lock-key"


def run(room: Room) -> JsonObject:
    """Set EXTRACTABLE to false on every root key; raises VerificationError when it does not read so."""
    if "drill" not in room.journal.past.ended:
        raise CeremonyError(
            "a root key is locked only after its backups were restored", hint="the drill comes first; resume the ceremony"
        )
    locked: list[Json] = []
    for root in (root for root in made_roots(room) if root.custody is Custody.TOKEN_WRAPPED):
        token = unlocked(room, root.token)
        key, serial = own_key(room, token), token.identity.serial
        if room.journal.result(ACTION, serial) is None:
            if not room.journal.interrupted(ACTION, serial):
                room.journal.begin(ACTION, serial, {"public_sha256": key.public.sha256})
            # After an interruption the key may be locked already: locking it again changes nothing.
            key = token.lock(key) if key.attributes is None or key.attributes.extractable else key
            if room.recovers:
                check_restored(key, root.public, root.custody, locked=True)
            else:
                check_made(key, room.plan.root.algorithm, root.custody, locked=True)
            room.journal.finish(ACTION, serial, {"attributes": attributes_json(key.attributes)})
        locked.append(serial)
    return {"locked": locked}
