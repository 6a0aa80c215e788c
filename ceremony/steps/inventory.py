# SPDX-License-Identifier: Apache-2.0
"""The inventory: every key of this ceremony, as auditors ask for it (ETSI EN 319 411-1, GEN-6.5.1-13A)."""

from __future__ import annotations

from ceremony.core.canonical import Json, JsonObject, encode
from ceremony.core.keys import PublicKey
from ceremony.steps.repository_keys import repository_keys
from ceremony.steps.room import Room
from ceremony.steps.root_keys import made_roots
from ceremony.steps.specs import made_here

INVENTORY = "evidence/inventory.json"


def inventory(room: Room) -> bytes:
    """Return the inventory as canonical JSON."""
    tokens = room.result("tokens")["tokens"]
    roots: list[Json] = []
    for root in made_roots(room):
        device = tokens.get(root.token) if isinstance(tokens, dict) else None
        made = room.journal.result("generate-key", root.serial) or {}
        locked = room.journal.result("lock-key", root.serial) or {}
        settings: JsonObject = {
            "custody": room.plan.root.custody,
            "attested": False,
            "attributes": made.get("attributes"),
            "attributes_locked": locked.get("attributes"),
        }
        roots.append({**_key(root.public), "role": "root", "device": device, "settings": settings})
    own = made_here(room)
    repositories: JsonObject = {
        name: {"id": room.dialect.key_id(keys.targets), **_key(keys.targets), "role": "targets", "made_here": name in own}
        for name, keys in repository_keys(room).items()
    }
    return encode({"root_keys": roots, "repository_keys": repositories}) + b"\n"


def _key(public: PublicKey) -> JsonObject:
    return {"algorithm": public.algorithm, "bits": public.algorithm.bits, "public_sha256": public.sha256}
