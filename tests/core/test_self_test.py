# SPDX-License-Identifier: Apache-2.0
"""The record of a self-test: what it holds, and what is read of it, whoever wrote it."""

from __future__ import annotations

import pytest

from ceremony.core.ports import Check
from ceremony.core.self_test import body, failed, told

GOOD, BAD = Check("SHA-256", passed=True, saw="agrees", hint=""), Check("SoftHSM", passed=False, saw="is missing", hint="get it")


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
        pytest.param({}, [], "0 lines held", id="nothing"),
        pytest.param({"checks": 7}, [], "0 lines held", id="no list"),
        pytest.param({"checks": [7, {"passed": 1}]}, ["None"], "None did not hold", id="nonsense"),
    ],
)
def test_tells_how_it_came_out(recorded, names, says):
    assert (failed(recorded), told(recorded)) == (names, says)
