# SPDX-License-Identifier: Apache-2.0
"""The YubiKey in memory does what the real adapter over a virtual one does, as far as the ceremony's steps ask it to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from ceremony.core import software_key
from ceremony.core.attestation import verify_attestation
from ceremony.core.attestation.authorities import Authorities
from ceremony.core.keys import Algorithm, Scheme, verify
from ceremony.core.plan import Mode
from ceremony.core.ports import KeyRequest, Piv, Token, Tries
from ceremony.core.secret import Secret
from ceremony.errors import PinLocked, TokenError, WrongPin
from tests.core.attestation.chains import Link
from tests.devices.yubikeys import AUTHORITY, FACTORY_KEY, FACTORY_PIN, FACTORY_PUK, Desk, card
from tests.fakes.attesting import authority_files
from tests.fakes.piv import yubikey
from tests.fakes.token import FakeRack

OWN_PIN, OWN_PUK, OWN_KEY = Secret("314159"), Secret("27182818"), Secret(bytes(range(50, 74)))
REQUEST = KeyRequest("root", b"id", Algorithm.ECDSA_P256, extractable=False, pin_policy="always", touch_policy="cached")
SERIAL = 12345678

Open = Callable[[], Token]


@pytest.fixture(params=["fake", "virtual"])
def opened(request) -> Iterator[tuple[Open, Authorities]]:
    """Return how one YubiKey is opened, as often as a test wants, and whom it is attested under."""
    if request.param == "fake":
        device = yubikey("root-a")
        device.serial = str(SERIAL)
        rack = FakeRack(device)
        files, again = authority_files(rack), lambda: rack.open("root-a")
    else:
        desk = Desk()
        desk.put(card(SERIAL))
        files, again = {"own.pem": AUTHORITY.pem}, lambda: desk.open(SERIAL)
    held: list[Token] = []

    def opening() -> Token:
        for before in held:
            before.close()
        held.append(again())
        return held[-1]

    yield opening, Authorities.of_site(files, Mode.PRACTICE)
    held[-1].close()


@pytest.fixture
def again(opened) -> Open:
    return opened[0]


@pytest.fixture
def token(again) -> Token:
    return again()


def piv_of(token: Token) -> Piv:
    assert token.piv is not None
    return token.piv


def prepare(token: Token) -> Piv:
    """Give it secrets of its own, in the order of the ceremony, and unlock it."""
    piv = piv_of(token)
    piv.authorise(Secret(FACTORY_KEY))
    token.unlock(Secret(FACTORY_PIN))
    piv.set_tries(5, 5)
    piv.change_pin(Secret(FACTORY_PIN), OWN_PIN)
    piv.change_puk(Secret(FACTORY_PUK), OWN_PUK)
    piv.set_management_key(OWN_KEY)
    token.unlock(OWN_PIN)
    return piv


def test_a_fresh_one_is_empty_and_everything_is_the_factory_s(token):
    found = piv_of(token).standing()
    assert (found.pin, found.puk) == (Tries(factory=True, left=3, total=3),) * 2
    assert (found.management_key, found.management_key_factory) == ("AES192", True)
    assert (found.keys, found.certificates, found.factory) == ((), (), ("PIN", "PUK", "management key"))
    assert (token.identity.kind, token.identity.serial, token.identity.firmware) == ("yubikey", str(SERIAL), "5.7.4")
    assert (token.identity.slot, token.identity.form_factor, token.identity.fips) == ("9c", "USB-C keychain", False)
    assert token.identity.label == f"YubiKey PIV #{SERIAL}"


def test_is_given_secrets_of_its_own(token, again):
    piv = prepare(token)
    found = piv.standing()
    assert found.factory == ()
    assert (found.pin, found.puk) == (Tries(factory=False, left=5, total=5),) * 2
    assert piv.authorised()
    fresh = again()
    assert not piv_of(fresh).authorised()
    piv_of(fresh).authorise(OWN_KEY)
    fresh.unlock(OWN_PIN)


def test_setting_tries_wants_the_pin_and_the_management_key_and_locks(token):
    piv = piv_of(token)
    piv.authorise(Secret(FACTORY_KEY))
    with pytest.raises(TokenError, match="is locked"):
        piv.set_tries(5, 5)
    token.unlock(Secret(FACTORY_PIN))
    piv.set_tries(5, 5)
    assert (piv.standing().pin, piv.authorised()) == (Tries(factory=True, left=5, total=5), True)
    with pytest.raises(TokenError, match="is locked"):
        piv.set_tries(5, 5)


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda token, piv: piv.set_tries(5, 5), id="tries"),
        pytest.param(lambda token, piv: piv.set_management_key(OWN_KEY), id="a management key"),
        pytest.param(lambda token, piv: token.generate(REQUEST), id="a key"),
        pytest.param(lambda token, piv: piv.store_certificate(b"\x30\x00"), id="a certificate"),
    ],
)
def test_nothing_is_set_without_the_management_key(token, act):
    token.unlock(Secret(FACTORY_PIN))
    with pytest.raises(TokenError, match="was not given its management key"):
        act(token, piv_of(token))


def test_a_wrong_management_key_spends_nothing_and_is_not_kept(token):
    piv = piv_of(token)
    piv.authorise(Secret(FACTORY_KEY))
    with pytest.raises(TokenError, match="the management key is wrong; this spends no tries"):
        piv.authorise(OWN_KEY)
    assert not piv.authorised()
    assert piv.standing().pin.left == 3


def test_wrong_pins_and_puks_are_counted_and_block(token):
    piv = piv_of(token)
    for left in (2, 1, 0):
        with pytest.raises(WrongPin, match="the PIN is wrong") as wrong:
            token.unlock(OWN_PIN)
        assert wrong.value.retries_left == left
    assert token.pin_state().locked
    with pytest.raises(PinLocked, match="the PIN is blocked"):
        token.unlock(Secret(FACTORY_PIN))
    with pytest.raises(PinLocked, match="the PIN is blocked"):
        piv.change_pin(Secret(FACTORY_PIN), OWN_PIN)
    with pytest.raises(WrongPin, match="the PUK is wrong; 2 tries are left"):
        piv.unblock_pin(OWN_PUK, OWN_PIN)
    piv.unblock_pin(Secret(FACTORY_PUK), OWN_PIN)
    assert (piv.standing().pin.left, piv.standing().puk.left) == (3, 3)
    token.unlock(OWN_PIN)
    for _ in range(3):
        with pytest.raises(WrongPin, match="the PUK is wrong"):
            piv.change_puk(OWN_PUK, OWN_PUK)
    with pytest.raises(PinLocked, match="the PUK is blocked"):
        piv.change_puk(Secret(FACTORY_PUK), OWN_PUK)


@pytest.mark.parametrize(
    ("typed", "match"),
    [pytest.param("", "an empty PIN was not tried", id="nothing"), pytest.param("31415", "a PIN has 6 to 8", id="too short")],
)
def test_what_can_be_no_pin_is_not_tried(token, typed, match):
    with pytest.raises(TokenError, match=match):
        token.unlock(Secret(typed))
    assert token.pin_state().retries_left == 3


def test_makes_attests_and_keeps_one_key(token, opened):
    piv = prepare(token)
    assert token.find("any label") is None
    key = token.generate(REQUEST)
    assert (key.label, key.key_id, key.attributes, key.touch_policy) == ("9c", b"", None, "cached")
    assert token.find("any other label") == token.find_public(key.public) == key
    (shown,) = piv.standing().keys
    assert (shown.slot, shown.algorithm, shown.origin, shown.pin_policy) == ("9c", "ECCP256", "generated", "always")
    assert shown.public_sha256 == key.public.sha256 == hashlib.sha256(key.public.spki).hexdigest()
    with pytest.raises(TokenError, match="slot 9c already holds"):
        token.generate(REQUEST)
    given = piv.attest()
    at = datetime(2026, 11, 19, 9, 0, tzinfo=UTC)
    said = verify_attestation(given.statement, given.device, opened[1], at=at)
    assert (said.serial, said.slot, said.public, str(said.firmware)) == (SERIAL, "9c", key.public, "5.7.4")
    assert (said.pin_policy, said.touch_policy, said.form_factor) == ("always", "cached", "USB-C keychain")
    (signature,) = token.sign(key, Scheme.ECDSA_SHA256, [b"x"])
    verify(key.public, Scheme.ECDSA_SHA256, b"x", signature)
    for leaves in (lambda: token.wrap(key, OWN_KEY), lambda: token.lock(key)):
        with pytest.raises(TokenError, match="does not let the key '9c' leave"):
            leaves()


def test_does_not_sign_once_its_pin_was_dropped(token):
    prepare(token)
    key = token.generate(REQUEST)
    assert token.forget_pin() is False
    with pytest.raises(TokenError, match="is locked"):
        token.sign(key, Scheme.ECDSA_SHA256, [b"x"])
    token.unlock(OWN_PIN)
    assert token.sign(key, Scheme.ECDSA_SHA256, [b"x"])


def test_attests_no_key_that_was_put_there(token):
    piv = prepare(token)
    with pytest.raises(TokenError, match="slot 9c is empty"):
        piv.attest()
    private = software_key.make(Algorithm.ECDSA_P256)
    assert token.import_key(REQUEST, private).public == private.public
    assert piv.standing().keys[0].origin == "imported"
    with pytest.raises(TokenError, match="holds an imported key"):
        piv.attest()
    with pytest.raises(TokenError, match="slot 9c already holds"):
        token.import_key(REQUEST, private)


def test_keeps_one_certificate_in_its_slot(token):
    piv = prepare(token)
    assert piv.certificate() is None
    first, second = piv_certificate(1), piv_certificate(2)
    piv.store_certificate(first)
    piv.store_certificate(first)
    assert (piv.certificate(), piv.standing().certificates) == (first, ("9c",))
    with pytest.raises(TokenError, match="slot 9c already holds another certificate"):
        piv.store_certificate(second)
    with pytest.raises(TokenError, match="takes"):
        piv.store_certificate(bytes(3053))
    with pytest.raises(TokenError, match="slot 9c already holds"):
        token.generate(REQUEST)


def test_is_wiped(token):
    piv = prepare(token)
    token.generate(REQUEST)
    piv.store_certificate(piv_certificate(1))
    piv.wipe()
    assert not piv.authorised()
    found = piv.standing()
    assert (found.occupied, found.factory, found.pin.left) == ((), ("PIN", "PUK", "management key"), 3)
    with pytest.raises(TokenError, match="is locked"):
        piv.set_tries(5, 5)


def piv_certificate(number: int) -> bytes:
    made = Link(f"certificate {number}", "p256 own")
    return made.made(made)
