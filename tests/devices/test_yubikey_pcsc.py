# SPDX-License-Identifier: Apache-2.0
"""The adapter through a real smart card service: exclusive connections, cards that go and are exchanged, no service at all."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from ceremony.devices.yubikey_pcsc import Reader
from tests.devices.yubikeys import AUTHENTICATE, GENERATE, METADATA, VERIFY, Desk
from tests.fakes.yubikey import ATR, Authority, VirtualYubiKey, When
from tests.peers.pcscd import SmartCards
from tests.peers.program import ROOT

# A program that does, in the room, what each line of its input says, and answers with a line.
PROGRAM = """
import json, sys
from ceremony.core.keys import Algorithm, Scheme, verify
from ceremony.core.plan import SiteToken
from ceremony.core.ports import KeyRequest
from ceremony.core.secret import Secret
from ceremony.devices.yubikey import open_yubikey, survey
from ceremony.errors import CeremonyError

tokens = {}

def find(serial):
    key = tokens[serial].find("")
    return key and key.public.sha256

def open(serial):
    tokens[serial] = open_yubikey(f"root-{serial}", SiteToken(yubikey=serial, slot="9c"))
    return tokens[serial].identity.model

def make(serial, touch):
    token = tokens[serial]
    token.piv.authorise(Secret(bytes.fromhex("0102030405060708" * 3)))
    request = KeyRequest("", b"", Algorithm.ECDSA_P256, extractable=False, touch_policy=touch)
    return token.generate(request).public.sha256

def unlock(serial):
    tokens[serial].unlock(Secret("123456"))

def sign(serial, count):
    key, messages = tokens[serial].find(""), [b"%d" % number for number in range(count)]
    signatures = tokens[serial].sign(key, Scheme.ECDSA_SHA256, messages)
    for message, signature in zip(messages, signatures, strict=True):
        verify(key.public, Scheme.ECDSA_SHA256, message, signature)
    return len(signatures)

def wipe(serial):
    tokens[serial].piv.wipe()

def close(serial):
    tokens[serial].close()

def listed():
    return [[one.identity and one.identity.serial, one.problem] for one in survey()]

for line in sys.stdin:
    do, *arguments = json.loads(line)
    try:
        answer = globals()[do](*arguments)
    except CeremonyError as error:
        answer = f"{type(error).__name__}: {error.message}"
    print(json.dumps(answer), flush=True)
"""


class Session:
    """The program, running in a room."""

    def __init__(self, room: SmartCards) -> None:
        command = room.command(sys.executable, "-W", "error", "-c", PROGRAM, env={"PYTHONPATH": str(ROOT)}, cwd=ROOT)
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def __call__(self, *do: object) -> object:
        self._process.stdin.write(json.dumps(do) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline() or json.dumps(self._process.stderr.read()))

    def end(self) -> str:
        """End the program; return what it wrote to standard error."""
        return self._process.communicate(timeout=60)[1]


@pytest.fixture
def room():
    authority = Authority()
    with SmartCards(VirtualYubiKey(1, authority=authority), VirtualYubiKey(2, authority=authority)) as opened:
        yield opened


@pytest.fixture
def session(room):
    started = Session(room)
    yield started
    assert started.end() == ""


def test_makes_a_key_and_signs_with_it_two_commands_a_signature(room, session):
    assert session("open", 1) == "YubiKey 5C"
    made = session("make", 1, "never")
    session("unlock", 1)
    before = len(room.apdus(1))
    assert session("sign", 1, 50) == 50
    assert room.apdus(1)[before:] == [METADATA, *([VERIFY, AUTHENTICATE] * 50)]
    session("close", 1)
    assert session("open", 1) == "YubiKey 5C"
    assert session("find", 1) == made


def test_has_its_cards_for_itself_and_leaves_those_of_others_alone(room, session):
    session("open", 1)
    session("open", 2)
    other = Session(room)
    busy = "another program, such as GnuPG's scdaemon or a browser, is using it"
    assert (
        f"TokenAbsent: token root-1: no reader holds YubiKey 1; there is none; reader {room.reader(1)} was not opened: {busy}"
        in str(other("open", 1))
    )
    assert all(serial is None and busy in problem for serial, problem in other("listed"))
    session("close", 1)
    assert other("open", 1) == "YubiKey 5C"
    assert [serial for serial, _ in session("listed")] == [None, None]  # one is the other's, one its own
    assert other.end() == ""


def test_a_card_that_is_pulled_and_put_back_is_lost_until_it_is_opened_again(room, session):
    session("open", 1)
    made = session("make", 1, "never")
    room.pull(1)
    assert session("find", 1) == "TokenLost: token 1: stopped answering"
    assert "TokenAbsent: token root-1: no reader holds YubiKey 1; there is 2" in str(session("open", 1))
    room.put(1)
    assert session("find", 1) == "TokenLost: token 1: stopped answering"
    assert session("open", 1) == "YubiKey 5C"
    assert session("find", 1) == made


@pytest.mark.parametrize("when", [When.BEFORE, When.AFTER])
def test_a_card_that_goes_while_it_makes_a_key_shows_later_whether_it_did(room, session, when):
    session("open", 1)
    room.fault(1, GENERATE, when)
    assert session("make", 1, "never") == "TokenLost: token 1: stopped answering"
    desk = Desk()
    desk.put(room.card(1))
    token = desk.open(1)
    assert (token.find("") is not None) is (when is When.AFTER)
    token.close()


def test_cards_that_were_exchanged_are_not_mistaken_for_one_another(room, session):
    session("open", 1)
    session("unlock", 1)
    untouched = room.card(2).saved()
    room.swap(1, 2)
    for do in ("find", "unlock", "wipe"):
        assert str(session(do, 1)).startswith("TokenLost: token 1: ")
    assert room.card(2).saved() == untouched
    assert session("open", 1) == "YubiKey 5C"  # in the other reader now
    assert session("find", 1) is None


def test_a_touch_that_does_not_come_is_said(room, session):
    session("open", 1)
    session("make", 1, "always")
    session("unlock", 1)
    room.finger(1, "off")
    assert session("sign", 1, 1) == "TokenError: token 1: was not touched in time; nothing was spent"
    room.finger(1, "on")
    assert session("sign", 1, 1) == 1


def test_closing_after_the_card_has_gone_says_nothing(room, session):
    session("open", 1)
    room.pull(1)
    assert session("close", 1) is None
    assert session("find", 1) == "TokenLost: token 1: was closed"


def test_without_a_service_it_says_what_to_do():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        input='["open", 1]\n["listed"]\n',
        env={"PCSCLITE_CSOCK_NAME": "/nonexistent/pcscd.comm", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    opened, listed = map(json.loads, done.stdout.splitlines())
    said = "no YubiKey can be reached, because the smart card service (pcscd) does not answer"
    assert opened == f"TokenError: token root-1: {said}"
    assert listed == f"CeremonyError: {said}"
    assert done.stderr == ""


def test_a_readers_name_tells_whether_it_is_a_yubikeys_own():
    own = {
        "Yubico YubiKey OTP+FIDO+CCID 00 00": True,
        "Yubico YubiKey CCID 01 00": True,
        "Yubico Yubikey 4 OTP+U2F+CCID": True,
        "ACS ACR122U PICC Interface 00 00": False,
        "Alcor Micro AU9560 00 00": False,
    }
    assert {name: Reader(name, lambda: None).own for name in own} == own
    assert ATR[1] & 0xF0 == 0xF0  # what tells that it is not contactless
