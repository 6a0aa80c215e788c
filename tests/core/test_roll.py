# SPDX-License-Identifier: Apache-2.0
"""The text by which somebody shows that they are here: one form, and no other is read."""

from __future__ import annotations

import pytest

from ceremony.core.roll import Challenge, parse
from ceremony.errors import VerificationError

PUT = Challenge("c0" * 16, "Zoë Example", "5d" * 32)
TEXT = ("ceremony-roll-call/v1\nceremony: " + "c0" * 16 + "\nperson: Zoë Example\nchallenge: " + "5d" * 32 + "\n").encode()


def test_is_written_and_read_in_one_form():
    assert PUT.text() == TEXT
    assert parse(TEXT, "challenge") == PUT


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"/v1", b"/v2", id="another version"),
        pytest.param(b"ceremony: c0", b"ceremony: ", id="too short an id"),
        pytest.param(b"challenge: 5d", b"challenge: 5D", id="capital letters"),
        pytest.param(b"person: ", b"person:", id="no space"),
        pytest.param("ë".encode(), b"\xff", id="no UTF-8"),
        pytest.param(b"5d\n", b"5d\n\n", id="one line more"),
    ],
)
def test_reads_nothing_else(old, new):
    assert old in TEXT
    with pytest.raises(VerificationError, match=r"^x\.txt: is not a ceremony-roll-call/v1 text$"):
        parse(TEXT.replace(old, new), "x.txt")
