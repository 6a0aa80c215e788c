# SPDX-License-Identifier: Apache-2.0
"""Preflight: is this machine fit? Each check is a record; in practice a failed one is a warning.

In production a failed check ends the ceremony, unless the plan waives it: then it is a
deviation, and so it is in a practice of that plan. Whether the machine is still cut off is
looked at again before every later step; no plan can waive that.
"""

from __future__ import annotations

from ceremony.core.canonical import JsonObject
from ceremony.core.plan_waivers import deviation, waived
from ceremony.core.ports import Check
from ceremony.core.record import Outcome
from ceremony.errors import CeremonyError
from ceremony.steps import self_test
from ceremony.steps.room import Room

BYTES_PER_REPOSITORY = 32 * 1024
BYTES_AT_LEAST = 64 * 1024 * 1024


def run(room: Room) -> JsonObject:
    """Look at the machine; raises CeremonyError in production when a check did not pass that the plan does not waive."""
    self_test.run(room)
    needed = BYTES_AT_LEAST + BYTES_PER_REPOSITORY * len(room.plan.repositories)
    checks = room.host.preflight(needed)
    for check in checks:
        _record(room, check)
    failed = [check for check in checks if not check.passed]
    for check in failed:
        room.operator.tell(_told(check))
    refused = [check for check in failed if not waived(room.plan, check.name)]
    if refused and not room.practice:
        names = ", ".join(check.name for check in refused)
        raise CeremonyError(f"this machine is not fit: {names}", hint=refused[0].hint)
    for check in failed:
        _deviate(room, check)
    room.cut_off = room.host.air_gap().passed
    return {"passed": len(checks) - len(failed), "failed": [check.name for check in failed]}


def look_again(room: Room) -> None:
    """Look at the air gap; a change is a record. Raises CeremonyError in production while it is open."""
    check = room.host.air_gap()
    if check.passed is room.cut_off and (check.passed or room.practice):
        return
    room.cut_off = check.passed
    _record(room, check)
    room.operator.tell(f"{check.name}: {check.saw}." if check.passed else _told(check))
    if not check.passed and not room.practice:
        raise CeremonyError(f"this machine is no longer cut off: {check.saw}", hint=check.hint)


def _record(room: Room, check: Check) -> None:
    body: JsonObject = {"name": check.name, "saw": check.saw, "hint": "" if check.passed else check.hint}
    if check.why and not check.passed:
        body["why"] = check.why
    room.journal.record("check", body, outcome=Outcome.OK if check.passed else Outcome.FAIL)


def _told(check: Check) -> str:
    """Return what people are told of a check that did not pass: what was seen, why it matters, how to put it right."""
    why = f"{check.why}. To put it right: " if check.why else ""
    return f"{check.name}: {check.saw}. {why}{check.hint}"


def _deviate(room: Room, check: Check) -> None:
    reason = waived(room.plan, check.name)
    if reason:
        room.journal.record("deviation", deviation(check.name, check.saw, reason))
        room.operator.tell(f"{check.name}: the plan waives it, and that is a deviation: {reason}")
