# SPDX-License-Identifier: Apache-2.0
"""A production whose program had not tested itself, or not well, before preflight ended, fails an audit; a practice does not."""

from __future__ import annotations

import pytest

from ceremony.core.chronicle import State, overview, sentence
from ceremony.core.plan import Mode
from tests.core.audit.test_signed_logs import failed, held
from tests.core.audit.test_verdict import Records, rechained, texts
from tests.core.chronicle.records import record

KIND = "self-test"


def without(records: Records) -> Records:
    return [record for record in records if record["kind"] != KIND]


def late(records: Records) -> Records:
    (tested,) = [record for record in records if record["kind"] == KIND]
    place = next(n for n, record in enumerate(records) if record["kind"] == "end")
    rest = [record for record in records if record["kind"] != KIND]
    return [*rest[:place], tested, *rest[place:]]


def said(**body: object):
    def change(records: Records) -> None:
        for one in records:
            if one["kind"] == KIND:
                one.update(body)

    return change


def resumed(*, before: str, **tested: object):
    """Resume before the first record of a kind once preflight had ended, with another self-test, or none."""

    def change(records: Records) -> Records:
        end = next(n for n, record in enumerate(records) if record["kind"] == "end")
        place = next(n for n, record in enumerate(records) if n > end and record["kind"] == before)
        checks = [record for record in records if record["kind"] == "check"]
        again = [{**record, **tested} for record in records if record["kind"] == KIND and tested]
        resume = {**records[0], "kind": "resume", "step": "resume", "body": {}}
        return [*records[:place], resume, *again, *checks, *records[place:]]

    return change


GOOD = {"checks": [{"name": "SHA-256", "passed": True, "saw": "agrees"}], "passed": 1, "failed": 0}
BAD = {"checks": [{"name": "SHA-256", "passed": False, "saw": "another"}], "passed": 0, "failed": 1}


def test_what_was_tested_is_told():
    assert "2 lines held before anything was begun" in texts(rechained(lambda _: None, held(mode=Mode.PRODUCTION)))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(without, "step preflight ended, and the program had not tested itself", id="never"),
        pytest.param(late, "step preflight ended, and the program had not tested itself", id="after preflight"),
        pytest.param(said(outcome="fail"), "says that the self-test failed, and step preflight ended", id="failed"),
        pytest.param(
            resumed(before="begin"), "step roll-call ended, and the program had not tested itself", id="not when resumed"
        ),
        pytest.param(resumed(before="intent"), "had not tested itself", id="not when resumed, before an act"),
        pytest.param(
            resumed(before="close"), "the ceremony was closed, and the program had not", id="not when resumed, before the close"
        ),
        pytest.param(
            resumed(before="begin", outcome="fail"),
            "says that the self-test failed, and step roll-call ended",
            id="failed when resumed",
        ),
        pytest.param(said(body=BAD), "says that the self-test failed, and step preflight ended", id="with a line that failed"),
        pytest.param(said(body={}), "says that the self-test failed, and step preflight ended", id="of nothing"),
        pytest.param(said(body=GOOD | {"checks": []}), "says that the self-test failed, and step preflight ended", id="no line"),
        pytest.param(said(body=GOOD | {"checks": [1]}), "says that the self-test failed, and step preflight ended", id="none"),
        pytest.param(
            said(body=GOOD | {"passed": 2}), "says that the self-test failed, and step preflight ended", id="miscounted"
        ),
    ],
)
def test_a_production_that_was_not_tested_well_fails(change, says):
    failed(rechained(change, held(mode=Mode.PRODUCTION)), says)


def test_a_production_that_was_tested_again_when_it_was_resumed_has_nothing_against_it():
    result = rechained(resumed(before="begin", outcome="ok"), held(mode=Mode.PRODUCTION))
    assert "2 lines held before anything was begun" in texts(result)
    assert not [line for line in texts(result).splitlines() if line.startswith("FAILED") and "itself" in line]


def test_a_production_that_went_no_further_than_its_self_test_has_nothing_told_of_it():
    def stopped(records: Records) -> Records:
        return records[: next(n for n, record in enumerate(records) if record["kind"] == "end")]

    assert not [line for line in texts(rechained(stopped, held(mode=Mode.PRODUCTION))).splitlines() if "self-test" in line]


@pytest.mark.parametrize("change", [without, late, said(outcome="fail")], ids=["never", "late", "failed"])
def test_in_a_practice_it_is_no_more_than_told(change):
    assert "self-test" not in texts(rechained(change))


@pytest.mark.parametrize(
    ("body", "outcome", "says", "shown"),
    [
        (GOOD, "ok", "1 line held", "passed: 1 line held"),
        (BAD, "fail", "SHA-256 did not hold", "FAILED: SHA-256 did not hold"),
    ],
    ids=["held", "failed"],
)
def test_the_record_has_a_sentence_and_a_line_of_the_overview(body, outcome, says, shown):
    written = record(KIND, body, outcome=outcome)
    assert sentence(written) == f"The program tested itself: {says}"
    state = State()
    state.note(written)
    assert (KIND, shown) in [line for section in overview(state) for line in section.lines]
