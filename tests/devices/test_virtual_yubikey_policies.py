# SPDX-License-Identifier: Apache-2.0
"""The virtual YubiKey keeps to its policies and limits, goes wrong when told to, and remembers what it should."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import partial

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from smartcard.Exceptions import CardConnectionException, NoCardException
from yubikit.core import TRANSPORT, InvalidPinError, NotSupportedError, Tlv
from yubikit.core.smartcard import ApduError, SmartCardProtocol
from yubikit.piv import DEFAULT_MANAGEMENT_KEY, KEY_TYPE, OBJECT_ID, PIN_POLICY, SLOT, TOUCH_POLICY, PivSession

from tests.fakes.yubikey import CACHE_SECONDS, Authority, CardPulled, Reader, VirtualYubiKey, When, connection

SERIAL = 12345678
PIN = "123456"
MESSAGE = b"what is signed"
REFUSED = pytest.raises(ApduError, match="SECURITY_CONDITION_NOT_SATISFIED")
SIGN = 0x87


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def card(authority: Authority) -> VirtualYubiKey:
    return VirtualYubiKey(SERIAL, authority=authority)


def opened(card: VirtualYubiKey | Reader) -> PivSession:
    session = PivSession(connection(card))
    session.authenticate(DEFAULT_MANAGEMENT_KEY)
    return session


def signs(session: PivSession, slot: SLOT = SLOT.SIGNATURE) -> bytes:
    return session.sign(slot, KEY_TYPE.ECCP256, MESSAGE, hashes.SHA256())


@pytest.mark.parametrize(
    ("slot", "policy", "signatures"),
    [
        pytest.param(SLOT.AUTHENTICATION, PIN_POLICY.NEVER, (True, True, True), id="never"),
        pytest.param(SLOT.SIGNATURE, PIN_POLICY.ONCE, (False, True, True), id="once"),
        pytest.param(SLOT.AUTHENTICATION, PIN_POLICY.ALWAYS, (False, True, False), id="always"),
        pytest.param(SLOT.SIGNATURE, PIN_POLICY.DEFAULT, (False, True, False), id="9c, by default always"),
        pytest.param(SLOT.CARD_AUTH, PIN_POLICY.DEFAULT, (True, True, True), id="9e, by default never"),
        pytest.param(SLOT.RETIRED5, PIN_POLICY.DEFAULT, (False, True, True), id="86, by default once"),
    ],
)
def test_wants_the_pin_as_the_policy_says(
    card: VirtualYubiKey, slot: SLOT, policy: PIN_POLICY, signatures: tuple[bool, ...]
) -> None:
    session = opened(card)
    session.generate_key(slot, KEY_TYPE.ECCP256, policy)
    for verified, signed in zip((False, True, False), signatures, strict=True):
        if verified:
            session.verify_pin(PIN)
        if signed:
            assert signs(session, slot)
        else:
            with REFUSED:
                signs(session, slot)


@pytest.mark.parametrize(
    "between",
    [
        pytest.param(lambda session: session.get_pin_metadata(), id="GET METADATA"),
        pytest.param(lambda session: session.get_serial(), id="GET SERIAL"),
        pytest.param(lambda session: session.protocol.send_apdu(0, 0x20, 0, 0x80), id="VERIFY that only asks"),
        pytest.param(lambda session: session.get_certificate(SLOT.ATTESTATION), id="GET DATA"),
        pytest.param(lambda session: session.attest_key(SLOT.SIGNATURE), id="ATTEST"),
        pytest.param(lambda session: session.authenticate(DEFAULT_MANAGEMENT_KEY), id="the management key"),
    ],
)
def test_any_command_after_the_pin_breaks_policy_always(card: VirtualYubiKey, between: Callable[[PivSession], object]) -> None:
    session = opened(card)
    session.generate_key(SLOT.SIGNATURE, KEY_TYPE.ECCP256, PIN_POLICY.ALWAYS)
    session.verify_pin(PIN)
    between(session)
    with REFUSED:
        signs(session)
    session.verify_pin(PIN)
    assert signs(session)


def test_a_wrong_pin_takes_back_the_right_one(card: VirtualYubiKey) -> None:
    session = opened(card)
    session.generate_key(SLOT.SIGNATURE, KEY_TYPE.ECCP256, PIN_POLICY.ONCE)
    session.verify_pin(PIN)
    with pytest.raises(InvalidPinError):
        session.verify_pin("000000")
    with REFUSED:
        signs(session)
    session.verify_pin(PIN)
    session.protocol.send_apdu(0, 0x20, 0xFF, 0x80)
    with REFUSED:
        signs(session)


def test_wants_a_finger_as_the_policy_says(card: VirtualYubiKey) -> None:
    session, now = opened(card), [100.0]
    card.clock = lambda: now[0]
    slots = {
        SLOT.AUTHENTICATION: TOUCH_POLICY.NEVER,
        SLOT.SIGNATURE: TOUCH_POLICY.ALWAYS,
        SLOT.KEY_MANAGEMENT: TOUCH_POLICY.CACHED,
    }
    for slot, policy in slots.items():
        session.generate_key(slot, KEY_TYPE.ECCP256, PIN_POLICY.NEVER, policy)
        signs(session, slot)
        signs(session, slot)
    assert card.touches == 0 + 2 + 1
    card.finger = False
    now[0] += CACHE_SECONDS - 0.1
    signs(session, SLOT.AUTHENTICATION)
    signs(session, SLOT.KEY_MANAGEMENT)
    now[0] += 0.1
    for slot in (SLOT.SIGNATURE, SLOT.KEY_MANAGEMENT):
        with REFUSED:
            signs(session, slot)
    fingers = iter([False, True])
    card.finger = lambda: next(fingers)
    with REFUSED:
        signs(session)
    signs(session)


def test_a_management_key_may_want_a_finger(card: VirtualYubiKey) -> None:
    session = opened(card)
    session.set_management_key(session.management_key_type, bytes(24), require_touch=True)
    assert session.get_management_key_metadata().touch_policy is TOUCH_POLICY.ALWAYS
    card.finger = False
    with REFUSED:
        session.authenticate(bytes(24))


def test_holds_objects_of_a_limited_size(card: VirtualYubiKey) -> None:
    session = opened(card)
    put = partial(session.put_object, OBJECT_ID.SIGNATURE)
    # 3,052 on the card, of which six more do not fit into one extended command of yubikit's.
    put(b"x" * 3046)
    assert session.get_object(OBJECT_ID.SIGNATURE) == b"x" * 3046
    with pytest.raises(NotSupportedError):
        put(b"x" * 3047)
    put()
    with pytest.raises(ApduError, match="FILE_NOT_FOUND"):
        session.get_object(OBJECT_ID.SIGNATURE)


def test_takes_chains_and_gives_long_answers_in_pieces(card: VirtualYubiKey) -> None:
    session = opened(card)
    # Short commands, as all are that a protocol sends before it knows the firmware.
    session.protocol = SmartCardProtocol(session.protocol.connection)
    session.put_object(OBJECT_ID.CHUID, b"x" * 3052)
    assert card.count(0xDB) == 13
    assert session.get_object(OBJECT_ID.CHUID) == b"x" * 3052
    assert card.count(0xC0) == 11
    with pytest.raises(ApduError, match="NO_SPACE"):
        session.put_object(OBJECT_ID.CHUID, b"x" * 3053)
    with pytest.raises(ApduError, match="WRONG_LENGTH"):
        session.put_object(OBJECT_ID.CHUID, b"x" * 5000)


def test_shows_some_objects_only_to_who_knows_the_pin(card: VirtualYubiKey) -> None:
    session = opened(card)
    session.put_object(OBJECT_ID.PRINTED, b"something")
    with REFUSED:
        session.get_object(OBJECT_ID.PRINTED)
    session.verify_pin(PIN)
    assert session.get_object(OBJECT_ID.PRINTED) == b"something"
    assert len(session.get_object(OBJECT_ID.DISCOVERY)) == 18


def test_refuses_keys_that_a_fips_series_has_not(authority: Authority) -> None:
    session = opened(VirtualYubiKey(SERIAL, "5.7.4", fips=True, authority=authority))
    for kind, policy in ((KEY_TYPE.ECCP256, PIN_POLICY.NEVER), (KEY_TYPE.X25519, PIN_POLICY.ONCE)):
        with pytest.raises(ApduError, match="INCORRECT_PARAMETERS"):
            session.generate_key(SLOT.SIGNATURE, kind, policy)


def test_authenticates_the_host_alone(card: VirtualYubiKey) -> None:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    session = PivSession(connection(card))
    ask = partial(session.protocol.send_apdu, 0, SIGN, 0x0A, 0x9B)
    challenge = Tlv.unpack(0x81, Tlv.unpack(0x7C, ask(Tlv(0x7C, Tlv(0x81)))))
    encryptor = Cipher(algorithms.AES(DEFAULT_MANAGEMENT_KEY), modes.ECB()).encryptor()
    right = Tlv(0x7C, Tlv(0x82, encryptor.update(challenge)))
    assert ask(right) == b""
    session.generate_key(SLOT.SIGNATURE, KEY_TYPE.ECCP256)
    with pytest.raises(ApduError, match="INCORRECT_PARAMETERS"):
        ask(right)


def test_is_pulled_before_or_after_the_command_that_is_named(card: VirtualYubiKey) -> None:
    session = opened(card)
    card.fault(0x47, When.AFTER)
    with pytest.raises(CardConnectionException):
        session.generate_key(SLOT.SIGNATURE, KEY_TYPE.ECCP256, PIN_POLICY.NEVER)
    with pytest.raises(NoCardException):
        connection(card)
    with pytest.raises(CardPulled):
        card.transmit(bytes(4))
    card.insert()
    with pytest.raises(CardConnectionException):
        session.get_serial()
    session = opened(card)
    card.fault(SIGN, When.BEFORE, nth=2)
    assert signs(session)
    with pytest.raises(CardConnectionException):
        signs(session)
    assert (card.count(SIGN), card.inserted) == (6, False)


def test_signs_wrongly_when_told_to(card: VirtualYubiKey) -> None:
    session = opened(card)
    public = session.generate_key(SLOT.SIGNATURE, KEY_TYPE.ECCP256, PIN_POLICY.NEVER)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    card.fault(SIGN, When.WRONG_SIGNATURE)
    with pytest.raises(InvalidSignature):
        public.verify(signs(session), MESSAGE, ec.ECDSA(hashes.SHA256()))
    public.verify(signs(session), MESSAGE, ec.ECDSA(hashes.SHA256()))


def test_remembers_what_a_card_keeps_without_power(card: VirtualYubiKey) -> None:
    session = opened(card)
    public = session.generate_key(SLOT.SIGNATURE, KEY_TYPE.ECCP256, PIN_POLICY.ONCE)
    session.put_object(OBJECT_ID.CHUID, b"something")
    session.change_puk("12345678", "22222222")
    with pytest.raises(InvalidPinError):
        session.verify_pin("000000")
    again = VirtualYubiKey.restored(card.saved())
    session = PivSession(connection(again))
    assert session.get_slot_metadata(SLOT.SIGNATURE).public_key == public
    assert (session.get_object(OBJECT_ID.CHUID), session.get_pin_attempts()) == (b"something", 2)
    assert not session.get_puk_metadata().default_value
    assert (again.serial, pickle.loads(again.saved())[0]) == (SERIAL, card.model)


def test_forgets_who_it_trusted_without_power(card: VirtualYubiKey) -> None:
    reader = Reader(card)
    session = opened(reader)
    session.generate_key(SLOT.SIGNATURE, KEY_TYPE.ECCP256, PIN_POLICY.ONCE)
    session.verify_pin(PIN)
    with pytest.raises(CardConnectionException, match="sharing violation"):
        connection(reader)
    session.protocol.close()
    with pytest.raises(CardConnectionException):
        session.get_serial()
    session = PivSession(connection(reader))
    for trusted in (signs, lambda session: session.put_object(OBJECT_ID.CHUID, b"x")):
        with REFUSED:
            trusted(session)


def test_a_card_put_in_another_s_place_is_reached_only_where_nobody_noticed(card: VirtualYubiKey, authority: Authority) -> None:
    other = VirtualYubiKey(87654321, authority=authority)
    for reader in (Reader(card), Reader(card, notices=False)):
        session = PivSession(connection(reader))
        reader.card = other
        if reader.notices:
            with pytest.raises(CardConnectionException):
                session.get_serial()
        else:
            with pytest.raises(ApduError, match="INVALID_INSTRUCTION"):
                session.get_serial()
            assert PivSession(session.protocol.connection).get_serial() == 87654321
        reader.card = None
        with pytest.raises(CardConnectionException):
            session.get_serial()


def test_may_lie_on_a_contactless_reader(card: VirtualYubiKey) -> None:
    assert connection(card, transport=TRANSPORT.NFC).transport is TRANSPORT.NFC
