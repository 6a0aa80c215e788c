# SPDX-License-Identifier: Apache-2.0
"""The self-test: in production the program had tested itself, and every line held, before preflight ended, and after each `resume` before anything went on."""

from __future__ import annotations

from ceremony.core import bundle, self_test
from ceremony.core.audit.machine import begins_anew, went_on
from ceremony.core.audit.verdict import Audited
from ceremony.core.plan import Mode
from ceremony.core.record import Outcome, Record


def check_self_test(a: Audited) -> None:
    """Check what the log tells of the program's self-test; in a practice a failed one is a warning."""
    if a.mode != Mode.PRODUCTION:
        return
    last: Record | None = None
    good: Record | None = None
    for record in a.found.records:
        if begins_anew(record):
            last = None
        elif record.kind == self_test.KIND:
            last = record
        elif what := went_on(record):
            if not _held(a, last, what):
                return
            good = last
    if good is not None:
        a.ok("self-test", f"{self_test.told(good.body)} before anything was begun")


def _held(a: Audited, last: Record | None, what: str) -> bool:
    """Return whether the last self-test held, before what was done then; say what is wrong when it did not."""
    if last is None:
        a.failed(bundle.LOG, f"{what}, and the program had not tested itself")
    elif last.outcome is not Outcome.OK or self_test.failed(last.body):
        a.failed(f"record {last.seq}", f"says that the self-test failed, and {what}")
    else:
        return True
    return False
