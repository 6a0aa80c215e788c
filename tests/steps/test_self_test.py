# SPDX-License-Identifier: Apache-2.0
"""The self-test at preflight: one record, before anything else is looked at; a failed line ends a production, and warns in practice."""

from __future__ import annotations

import json

import pytest

from ceremony.core.bundle import LOG
from ceremony.core.plan import Mode
from ceremony.core.ports import Check
from ceremony.errors import CeremonyError, ExitCode
from ceremony.steps import preflight
from tests.fakes.room import Ceremony
from tests.fakes.self_test import FakeSelfTest

BAD = Check("SoftHSM", passed=False, saw="is not\tinstalled", hint="apt-get install softhsm2")
GOOD = Check("SHA-256", passed=True, saw="agrees with FIPS 180-4", hint="")


def records(ceremony: Ceremony) -> list[dict]:
    return [json.loads(line) for line in ceremony.folder.files[LOG].splitlines()]


def test_every_line_stands_in_one_record_before_the_machine_is_looked_at():
    ceremony = Ceremony(self_test=FakeSelfTest([GOOD, GOOD]))
    preflight.run(ceremony.begin())
    kinds = [record["kind"] for record in records(ceremony) if record["kind"] in ("self-test", "check")]
    assert kinds[:2] == ["self-test", "check"]
    row = {"name": "SHA-256", "passed": True, "saw": "agrees with FIPS 180-4"}
    assert ceremony.bodies("self-test") == [{"checks": [row, row], "passed": 2, "failed": 0}]
    assert ceremony.self_test.runs == 1


def test_a_failed_line_is_a_warning_in_practice_and_the_record_says_so():
    ceremony = Ceremony(self_test=FakeSelfTest([GOOD, BAD]))
    assert ceremony.hold() is ExitCode.DONE
    assert "self-test: SoftHSM: is not\\tinstalled. apt-get install softhsm2" in ceremony.operator.told
    (record,) = [record for record in records(ceremony) if record["kind"] == "self-test"]
    assert (record["outcome"], record["step"], record["body"]["failed"]) == ("fail", "preflight", 1)


def test_a_failed_line_ends_a_production_and_the_hint_is_its_own():
    ceremony = Ceremony(mode=Mode.PRODUCTION, self_test=FakeSelfTest([GOOD, BAD]))
    with pytest.raises(CeremonyError, match=r"^self-test: failed: SoftHSM$") as refused:
        preflight.run(ceremony.begin())
    assert refused.value.hint == "apt-get install softhsm2"
    assert ceremony.bodies("self-test")[0]["failed"] == 1
    assert ceremony.bodies("check") == []


def test_a_ceremony_that_goes_on_elsewhere_is_tested_where_its_preflight_is_held():
    ceremony = Ceremony()
    assert ceremony.hold() is ExitCode.DONE
    assert ceremony.self_test.runs == 1
