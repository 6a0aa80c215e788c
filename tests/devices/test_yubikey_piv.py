# SPDX-License-Identifier: Apache-2.0
"""The `Piv` port: standing, attestation, wiping, PIN, PUK, management key, certificates; each read back, also when it lies."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from yubikit.piv import PIN_POLICY, TOUCH_POLICY

from ceremony.core import software_key
from ceremony.core.attestation import Authorities, verify_attestation
from ceremony.core.keys import Algorithm, Scheme, verify
from ceremony.core.ports import KeyRequest, PivStanding, SlotKey, Tries
from ceremony.core.secret import Secret
from ceremony.devices.yubikey_facts import CERTIFICATE_BYTES, certificate_object
from ceremony.errors import PinLocked, TokenError, WrongPin
from tests.devices.yubikeys import (
    AUTHENTICATE,
    AUTHORITY,
    CHANGE,
    FACTORY_KEY,
    FACTORY_PIN,
    FACTORY_PUK,
    GET,
    MANAGEMENT_KEY,
    METADATA,
    OBJECT_9C,
    PIN,
    PUK,
    PUT,
    RESET,
    SET_KEY,
    SLOT_9C,
    TRIES,
    UNBLOCK,
    VERIFY,
    Desk,
    card,
    prepared,
)
from tests.fakes.yubikey.apdu import tlv
from tests.fakes.yubikey.keys import KeyType, generate
from tests.fakes.yubikey.keys import SlotKey as HeldKey

ROOT = KeyRequest("root", b"", Algorithm.ECDSA_P256, extractable=False)
CERTIFICATE = b"\x30\x82\x01\x00" + bytes(256)


@pytest.fixture
def factory(desk):
    """Return a token as the factory makes it."""
    opened = desk.open(1)
    yield opened
    opened.close()


@pytest.fixture
def token(desk):
    opened = prepared(desk)
    yield opened
    opened.close()


def only(firmware):
    desk = Desk()
    desk.put(card(1, firmware))
    return desk.open(1), desk.plugs[0].reader.card


# --- standing -------------------------------------------------------------------------------


def test_shows_a_token_as_the_factory_makes_it(factory):
    fresh = Tries(factory=True, left=3, total=3)
    assert factory.piv.standing() == PivStanding(fresh, fresh, "AES192", management_key_factory=True, keys=(), certificates=())


def test_shows_what_a_token_holds_and_what_protects_it(token, there):
    key = token.generate(ROOT)
    there.state.objects[0x5FC105] = certificate_object(CERTIFICATE)
    with pytest.raises(WrongPin):
        token.piv.change_puk(Secret("00000000"), Secret("11111111"))
    standing = token.piv.standing()
    assert standing.keys == (SlotKey("9c", "ECCP256", "generated", "always", "cached", key.public.sha256),)
    assert standing.certificates == ("9a",)
    assert standing.occupied == ("9a", "9c")
    assert standing.factory == ()
    assert standing.puk == Tries(factory=False, left=2, total=3)


def test_shows_keys_in_every_slot_also_of_kinds_that_no_root_key_is(token, there):
    for slot, kind in {0x82: KeyType.RSA2048, 0x95: KeyType.X25519, 0x9A: KeyType.ED25519}.items():
        there.state.keys[slot] = HeldKey(
            kind, generate(kind, "x", 1), generated=False, pin_policy=PIN_POLICY.NEVER, touch_policy=TOUCH_POLICY.NEVER
        )
    shown = {key.slot: (key.algorithm, key.origin, key.pin_policy) for key in token.piv.standing().keys}
    assert shown == {
        "82": ("RSA2048", "imported", "never"),
        "95": ("X25519", "imported", "never"),
        "9a": ("ED25519", "imported", "never"),
    }


def test_shows_a_key_of_an_unknown_kind_as_such(token, there):
    token.generate(ROOT)
    there.lies[METADATA] = lambda apdu, data, status: (
        data.replace(b"\x01\x01\x11", b"\x01\x01\x77") if apdu[3] == SLOT_9C else data,
        status,
    )
    (shown,) = token.piv.standing().keys
    assert (shown.algorithm, shown.public_sha256) == ("0x77", "")
    with pytest.raises(TokenError, match="the key in slot 9c is 0x77, which no dialect takes"):
        token.find("")


@pytest.mark.parametrize("ins", [METADATA, GET])
def test_a_refusal_is_not_taken_for_an_empty_slot(factory, there, ins):
    there.lies[ins] = lambda apdu, data, status: (b"", 0x6F00) if status != 0x9000 else (data, status)
    with pytest.raises(TokenError, match="status 6f00"):
        factory.piv.standing()


# --- attestation ----------------------------------------------------------------------------


def test_what_it_attests_verifies(token):
    key = token.generate(ROOT)
    attestation = token.piv.attest()
    authorities = Authorities.read({"virtual.pem": AUTHORITY.pem}, AUTHORITY.pins)
    attested = verify_attestation(attestation.statement, attestation.device, authorities, at=datetime(2026, 11, 19, tzinfo=UTC))
    assert (attested.public, attested.slot, attested.serial) == (key.public, "9c", 1)
    assert (attested.pin_policy, attested.touch_policy, attested.form_factor) == ("always", "cached", token.identity.form_factor)


def test_an_empty_slot_and_an_imported_key_are_not_attested(token):
    with pytest.raises(TokenError, match="slot 9c is empty"):
        token.piv.attest()
    token.import_key(ROOT, software_key.make(Algorithm.ECDSA_P256))
    with pytest.raises(TokenError, match="slot 9c holds an imported key, which no device attests"):
        token.piv.attest()


def test_a_device_without_a_certificate_of_its_own_attests_nothing(token, there):
    token.generate(ROOT)
    del there.state.objects[0x5FFF01]
    with pytest.raises(TokenError, match="holds no certificate in slot f9"):
        token.piv.attest()


# --- wiping ---------------------------------------------------------------------------------


def test_a_wiped_token_is_as_the_factory_makes_it(token, there):
    token.generate(ROOT)
    token.piv.store_certificate(CERTIFICATE)
    token.piv.wipe()
    fresh = Tries(factory=True, left=3, total=3)
    assert token.piv.standing() == PivStanding(fresh, fresh, "AES192", management_key_factory=True, keys=(), certificates=())
    assert there.count(RESET) == 1
    assert 0xF9 in there.state.keys
    assert not token.piv.authorised()
    with pytest.raises(TokenError, match="was not given its management key"):
        token.generate(ROOT)
    token.piv.authorise(Secret(FACTORY_KEY))
    with pytest.raises(TokenError, match="is locked"):
        token.sign(token.generate(ROOT), Scheme.ECDSA_SHA256, [b"x"])


def test_a_token_whose_pin_and_puk_are_blocked_can_be_wiped(token, there):
    there.state.pin.left = there.state.puk.left = 0
    token.piv.wipe()
    token.unlock(Secret(FACTORY_PIN))


@pytest.mark.parametrize(
    ("spoil", "kept"),
    [
        pytest.param(lambda state: state.objects.update({OBJECT_9C: b"x"}), "what was in slot 9c", id="certificate"),
        pytest.param(lambda state: setattr(state.pin, "value", b"592716\xff\xff"), "the PIN", id="PIN"),
        pytest.param(lambda state: setattr(state.puk, "value", b"59271600"), "the PUK", id="PUK"),
        pytest.param(lambda state: setattr(state.management, "value", MANAGEMENT_KEY), "the management key", id="management key"),
    ],
)
def test_a_wipe_is_believed_only_when_it_reads_so(token, there, spoil, kept):
    there.lies[RESET] = lambda apdu, data, status: (spoil(there.state), (data, status))[1]
    with pytest.raises(TokenError, match=f"was wiped, but kept {kept}"):
        token.piv.wipe()


def test_a_refused_wipe_is_an_error(token, there):
    there.lies[RESET] = lambda *_: (b"", 0x6985)
    with pytest.raises(TokenError):
        token.piv.wipe()


# --- PIN and PUK ----------------------------------------------------------------------------


def test_sets_the_tries_which_makes_pin_and_puk_the_factorys(token):
    token.piv.set_tries(5, 4)
    standing = token.piv.standing()
    assert (standing.pin, standing.puk) == (Tries(factory=True, left=5, total=5), Tries(factory=True, left=4, total=4))
    with pytest.raises(TokenError, match="is locked"):
        token.piv.set_tries(5, 4)
    token.unlock(Secret(FACTORY_PIN))


def test_tries_want_pin_and_management_key(factory):
    with pytest.raises(TokenError, match="is locked"):
        factory.piv.set_tries(3, 3)
    factory.unlock(Secret(FACTORY_PIN))
    with pytest.raises(TokenError, match="was not given its management key"):
        factory.piv.set_tries(3, 3)


@pytest.mark.parametrize(("pin", "puk"), [(0, 3), (3, 0), (256, 3), (3, 256)])
def test_refuses_tries_that_no_token_has(token, there, pin, puk):
    with pytest.raises(TokenError, match="takes 1 to 255 tries"):
        token.piv.set_tries(pin, puk)
    assert there.count(TRIES) == 0


def test_tries_that_do_not_read_back_are_refused(token, there):
    there.lies[TRIES] = lambda apdu, data, status: (setattr(there.state.pin, "total", 9), (data, status))[1]
    with pytest.raises(TokenError, match="does not show the tries that were set"):
        token.piv.set_tries(5, 5)


def test_changes_the_pin_and_stays_unlocked_with_the_new_one(token):
    key = token.generate(ROOT)
    token.piv.change_pin(Secret(PIN), Secret("592716"))
    verify(key.public, Scheme.ECDSA_SHA256, b"x", token.sign(key, Scheme.ECDSA_SHA256, [b"x"])[0])
    with pytest.raises(WrongPin):
        token.unlock(Secret(PIN))
    token.unlock(Secret("592716"))


def test_changing_the_pin_unlocks_nothing(desk, token):
    key = token.generate(ROOT)
    token.forget_pin()
    token.piv.change_pin(Secret(PIN), Secret("592716"))
    with pytest.raises(TokenError, match="is locked"):
        token.sign(key, Scheme.ECDSA_SHA256, [b"x"])


def test_changes_the_puk_and_unblocks_the_pin_with_it(token, there):
    token.piv.change_puk(Secret(PUK), Secret("99887766"))
    there.state.pin.left = 0
    with pytest.raises(PinLocked, match="the PIN is blocked"):
        token.unlock(Secret(PIN))
    with pytest.raises(PinLocked, match="the PIN is blocked"):
        token.piv.change_pin(Secret(PIN), Secret("592716"))
    token.piv.unblock_pin(Secret("99887766"), Secret("592716"))
    token.unlock(Secret("592716"))


SPENDING = [
    pytest.param("PIN", lambda piv: piv.change_pin(Secret("000000"), Secret("592716")), id="change_pin"),
    pytest.param("PUK", lambda piv: piv.change_puk(Secret("00000000"), Secret("59271600")), id="change_puk"),
    pytest.param("PUK", lambda piv: piv.unblock_pin(Secret("00000000"), Secret("592716")), id="unblock_pin"),
]


@pytest.mark.parametrize(("what", "use"), SPENDING)
def test_a_wrong_one_is_tried_once_until_it_is_blocked_and_then_never(token, there, what, use):
    for left in (2, 1, 0):
        with pytest.raises(WrongPin, match=f"the {what} is wrong") as wrong:
            use(token.piv)
        assert wrong.value.retries_left == left
    before = there.count(CHANGE, UNBLOCK)
    with pytest.raises(PinLocked, match=f"the {what} is blocked"):
        use(token.piv)
    assert there.count(CHANGE, UNBLOCK) == before


@pytest.mark.parametrize(
    ("use", "said"),
    [
        pytest.param(lambda piv: piv.change_pin(Secret(""), Secret("592716")), "an empty PIN was not tried", id="empty"),
        pytest.param(lambda piv: piv.change_pin(Secret(PIN), Secret("12345")), "a PIN has 6 to 8", id="short new PIN"),
        pytest.param(lambda piv: piv.change_pin(Secret(PIN), Secret("123456789")), "a PIN has 6 to 8", id="long new PIN"),
        pytest.param(lambda piv: piv.change_puk(Secret(PUK), Secret("")), "an empty PUK was not tried", id="empty new PUK"),
        pytest.param(lambda piv: piv.change_puk(Secret("1"), Secret(PUK)), "a PUK has 6 to 8", id="short PUK"),
        pytest.param(lambda piv: piv.unblock_pin(Secret("1"), Secret(PIN)), "a PUK has 6 to 8", id="unblock, PUK"),
        pytest.param(lambda piv: piv.unblock_pin(Secret(PUK), Secret("1")), "a PIN has 6 to 8", id="unblock, PIN"),
    ],
)
def test_what_cannot_be_a_pin_or_puk_spends_nothing(token, there, use, said):
    before = there.count(CHANGE, UNBLOCK)
    with pytest.raises(TokenError, match=said):
        use(token.piv)
    assert there.count(CHANGE, UNBLOCK) == before


def test_a_new_pin_that_the_token_finds_too_simple_is_said(token, there):
    there.lies[CHANGE] = lambda *_: (b"", 0x6985)
    with pytest.raises(TokenError, match="refused the value as too simple"):
        token.piv.change_pin(Secret(PIN), Secret("111111"))


# --- the management key -----------------------------------------------------------------------


@pytest.mark.parametrize(("firmware", "kind"), [("5.3.0", "TDES"), ("5.4.1", "TDES"), ("5.4.2", "AES192"), ("5.7.4", "AES192")])
def test_sets_a_management_key_of_the_best_kind_that_the_firmware_has(firmware, kind):
    token, there = only(firmware)
    token.piv.authorise(Secret(FACTORY_KEY))
    assert token.piv.management_key_bytes() == len(MANAGEMENT_KEY)
    token.piv.set_management_key(Secret(MANAGEMENT_KEY))
    standing = token.piv.standing()
    assert (standing.management_key, standing.management_key_factory) == (kind, False)
    assert there.state.management.touch_policy == TOUCH_POLICY.NEVER
    assert token.piv.authorised()
    token.generate(ROOT)
    token.piv.authorise(Secret(MANAGEMENT_KEY))
    with pytest.raises(TokenError, match="the management key is wrong"):
        token.piv.authorise(Secret(FACTORY_KEY))
    token.close()


def test_a_wrong_management_key_spends_nothing_and_authorises_nothing(factory, there):
    before = there.saved()
    for _ in range(5):
        with pytest.raises(TokenError, match="the management key is wrong; this spends no tries"):
            factory.piv.authorise(Secret(MANAGEMENT_KEY))
    assert not factory.piv.authorised()
    assert there.saved() == before
    with pytest.raises(TokenError, match="was not given its management key"):
        factory.generate(ROOT)


def test_a_wrong_management_key_after_the_right_one_leaves_it_not_authorised(token):
    assert token.piv.authorised()
    with pytest.raises(TokenError, match="is wrong"):
        token.piv.authorise(Secret(FACTORY_KEY))
    assert not token.piv.authorised()


@pytest.mark.parametrize("key", [b"", bytes(16), bytes(32)])
def test_a_management_key_of_another_length_is_not_tried(token, there, key):
    before = there.count(AUTHENTICATE, SET_KEY)
    for use in (token.piv.set_management_key, token.piv.authorise):
        with pytest.raises(TokenError, match="its management key has 24 bytes, that one has not; it was not tried") as refused:
            use(Secret(key))
        assert refused.value.hint == "type 48 hexadecimal digits"
    assert there.count(AUTHENTICATE, SET_KEY) == before


def test_a_card_that_does_not_know_the_management_key_is_not_believed(factory, there):
    there.lies[AUTHENTICATE] = lambda apdu, data, status: (
        tlv(0x7C, tlv(0x82, bytes(16))) if len(data) and data[2] == 0x82 else data,
        status,
    )
    with pytest.raises(TokenError, match="the management key is wrong"):
        factory.piv.authorise(Secret(FACTORY_KEY))
    assert not factory.piv.authorised()


def test_another_refusal_is_not_called_a_wrong_management_key(factory, there):
    there.lies[AUTHENTICATE] = lambda *_: (b"", 0x6581)
    with pytest.raises(TokenError, match="could not write to its memory"):
        factory.piv.authorise(Secret(FACTORY_KEY))


def test_a_management_key_that_does_not_read_back_is_refused(token, there):
    there.lies[METADATA] = lambda apdu, data, status: (data.replace(b"\x05\x01\x00", b"\x05\x01\x01"), status)
    with pytest.raises(TokenError, match="does not show the management key that was set"):
        token.piv.set_management_key(Secret(bytes(range(1, 25))))


def test_a_management_key_that_was_not_taken_is_found_out(token, there):
    there.lies[SET_KEY] = lambda apdu, data, status: (setattr(there.state.management, "value", MANAGEMENT_KEY), (data, status))[1]
    with pytest.raises(TokenError):
        token.piv.set_management_key(Secret(bytes(range(1, 25))))


def test_setting_a_management_key_wants_the_old_one(factory):
    with pytest.raises(TokenError, match="was not given its management key"):
        factory.piv.set_management_key(Secret(MANAGEMENT_KEY))


# --- certificates -----------------------------------------------------------------------------


def test_keeps_a_certificate_and_gives_it_back(token, there):
    assert token.piv.certificate() is None
    token.piv.store_certificate(CERTIFICATE)
    assert token.piv.certificate() == CERTIFICATE
    assert there.state.objects[OBJECT_9C] == tlv(0x70, CERTIFICATE) + bytes.fromhex("710100fe00")
    assert token.piv.standing().certificates == ("9c",)


def test_the_same_certificate_again_is_no_second_writing(token, there):
    token.piv.store_certificate(CERTIFICATE)
    token.piv.store_certificate(CERTIFICATE)
    assert there.count(PUT) == 1


def test_never_overwrites_another_certificate(token, there):
    token.piv.store_certificate(CERTIFICATE)
    with pytest.raises(TokenError, match="slot 9c already holds another certificate"):
        token.piv.store_certificate(CERTIFICATE + b"x")
    assert there.count(PUT) == 1
    assert token.piv.certificate() == CERTIFICATE


def test_keeps_a_certificate_as_large_as_fits_and_refuses_a_larger_one(token, there):
    with pytest.raises(
        TokenError, match=f"takes certificates of {CERTIFICATE_BYTES} bytes at most, this one has {CERTIFICATE_BYTES + 1}"
    ):
        token.piv.store_certificate(bytes(CERTIFICATE_BYTES + 1))
    assert there.count(PUT) == 0
    token.piv.store_certificate(bytes(CERTIFICATE_BYTES))
    assert token.piv.certificate() == bytes(CERTIFICATE_BYTES)
    assert len(there.state.objects[OBJECT_9C]) <= 3052


def test_a_certificate_that_is_not_given_back_is_refused(token, there):
    there.lies[PUT] = lambda apdu, data, status: (there.state.objects.update({OBJECT_9C: b"p\1x"}), (data, status))[1]
    with pytest.raises(TokenError, match="does not give back the certificate that was put in slot 9c"):
        token.piv.store_certificate(CERTIFICATE)


def test_storing_a_certificate_wants_the_management_key(factory):
    with pytest.raises(TokenError, match="was not given its management key"):
        factory.piv.store_certificate(CERTIFICATE)


@pytest.mark.parametrize("data", [pytest.param(b"\x53\x01\x00", id="no certificate"), pytest.param(b"\xff\xff", id="no TLV")])
def test_an_object_that_is_no_certificate_is_an_error(token, there, data):
    there.state.objects[OBJECT_9C] = data
    with pytest.raises(TokenError, match="refused what it was asked"):
        token.piv.certificate()


def test_reads_a_certificate_that_another_program_compressed(token, there):
    import gzip

    there.state.objects[OBJECT_9C] = tlv(0x70, gzip.compress(CERTIFICATE)) + bytes.fromhex("710101fe00")
    assert token.piv.certificate() == CERTIFICATE


def test_a_whole_preparation_leaves_nothing_at_its_factory_value(factory, there):
    factory.unlock(Secret(FACTORY_PIN))
    factory.piv.authorise(Secret(FACTORY_KEY))
    factory.piv.set_tries(5, 4)
    factory.piv.change_pin(Secret(FACTORY_PIN), Secret(PIN))
    factory.piv.change_puk(Secret(FACTORY_PUK), Secret(PUK))
    factory.piv.set_management_key(Secret(MANAGEMENT_KEY))
    standing = factory.piv.standing()
    assert standing.factory == ()
    assert (standing.pin.total, standing.puk.total) == (5, 4)
    assert there.count(VERIFY) == 2  # to unlock, and for the tries
