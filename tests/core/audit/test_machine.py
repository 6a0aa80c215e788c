# SPDX-License-Identifier: Apache-2.0
"""What a log tells of the machine must fit the plan: in production nothing is done while a check has failed that it does not waive."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest

from ceremony.core.audit.machine import check_machine
from ceremony.core.audit.verdict import Audited, Finding, Level
from ceremony.core.bundle import LOG
from ceremony.core.log import Recovered, Tail
from ceremony.core.machine_checks import MATTERS
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
CLOSE = ("close", {})
BEGIN = ("begin", {})
RESUME = ("resume", {})
INTENT = ("intent", {"action": "sign-root", "key": "1"})


def check(name: str, *, passed: bool = False, saw: str = "seen") -> tuple[str, dict, Outcome]:
    return "check", {"name": name, "saw": saw, "hint": ""}, Outcome.OK if passed else Outcome.FAIL


FIT = tuple(check(name, passed=True) for name in MATTERS)


def fit(*but: str) -> tuple[tuple, ...]:
    """Return a check of each name that passed, but for some."""
    return tuple(one for one in FIT if one[1]["name"] not in but)


def found(*records: tuple, plan: Plan | None = PLAN, mode: Mode = Mode.PRODUCTION) -> list[Finding]:
    """Return what is found of a log that tells this after all checks of the machine passed."""
    return of_log(*FIT, *records, plan=plan, mode=mode)


def of_log(*records: tuple, plan: Plan | None = PLAN, mode: Mode = Mode.PRODUCTION) -> list[Finding]:
    """Return what is found of a log that tells this of the machine, and nothing else."""
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
    pytest.param((END,), "24 checks passed", id="each passed"),
    pytest.param((check("swap", passed=True), END), "24 checks passed", id="passed"),
    pytest.param((check("room"), check("room", passed=True), END), "24 checks passed", id="put right"),
    pytest.param((check("room"), ("error", {}), ("stop", {})), "24 checks passed", id="nothing came after it"),
    pytest.param((check("swap"), WAIVED, END), "24 checks passed, or are waived by the plan: swap", id="waived"),
    pytest.param(
        (check("air gap"), check("network", passed=True), END), "25 checks passed", id="an air gap that a preflight found shut"
    ),
    pytest.param((check("air gap"), check("air gap", passed=True), INTENT), "25 checks passed", id="an air gap that is shut"),
]


@pytest.mark.parametrize(("records", "said"), WELL)
def test_has_nothing_against_a_machine_that_passed_or_is_waived(records, said):
    assert found(*records) == [Finding(Level.OK, "machine", said)]


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
    pytest.param(
        (check("room"), CLOSE),
        "room failed; the plan does not waive it, and the ceremony was closed",
        id="the ceremony was closed",
    ),
]


@pytest.mark.parametrize(("records", "said"), ILL)
def test_fails_a_production_that_went_on_all_the_same(records, said):
    (finding,) = found(*records)
    failed = len(FIT) + next(n for n, record in enumerate(records) if record[0] == "check")
    assert (finding.level, finding.subject) == (Level.FAILED, f"record {failed}")
    assert said in finding.text


UNSEEN = [
    pytest.param((END,), f"step preflight ended, and the machine was not looked at before: {', '.join(MATTERS)}", id="nothing"),
    pytest.param((*fit("radios", "spies"), END), "was not looked at before: radios, spies", id="all but two"),
    pytest.param(
        (*fit("radios"), INTENT), "sign-root was begun in step preflight, and the machine was not", id="an act was begun"
    ),
    pytest.param((*FIT, BEGIN, END), "step preflight ended, and the machine was not", id="only before the step began once more"),
    pytest.param((*FIT, END, RESUME, END), "step preflight ended, and the machine was not", id="not after it was resumed"),
    pytest.param(
        (*FIT, END, RESUME, INTENT), "sign-root was begun in step preflight, and the", id="an act, after it was resumed"
    ),
    pytest.param(
        (*FIT, END, RESUME, CLOSE), "the ceremony was closed, and the machine was not", id="closed, after it was resumed"
    ),
    pytest.param((*FIT, END, RESUME, *fit("room"), END), "was not looked at before: room", id="resumed, all but one"),
]


@pytest.mark.parametrize(("records", "said"), UNSEEN)
def test_fails_a_production_on_a_machine_that_nobody_looked_at(records, said):
    (finding,) = of_log(*records)
    assert (finding.level, finding.subject) == (Level.FAILED, LOG)
    assert said in finding.text


@pytest.mark.parametrize(
    "records",
    [
        pytest.param((*FIT, END, RESUME, *FIT, END), id="resumed, and looked at again"),
        pytest.param(
            (*fit("room"), check("room"), ("error", {}), RESUME, BEGIN, *FIT, END), id="put right before it was resumed"
        ),
        pytest.param(
            (*FIT, END, RESUME, check("room"), RESUME, *FIT, CLOSE), id="a machine that was refused when it was resumed"
        ),
    ],
)
def test_a_production_that_looked_again_has_nothing_against_it(records):
    assert [finding.level for finding in of_log(*records)] == [Level.OK]


@pytest.mark.parametrize("records", [(), (*fit("room"), ("error", {}), ("stop", {}))], ids=["nothing", "stopped at preflight"])
def test_a_production_that_went_no_further_did_not_need_to_look(records):
    assert [finding for finding in of_log(*records) if finding.level is not Level.OK] == []


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
    assert "24 checks passed" in texts(rechained(lambda _: None, files))
    result = rechained(change, deepcopy(files))
    assert result.verdict is ExitCode.FAILED
    assert "says that the check network failed; the plan does not waive it, and step preflight ended" in texts(result)
