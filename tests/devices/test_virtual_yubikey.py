# SPDX-License-Identifier: Apache-2.0
"""The virtual YubiKey does what yubikit wants of a real one, and what it signs and attests is verified by others."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding
from yubikit.core import ApplicationNotAvailableError, NotSupportedError, Tlv
from yubikit.core.smartcard import AID, SW, ApduError, SmartCardProtocol
from yubikit.management import FORM_FACTOR, ManagementSession
from yubikit.piv import (
    DEFAULT_MANAGEMENT_KEY,
    KEY_TYPE,
    MANAGEMENT_KEY_TYPE,
    OBJECT_ID,
    PIN_POLICY,
    SLOT,
    TOUCH_POLICY,
    PivSession,
    PublicKey,
)

from ceremony.core.attestation import Attested, Authorities, check_binding, verify_attestation
from ceremony.core.firmware import Firmware
from ceremony.core.keys import from_crypto
from ceremony.errors import VerificationError
from tests.fakes.yubikey import Authority, VirtualYubiKey, connection

SERIAL = 12345678
PIN = "123456"
AT = datetime(2026, 11, 19, tzinfo=UTC)
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
"""Before a SHA-256 digest (RFC 8017, section 9.2)."""
MESSAGE = b"what is signed"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def card(authority: Authority) -> VirtualYubiKey:
    return VirtualYubiKey(SERIAL, authority=authority)


def managed(card: VirtualYubiKey) -> PivSession:
    session = PivSession(connection(card))
    session.authenticate(DEFAULT_MANAGEMENT_KEY)
    return session


def made(session: PivSession, pin: PIN_POLICY = PIN_POLICY.ALWAYS, touch: TOUCH_POLICY = TOUCH_POLICY.NEVER) -> PublicKey:
    return session.generate_key(SLOT.SIGNATURE, KEY_TYPE.ECCP256, pin, touch)


def attested(session: PivSession, authority: Authority, slot: SLOT = SLOT.SIGNATURE) -> Attested:
    statement, device = session.attest_key(slot), session.get_certificate(SLOT.ATTESTATION)
    authorities = Authorities.read({"virtual.pem": authority.pem}, authority.pins)
    return verify_attestation(statement.public_bytes(Encoding.DER), device.public_bytes(Encoding.DER), authorities, at=AT)


def test_says_what_it_is(authority: Authority) -> None:
    card = VirtualYubiKey(SERIAL, "5.7.2", form_factor=4, fips=True, authority=authority)
    info = ManagementSession(connection(card)).read_device_info()
    assert (info.serial, info.version, info.form_factor, info.is_fips) == (SERIAL, (5, 7, 2), FORM_FACTOR.USB_C_NANO, True)
    session = PivSession(connection(card))
    assert (session.get_serial(), session.version) == (SERIAL, (5, 7, 2))


def test_has_no_applications_but_two(card: VirtualYubiKey) -> None:
    protocol = SmartCardProtocol(connection(card))
    with pytest.raises(ApplicationNotAvailableError):
        protocol.select(AID.OPENPGP)


@pytest.mark.parametrize(
    ("apdu", "status"),
    [
        pytest.param("00fd0000", SW.INVALID_INSTRUCTION, id="nothing is selected"),
        pytest.param("00fd", SW.WRONG_LENGTH, id="too short"),
        pytest.param("00200080083132", SW.WRONG_LENGTH, id="less data than it says"),
        pytest.param("04fd0000", SW.CLASS_NOT_SUPPORTED, id="secure messaging"),
        pytest.param("00a4000005a000000308", SW.WRONG_PARAMETERS_P1P2, id="a file, not an application"),
    ],
)
def test_refuses_what_is_no_command(card: VirtualYubiKey, apdu: str, status: SW) -> None:
    assert connection(card).send_and_receive(bytes.fromhex(apdu)) == (b"", status)


@pytest.mark.parametrize("kind", MANAGEMENT_KEY_TYPE)
def test_takes_a_management_key_of_each_kind(card: VirtualYubiKey, kind: MANAGEMENT_KEY_TYPE) -> None:
    new = bytes(range(kind.key_len))
    managed(card).set_management_key(kind, new)
    session = PivSession(connection(card))
    session.authenticate(new)
    told = session.get_management_key_metadata()
    assert (told.key_type, told.default_value, told.touch_policy) == (kind, False, TOUCH_POLICY.NEVER)
    with pytest.raises(ApduError, match="SECURITY_CONDITION_NOT_SATISFIED"):
        session.authenticate(bytes(kind.key_len))
    with pytest.raises(ApduError, match="SECURITY_CONDITION_NOT_SATISFIED"):
        made(session)


@pytest.mark.parametrize(
    ("firmware", "kind"),
    [
        pytest.param("5.4.1", MANAGEMENT_KEY_TYPE.TDES, id="5.4.1"),
        pytest.param("5.6.9", MANAGEMENT_KEY_TYPE.TDES, id="5.6.9"),
        pytest.param("5.7.0", MANAGEMENT_KEY_TYPE.AES192, id="5.7.0"),
    ],
)
def test_ships_the_management_key_of_its_firmware(authority: Authority, firmware: str, kind: MANAGEMENT_KEY_TYPE) -> None:
    session = managed(VirtualYubiKey(SERIAL, firmware, authority=authority))
    told = session.get_management_key_metadata()
    assert (told.key_type, told.default_value) == (kind, True)
    if firmware == "5.4.1":
        with pytest.raises(ApduError, match="INCORRECT_PARAMETERS"):
            session.set_management_key(MANAGEMENT_KEY_TYPE.AES192, bytes(24))


def test_has_neither_metadata_nor_new_keys_before_their_firmware(authority: Authority) -> None:
    session = managed(VirtualYubiKey(SERIAL, "5.2.7", authority=authority))
    for ins, data, status in ((0xF7, b"", SW.INVALID_INSTRUCTION), (0xF6, b"", SW.INVALID_INSTRUCTION)):
        with pytest.raises(ApduError) as refused:
            session.protocol.send_apdu(0, ins, 0, 0x9B, data)
        assert refused.value.sw == status
    for kind in (KEY_TYPE.ED25519, KEY_TYPE.RSA4096):
        with pytest.raises(ApduError, match="INCORRECT_PARAMETERS"):
            session.protocol.send_apdu(0, 0x47, 0, 0x9C, bytes([0xAC, 3, 0x80, 1, kind]))
    with pytest.raises(NotSupportedError):
        session.get_slot_metadata(SLOT.SIGNATURE)


@pytest.mark.parametrize("kind", [kind for kind in KEY_TYPE if kind not in {KEY_TYPE.RSA1024, KEY_TYPE.X25519}])
def test_makes_a_key_of_each_kind_and_signs_with_it(card: VirtualYubiKey, authority: Authority, kind: KEY_TYPE) -> None:
    session = managed(card)
    public = session.generate_key(SLOT.SIGNATURE, kind, PIN_POLICY.ONCE, TOUCH_POLICY.NEVER)
    session.verify_pin(PIN)
    told = session.get_slot_metadata(SLOT.SIGNATURE)
    assert (told.key_type, told.pin_policy, told.touch_policy, told.generated) == (
        kind,
        PIN_POLICY.ONCE,
        TOUCH_POLICY.NEVER,
        True,
    )
    assert told.public_key == public == session.attest_key(SLOT.SIGNATURE).public_key()
    _check_signature(session, SLOT.SIGNATURE, kind)


def _check_signature(session: PivSession, slot: SLOT, kind: KEY_TYPE) -> None:
    public, digest = (
        session.get_slot_metadata(slot).public_key,
        hashes.SHA256() if kind is not KEY_TYPE.ECCP384 else hashes.SHA384(),
    )
    if isinstance(public, rsa.RSAPublicKey):
        # By hand, because yubikit pads by making another key of that size.
        hashed = hashes.Hash(digest)
        hashed.update(MESSAGE)
        info = DIGEST_INFO + hashed.finalize()
        padded = b"\0\1" + b"\xff" * (kind.bit_len // 8 - 3 - len(info)) + b"\0" + info
        asked = Tlv(0x7C, bytes(Tlv(0x82)) + bytes(Tlv(0x81, padded)))
        answer = session.protocol.send_apdu(0, 0x87, kind, slot, asked)
        public.verify(Tlv.unpack(0x82, Tlv.unpack(0x7C, answer)), MESSAGE, padding.PKCS1v15(), digest)
        return
    signature = session.sign(slot, kind, MESSAGE, digest)
    if isinstance(public, ec.EllipticCurvePublicKey):
        public.verify(signature, MESSAGE, ec.ECDSA(digest))
    else:
        assert isinstance(public, ed25519.Ed25519PublicKey)
        public.verify(signature, MESSAGE)


def test_signs_rsa_as_yubikit_pads_it(card: VirtualYubiKey) -> None:
    session = managed(card)
    public = session.generate_key(SLOT.AUTHENTICATION, KEY_TYPE.RSA2048)
    session.verify_pin(PIN)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    signature = session.sign(SLOT.AUTHENTICATION, KEY_TYPE.RSA2048, MESSAGE, hashes.SHA256(), pss)
    assert isinstance(public, rsa.RSAPublicKey)
    public.verify(signature, MESSAGE, pss, hashes.SHA256())


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        pytest.param(partial(ec.generate_private_key, ec.SECP256R1()), KEY_TYPE.ECCP256, id="P-256"),
        pytest.param(partial(ec.generate_private_key, ec.SECP384R1()), KEY_TYPE.ECCP384, id="P-384"),
        pytest.param(partial(rsa.generate_private_key, 65537, 2048), KEY_TYPE.RSA2048, id="RSA-2048"),
        pytest.param(ed25519.Ed25519PrivateKey.generate, KEY_TYPE.ED25519, id="Ed25519"),
    ],
)
def test_takes_in_a_key_and_does_not_attest_it(
    card: VirtualYubiKey, make: partial[ec.EllipticCurvePrivateKey], kind: KEY_TYPE
) -> None:
    session, private = managed(card), make()
    assert session.put_key(SLOT.SIGNATURE, private, PIN_POLICY.ONCE, TOUCH_POLICY.CACHED) is kind
    told = session.get_slot_metadata(SLOT.SIGNATURE)
    assert (told.generated, told.public_key) == (False, private.public_key())
    session.verify_pin(PIN)
    _check_signature(session, SLOT.SIGNATURE, kind)
    with pytest.raises(ApduError, match="INCORRECT_PARAMETERS"):
        session.attest_key(SLOT.SIGNATURE)


@pytest.mark.parametrize("kind", [KEY_TYPE.ECCP256, KEY_TYPE.X25519])
def test_agrees_on_a_secret(card: VirtualYubiKey, kind: KEY_TYPE) -> None:
    session = managed(card)
    public = session.generate_key(SLOT.CARD_AUTH, kind)
    if isinstance(public, ec.EllipticCurvePublicKey):
        peer = ec.generate_private_key(ec.SECP256R1())
        assert session.calculate_secret(SLOT.CARD_AUTH, peer.public_key()) == peer.exchange(ec.ECDH(), public)
    else:
        assert isinstance(public, x25519.X25519PublicKey)
        other = x25519.X25519PrivateKey.generate()
        assert session.calculate_secret(SLOT.CARD_AUTH, other.public_key()) == other.exchange(public)


@pytest.mark.parametrize(
    ("firmware", "between", "fips"),
    [
        pytest.param("5.3.0", 0, False, id="old chain"),
        pytest.param("5.7.4", 2, False, id="new chain, two authorities between"),
        pytest.param("5.7.2", 0, True, id="FIPS series"),
    ],
)
def test_attests_what_it_made(firmware: str, between: int, fips: bool) -> None:
    authority = Authority(between=between)
    session = managed(VirtualYubiKey(SERIAL, firmware, fips=fips, authority=authority))
    public = from_crypto(made(session, PIN_POLICY.ALWAYS, TOUCH_POLICY.CACHED))
    said = attested(session, authority)
    version = Firmware.parse(firmware)
    check_binding(said, public=public, serial=SERIAL, slot="9c", firmware=version, pin_policy="always", touch_policy="cached")
    assert (said.form_factor, said.fips_series, said.fips_certified) == ("USB-C keychain", fips, fips)
    assert len(said.authorities) == between + 1


def test_does_not_chain_to_another_authority_of_the_same_name(card: VirtualYubiKey) -> None:
    session = managed(card)
    made(session)
    with pytest.raises(VerificationError, match=r"^device certificate \(slot F9\): its signature does not verify"):
        attested(session, Authority())


def test_attests_by_the_key_that_its_owner_put_into_f9(card: VirtualYubiKey, authority: Authority) -> None:
    session = managed(card)
    made(session)
    session.generate_key(SLOT.ATTESTATION, KEY_TYPE.ECCP256)
    with pytest.raises(VerificationError, match=r"^attestation statement: its signature does not verify"):
        attested(session, authority)


def test_moves_and_deletes_keys(card: VirtualYubiKey, authority: Authority) -> None:
    session = managed(card)
    made(session)
    session.move_key(SLOT.SIGNATURE, SLOT.RETIRED1)
    assert attested(session, authority, SLOT.RETIRED1).slot == "82"
    with pytest.raises(ApduError, match="REFERENCE_DATA_NOT_FOUND"):
        session.get_slot_metadata(SLOT.SIGNATURE)
    made(session)
    with pytest.raises(ApduError, match="INCORRECT_PARAMETERS"):
        session.move_key(SLOT.RETIRED1, SLOT.SIGNATURE)
    session.delete_key(SLOT.RETIRED1)
    with pytest.raises(ApduError, match="REFERENCE_DATA_NOT_FOUND"):
        session.delete_key(SLOT.RETIRED1)


def test_resets_only_when_blocked_and_keeps_f9(card: VirtualYubiKey, authority: Authority) -> None:
    session = managed(card)
    made(session)
    session.put_object(OBJECT_ID.CHUID, b"something")
    with pytest.raises(ApduError, match="CONDITIONS_NOT_SATISFIED"):
        session.protocol.send_apdu(0, 0xFB, 0, 0)
    session.reset()
    assert session.get_pin_metadata().attempts_remaining == session.get_puk_metadata().attempts_remaining == 3
    for look in (partial(session.get_slot_metadata, SLOT.SIGNATURE), partial(session.get_object, OBJECT_ID.CHUID)):
        with pytest.raises(ApduError, match="NOT_FOUND"):
            look()
    with pytest.raises(ApduError, match="SECURITY_CONDITION_NOT_SATISFIED"):
        made(session)
    session.authenticate(DEFAULT_MANAGEMENT_KEY)
    made(session)
    assert attested(session, authority).serial == SERIAL
