# SPDX-License-Identifier: Apache-2.0
"""Review: people see everything that is about to be signed, and agree to exactly that; what is left out is told and listed."""

from __future__ import annotations

from collections.abc import Mapping

from ceremony.core import specs
from ceremony.core.agenda.differences import differences
from ceremony.core.canonical import JsonObject, encode
from ceremony.core.ports import Prompt
from ceremony.errors import CeremonyError, VerificationError
from ceremony.steps.items import drafts, filled
from ceremony.steps.leaving_out import go_on_without
from ceremony.steps.room import Room, writable

LEFT_OUT = "evidence/left-out.json"


def run(room: Room) -> JsonObject:
    """Show the differences and record the digest of what was agreed; raises CeremonyError when it was not.

    Raises the error of the first repository when every one of them is left out.
    """
    found = filled(room)
    if found.left_out:
        go_on_without(room, found.left_out)
    if not found.items:
        raise _nothing(found.left_out)
    files = [draft.role for draft in drafts(found.items)]
    agreed = specs.digest(drafts(found.items))
    detail = f"{len(found.items)} repositories, {len(files)} files to be signed. Digest {agreed}."
    prompt = Prompt("review", "What will be signed", detail=detail, who="everybody")
    if not room.operator.review(prompt, differences(room.dialect, room.plan, found.items)):
        raise CeremonyError(
            "people did not agree to what would be signed", hint="stop, correct the plan, and hold the ceremony again"
        )
    said: JsonObject = {"digest": agreed, "repositories": len(found.items), "files": len(files)}
    if found.left_out:
        listed: JsonObject = {name: writable(error.message) for name, error in found.left_out.items()}
        room.keep({LEFT_OUT: encode(listed) + b"\n"})
        said["left_out"] = len(found.left_out)
    room.journal.record("agreed", said)
    return {"digest": agreed, **({"left_out": len(found.left_out)} if found.left_out else {})}


def _nothing(left_out: Mapping[str, VerificationError]) -> CeremonyError:
    if left_out:
        return next(iter(left_out.values()))
    return CeremonyError("there is nothing to sign", hint="nothing that is published is touched by this plan; correct it")
