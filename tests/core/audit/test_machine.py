# SPDX-License-Identifier: Apache-2.0
"""What a log tells of the machine must fit the plan: in production nothing is done while a check has failed that it does not waive."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest

from ceremony.core.audit.machine import check_machine
from ceremony.core.audit.verdict import Audited, Finding, Level
from ceremony.core.log import Recovered, Tail
from ceremony.core.past import Past
from ceremony.core.plan import Mode, Plan, Waiver
from ceremony.core.plan_waivers import deviation
from ceremony.core.record import Outcome, Record
from ceremony.errors import ExitCode
from tests.core.audit.test_signed_logs import fast_seal, held
from tests.core.audit.test_verdict import Records, rechained, texts
from tests.fakes.folder import FakeFolder
from tests.fakes.plans import read

__all__ = ["fast_seal"]

REASON = "the disk is burnt"
PLAN = replace(read(), waivers=(Waiver("swap", REASON),))
WAIVED = ("deviation", deviation("swap", "seen", REASON))
END = ("end", {"made": {}})
INTENT = ("intent", {"action": "sign-root", "key": "1"})


def check(name: str, *, passed: bool = False, saw: str = "seen") -> tuple[str, dict, Outcome]:
    return "check", {"name": name, "saw": saw, "hint": ""}, Outcome.OK if passed else Outcome.FAIL


def found(*records: tuple, plan: Plan | None = PLAN, mode: Mode = Mode.PRODUCTION) -> list[Finding]:
    """Return what is found of a log that tells this of the machine."""
    past = Past()
    past.opened = {"mode": mode}
    written = [
        Record("", seq, "", "", "", 0, "", kind, "preflight", "", "", rest[0] if rest else Outcome.OK, body)
        for seq, (kind, body, *rest) in enumerate(records)
    ]
    a = Audited(FakeFolder(), frozenset(), b"", Recovered(tuple(written), Tail(), b"", None), past)
    check_machine(a, plan)
    return a.findings


WELL = [
    pytest.param((END,), None, id="a log that tells nothing of the machine"),
    pytest.param((check("swap", passed=True), END), "1 checks passed", id="passed"),
    pytest.param((check("room"), check("room", passed=True), END), "1 checks passed", id="put right"),
    pytest.param((check("room"), ("error", {}), ("stop", {})), "1 checks passed", id="nothing came after it"),
    pytest.param((check("swap"), WAIVED, END), "1 checks passed, or are waived by the plan: swap", id="waived"),
    pytest.param(
        (check("air gap"), check("network", passed=True), END), "2 checks passed", id="an air gap that a preflight found shut"
    ),
    pytest.param((check("air gap"), check("air gap", passed=True), INTENT), "1 checks passed", id="an air gap that is shut"),
]


@pytest.mark.parametrize(("records", "said"), WELL)
def test_has_nothing_against_a_machine_that_passed_or_is_waived(records, said):
    assert found(*records) == ([Finding(Level.OK, "machine", said)] if said else [])


ILL = [
    pytest.param((check("room"), END), "room failed; the plan does not waive it, and step preflight ended", id="a step ended"),
    pytest.param(
        (check("room"), INTENT, END),
        "room failed; the plan does not waive it, and sign-root was begun in step preflight",
        id="an act was begun",
    ),
    pytest.param(
        (check("swap"), END), "swap failed; no deviation says that the plan waives it, and step preflight", id="no deviation"
    ),
    pytest.param(
        (check("swap", saw="something else"), WAIVED, END), "swap failed; no deviation says", id="a deviation of something else"
    ),
    pytest.param((WAIVED, check("swap"), END), "swap failed; no deviation says", id="a deviation that came before"),
    pytest.param(
        (check("room"), ("deviation", deviation("room", "seen", REASON)), END),
        "room failed; the plan does not waive it",
        id="a deviation that the plan knows nothing of",
    ),
    pytest.param((check("air gap"), END), "air gap failed; the plan does not waive it", id="an open air gap"),
]


@pytest.mark.parametrize(("records", "said"), ILL)
def test_fails_a_production_that_went_on_all_the_same(records, said):
    (finding,) = found(*records)
    failed = next(n for n, record in enumerate(records) if record[0] == "check")
    assert (finding.level, finding.subject) == (Level.FAILED, f"record {failed}")
    assert said in finding.text


def test_waives_nothing_where_the_plan_cannot_be_read():
    (finding,) = found(check("swap"), WAIVED, END, plan=None)
    assert "the plan does not waive it" in finding.text


def test_what_no_plan_can_waive_fails_even_where_one_says_so():
    plan = replace(PLAN, waivers=(Waiver("radios", REASON),))
    (finding,) = found(check("radios"), ("deviation", deviation("radios", "seen", REASON)), END, plan=plan)
    assert "radios failed; the plan does not waive it" in finding.text


def test_a_practice_may_fail_every_check():
    assert found(check("room"), END, mode=Mode.PRACTICE) == []


@pytest.mark.parametrize("body", [{}, {"name": 3}, {"name": ["network"]}], ids=["no name", "a number", "a list"])
def test_a_check_without_a_name_is_one_that_failed(body):
    (finding,) = found(("check", body, Outcome.FAIL), END)
    assert finding.level is Level.FAILED


def test_a_finished_production_whose_log_tells_of_a_failed_check_fails():
    def change(records: Records) -> None:
        record = next(r for r in records if r["kind"] == "check")
        record["outcome"] = "fail"

    files = held(mode=Mode.PRODUCTION)
    assert "1 checks passed" in texts(rechained(lambda _: None, files))
    result = rechained(change, deepcopy(files))
    assert result.verdict is ExitCode.FAILED
    assert "says that the check network failed; the plan does not waive it, and step preflight ended" in texts(result)
