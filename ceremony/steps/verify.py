# SPDX-License-Identifier: Apache-2.0
"""Verify: every file is read back and judged as clients would, by code that did not write it."""

from __future__ import annotations

from ceremony.core.canonical import JsonObject
from ceremony.steps.items import filled, held
from ceremony.steps.room import Room


def run(room: Room) -> JsonObject:
    """Judge every repository's files; raises VerificationError, naming repository and role."""
    items = filled(room).items
    keys = frozenset(root.public.sha256 for root in held(room))
    signatures = 0
    for done, item in enumerate(items, 1):
        files = {draft.role: room.recorded(draft.path) for draft in item.drafts()}
        signatures += item.check(files, keys, room.clock.utc())
        if done % 50 == 0 or done == len(items):
            room.operator.progress("repositories verified", done, len(items))
    room.journal.record("verified", {"repositories": len(items), "signatures": signatures})
    return {"repositories": len(items), "signatures": signatures}
