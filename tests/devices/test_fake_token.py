# SPDX-License-Identifier: Apache-2.0
"""The faults that the token in memory has on demand; what it does otherwise is in the port tests."""

from __future__ import annotations

import pytest

from ceremony.core.keys import Algorithm, Scheme, verify
from ceremony.core.ports import KeyRequest, PinState
from ceremony.core.secret import Secret
from ceremony.errors import PinLocked, TokenError, TokenLost, VerificationError, WrongPin
from tests.fakes.token import FakeDevice, fake_rack

ROOT = KeyRequest("root", b"\x01", Algorithm.ECDSA_P256, extractable=True)


@pytest.fixture
def rack():
    return fake_rack("root-a")


@pytest.fixture
def device(rack) -> FakeDevice:
    return rack.devices["root-a"]


@pytest.fixture
def token(rack):
    opened = rack.open("root-a")
    opened.unlock(Secret("123456"))
    return opened


def test_goes_away_before_it_acts_and_comes_back_without_the_key(rack, device, token):
    device.lose_at(1)
    for _ in range(2):
        with pytest.raises(TokenLost, match="stopped answering"):
            token.generate(ROOT)
    again = rack.open("root-a")
    again.unlock(Secret("123456"))
    assert again.find("root") is None


def test_goes_away_after_it_acted_and_comes_back_with_the_key(rack, device, token):
    device.lose_at(1, "generate", after=True)
    with pytest.raises(TokenLost):
        token.generate(ROOT)
    again = rack.open("root-a")
    again.unlock(Secret("123456"))
    assert again.find("root") is not None


def test_goes_away_in_the_middle_of_a_stream(device, token):
    key = token.generate(ROOT)
    device.lose_at(2, "sign")
    stream = token.sign_stream(key, Scheme.ECDSA_SHA256, [[b"1"], [b"2"], [b"3"]])
    assert len(next(stream)) == 1
    with pytest.raises(TokenLost):
        next(stream)


def test_gives_a_wrong_signature(device, token):
    key = token.generate(ROOT)
    device.spoil_signature(2)
    good, bad, after = token.sign(key, Scheme.ECDSA_SHA256, [b"x"] * 3)
    verify(key.public, Scheme.ECDSA_SHA256, b"x", good)
    verify(key.public, Scheme.ECDSA_SHA256, b"x", after)
    with pytest.raises(VerificationError):
        verify(key.public, Scheme.ECDSA_SHA256, b"x", bad)


def test_refuses_to_become_locked(device, token):
    key = token.generate(ROOT)
    device.keep_extractable()
    with pytest.raises(TokenError, match="does not show the key 'root' as locked"):
        token.lock(key)


def test_blocks_its_pin_after_three_wrong_ones(rack):
    token = rack.open("root-a")
    for left in (None, 1, 0):
        with pytest.raises(WrongPin) as wrong:
            token.unlock(Secret("000000"))
        assert wrong.value.retries_left == left
    assert token.pin_state() == PinState(retries_left=0, locked=True)
    with pytest.raises(PinLocked):
        token.unlock(Secret("123456"))


def test_has_no_pin_until_one_is_set(rack, device):
    device.pin_initialised = False
    with pytest.raises(TokenError, match="has no PIN yet"):
        rack.open("root-a").unlock(Secret("123456"))


def test_a_certificates_label_is_occupied_too(device, token):
    device.certificates.append("root")
    with pytest.raises(TokenError, match="already holds an object labelled 'root'"):
        token.generate(ROOT)


def test_two_keys_with_one_label_are_refused(device, token):
    token.generate(ROOT)
    device.keys.append(device.keys[0])
    with pytest.raises(TokenError, match="more than one private key"):
        token.find("root")


def test_can_be_taken_for_hardware():
    assert not fake_rack("root-a", software=False).open("root-a").identity.software
