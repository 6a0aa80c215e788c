# SPDX-License-Identifier: Apache-2.0
"""Preflight: is this machine fit? Each check is a record; in practice a failed one is a warning.

Whether the machine is still cut off is looked at again before every later step.
"""

from __future__ import annotations

from ceremony.core.canonical import JsonObject
from ceremony.core.ports import Check
from ceremony.core.record import Outcome
from ceremony.errors import CeremonyError
from ceremony.steps.room import Room

BYTES_PER_REPOSITORY = 32 * 1024
BYTES_AT_LEAST = 64 * 1024 * 1024


def run(room: Room) -> JsonObject:
    """Look at the machine; raises CeremonyError in production when a check did not pass."""
    needed = BYTES_AT_LEAST + BYTES_PER_REPOSITORY * len(room.plan.repositories)
    checks = room.host.preflight(needed)
    for check in checks:
        _record(room, check)
    failed = [check for check in checks if not check.passed]
    for check in failed:
        room.operator.tell(f"{check.name}: {check.saw}. {check.hint}")
    if failed and not room.practice:
        names = ", ".join(check.name for check in failed)
        raise CeremonyError(f"this machine is not fit: {names}", hint=failed[0].hint)
    room.cut_off = room.host.air_gap().passed
    return {"passed": len(checks) - len(failed), "failed": [check.name for check in failed]}


def look_again(room: Room) -> None:
    """Look at the air gap; a change is a record. Raises CeremonyError in production while it is open."""
    check = room.host.air_gap()
    if check.passed is room.cut_off and (check.passed or room.practice):
        return
    room.cut_off = check.passed
    _record(room, check)
    room.operator.tell(f"{check.name}: {check.saw}. {check.hint}".strip())
    if not check.passed and not room.practice:
        raise CeremonyError(f"this machine is no longer cut off: {check.saw}", hint=check.hint)


def _record(room: Room, check: Check) -> None:
    body: JsonObject = {"name": check.name, "saw": check.saw, "hint": "" if check.passed else check.hint}
    room.journal.record("check", body, outcome=Outcome.OK if check.passed else Outcome.FAIL)
