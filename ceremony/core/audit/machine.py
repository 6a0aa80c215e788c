# SPDX-License-Identifier: Apache-2.0
"""The machine: in production nothing was begun, and no step ended, before every check of it was made, or while one had failed that the plan does not waive.

Each preflight makes all checks of `machine_checks`: the step's, and the one after each
`resume`, which may be on another machine. What was seen before either counts no more.

A check that failed is mended by the same one passing later; one that the plan waives, by
the deviation that says so. The air gap, which is looked at before each step, is mended by
a preflight too, which looks at all that it is made of. In a practice a failed check is a warning.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ceremony.core import bundle
from ceremony.core.audit.verdict import Audited
from ceremony.core.machine_checks import MATTERS
from ceremony.core.plan import Mode, Plan
from ceremony.core.plan_waivers import deviation, waived
from ceremony.core.port_values import AIR_GAP
from ceremony.core.record import Outcome, Record

_FIRST = "network"
"""The first check of every preflight."""
_STEP = "preflight"
_GOES_ON = ("intent", "end", "close")
"""What is recorded only once the machine was found fit."""


@dataclass(slots=True)
class _Told:
    """What the log told of the machine so far."""

    failed: dict[str, Record] = field(default_factory=dict)
    missing: set[str] = field(default_factory=lambda: set(MATTERS))
    """The checks that were not made since the last preflight, or the last `resume`, began."""
    seen: set[str] = field(default_factory=set)
    deviated: set[str] = field(default_factory=set)


def check_machine(a: Audited, plan: Plan | None) -> None:
    """Check what the log tells of the machine, against the waivers of the plan."""
    if a.mode != Mode.PRODUCTION:
        return
    told, wrong = _Told(), False
    for record in a.found.records:
        if begins_anew(record):
            told.missing = set(MATTERS)
        elif record.kind == "check":
            _note(told, record, str(record.body.get("name")))
        elif record.kind == "deviation":
            _deviate(told, plan, record)
        elif record.kind in _GOES_ON:
            wrong |= bool(told.failed or told.missing)
            _judge(a, plan, told, record)
    if told.seen and not wrong:
        waivers = f", or are waived by the plan: {', '.join(sorted(told.deviated))}" if told.deviated else ""
        a.ok("machine", f"{len(told.seen)} checks passed{waivers}")


def begins_anew(record: Record) -> bool:
    """Whether a record begins a preflight, or a time on what may be another machine: what was seen of it before counts no more."""
    return record.kind == "resume" or (record.kind == "begin" and record.step == _STEP)


def went_on(record: Record) -> str:
    """Return what a record says was done, which a fit machine and a whole program had to come before; empty for other records."""
    if record.kind not in _GOES_ON:
        return ""
    if record.kind == "intent":
        return f"{record.body.get('action')} was begun in step {record.step}"
    return f"step {record.step} ended" if record.kind == "end" else "the ceremony was closed"


def _note(told: _Told, record: Record, name: str) -> None:
    told.seen.add(name)
    told.missing.discard(name)
    if record.outcome is not Outcome.OK:
        told.failed[name] = record
        return
    told.failed.pop(name, None)
    if name == _FIRST:
        told.failed.pop(AIR_GAP, None)


def _deviate(told: _Told, plan: Plan | None, record: Record) -> None:
    for name, failed in list(told.failed.items()):
        reason = waived(plan, name)
        if reason and record.body == deviation(name, str(failed.body.get("saw")), reason):
            told.deviated.add(name)
            del told.failed[name]


def _judge(a: Audited, plan: Plan | None, told: _Told, then: Record) -> None:
    """Say once what is wrong with going on."""
    what = went_on(then)
    for name, failed in told.failed.items():
        why = "no deviation says that the plan waives it" if waived(plan, name) else "the plan does not waive it"
        a.failed(f"record {failed.seq}", f"says that the check {name} failed; {why}, and {what}")
    if told.missing:
        names = ", ".join(name for name in MATTERS if name in told.missing)
        a.failed(bundle.LOG, f"{what}, and the machine was not looked at before: {names}")
    told.failed.clear()
    told.missing.clear()
