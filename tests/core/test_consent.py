# SPDX-License-Identifier: Apache-2.0
"""The text by which one of two people agrees: one form, and no other is read."""

from __future__ import annotations

import pytest

from ceremony.core import consent
from ceremony.core.consent import Consent, parse
from ceremony.errors import VerificationError

SAID = Consent("c0" * 16, 41, "d6" * 32, consent.act("wipe-token", "13078778"), "Zoë Example")
TEXT = (
    "ceremony-consent/v1\norigin: ceremony/" + "c0" * 16 + "\nentries: 41\nchain: " + "d6" * 32 + "\n"
    "act: wipe-token 13078778\nperson: Zoë Example\n"
).encode()


def test_is_written_and_read_in_one_form():
    assert SAID.text() == TEXT
    assert parse(TEXT, "consent") == SAID


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"/v1", b"/v2", id="another version"),
        pytest.param(b"origin: ceremony/c0", b"origin: ceremony/C0", id="capital letters"),
        pytest.param(b"origin: ceremony/c0", b"origin: ceremony/", id="too short an id"),
        pytest.param(b"entries: 41", b"entries: 041", id="a zero before a number"),
        pytest.param(b"entries: 41", b"entries: 0", id="a log without a record"),
        pytest.param(b"entries: 41", b"entries: \xd9\xa4", id="digits of another script"),
        pytest.param(b"chain: d6", b"chain:  d6", id="two spaces"),
        pytest.param(b"act: wipe-token 13078778\n", b"", id="no act"),
        pytest.param(b"act: wipe-token 13078778\n", b"act: wipe-token 13078778\nact: claim-hardware 7\n", id="two acts"),
        pytest.param(b"person: Zo", b"person: \xff", id="no UTF-8"),
        pytest.param(b"Example\n", b"Example", id="no last newline"),
        pytest.param(b"Example\n", b"Example\r\n\n", id="one line more"),
    ],
)
def test_reads_nothing_else(old, new):
    assert old in TEXT
    with pytest.raises(VerificationError, match=r"^x\.txt: is not a ceremony-consent/v1 text$"):
        parse(TEXT.replace(old, new), "x.txt")


def test_bytes_that_are_no_text_are_not_read_as_what_stands_for_them():
    with pytest.raises(VerificationError, match="is not a ceremony-consent/v1 text"):
        parse(TEXT.replace("ë".encode(), b"\xff"), "x.txt")


@pytest.mark.parametrize(
    ("act", "words"),
    [
        pytest.param("claim-hardware 7f", "call token 7f hardware", id="a claim"),
        pytest.param("accept-firmware 5", "use token 5 though its firmware is not sound", id="firmware"),
        pytest.param("wipe-token 5 6", "wipe token 5 6", id="a serial with a space"),
        pytest.param("jump 5", "jump 5", id="what it does not know"),
    ],
)
def test_says_in_words_what_is_agreed_to(act, words):
    assert Consent("c0" * 16, 1, "d6" * 32, act, "Ada").words == words


def test_each_act_that_needs_two_has_words_and_a_record_that_names_them():
    assert set(consent.NEEDED.values()) == {"intent", "result"}
    assert all(Consent("", 1, "", consent.act(action, "7"), "Ada").words != f"{action} 7" for action in consent.NEEDED)
