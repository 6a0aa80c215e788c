# SPDX-License-Identifier: Apache-2.0
"""Preflight in a ceremony: what is recorded and told of each check, what production refuses, and what a plan waives."""

from __future__ import annotations

import dataclasses
import json

import pytest

from ceremony.core.audit import audit
from ceremony.core.bundle import LOG
from ceremony.core.chronicle.overview import overview
from ceremony.core.chronicle.state import State
from ceremony.core.machine_checks import MATTERS
from ceremony.core.plan import Mode, Waiver
from ceremony.core.ports import Check
from ceremony.errors import CeremonyError, ExitCode, Stopped
from ceremony.steps.runner import RETRY
from tests.fakes.folder import FakeMedia, FakeVolume, fake_identity
from tests.fakes.host import FakeHost
from tests.fakes.plans import sourced
from tests.fakes.room import Ceremony, fast_seal, plan
from tests.fakes.token import fake_rack

__all__ = ["fast_seal"]

REASON = "the disk is taken out and burnt"


def check(name: str, *, passed: bool = False) -> Check:
    """Return a check as this machine's kernel might have it, in the words that people get."""
    return Check(name, passed, f"what was seen of {name}", MATTERS[name].hint, MATTERS[name].why)


def ceremony(*checks: Check, mode: Mode = Mode.PRODUCTION, waive: tuple[str, ...] = ()) -> Ceremony:
    """Return a ceremony on a machine with these checks, from a plan that waives some."""
    made = sourced(dataclasses.replace(plan(), waivers=tuple(Waiver(name, REASON) for name in waive)))
    media = FakeMedia()
    if mode is Mode.PRODUCTION:
        media = FakeMedia({role: FakeVolume(fake_identity(f"F{role}", folder=False)) for role in ("a", "b", "courier")})
    rack = fake_rack("root-a", software=mode is Mode.PRACTICE)
    return Ceremony(plan=made, mode=mode, media=media, rack=rack, host=FakeHost(checks))


def deviation(name: str) -> dict[str, str]:
    return {
        "expected": f"the machine passes the check {name}",
        "happened": f"what was seen of {name}",
        "decided": f"the plan waives it: {REASON}",
    }


def findings(held: Ceremony) -> dict[str, str]:
    """Return what an audit says of the machine, by level."""
    return {finding.level.name: finding.text for finding in audit(held.folder).findings if finding.subject == "machine"}


@pytest.mark.parametrize("name", MATTERS)
def test_production_refuses_what_the_plan_does_not_waive_with_its_hint(name: str) -> None:
    held = ceremony(check("network", passed=True), check(name), waive=("swap",) if name != "swap" else ())
    held.operator.answers["error:preflight"] = "stop"
    with pytest.raises(CeremonyError, match=f"this machine is not fit: {name}$") as refused:
        held.hold()
    matter = MATTERS[name]
    assert refused.value.hint == matter.hint
    assert f"{name}: what was seen of {name}. {matter.why}. To put it right: {matter.hint}" in held.operator.told
    assert {"name": name, "saw": f"what was seen of {name}", "hint": matter.hint, "why": matter.why} in held.bodies("check")
    assert held.bodies("deviation") == []


def test_of_several_checks_those_are_named_that_are_not_waived() -> None:
    held = ceremony(check("swap"), check("sleep"), check("boot medium"), waive=("sleep",))
    held.operator.answers["error:preflight"] = "stop"
    with pytest.raises(CeremonyError, match=r"not fit: swap, boot medium$"):
        held.hold()
    assert held.bodies("deviation") == [], "nobody went on, so nothing was decided"


@pytest.mark.parametrize("mode", Mode)
def test_what_the_plan_waives_is_a_deviation_and_the_ceremony_goes_on(mode: Mode) -> None:
    held = ceremony(check("swap"), check("sleep", passed=True), mode=mode, waive=("sleep", "swap"))
    assert held.hold() is ExitCode.DONE
    assert held.bodies("deviation") == [deviation("swap")], "a waiver of a check that passed changes nothing"
    assert f"swap: the plan waives it, and that is a deviation: {REASON}" in held.operator.told
    assert held.bodies("close")[0]["deviations"] == 1
    said = "24 checks passed, or are waived by the plan: swap"
    assert findings(held) == ({"OK": said} if mode is Mode.PRODUCTION else {})
    assert not [f for f in audit(held.folder).findings if f.level.name == "FAILED"]


def test_what_nobody_can_waive_is_refused_even_where_a_plan_says_so() -> None:
    held = ceremony(check("radios"))
    held.plan = dataclasses.replace(held.plan, waivers=(Waiver("radios", REASON),))
    held.operator.answers["error:preflight"] = "stop"
    with pytest.raises(CeremonyError, match="not fit: radios"):
        held.hold()
    assert held.bodies("deviation") == []


def test_a_practice_is_warned_of_what_the_plan_does_not_waive() -> None:
    held = ceremony(check("swap"), mode=Mode.PRACTICE)
    assert held.hold() is ExitCode.DONE
    assert held.bodies("deviation") == []
    assert any(text.startswith("swap: ") for text in held.operator.told)


def test_a_machine_that_was_put_right_holds_the_ceremony() -> None:
    held = ceremony(check("swap"))

    def switch_off(_: object) -> str:
        held.host.checks = [check("swap", passed=True)]
        return RETRY

    held.operator.answers["error:preflight"] = switch_off
    assert held.hold() is ExitCode.DONE
    assert findings(held) == {"OK": "24 checks passed"}


def test_a_resumed_ceremony_looks_again_and_what_is_waived_is_a_deviation_again() -> None:
    held = ceremony(check("swap"), waive=("swap",))
    held.operator.stop_at = "compare:request"
    with pytest.raises(Stopped):
        held.hold()
    held.operator.stop_at = ""
    held.host.checks = [check("swap"), check("sleep")]
    with pytest.raises(CeremonyError, match="not fit: sleep"):
        held.resume()
    held.host.checks = [check("swap"), check("sleep", passed=True)]
    assert held.resume() is ExitCode.DONE
    assert held.bodies("deviation") == [deviation("swap")] * 2
    assert findings(held) == {"OK": "24 checks passed, or are waived by the plan: swap"}


def test_an_air_gap_that_was_open_is_shut_again_by_a_preflight() -> None:
    held = ceremony(check("network", passed=True))
    held.host.gaps = [True, False, True]
    held.operator.answers["error:roll-call"] = "stop"
    with pytest.raises(CeremonyError, match="no longer cut off"):
        held.hold()
    assert held.resume() is ExitCode.DONE
    assert findings(held) == {"OK": "25 checks passed"}


def test_the_state_on_the_screen_tells_why_a_check_matters_and_how_to_put_it_right() -> None:
    held = ceremony(check("swap"), check("sleep", passed=True), mode=Mode.PRACTICE)
    held.operator.stop_at = "compare:request"
    with pytest.raises(Stopped):
        held.hold()
    state = State()
    for line in held.folder.files[LOG].splitlines():
        state.note(json.loads(line))
    (machine,) = (part.lines for part in overview(state) if part.title == "Machine")
    assert list(machine)[-4:] == [
        ("swap", "FAILED: what was seen of swap"),
        ("why", MATTERS["swap"].why),
        ("put right", MATTERS["swap"].hint),
        ("sleep", "passed: what was seen of sleep"),
    ]
