# SPDX-License-Identifier: Apache-2.0
"""Review: people see everything that is about to be signed, and agree to exactly that."""

from __future__ import annotations

from ceremony.core.canonical import JsonObject
from ceremony.core.ports import Prompt
from ceremony.core.review import NewRepositories
from ceremony.errors import CeremonyError
from ceremony.steps.room import Room
from ceremony.steps.specs import digest, made_here, repository_specs


def run(room: Room) -> JsonObject:
    """Show the differences and record the digest of what was agreed; raises CeremonyError when it was not."""
    specs = repository_specs(room)
    own = made_here(room)
    agreed = digest(room, specs)
    detail = f"{len(specs)} repositories, {len(specs) + len(own)} files to be signed. Digest {agreed}."
    prompt = Prompt("review", "What will be signed", detail=detail, who="everybody")
    if not room.operator.review(prompt, NewRepositories(room.dialect, specs, own)):
        raise CeremonyError(
            "people did not agree to what would be signed", hint="stop, correct the plan, and hold the ceremony again"
        )
    room.journal.record("agreed", {"digest": agreed, "repositories": len(specs), "files": len(specs) + len(own)})
    return {"digest": agreed}
