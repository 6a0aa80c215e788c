# SPDX-License-Identifier: Apache-2.0
"""What a rehearsal is about: its plan, what is published, and whom that is trusted from, with what stands in for the real thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ceremony.core.plan import Plan


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rehearsal is held about."""

    plan: Plan
    """As it is held: keys of a practice may stand in for the stolen ones that it names."""
    request: Mapping[str, bytes]
    """Path in the request folder → bytes."""
    trusted: Mapping[str, bytes]
    """Path → bytes of the trusted root; empty where it is key ids, or none is needed."""
    substitutions: tuple[str, ...] = ()
    """What stands in for the real thing, as records say it."""
    made_up: bool = False
    """Whether the request is another than the plan's."""
    warnings: tuple[str, ...] = ()


def trusted_files(roots: Mapping[str, Mapping[str, bytes]]) -> dict[str, bytes]:
    """Return the files (path → bytes) of a trusted root: repository → role → bytes of its root and targets, as a bundle has them."""
    return {f"tuf/{name}/metadata/{role}.json": data for name, roles in roots.items() for role, data in roles.items()}
