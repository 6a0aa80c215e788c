# SPDX-License-Identifier: Apache-2.0
"""Tokens that say something else than was asked for: none of it is believed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ceremony.core.keys import Algorithm, Scheme
from ceremony.core.ports import KeyRequest
from ceremony.core.secret import Secret
from ceremony.devices.hsm_link import Said
from ceremony.devices.hsm_token import HsmToken
from ceremony.devices.hsm_wire import Fault
from ceremony.errors import PinLocked, TokenError, WrongPin

ROOT = KeyRequest("root", b"\x01", Algorithm.ECDSA_P256, extractable=False)


class LyingLink:
    """A link that changes what the token says: `lies` holds a function of the answer for each operation."""

    def __init__(self, link, **lies):
        self.link, self.lies, self.sent = link, lies, []

    def call(self, operation, **values):
        self.sent.append(operation)
        answer = self.link.call(operation, **values)
        return self.lies.get(operation, lambda same: same)(answer)

    def send(self, operation, **values):
        self.sent.append(operation)
        return self.link.send(operation, **values)

    def receive(self, number):
        return self.lies.get("sign", lambda same: same)(self.link.receive(number))

    def forget(self, number):
        self.link.forget(number)


def lying(token, **lies):
    return HsmToken(LyingLink(token._link, **lies), token.identity)


def keys_as(**changes):
    return lambda answer: {"keys": [{**facts, **changes} for facts in answer["keys"]]}


@pytest.mark.parametrize(
    ("lie", "message"),
    [
        pytest.param(lambda _: {"keys": []}, "does not show the key 'root' that it made", id="nothing"),
        pytest.param(lambda answer: {"keys": answer["keys"] * 2}, "more than one private key labelled 'root'", id="two"),
        pytest.param(keys_as(key_id="02"), "that it made has another id", id="another id"),
        pytest.param(keys_as(local=False), "that it made was not made on the token", id="not local"),
        pytest.param(keys_as(local=None), "that it made was not made on the token", id="local not told"),
        pytest.param(keys_as(sensitive=False), "that it made is not sensitive", id="not sensitive"),
        pytest.param(keys_as(always_sensitive=None), "that it made is not sensitive", id="always sensitive not told"),
        pytest.param(keys_as(extractable=True), "that it made reads EXTRACTABLE true", id="extractable"),
        pytest.param(keys_as(never_extractable=False), "that it made could have left", id="was extractable"),
    ],
)
def test_refuses_a_new_key_that_does_not_read_as_it_was_asked_for(token, lie, message):
    with pytest.raises(TokenError, match=message):
        lying(token, keys=lie).generate(ROOT)


def test_refuses_a_new_key_of_another_algorithm(token):
    other = token.generate(replace(ROOT, label="other", algorithm=Algorithm.ECDSA_P384))
    facts = token._link.call("keys", label=other.label)["keys"]
    with pytest.raises(TokenError, match="that it made is ecdsa-p384, not ecdsa-p256"):
        lying(token, keys=lambda _: {"keys": [{**facts[0], "key_id": "01"}]}).generate(ROOT)


@pytest.mark.parametrize(
    "lie",
    [pytest.param(keys_as(extractable=True), id="still extractable"), pytest.param(keys_as(extractable=None), id="not told")],
)
def test_refuses_a_lock_that_does_not_read_back(token, lie):
    key = token.generate(replace(ROOT, extractable=True))
    with pytest.raises(TokenError, match="does not show the key 'root' as locked"):
        lying(token, keys=lie).lock(key)


def test_refuses_fewer_signatures_than_messages(token):
    key = token.generate(ROOT)
    with pytest.raises(TokenError, match="did not give a signature for each message") as refused:
        lying(token, sign=lambda answer: {"signatures": answer["signatures"][1:]}).sign(key, Scheme.ECDSA_SHA256, [b"x", b"y"])
    assert refused.value.hint == "try again, or stop and resume the ceremony"


def test_refuses_one_key_that_is_there_twice(token):
    key = token.generate(ROOT)
    with pytest.raises(TokenError, match="more than once"):
        lying(token, keys=lambda answer: {"keys": answer["keys"] * 2}).find_public(key.public)


def say(fault, cause=""):
    def lie(_):
        raise Said(fault, cause)

    return lie


def test_a_pin_that_was_found_blocked_is_not_tried_again(token, own):
    blocked = lying(token, login=say(Fault.PIN_LOCKED, "PinLocked"))
    with pytest.raises(PinLocked):
        blocked.unlock(Secret(own.pin))
    assert blocked.pin_state().locked
    tries = blocked._link.sent.count("login")
    with pytest.raises(PinLocked):
        blocked.unlock(Secret(own.pin))
    assert blocked._link.sent.count("login") == tries == 1


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        pytest.param(Fault.STILL_LEAVES, "still wraps the key 'root', though it was locked", id="still leaves"),
        pytest.param(Fault.FULL, "has no room left", id="full"),
        pytest.param(Fault.READ_ONLY, "is write-protected", id="read-only"),
        pytest.param(Fault.UNSUPPORTED, r"does not support what it was asked \(Cause\)", id="unsupported"),
        pytest.param(Fault.REFUSED, r"refused what it was asked \(Cause\)", id="refused"),
        pytest.param(Fault.BROKEN, r"refused what it was asked \(Cause\)", id="broken"),
    ],
)
def test_says_in_words_why_a_token_said_no(token, fault, message):
    key = token.generate(ROOT)
    with pytest.raises(TokenError, match=message) as refused:
        lying(token, lock=say(fault, "Cause")).lock(key)
    assert refused.value.token == token.identity.serial
    assert refused.value.hint
    with pytest.raises(TokenError, match=message.replace("root", "")):
        lying(token, login=say(fault, "Cause")).unlock(Secret("482916"))


@pytest.mark.parametrize(
    ("flags", "error", "message"),
    [
        pytest.param(0x4040D, PinLocked, "the PIN is blocked", id="blocked"),
        pytest.param(0x405, TokenError, "has no PIN yet", id="no PIN"),
    ],
)
def test_spends_no_try_on_a_pin_that_cannot_be_right(practice, flags, error, message):
    opened = practice.open("root-b", unlocked=False)
    token = lying(opened, state=lambda answer: {**answer, "flags": flags})
    with pytest.raises(error, match=message):
        token.unlock(Secret(practice.pin))
    assert token._link.sent == ["state"]
    opened.close()


def test_the_last_try_is_told_before_and_after(practice):
    opened = practice.open("root-b", unlocked=False)
    token = lying(opened, state=lambda answer: {**answer, "flags": 0x3040D}, login=say(Fault.PIN_WRONG))
    assert token.pin_state().retries_left == 1
    with pytest.raises(WrongPin, match="one try is left") as wrong:
        token.unlock(Secret("000000"))
    assert wrong.value.retries_left == 1
    opened.close()
