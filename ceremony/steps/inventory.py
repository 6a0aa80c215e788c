# SPDX-License-Identifier: Apache-2.0
"""The inventory: every key of this ceremony, as auditors ask for it (ETSI EN 319 411-1, GEN-6.5.1-13A).

Of a root key it says where it was made and what shows that: an attestation (a
YubiKey), or the attributes that a PKCS#11 token claims, which prove nothing to strangers.
"""

from __future__ import annotations

from ceremony.core.canonical import Json, JsonObject, encode
from ceremony.core.keys import PublicKey
from ceremony.core.plan import Custody
from ceremony.steps.repository_keys import repository_keys
from ceremony.steps.room import Room
from ceremony.steps.root_keys import made_roots
from ceremony.steps.specs import made_here

INVENTORY = "evidence/inventory.json"
_ATTESTED = ("slot", "pin_policy", "touch_policy", "firmware", "form_factor", "fips", "authorities", "pinned")
"""What an inventory takes over from an `attested` record."""


def inventory(room: Room) -> bytes:
    """Return the inventory as canonical JSON."""
    tokens = room.result("tokens")["tokens"]
    roots: list[Json] = []
    for root in made_roots(room):
        device = tokens.get(root.token) if isinstance(tokens, dict) else None
        roots.append({**_key(root.public), "role": "root", "device": device, "settings": _settings(room, root.serial)})
    own = made_here(room)
    repositories: JsonObject = {
        name: {"id": room.dialect.key_id(keys.targets), **_key(keys.targets), "role": "targets", "made_here": name in own}
        for name, keys in repository_keys(room).items()
    }
    return encode({"root_keys": roots, "repository_keys": repositories}) + b"\n"


def _settings(room: Room, serial: str) -> JsonObject:
    """Return how a root key was made and is kept; an attestation counts only by the record that it was verified."""
    imported = room.plan.root.custody is Custody.IMPORTED
    made = room.journal.result("import-key" if imported else "generate-key", serial) or {}
    locked = room.journal.result("lock-key", serial) or {}
    attested = {} if imported else room.journal.past.attested.get(serial, {})
    return {
        "custody": room.plan.root.custody,
        "made": "on the host" if imported else "on the token",
        "attested": bool(attested),
        **{member: attested.get(member) for member in _ATTESTED if attested},
        "attributes": made.get("attributes"),
        "attributes_locked": locked.get("attributes"),
    }


def _key(public: PublicKey) -> JsonObject:
    return {"algorithm": public.algorithm, "bits": public.algorithm.bits, "public_sha256": public.sha256}
