# SPDX-License-Identifier: Apache-2.0
"""A wrapped key goes straight back into a token: unwrapped inside a real SoftHSM, and in the token in memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ceremony.core import backup
from ceremony.core.keys import Algorithm, Scheme, raw_to_der, verify
from ceremony.core.ports import KeyAttributes, KeyRequest
from ceremony.core.secret import Secret
from ceremony.errors import TokenError
from tests.devices.test_hsm_lies import keys_as, lying
from tests.devices.yubikeys import Desk, card, prepare
from tests.fakes.token import FakeDevice, FakeRack
from tests.peers import openssl

SCHEMES = {
    Algorithm.ECDSA_P256: Scheme.ECDSA_SHA256,
    Algorithm.ECDSA_P384: Scheme.ECDSA_SHA384,
    Algorithm.RSA_3072: Scheme.RSA_PSS_SHA256,
}
KEK = bytes(range(32))
ROOT = KeyRequest("root", b"\x01", Algorithm.ECDSA_P256, extractable=True)
RESTORED = KeyRequest("restored", b"\x02", Algorithm.ECDSA_P256, extractable=True)
UNWRAPPED = KeyAttributes(local=False, sensitive=True, extractable=True, always_sensitive=False, never_extractable=False)


@pytest.fixture(params=["softhsm", "fake"])
def either(request):
    """A real token, or the one in memory, logged in."""
    if request.param == "softhsm":
        return request.getfixturevalue("token")
    opened = FakeRack(FakeDevice("root-a")).open("root-a")
    opened.unlock(Secret("123456"))
    return opened


@pytest.mark.parametrize("algorithm", SCHEMES)
def test_a_wrapped_key_comes_back_signs_and_can_be_wrapped_again_until_it_is_locked(either, tmp_path, algorithm):
    scheme = SCHEMES[algorithm]
    made = either.generate(replace(ROOT, algorithm=algorithm))
    blob = either.wrap(made, Secret(KEK))
    key = either.unwrap(replace(RESTORED, algorithm=algorithm), made.public, blob, Secret(KEK))
    assert (key.public, key.label, key.key_id, key.attributes) == (made.public, "restored", b"\x02", UNWRAPPED)
    (signature,) = either.sign(key, scheme, [b"metadata"])
    verify(made.public, scheme, b"metadata", signature)
    der = raw_to_der(signature, algorithm) if algorithm.half else signature
    assert openssl.verifies(tmp_path, made.public.pem, scheme, b"metadata", der)
    again = either.wrap(key, Secret(KEK[::-1]))
    assert backup.unwrap(again, Secret(KEK[::-1]), "again").public == made.public
    locked = either.lock(key)
    assert locked.attributes == replace(UNWRAPPED, extractable=False)
    with pytest.raises(TokenError, match="does not let the key 'restored' leave"):
        either.wrap(locked, Secret(KEK))


def test_a_key_that_may_not_leave_is_unwrapped_so(either):
    made = either.generate(ROOT)
    blob = either.wrap(made, Secret(KEK))
    key = either.unwrap(replace(RESTORED, extractable=False), made.public, blob, Secret(KEK))
    assert key.attributes == replace(UNWRAPPED, extractable=False)


def test_refuses_an_occupied_label_and_what_does_not_unwrap(either):
    made = either.generate(ROOT)
    blob = either.wrap(made, Secret(KEK))
    with pytest.raises(TokenError, match="already holds an object labelled 'root'"):
        either.unwrap(ROOT, made.public, blob, Secret(KEK))
    with pytest.raises(TokenError, match="did not unwrap the key 'restored'"):
        either.unwrap(RESTORED, made.public, blob, Secret(KEK[::-1]))
    assert either.find("restored") is None
    assert either.unwrap(RESTORED, made.public, blob, Secret(KEK)).public == made.public


def test_refuses_a_wrapping_key_of_another_length(token):
    made = token.generate(ROOT)
    blob = token.wrap(made, Secret(KEK))
    with pytest.raises(TokenError, match="a wrapping key has 32 bytes"):
        token.unwrap(RESTORED, made.public, blob, Secret(b"short"))


@pytest.mark.parametrize(
    ("lie", "message"),
    [
        pytest.param(lambda _: {"keys": []}, "does not show the key 'restored' that it was given", id="nothing"),
        pytest.param(keys_as(local=True), "that it was given is called its own", id="its own"),
        pytest.param(keys_as(extractable=False), "that it was given reads EXTRACTABLE false", id="locked already"),
        pytest.param(keys_as(sensitive=False), "that it was given is not sensitive", id="not sensitive"),
    ],
)
def test_refuses_a_key_that_reads_otherwise(token, lie, message):
    made = token.generate(ROOT)
    blob = token.wrap(made, Secret(KEK))
    with pytest.raises(TokenError, match=message):
        lying(token, keys=lie).unwrap(RESTORED, made.public, blob, Secret(KEK))


def test_a_yubikey_unwraps_nothing(token):
    made = token.generate(ROOT)
    desk = Desk()
    desk.put(card(12345678))
    yubikey = desk.open(12345678)
    prepare(yubikey)
    with pytest.raises(TokenError, match="unwraps no keys"):
        yubikey.unwrap(RESTORED, made.public, token.wrap(made, Secret(KEK)), Secret(KEK))
    yubikey.close()
