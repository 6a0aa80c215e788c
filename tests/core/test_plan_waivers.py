# SPDX-License-Identifier: Apache-2.0
"""What a plan waives of the machine's checks, and what no plan can waive."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from ceremony.core.dialects import get
from ceremony.core.machine_checks import MATTERS, may_be_waived
from ceremony.core.plan import Mode, Waiver
from ceremony.core.plan_lint import lint
from ceremony.core.plan_waivers import waived
from ceremony.errors import PlanRefused
from tests.fakes.plans import GENESIS, bent, read

NEVER = ["network", "routes", "radios", "bluetooth", "debugger", "entropy", "time", "program", "spies"]
CLOSE = "[close]"


def waiving(text: str) -> tuple[str, str]:
    """Return the change that gives a plan such a section."""
    return CLOSE, f"[preflight]\n{text}\n\n{CLOSE}"


def one(check: str, reason: str = "the disk is taken out") -> str:
    return f'{{ check = "{check}", reason = "{reason}" }}'


def test_a_plan_says_which_checks_it_waives_and_why():
    plan = read(waiving(f"waive = [{one('swap')}, {one('boot medium', 'it is burnt')}]"))
    assert plan.waivers == (Waiver("swap", "the disk is taken out"), Waiver("boot medium", "it is burnt"))
    assert (waived(plan, "swap"), waived(plan, "room"), waived(None, "swap")) == ("the disk is taken out", "", "")


def test_waivers_can_stand_in_sections_of_their_own():
    section = '[[preflight.waive]]\ncheck = "swap"\nreason = "zram alone"'
    assert read((CLOSE, f"{section}\n\n{CLOSE}")).waivers == (Waiver("swap", "zram alone"),)


def test_a_plan_without_the_section_waives_nothing_and_is_the_plan_that_it_was():
    plan = read()
    assert plan.waivers == ()
    assert plan.sha256 == hashlib.sha256(GENESIS.encode()).hexdigest()


REFUSED = [
    pytest.param("", "preflight.waive", "is missing", "write waive = ", id="an empty section"),
    pytest.param("waive = []", "preflight.waive", "is empty", "write waive = ", id="no waiver"),
    pytest.param(f"waive = [{one('swap')}]\nwaivers = 1", "preflight.waivers", "is not a field", "waive?", id="an unknown field"),
    pytest.param('waive = ["swap"]', "preflight.waive[0]", "is text, not a table", "write", id="no table"),
    pytest.param(f"waive = [{one('swpa')}]", "preflight.waive[0].check", '"swpa" is not one of', '"swap"', id="an unknown check"),
    pytest.param('waive = [{ check = "swap" }]', "preflight.waive[0].reason", "is missing", "reason = ", id="no reason"),
    pytest.param(f"waive = [{one('swap', '')}]", "preflight.waive[0].reason", "is empty", "reason = ", id="an empty reason"),
    pytest.param(f"waive = [{one('swap', 'a' * 201)}]", "preflight.waive[0].reason", "201", "at most 200", id="a long reason"),
    pytest.param(
        f"waive = [{one('swap')}, {one('swap', 'again')}]",
        "preflight.waive[1].check",
        '"swap" is already waived by preflight.waive[0]',
        "once",
        id="twice",
    ),
]


@pytest.mark.parametrize(("section", "field", "message", "hint"), REFUSED)
def test_refuses_a_waiver_that_says_nothing(section, field, message, hint):
    with pytest.raises(PlanRefused) as refused:
        read(waiving(section))
    assert refused.value.field == field
    assert message in refused.value.message
    assert hint in refused.value.hint


@pytest.mark.parametrize("check", NEVER)
def test_refuses_a_waiver_of_what_everything_else_rests_on(check):
    with pytest.raises(PlanRefused) as refused:
        read(waiving(f"waive = [{one('swap')}, {one(check)}]"))
    assert refused.value.field == "preflight.waive[1].check"
    assert f'"{check}" can never be waived: {MATTERS[check].never}' in refused.value.message
    assert refused.value.hint == f"remove it, and {MATTERS[check].hint}"


def test_what_can_never_be_waived_is_the_air_gap_and_what_would_make_the_rest_worthless():
    assert [name for name in MATTERS if not may_be_waived(name)] == NEVER
    assert not may_be_waived("no check at all")
    assert not may_be_waived("air gap")


def test_every_check_says_why_it_matters_and_how_to_put_it_right():
    for name, matter in MATTERS.items():
        assert matter.why[0].isupper(), name
        assert matter.hint, name
        assert not any(text.endswith(".") for text in (matter.why, matter.hint, matter.never)), name


def test_who_checks_a_plan_reads_what_it_waives():
    plan = read(waiving(f"waive = [{one('swap')}]"))
    (warning,) = lint(plan, get(plan.dialect), now=datetime(2026, 11, 19, tzinfo=UTC), mode=Mode.PRODUCTION)
    assert str(warning) == 'preflight.waive[0]: "swap" need not pass: the disk is taken out'
    assert "deviation" in warning.hint


def test_a_section_that_is_no_table_is_refused():
    with pytest.raises(PlanRefused, match="preflight: is a whole number, not a table"):
        read(("schema = 1", "schema = 1\npreflight = 1"))
    assert b"preflight" not in bent()
