# SPDX-License-Identifier: Apache-2.0
"""The self-test at preflight: one record of all its lines; a failed one ends a production, and is a warning in practice."""

from __future__ import annotations

from dataclasses import replace

from ceremony.core import self_test
from ceremony.core.record import Outcome
from ceremony.errors import CeremonyError
from ceremony.steps.room import Room, writable


def run(room: Room) -> None:
    """Have the program test itself, and record it; raises CeremonyError in production when a line did not hold."""
    with room.operator.waiting("this program to test itself"):
        made = room.self_test.run()
    checks = [replace(check, name=writable(check.name), saw=writable(check.saw)) for check in made]
    failed = [check for check in checks if not check.passed]
    room.journal.record(self_test.KIND, self_test.body(checks), outcome=Outcome.FAIL if failed else Outcome.OK)
    for check in failed:
        room.operator.tell(f"self-test: {check.name}: {check.saw}. {check.hint}")
    if failed and not room.practice:
        names = ", ".join(check.name for check in failed)
        raise CeremonyError(f"self-test: failed: {names}", hint=failed[0].hint)
