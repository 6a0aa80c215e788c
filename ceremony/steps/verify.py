# SPDX-License-Identifier: Apache-2.0
"""Verify: every file is read back and judged as a client would, by code that did not write it."""

from __future__ import annotations

from collections.abc import Mapping

from ceremony.core import second_opinion
from ceremony.core.canonical import JsonObject
from ceremony.core.dialects import Draft, RepositorySpec
from ceremony.errors import VerificationError
from ceremony.steps.room import Room
from ceremony.steps.specs import made_here, repository_specs


def run(room: Room) -> JsonObject:
    """Judge every repository's files; raises VerificationError, naming repository and role."""
    specs = repository_specs(room)
    own = made_here(room)
    signatures = 0
    for done, spec in enumerate(specs, 1):
        drafts = {"root": room.dialect.root(spec)} | ({"targets": room.dialect.targets(spec)} if spec.name in own else {})
        signatures += _judge(room, spec, drafts)
        if done % 50 == 0 or done == len(specs):
            room.operator.progress("repositories verified", done, len(specs))
    room.journal.record("verified", {"repositories": len(specs), "signatures": signatures})
    return {"repositories": len(specs), "signatures": signatures}


def _judge(room: Room, spec: RepositorySpec, drafts: Mapping[str, Draft]) -> int:
    files = {role: room.recorded(draft.path) for role, draft in drafts.items()}
    counted = room.dialect.check(spec.name, files, room.clock.utc())
    payloads = {draft.payload for draft in drafts.values()}
    expected = {key.public.sha256 for key in spec.root_keys} | ({spec.targets.sha256} if "targets" in drafts else set())
    for signature in counted:
        if signature.payload not in payloads:
            raise VerificationError(
                spec.name, "was signed over something else than was agreed", hint="nothing may be carried out; stop"
            )
        if signature.public == spec.targets:
            second_opinion.verify(signature.public, signature.scheme, signature.payload, signature.value, f"{spec.name} targets")
    if {signature.public.sha256 for signature in counted} != expected:
        raise VerificationError(
            spec.name, "is not signed by every key that it should be", hint="nothing may be carried out; stop"
        )
    return len(counted)
