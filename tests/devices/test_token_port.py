# SPDX-License-Identifier: Apache-2.0
"""What every token does: the same tests for the one in memory, and for SoftHSM and a virtual YubiKey behind the real adapters.

A YubiKey's slot holds one key where other tokens hold many: room is made for each new one. What only some tokens do (a
key that leaves; asking for a PIN before anything is shown) has tests of its own, by kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from asn1crypto.core import Sequence as DerSequence
from cryptography.hazmat.primitives import keywrap

from ceremony.core import software_key
from ceremony.core.keys import Algorithm, Scheme, verify
from ceremony.core.ports import KeyAttributes, KeyRequest, Token, TokenKey, TokenRack
from ceremony.core.secret import Secret
from ceremony.devices.hsm import HsmRack
from ceremony.devices.yubikey_token import YubiKeyToken
from ceremony.errors import TokenError, TokenLost, WrongPin
from tests.devices.yubikeys import MANAGEMENT_KEY, SLOT_9C, Desk, card, prepare
from tests.fakes.token import FakeDevice, FakeRack
from tests.fakes.yubikey import VirtualYubiKey
from tests.fakes.yubikey.keys import SlotKey

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
BROUGHT = replace(LOCKED, local=False, always_sensitive=False)
MESSAGES = [b"message %d" % number for number in range(7)]


@dataclass
class Bench:
    """A rack with one token, root-a, whose PIN is that of the practice tokens."""

    rack: TokenRack
    card: VirtualYubiKey | None = None
    kept: SlotKey | None = None

    def open(self) -> Token:
        token = self.rack.open("root-a")
        if isinstance(token, YubiKeyToken):
            token.piv.authorise(Secret(MANAGEMENT_KEY))
        return token

    def make_room(self) -> None:
        """A YubiKey's slot holds one key: somebody takes out what is there. Other tokens have room for many."""
        if self.card is not None:
            self.card.state.keys.pop(SLOT_9C, None)


def _yubikey() -> Bench:
    desk, virtual = Desk(), card(12345678)
    desk.put(virtual)
    token = desk.open(12345678)
    prepare(token)
    token.close()
    return Bench(desk.rack(root_a=12345678), virtual)


ALL = ("fake", "softhsm", "yubikey")
PKCS11 = pytest.mark.parametrize("bench", ["fake", "softhsm"], indirect=True)
YUBIKEY = pytest.mark.parametrize("bench", ["yubikey"], indirect=True)


@pytest.fixture(scope="module", params=ALL)
def bench(request, practice) -> Bench:
    if request.param == "yubikey":
        return _yubikey()
    return Bench(
        FakeRack(FakeDevice("root-a", pin=practice.pin)) if request.param == "fake" else HsmRack(practice.sites, practice.env)
    )


@pytest.fixture
def fresh(bench) -> Iterator[Token]:
    """Return the token, opened, before anybody unlocked it."""
    opened = bench.open()
    yield opened
    opened.close()


@pytest.fixture
def token(fresh, practice) -> Token:
    """Return the token, opened and unlocked, with room for a key."""
    fresh.unlock(Secret(practice.pin))
    return fresh


@pytest.fixture(scope="module")
def held(bench, practice) -> TokenKey:
    """Make the key that these tests use again and again."""
    opened = bench.open()
    opened.unlock(Secret(practice.pin))
    bench.make_room()
    made = opened.generate(KeyRequest("port-key", b"port", Algorithm.ECDSA_P256, extractable=False))
    opened.close()
    if bench.card is not None:
        bench.kept = bench.card.state.keys[SLOT_9C]
    return made


@pytest.fixture
def key(bench, held) -> TokenKey:
    """Return that key, which is on the token: in a YubiKey's slot, it is put back."""
    if bench.card is not None:
        bench.card.state.keys[SLOT_9C] = bench.kept
    return held


@pytest.mark.parametrize("algorithm", SCHEMES)
def test_makes_a_key_that_stays_and_signs_with_it(bench, token, algorithm):
    bench.make_room()
    made = token.generate(KeyRequest(f"stays-{algorithm}", b"\x01\x02", algorithm, extractable=False))
    assert made.public.algorithm is algorithm
    assert made.attributes == (BORN_LOCKED if bench.card is None else None)
    _use(token, made)
    with pytest.raises(TokenError, match=r"does not let the key '.*' leave"):
        token.wrap(made, Secret(KEK))


@pytest.mark.parametrize("algorithm", SCHEMES)
def test_takes_in_a_key_that_was_made_elsewhere(bench, token, algorithm):
    bench.make_room()
    private = software_key.make(algorithm)
    brought = token.import_key(KeyRequest(f"brought-{algorithm}", b"\x04", algorithm, extractable=False), private)
    assert brought.public == private.public
    assert brought.attributes == (BROUGHT if bench.card is None else None)
    _use(token, brought)
    with pytest.raises(TokenError, match="already holds"):
        token.import_key(KeyRequest(brought.label, b"\x05", algorithm, extractable=False), private)


def _use(token, key):
    assert token.find(key.label) == key
    assert token.find_public(key.public) == key
    for scheme in SCHEMES[key.public.algorithm]:
        for message, signature in zip(MESSAGES, token.sign(key, scheme, MESSAGES), strict=True):
            verify(key.public, scheme, message, signature)


@PKCS11
@pytest.mark.parametrize("algorithm", SCHEMES)
def test_wraps_a_key_that_may_leave_and_locks_it(token, algorithm):
    made = token.generate(KeyRequest(f"key-{algorithm}", b"\x01\x02", algorithm, extractable=True))
    assert made.attributes == MADE
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


@YUBIKEY
def test_a_yubikey_makes_no_key_that_may_leave_and_has_none_to_lock(bench, token, key):
    with pytest.raises(TokenError, match="does not let the key '9c' leave"):
        token.lock(key)
    bench.make_room()
    with pytest.raises(TokenError, match="lets no key leave, so it cannot make one that may"):
        token.generate(KeyRequest("leaves", b"", Algorithm.ECDSA_P256, extractable=True))
    assert token.find("leaves") is None


def test_refuses_a_place_that_is_occupied(token, key):
    with pytest.raises(TokenError, match=r"already holds (an object labelled 'port-key'|a key)"):
        token.generate(KeyRequest(key.label if key.key_id else "port-key", b"other", Algorithm.ECDSA_P256, extractable=False))
    assert token.find(key.label) == key


def test_finds_nothing_where_there_is_nothing(bench, token):
    bench.make_room()
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


@PKCS11
def test_refuses_a_wrapping_key_of_another_length(token, key):
    with pytest.raises(TokenError, match="a wrapping key has 32 bytes"):
        token.wrap(key, Secret(b"short"))


@PKCS11
def test_tells_who_it_is(fresh):
    assert fresh.identity.name == fresh.identity.label == "root-a"
    assert fresh.identity.kind == "pkcs11"
    assert len(fresh.identity.serial) == 16
    assert fresh.identity.software
    assert len(fresh.identity.module_sha256) == 64
    assert fresh.piv is None


@YUBIKEY
def test_a_yubikey_tells_who_it_is(fresh):
    identity = fresh.identity
    assert (identity.name, identity.kind, identity.serial, identity.slot) == ("root-a", "yubikey", "12345678", "9c")
    assert (identity.manufacturer, identity.firmware, identity.form_factor) == ("Yubico", "5.7.4", "USB-C keychain")
    assert not identity.software
    assert fresh.piv is not None


@PKCS11
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
def test_does_nothing_before_it_is_unlocked(fresh, key, use):
    with pytest.raises(TokenError, match="is locked"):
        use(fresh, key)


def test_signs_nothing_before_it_is_unlocked(fresh, key):
    with pytest.raises(TokenError, match="is locked"):
        fresh.sign(key, Scheme.ECDSA_SHA256, [b"x"])


@YUBIKEY
def test_a_yubikey_shows_its_key_to_everybody(fresh, key):
    assert fresh.find(key.label) == fresh.find_public(key.public) == key


def test_takes_the_right_pin_after_a_wrong_one(fresh, practice, key):
    assert fresh.pin_state().initialised
    with pytest.raises(WrongPin, match="the PIN is wrong"):
        fresh.unlock(Secret("000000"))
    with pytest.raises(TokenError, match="an empty PIN was not tried"):
        fresh.unlock(Secret(""))
    fresh.unlock(Secret(practice.pin))
    assert fresh.find(key.label) == key
    assert not fresh.pin_state().locked


def test_checks_a_pin_also_when_it_is_unlocked_already(token, practice, key):
    with pytest.raises(WrongPin):
        token.unlock(Secret("000000"))
    with pytest.raises(TokenError, match="is locked"):
        token.sign(key, Scheme.ECDSA_SHA256, [b"x"])
    token.unlock(Secret(practice.pin))
    verify(key.public, Scheme.ECDSA_SHA256, b"x", token.sign(key, Scheme.ECDSA_SHA256, [b"x"])[0])


def test_says_whether_it_stays_unlocked_without_the_pin_that_it_holds(token, practice, key):
    if token.forget_pin():
        verify(key.public, Scheme.ECDSA_SHA256, b"x", token.sign(key, Scheme.ECDSA_SHA256, [b"x"])[0])
    else:
        with pytest.raises(TokenError, match="is locked"):
            token.sign(key, Scheme.ECDSA_SHA256, [b"x"])
    token.unlock(Secret(practice.pin))
    verify(key.public, Scheme.ECDSA_SHA256, b"x", token.sign(key, Scheme.ECDSA_SHA256, [b"x"])[0])


def test_keeps_its_keys_when_it_is_opened_again(bench, token, practice, key):
    token.close()
    again = bench.open()
    again.unlock(Secret(practice.pin))
    assert again.find(key.label) == key
    again.close()


def test_a_closed_token_is_lost(fresh):
    fresh.close()
    fresh.close()
    with pytest.raises(TokenLost, match="was closed"):
        fresh.pin_state()


def test_a_rack_refuses_a_name_that_the_site_does_not_hold(bench):
    with pytest.raises(TokenError, match="root-z: is not in the site file"):
        bench.rack.open("root-z")
