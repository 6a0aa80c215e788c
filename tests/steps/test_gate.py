# SPDX-License-Identifier: Apache-2.0
"""Heads at gates: what people heard while the ceremony went on is the beginning of the log that they sign at its end."""

from __future__ import annotations

import json

import pytest

from ceremony.core.audit import audit
from ceremony.core.bundle import LOG, MANIFEST, REPORT, VERIFIER, head, parse_manifest
from ceremony.core.log import parse_head
from ceremony.errors import CeremonyError, ExitCode, Stopped
from ceremony.steps import runner
from tests.fakes.reporter import FakeReporter
from tests.fakes.room import Ceremony

GATES = ("roll-call", "drill", "verify")


@pytest.fixture(scope="module")
def held() -> Ceremony:
    ceremony = Ceremony()
    assert ceremony.hold() is ExitCode.DONE
    return ceremony


def test_a_head_is_stated_and_heard_at_each_gate_and_at_the_end(held):
    asked = [asked for asked in held.operator.asked if asked.method == "compare" and "head" in asked.prompt.title]
    assert [found.prompt.key for found in asked] == [*(f"compare:gate:{name}" for name in GATES), "compare:head"]
    stated = [parse_head(held.folder.files[head(number)], "head") for number in (1, 2, 3, 5)]
    assert [found.digest for found in asked] == [found.digest for found in stated]
    assert [found.prompt.code for found in asked] == [f"ceremony-head:sha256:{found.digest}" for found in stated]
    assert [found.entries for found in stated] == sorted({found.entries for found in stated})


def test_the_root_signs_a_head_of_its_own_that_nobody_compares(held):
    signed = [body for body in held.bodies("result") if body["action"] == "sign-head"]
    digest = parse_head(held.folder.files[head(4)], "head").digest
    assert {body["head"] for body in signed} == {digest}
    assert digest not in {body["digest"] for body in held.bodies("compared")}


def ends(ceremony: Ceremony) -> list[str]:
    """Return the steps that ended, in order."""
    records = [json.loads(line) for line in ceremony.folder.files[LOG].splitlines()]
    return [record["step"] for record in records if record["kind"] == "end"]


@pytest.mark.parametrize("gate", GATES)
def test_people_who_heard_different_digests_hear_the_head_again_and_do_nothing_else_again(gate):
    ceremony = Ceremony()
    ceremony.operator.answers[f"compare:gate:{gate}"] = [False, True]
    assert ceremony.hold() is ExitCode.DONE
    title = next(info.title for info in ceremony.steps if info.name == gate)
    assert [body["message"] for body in ceremony.bodies("error")] == [
        f"people did not hear the same digest for the head after {title}"
    ]
    assert ends(ceremony).count(gate) == 1
    assert audit(ceremony.folder, reporter=FakeReporter()).verdict is ExitCode.DONE
    assert head(6) in ceremony.folder.files  # one more than without the error


@pytest.mark.parametrize("gate", GATES)
def test_a_ceremony_that_was_stopped_at_a_gate_goes_on_with_the_gate(gate):
    ceremony = Ceremony()
    ceremony.operator.stop_at = f"compare:gate:{gate}"
    with pytest.raises(Stopped):
        ceremony.hold()
    assert ends(ceremony)[-1] == gate
    ceremony.operator.stop_at = ""
    before = len(ceremony.operator.steps)
    assert ceremony.resume() is ExitCode.DONE
    assert [state for name, state in ceremony.operator.steps[before:] if name == gate] == ["running", "done"]
    assert ends(ceremony).count(gate) == 1
    asked = [key for key in ceremony.operator.keys if key == f"compare:gate:{gate}"]
    assert len(asked) == 2
    assert audit(ceremony.folder, reporter=FakeReporter()).verdict is ExitCode.DONE


def test_who_is_absent_at_the_roll_call_compares_nothing_at_its_gate():
    ceremony = Ceremony()
    ceremony.cosigner.absent = {"Ada"}
    ceremony.operator.answers["name:Ada"] = "nobody"
    assert ceremony.hold() is ExitCode.DONE
    assert "Ada" not in ceremony.operator.question("compare:gate:roll-call").people


def test_the_report_and_the_verifier_are_named_by_the_log_and_the_manifest(held):
    files = held.folder.files
    listed = parse_manifest(files[MANIFEST])
    assert {REPORT, VERIFIER} <= listed.keys()
    assert held.bodies("close")[0]["report"] == listed[REPORT]
    assert files[REPORT] == FakeReporter().page(held.folder)


def test_a_report_that_an_interrupted_close_left_is_set_aside_and_made_again():
    ceremony = Ceremony()

    class Torn(FakeReporter):
        """A reporter whose machine dies once, after half of the page was written."""

        died = False

        def page(self, folder):
            if not self.died:
                self.died = True
                ceremony.folder.files[REPORT] = b"<p>"
                raise CeremonyError("the power went", hint="resume")
            return super().page(folder)

    ceremony.operator.answers["error:close"] = "stop"
    room = ceremony.begin()
    room.reporter = Torn()
    with pytest.raises(CeremonyError, match="the power went"):
        runner.hold(room, ceremony.steps, ceremony.operator)
    assert LOG in ceremony.folder.files
    ceremony.operator.answers.clear()
    assert ceremony.resume() is ExitCode.DONE
    assert ceremony.bodies("set-aside")[0]["path"] == REPORT
    assert audit(ceremony.folder, reporter=FakeReporter()).verdict is ExitCode.DONE
