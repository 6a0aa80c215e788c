# SPDX-License-Identifier: Apache-2.0
"""The inventory: every key of this ceremony, as auditors ask for it (ETSI EN 319 411-1, GEN-6.5.1-13A).

Of a root key it says where it was made and what shows that: an attestation (a
YubiKey), or the attributes that a PKCS#11 token claims, which prove nothing to strangers;
and, in production, who claims that such a token is hardware.
"""

from __future__ import annotations

from ceremony.core import claims
from ceremony.core.canonical import Json, JsonObject, encode
from ceremony.core.keys import PublicKey
from ceremony.core.plan import Custody
from ceremony.steps.agenda import made_here
from ceremony.steps.items import held
from ceremony.steps.repository_keys import targets_keys
from ceremony.steps.room import Room
from ceremony.steps.root_keys import RESTORE, MadeRoot, made_roots

INVENTORY = "evidence/inventory.json"
_ATTESTED = ("slot", "pin_policy", "touch_policy", "firmware", "form_factor", "fips", "authorities", "pinned")
"""What an inventory takes over from an `attested` record."""


def inventory(room: Room) -> bytes:
    """Return the inventory as canonical JSON."""
    tokens = room.result("tokens")["tokens"]
    roots: list[Json] = []
    for root in made_roots(room):
        device = tokens.get(root.token) if isinstance(tokens, dict) else None
        roots.append({**_key(root.public), "role": "root", "device": device, "settings": _settings(room, root)})
    made = {root.serial for root in made_roots(room)}
    for one in (one for one in held(room) if one.serial not in made):
        device = tokens.get(one.token) if isinstance(tokens, dict) else None
        claimed = room.journal.result(claims.ACTION, one.serial)
        settings: JsonObject = {
            "made": "before this ceremony, and found on its token by what is published",
            **({"claimed_by": claimed["by"]} if claimed else {}),
        }
        roots.append({**_key(one.public), "role": "root", "device": device, "settings": settings})
    own = frozenset() if room.recovers else made_here(room)
    repositories: JsonObject = {
        name: {"id": room.dialect.key_id(public), **_key(public), "role": "targets", "made_here": name in own}
        for name, public in targets_keys(room).items()
    }
    return encode({"root_keys": roots, "repository_keys": repositories}) + b"\n"


def _settings(room: Room, root: MadeRoot) -> JsonObject:
    """Return how a root key was made and is kept; an attestation counts only by the record that it was verified."""
    serial, imported = root.serial, root.custody is Custody.IMPORTED
    action, where = ("import-key", "on the host") if imported else ("generate-key", "on the token")
    if room.recovers:
        action, where, imported = RESTORE, "in an earlier ceremony, and restored from its backup", True
    made = room.journal.result(action, serial) or {}
    locked = room.journal.result("lock-key", serial) or {}
    claimed = room.journal.result(claims.ACTION, serial)
    attested = {} if imported else room.journal.past.attested.get(serial, {})
    return {
        "custody": root.custody,
        "made": where,
        "attested": bool(attested),
        **{member: attested.get(member) for member in _ATTESTED if attested},
        **({"claimed_by": claimed["by"]} if claimed else {}),
        "attributes": made.get("attributes"),
        "attributes_locked": locked.get("attributes"),
    }


def _key(public: PublicKey) -> JsonObject:
    return {"algorithm": public.algorithm, "bits": public.algorithm.bits, "public_sha256": public.sha256}
