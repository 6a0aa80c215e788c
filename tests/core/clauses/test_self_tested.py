# SPDX-License-Identifier: Apache-2.0
"""Row 12k: a program that tested itself is told so; one whose own test failed was not tested before use."""

from __future__ import annotations

from ceremony.core.clauses import Holds
from tests.core.clauses.folders import being, judged, without


def test_a_program_that_tested_itself_is_told_so():
    clause = judged("production")["12k"]
    assert clause.finding is Holds.MET
    assert "as it was released, tested itself, and how each token stood" in clause.why


def test_a_line_that_failed_is_not_met():
    clause = judged("production", being("self-test", {"outcome": "fail"}))["12k"]
    assert (clause.finding, clause.why) == (Holds.NOT_MET, "The program tested itself, and a line of that failed.")


def test_nothing_is_said_of_a_test_that_was_not_made():
    clause = judged("production", without("self-test"))["12k"]
    assert clause.finding is Holds.MET
    assert "tested itself" not in clause.why
