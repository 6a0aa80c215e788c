# SPDX-License-Identifier: Apache-2.0
"""`[preflight]` of a plan: which checks of the machine need not pass, and why.

    [preflight]
    waive = [{ check = "boot medium", reason = "the disk is taken out and kept in the safe" }]

A waiver is read before the day, approved with the plan, and becomes a deviation where its
check does not pass; for a check that passes it changes nothing. The air gap, and whatever
would make the rest worthless, no plan can waive.
"""

from __future__ import annotations

from ceremony.core.canonical import JsonObject
from ceremony.core.machine_checks import MATTERS, may_be_waived
from ceremony.core.plan import Plan, Waiver
from ceremony.core.plan_fields import Table, quoted
from ceremony.errors import PlanRefused

_WAIVER = {"check": '"boot medium"', "reason": '"the disk is taken out and kept in the safe"'}


def read_waivers(plan: Table) -> tuple[Waiver, ...]:
    """Return the waivers of a plan; raises PlanRefused, naming the field, for a check that is unknown, waived twice or never waived."""
    if not plan.has("preflight"):
        return ()
    preflight = plan.table("preflight", {"waive": '[{ check = "boot medium", reason = "..." }]'})
    found: dict[str, tuple[str, Waiver]] = {}
    for table in preflight.tables("waive", _WAIVER):
        waiver = Waiver(table.choice("check", tuple(MATTERS)), table.text("reason"))
        field, never = table.at("check"), MATTERS[waiver.check].never
        if never:
            raise PlanRefused(
                field, f"{quoted(waiver.check)} can never be waived: {never}", hint=f"remove it, and {MATTERS[waiver.check].hint}"
            )
        first, _ = found.setdefault(waiver.check, (table.path, waiver))
        if first != table.path:
            raise PlanRefused(field, f"{quoted(waiver.check)} is already waived by {first}", hint="waive each check once")
    return tuple(waiver for _, waiver in found.values())


def waived(plan: Plan | None, check: str) -> str:
    """Return the reason for which a plan waives a check; empty when it does not, or no plan can."""
    if plan is None or not may_be_waived(check):
        return ""
    return next((waiver.reason for waiver in plan.waivers if waiver.check == check), "")


def deviation(check: str, saw: str, reason: str) -> JsonObject:
    """Return what the log says of a check that did not pass and is waived: the body of a `deviation` record."""
    return {"expected": f"the machine passes the check {check}", "happened": saw, "decided": f"the plan waives it: {reason}"}
