# SPDX-License-Identifier: Apache-2.0
"""The self-test: in production the program had tested itself, and every line held, before preflight ended."""

from __future__ import annotations

from ceremony.core import bundle, self_test
from ceremony.core.audit.verdict import Audited
from ceremony.core.plan import Mode
from ceremony.core.record import Outcome, Record

_STEP = "preflight"


def check_self_test(a: Audited) -> None:
    """Check what the log tells of the program's self-test; in a practice a failed one is a warning."""
    if a.mode != Mode.PRODUCTION or _STEP not in a.past.ended:
        return
    last = _last(a)
    if last is None:
        a.failed(bundle.LOG, f"step {_STEP} ended, and the program had not tested itself")
    elif last.outcome is not Outcome.OK or self_test.failed(last.body):
        a.failed(f"record {last.seq}", f"says that the self-test failed, and step {_STEP} ended")
    else:
        a.ok("self-test", f"{self_test.told(last.body)} before anything was begun")


def _last(a: Audited) -> Record | None:
    """Return the last self-test that was recorded before preflight ended for the last time."""
    ends = [record.seq for record in a.found.records if record.kind == "end" and record.step == _STEP]
    tests = [record for record in a.found.records if record.kind == self_test.KIND and record.seq < max(ends)]
    return tests[-1] if tests else None
