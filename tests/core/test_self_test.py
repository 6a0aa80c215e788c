# SPDX-License-Identifier: Apache-2.0
"""The record of a self-test: what it holds, and what is read of it, whoever wrote it."""

from __future__ import annotations

import pytest

from ceremony.core.ports import Check
from ceremony.core.self_test import body, failed, told

GOOD, BAD = Check("SHA-256", passed=True, saw="agrees", hint=""), Check("SoftHSM", passed=False, saw="is missing", hint="get it")

LIST, COUNT = "the list of its lines", "the count of its lines"


def test_holds_every_line_and_how_many_held():
    assert body([GOOD, BAD, GOOD]) == {
        "checks": [
            {"name": "SHA-256", "passed": True, "saw": "agrees"},
            {"name": "SoftHSM", "passed": False, "saw": "is missing"},
            {"name": "SHA-256", "passed": True, "saw": "agrees"},
        ],
        "passed": 2,
        "failed": 1,
    }


@pytest.mark.parametrize(
    ("recorded", "names", "says"),
    [
        pytest.param(body([GOOD, GOOD]), [], "2 lines held", id="all held"),
        pytest.param(body([GOOD]), [], "1 line held", id="one"),
        pytest.param(body([GOOD, BAD, BAD]), ["SoftHSM", "SoftHSM"], "SoftHSM, SoftHSM did not hold", id="some did not"),
        pytest.param({}, [LIST], f"{LIST} did not hold", id="nothing"),
        pytest.param({"checks": 7}, [LIST], f"{LIST} did not hold", id="no list"),
        pytest.param(body([]), [LIST], f"{LIST} did not hold", id="no line"),
        pytest.param(
            {"checks": [1, 2], "passed": 2, "failed": 0},
            ["line 1", "line 2", COUNT],
            f"line 1, line 2, {COUNT} did not hold",
            id="lines that are none",
        ),
        pytest.param(
            {"checks": [{"passed": True}, {"name": "", "passed": True}, {"name": 7, "passed": True}], "passed": 3, "failed": 0},
            ["line 1", "line 2", "line 3"],
            "line 1, line 2, line 3 did not hold",
            id="lines without names",
        ),
        pytest.param(
            {"checks": [{"name": "SHA-256", "passed": 1}], "passed": 1, "failed": 0},
            ["SHA-256", COUNT],
            f"SHA-256, {COUNT} did not hold",
            id="no truth value",
        ),
        pytest.param(body([GOOD]) | {"passed": 2}, [COUNT], f"{COUNT} did not hold", id="more held than there are"),
        pytest.param(body([GOOD]) | {"passed": True}, [COUNT], f"{COUNT} did not hold", id="a number that is none"),
        pytest.param(body([GOOD]) | {"failed": 1}, [COUNT], f"{COUNT} did not hold", id="one that failed and is not there"),
        pytest.param({"checks": body([GOOD])["checks"]}, [COUNT], f"{COUNT} did not hold", id="no numbers"),
    ],
)
def test_tells_how_it_came_out(recorded, names, says):
    assert (failed(recorded), told(recorded)) == (names, says)
