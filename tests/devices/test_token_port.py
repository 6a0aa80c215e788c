# SPDX-License-Identifier: Apache-2.0
"""What every token does: the same tests for the one in memory and for SoftHSM behind the real adapter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from asn1crypto.core import Sequence as DerSequence
from cryptography.hazmat.primitives import keywrap

from ceremony.core import software_key
from ceremony.core.keys import Algorithm, Scheme, verify
from ceremony.core.ports import KeyAttributes, KeyRequest, Token, TokenKey, TokenRack
from ceremony.core.secret import Secret
from ceremony.devices.hsm import HsmRack
from ceremony.errors import TokenError, TokenLost, WrongPin
from tests.fakes.token import FakeDevice, FakeRack

SCHEMES = {
    Algorithm.ECDSA_P256: (Scheme.ECDSA_SHA256,),
    Algorithm.ECDSA_P384: (Scheme.ECDSA_SHA384, Scheme.ECDSA_SHA256),
    Algorithm.RSA_3072: (Scheme.RSA_PSS_SHA256, Scheme.RSA_PKCS1_SHA256),
    Algorithm.RSA_4096: (Scheme.RSA_PSS_SHA256, Scheme.RSA_PKCS1_SHA256),
    Algorithm.ED25519: (Scheme.ED25519,),
}
KEK = bytes(range(32))
MADE = KeyAttributes(local=True, sensitive=True, extractable=True, always_sensitive=True, never_extractable=False)
LOCKED = replace(MADE, extractable=False)
BORN_LOCKED = replace(LOCKED, never_extractable=True)
MESSAGES = [b"message %d" % number for number in range(7)]


@pytest.fixture(scope="module", params=["fake", "softhsm"])
def rack(request, practice) -> TokenRack:
    if request.param == "fake":
        return FakeRack(FakeDevice("root-a", pin=practice.pin))
    return HsmRack(practice.sites, practice.env)


@pytest.fixture(scope="module")
def token(rack, practice) -> Iterator[Token]:
    opened = rack.open("root-a")
    opened.unlock(Secret(practice.pin))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def key(token) -> TokenKey:
    return token.generate(KeyRequest("port-key", b"port", Algorithm.ECDSA_P256, extractable=True))


@pytest.mark.parametrize("algorithm", SCHEMES)
def test_makes_signs_wraps_and_locks_a_key(token, algorithm):
    made = token.generate(KeyRequest(f"key-{algorithm}", b"\x01\x02", algorithm, extractable=True))
    assert made.public.algorithm is algorithm
    assert made.attributes == MADE
    assert token.find(made.label) == made
    assert token.find_public(made.public) == made
    for scheme in SCHEMES[algorithm]:
        for message, signature in zip(MESSAGES, token.sign(made, scheme, MESSAGES), strict=True):
            verify(made.public, scheme, message, signature)
    if algorithm is not Algorithm.ED25519:
        pkcs8 = keywrap.aes_key_unwrap_with_padding(KEK, token.wrap(made, Secret(KEK)))
        whole = DerSequence.load(pkcs8).dump()
        assert software_key.from_pkcs8(whole).public == made.public
        assert set(pkcs8[len(whole) :]) <= {0}
    locked = token.lock(made)
    assert locked.attributes == LOCKED
    assert token.lock(locked) == locked
    with pytest.raises(TokenError, match=f"does not let the key 'key-{algorithm}' leave"):
        token.wrap(locked, Secret(KEK))


def test_a_key_that_is_made_not_extractable_never_leaves(token):
    made = token.generate(KeyRequest("stays", b"\x03", Algorithm.ECDSA_P256, extractable=False))
    assert made.attributes == BORN_LOCKED
    with pytest.raises(TokenError, match="does not let the key 'stays' leave"):
        token.wrap(made, Secret(KEK))


def test_refuses_a_label_that_is_occupied(token, key):
    with pytest.raises(TokenError, match="already holds an object labelled 'port-key'"):
        token.generate(KeyRequest(key.label, b"other", Algorithm.ECDSA_P256, extractable=False))
    assert token.find(key.label) == key


def test_finds_nothing_where_there_is_nothing(token):
    assert token.find("no such key") is None
    assert token.find_public(software_key.make(Algorithm.ECDSA_P256).public) is None


def test_streams_batches_in_order_with_the_next_one_asked_for_ahead(token, key):
    taken: list[int] = []

    def batches() -> Iterator[list[bytes]]:
        for number in range(3):
            taken.append(number)
            yield [b"%d-%d" % (number, item) for item in range(number + 1)]

    stream = token.sign_stream(key, Scheme.ECDSA_SHA256, batches())
    for number, signatures in enumerate(stream):
        assert taken == list(range(min(number + 2, 3)))
        assert len(signatures) == number + 1
        for item, signature in enumerate(signatures):
            verify(key.public, Scheme.ECDSA_SHA256, b"%d-%d" % (number, item), signature)


def test_a_stream_of_nothing_is_nothing(token, key):
    assert list(token.sign_stream(key, Scheme.ECDSA_SHA256, [])) == []
    assert token.sign(key, Scheme.ECDSA_SHA256, []) == []
    assert [len(batch) for batch in token.sign_stream(key, Scheme.ECDSA_SHA256, [[], [b"x"]])] == [0, 1]


def test_a_stream_that_is_left_does_not_disturb_what_follows(token, key):
    stream = token.sign_stream(key, Scheme.ECDSA_SHA256, ([b"left %d" % number] for number in range(5)))
    next(stream)
    stream.close()
    verify(key.public, Scheme.ECDSA_SHA256, b"after", token.sign(key, Scheme.ECDSA_SHA256, [b"after"])[0])
    assert token.find(key.label) == key


def test_other_calls_may_pass_between_the_batches_of_a_stream(token, key):
    stream = token.sign_stream(key, Scheme.ECDSA_SHA256, ([b"%d" % number] for number in range(4)))
    for number, (signature,) in enumerate(stream):
        verify(key.public, Scheme.ECDSA_SHA256, b"%d" % number, signature)
        assert token.find(key.label) == key


def test_refuses_a_scheme_that_is_not_the_keys(token, key):
    with pytest.raises(TokenError, match="rsa-pss-sha256 is not a scheme of ecdsa-p256"):
        token.sign(key, Scheme.RSA_PSS_SHA256, [b"x"])
    with pytest.raises(TokenError, match="ed25519 is not a scheme of ecdsa-p256"):
        token.sign_stream(key, Scheme.ED25519, [[b"x"]])


def test_refuses_to_sign_with_a_key_that_it_does_not_hold(token, key):
    stranger = TokenKey("stranger", b"\x09", key.public, key.attributes)
    with pytest.raises(TokenError, match="holds no private key labelled 'stranger'"):
        token.sign(stranger, Scheme.ECDSA_SHA256, [b"x"])


def test_refuses_a_wrapping_key_of_another_length(token, key):
    with pytest.raises(TokenError, match="a wrapping key has 32 bytes"):
        token.wrap(key, Secret(b"short"))


def test_tells_who_it_is(token):
    assert token.identity.name == token.identity.label == "root-a"
    assert token.identity.kind == "pkcs11"
    assert len(token.identity.serial) == 16
    assert token.identity.software
    assert len(token.identity.module_sha256) == 64


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda token, key: token.find(key.label), id="find"),
        pytest.param(lambda token, key: token.find_public(key.public), id="find_public"),
        pytest.param(lambda token, key: token.sign(key, Scheme.ECDSA_SHA256, [b"x"]), id="sign"),
        pytest.param(lambda token, key: token.wrap(key, Secret(KEK)), id="wrap"),
        pytest.param(lambda token, key: token.lock(key), id="lock"),
        pytest.param(
            lambda token, _: token.generate(KeyRequest("new", b"n", Algorithm.ECDSA_P256, extractable=False)), id="generate"
        ),
    ],
)
def test_does_nothing_before_it_is_unlocked(rack, key, use):
    fresh = rack.open("root-a")
    with pytest.raises(TokenError, match="is locked"):
        use(fresh, key)
    fresh.close()


def test_takes_the_right_pin_after_a_wrong_one(rack, practice, key):
    fresh = rack.open("root-a")
    assert fresh.pin_state().initialised
    with pytest.raises(WrongPin, match="the PIN is wrong"):
        fresh.unlock(Secret("000000"))
    with pytest.raises(TokenError, match="an empty PIN was not tried"):
        fresh.unlock(Secret(""))
    fresh.unlock(Secret(practice.pin))
    assert fresh.find(key.label) == key
    assert not fresh.pin_state().locked
    fresh.close()


def test_checks_a_pin_also_when_it_is_unlocked_already(rack, practice, key):
    fresh = rack.open("root-a")
    fresh.unlock(Secret(practice.pin))
    with pytest.raises(WrongPin):
        fresh.unlock(Secret("000000"))
    with pytest.raises(TokenError, match="is locked"):
        fresh.find(key.label)
    fresh.unlock(Secret(practice.pin))
    fresh.close()


def test_keeps_its_keys_when_it_is_opened_again(rack, practice, key):
    fresh = rack.open("root-a")
    fresh.unlock(Secret(practice.pin))
    assert fresh.find(key.label) == key
    fresh.close()


def test_a_closed_token_is_lost(rack):
    fresh = rack.open("root-a")
    fresh.close()
    fresh.close()
    with pytest.raises(TokenLost, match="was closed"):
        fresh.pin_state()


def test_a_rack_refuses_a_name_that_the_site_does_not_hold(rack):
    with pytest.raises(TokenError, match="root-z: is not in the site file"):
        rack.open("root-z")
