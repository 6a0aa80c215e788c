# SPDX-License-Identifier: Apache-2.0
"""Preflight: is this machine fit? Each check is a record; in practice a failed one is a warning."""

from __future__ import annotations

from ceremony.core.canonical import JsonObject
from ceremony.core.log import Outcome
from ceremony.errors import CeremonyError
from ceremony.steps.room import Room

BYTES_PER_REPOSITORY = 32 * 1024
BYTES_AT_LEAST = 64 * 1024 * 1024


def run(room: Room) -> JsonObject:
    """Look at the machine; raises CeremonyError in production when a check did not pass."""
    needed = BYTES_AT_LEAST + BYTES_PER_REPOSITORY * len(room.plan.repositories)
    checks = room.host.preflight(needed)
    for check in checks:
        outcome = Outcome.OK if check.passed else Outcome.FAIL
        room.journal.record(
            "check", {"name": check.name, "saw": check.saw, "hint": "" if check.passed else check.hint}, outcome=outcome
        )
    failed = [check for check in checks if not check.passed]
    for check in failed:
        room.operator.tell(f"{check.name}: {check.saw}. {check.hint}")
    if failed and not room.practice:
        names = ", ".join(check.name for check in failed)
        raise CeremonyError(f"this machine is not fit: {names}", hint=failed[0].hint)
    return {"passed": len(checks) - len(failed), "failed": [check.name for check in failed]}
