# SPDX-License-Identifier: Apache-2.0
"""The machine: in production nothing was begun, and no step ended, while a check of it had failed that the plan does not waive.

A check that failed is mended by the same one passing later; one that the plan waives, by
the deviation that says so. The air gap, which is looked at before each step, is mended by
a preflight too, which looks at all that it is made of. In a practice a failed check is a warning.
"""

from __future__ import annotations

from ceremony.core.audit.verdict import Audited
from ceremony.core.plan import Mode, Plan
from ceremony.core.plan_waivers import deviation, waived
from ceremony.core.port_values import AIR_GAP
from ceremony.core.record import Outcome, Record

_FIRST = "network"
"""The first check of every preflight."""


def check_machine(a: Audited, plan: Plan | None) -> None:
    """Check what the log tells of the machine, against the waivers of the plan."""
    if a.mode != Mode.PRODUCTION:
        return
    open_checks: dict[str, Record] = {}
    seen: set[str] = set()
    deviated: set[str] = set()
    wrong = False
    for record in a.found.records:
        if record.kind == "check":
            name = str(record.body.get("name"))
            seen.add(name)
            _note(open_checks, record, name)
        elif record.kind == "deviation":
            for name, failed in list(open_checks.items()):
                if record.body == _deviation(plan, name, failed):
                    deviated.add(name)
                    del open_checks[name]
        elif open_checks and record.kind in ("intent", "end"):
            wrong = True
            for name, failed in open_checks.items():
                _fail(a, plan, name, failed, record)
            open_checks.clear()
    if seen and not wrong:
        a.ok(
            "machine",
            f"{len(seen)} checks passed" + (f", or are waived by the plan: {', '.join(sorted(deviated))}" if deviated else ""),
        )


def _note(open_checks: dict[str, Record], record: Record, name: str) -> None:
    if record.outcome is not Outcome.OK:
        open_checks[name] = record
        return
    open_checks.pop(name, None)
    if name == _FIRST:
        open_checks.pop(AIR_GAP, None)


def _deviation(plan: Plan | None, name: str, failed: Record) -> object:
    reason = waived(plan, name)
    return deviation(name, str(failed.body.get("saw")), reason) if reason else None


def _fail(a: Audited, plan: Plan | None, name: str, failed: Record, then: Record) -> None:
    what = f"step {then.step} ended" if then.kind == "end" else f"{then.body.get('action')} was begun in step {then.step}"
    why = "no deviation says that the plan waives it" if waived(plan, name) else "the plan does not waive it"
    a.failed(f"record {failed.seq}", f"says that the check {name} failed; {why}, and {what}")
