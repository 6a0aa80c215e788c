# SPDX-License-Identifier: Apache-2.0
"""People are found in whatever bytes tell of them, and not where the same letters stand by chance."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest

from ceremony.core import cosign
from ceremony.core.bundle import slug
from ceremony.core.plan import Person, Role
from ceremony.core.record import Outcome, Record
from ceremony.core.withheld import Traces, own_words

LINE = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINMGljX/UKQJkOtThNN9aY6yt5KHW47nlowG4RQYlkwG ada@vault.example"
KEY = cosign.parse_public_key(LINE)
ADA = Person("Ada Example", Role.WITNESS, "Acme", LINE)
ZOE = Person("Zoë Müller", Role.WITNESS, "Acme", "")
QUOTED = Person('Jo "Q" Public', Role.WITNESS, "Acme", "")
SIGN = Person("☃", Role.WITNESS, "Acme", "")
FINGERPRINT = hashlib.sha256(KEY.blob).digest()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Ada Example", id="name"),
        pytest.param("ADA EXAMPLE", id="capitals"),
        pytest.param("by Ada  Example, who", id="blanks"),
        pytest.param("Ada\nExample", id="over two lines"),
        pytest.param("AdaExample", id="together"),
        pytest.param("/media/ada_example/STICK", id="path"),
        pytest.param("evidence/roll-call/001-ada-example-b9f00a22.sig", id="file"),
        pytest.param(f"somebody-{slug('Ada Example')[-8:]}.sig", id="digest of the name"),
        pytest.param(b"Ada Example".hex(), id="hex"),
        pytest.param(base64.b64encode(b"x Ada Example").decode(), id="base64"),
        pytest.param(base64.urlsafe_b64encode(b"12Ada Example!").decode(), id="base64 of another beginning"),
        pytest.param(LINE, id="key"),
        pytest.param(KEY.blob.hex().upper(), id="key in hex"),
        pytest.param(base64.encodebytes(b"?" + KEY.blob).decode(), id="key in other base64, in lines"),
        pytest.param(KEY.fingerprint, id="fingerprint"),
        pytest.param(FINGERPRINT.hex(), id="fingerprint in hex"),
        pytest.param(f"evidence/approvals/{FINGERPRINT.hex()[:16]}.sig", id="approval"),
        pytest.param(base64.urlsafe_b64encode(FINGERPRINT).decode(), id="fingerprint for addresses"),
        pytest.param("mail to Ada@Vault.example", id="remark of the key"),
    ],
)
def test_a_person_is_found(text):
    assert Traces([ADA]).within(text.encode())
    assert not Traces([ZOE, QUOTED, SIGN]).within(text.encode())
    assert not Traces([]).within(text.encode())


@pytest.mark.parametrize(
    ("person", "text"),
    [
        pytest.param(ZOE, "Zoë Müller", id="letters beyond ASCII"),
        pytest.param(ZOE, "Zoe\u0308 Mu\u0308ller", id="letters in parts"),
        pytest.param(ZOE, json.dumps("Zoë Müller"), id="letters as JSON escapes them"),
        pytest.param(QUOTED, json.dumps('Jo "Q" Public'), id="quotes as JSON escapes them"),
        pytest.param(SIGN, "by ☃", id="a name without a letter"),
    ],
)
def test_a_name_is_found_however_it_is_written(person, text):
    assert Traces([person]).within(text.encode())


def test_a_name_is_found_among_bytes_that_are_no_text():
    assert Traces([ADA]).within(b"\xff\x00\xc3Ada Example\xfe")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Ada", id="half a name"),
        pytest.param("Example", id="the other half"),
        pytest.param("Ada Examples", id="a longer name"),
        pytest.param("Nevada Example", id="an even longer name"),
        pytest.param("Ada Lovelace", id="somebody else"),
        pytest.param("ssh-ed25519", id="a kind of key"),
        pytest.param("Acme", id="an organisation"),
    ],
)
def test_others_are_not_taken_for_that_person(text):
    assert not Traces([ADA]).within(text.encode())


def test_a_short_name_is_found_as_a_word_alone():
    traces = Traces([Person("Al", Role.WITNESS, "", "")])
    assert traces.within(b'"by":["Al"]')
    assert not traces.within(b"ALSO algorithm QWw= 416c")


@pytest.mark.parametrize(
    ("kind", "body", "own"),
    [
        pytest.param("deviation", {"expected": "x"}, True, id="deviation"),
        pytest.param("stop", {"why": "lunch"}, True, id="stop"),
        pytest.param("result", {"action": "answer", "reason": "the clock"}, True, id="reason"),
        pytest.param("result", {"action": "answer", "reason": ""}, False, id="no reason"),
        pytest.param("begin", {}, False, id="of the program"),
    ],
)
def test_words_of_people_are_told_from_those_of_the_program(kind, body, own):
    record = Record("0" * 32, 0, "0" * 64, "0" * 32, "", 0, "", kind, "", "", "", Outcome.OK, body)
    assert own_words(record) is own
