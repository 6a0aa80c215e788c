# SPDX-License-Identifier: Apache-2.0
"""Verify: every file is read back and judged as clients would, by code that did not write it."""

from __future__ import annotations

from collections.abc import Mapping

from ceremony.core.agenda.items import Item
from ceremony.core.canonical import JsonObject
from ceremony.steps.items import held, signed
from ceremony.steps.room import Room
from ceremony.steps.side_by_side import side_by_side


def run(room: Room) -> JsonObject:
    """Judge every repository's files; raises VerificationError, naming repository and role."""
    items = signed(room)
    keys = frozenset(root.public.sha256 for root in held(room))

    def files(item: Item) -> Mapping[str, bytes]:
        return {draft.role: room.recorded(draft.path) for draft in item.drafts()}

    signatures = 0
    for done, (item, found) in enumerate(zip(items, side_by_side(files, items), strict=True), 1):
        signatures += item.check(found, keys, room.clock.utc())
        if done % 50 == 0 or done == len(items):
            room.operator.progress("repositories verified", done, len(items))
    room.journal.record("verified", {"repositories": len(items), "signatures": signatures})
    return {"repositories": len(items), "signatures": signatures}
