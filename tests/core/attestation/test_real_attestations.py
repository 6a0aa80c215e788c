# SPDX-License-Identifier: Apache-2.0
"""Two physical YubiKeys' attestations and Yubico's own certificates: what verifies, and that nothing else does."""

from __future__ import annotations

import base64
import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from ceremony.core.attestation import PINS, Authorities, FormFactor, PinPolicy, TouchPolicy, check_binding, verify_attestation
from ceremony.core.attestation.certificates import DEVICE, STATEMENT, Certificate
from ceremony.core.firmware import Firmware, Series
from ceremony.core.keys import Algorithm, from_spki
from ceremony.errors import VerificationError
from tests.core.attestation.chains import AT, END, START, der, pem, real, yubico, yubico_files
from tests.peers.openssl import openssl

SERIALS = (13078778, 15938791)
FIRMWARE = {13078778: Firmware(5, 2, 6), 15938791: Firmware(5, 2, 7)}
OLD_ROOT = "Yubico PIV Root CA Serial 263751"
SAYS = re.compile(rf"({re.escape(STATEMENT)}|{re.escape(DEVICE)}): \w+")


@pytest.mark.parametrize("serial", SERIALS)
def test_a_real_attestation_verifies(serial: int) -> None:
    statement, device = real(serial)
    attested = verify_attestation(statement, device, yubico(), at=AT)
    assert (attested.serial, attested.slot, attested.firmware) == (serial, "9c", FIRMWARE[serial])
    assert (attested.pin_policy, attested.touch_policy) == (PinPolicy.ALWAYS, TouchPolicy.ALWAYS)
    assert (attested.form_factor, attested.series) == (FormFactor.USB_C_KEYCHAIN, Series.STANDARD)
    assert (attested.fips_series, attested.fips_certified, attested.cspn_certified) == (False, False, False)
    assert attested.authorities == (OLD_ROOT,)
    assert attested.made_on_device
    assert attested.public.algorithm is Algorithm.ECDSA_P256


@pytest.mark.parametrize("serial", SERIALS)
def test_openssl_says_the_same_of_the_chain_and_of_the_key(serial: int, tmp_path: Path) -> None:
    statement, device = real(serial)
    for name, text in (("s", pem(statement)), ("d", pem(device)), ("root", yubico_files()["yubico-piv-ca-1.pem"])):
        (tmp_path / name).write_bytes(text)
    assert b": OK" in openssl("verify", "-CAfile", tmp_path / "root", "-untrusted", tmp_path / "d", tmp_path / "s")
    attested = verify_attestation(statement, device, yubico(), at=AT)
    assert openssl("x509", "-in", tmp_path / "s", "-noout", "-pubkey") == attested.public.pem


@pytest.mark.parametrize("serial", SERIALS)
def test_a_real_attestation_is_bound_to_its_key_device_and_policies(serial: int) -> None:
    attested = verify_attestation(*real(serial), yubico(), at=AT)
    given = {"public": attested.public, "serial": serial, "slot": "9c", "firmware": FIRMWARE[serial]}
    check_binding(attested, **given, pin_policy="always", touch_policy="always")
    other = verify_attestation(*real(next(one for one in SERIALS if one != serial)), yubico(), at=AT)
    with pytest.raises(VerificationError, match=f"its serial is {serial}, not {other.serial}"):
        check_binding(attested, **{**given, "serial": other.serial}, pin_policy="always", touch_policy="always")


# --- one byte -------------------------------------------------------------------------


@pytest.mark.parametrize("which", [0, 1], ids=["statement", "device"])
@pytest.mark.parametrize("serial", SERIALS)
def test_any_byte_that_is_changed_is_refused_and_named(serial: int, which: int) -> None:
    dice = random.Random(f"{serial} {which}")
    for place in range(len(real(serial)[which])):
        certificates = [bytearray(certificate) for certificate in real(serial)]
        certificates[which][place] ^= dice.randrange(1, 256)
        with pytest.raises(VerificationError) as refused:
            verify_attestation(*map(bytes, certificates), yubico(), at=AT)
        assert SAYS.match(refused.value.message)
        assert refused.value.subject in {STATEMENT, DEVICE}


@pytest.mark.parametrize("which", [0, 1], ids=["statement", "device"])
@pytest.mark.parametrize("unused", [1, 2, 7, 8, 255])
def test_the_unused_bits_of_a_signature_are_no_room_for_a_change(which: int, unused: int) -> None:
    """The library takes a BIT STRING with unused bits for the same signature when those bits happen to be zero."""
    for serial in SERIALS:
        certificates = [bytearray(certificate) for certificate in real(serial)]
        certificates[which][-257] = unused
        with pytest.raises(VerificationError, match=r"byte for byte|can be read"):
            verify_attestation(*map(bytes, certificates), yubico(), at=AT)


@pytest.mark.parametrize("which", [0, 1], ids=["statement", "device"])
def test_a_certificate_that_is_cut_or_longer_is_refused(which: int) -> None:
    whole = real(SERIALS[0])[which]
    for changed in (b"", whole[:-1], whole[:100], whole + b"\0", whole + whole, pem(whole)):
        certificates = list(real(SERIALS[0]))
        certificates[which] = changed
        with pytest.raises(VerificationError, match=r"is not an X\.509 certificate that can be read"):
            verify_attestation(*certificates, yubico(), at=AT)


@given(st.integers(0, 1), st.lists(st.tuples(st.integers(0, 700), st.integers(0, 255)), min_size=1, max_size=6))
def test_no_change_of_several_bytes_is_taken_or_crashes(which: int, changes: list[tuple[int, int]]) -> None:
    certificates = [bytearray(certificate) for certificate in real(SERIALS[1])]
    for place, value in changes:
        certificates[which][place % len(certificates[which])] = value
    if [bytes(one) for one in certificates] == list(real(SERIALS[1])):
        return
    with pytest.raises(VerificationError, match=SAYS):
        verify_attestation(*map(bytes, certificates), yubico(), at=AT)


@given(st.binary(max_size=200) | st.binary(max_size=80).map(lambda tail: real(SERIALS[0])[0][:-80] + tail))
def test_bytes_that_are_no_certificate_are_refused(junk: bytes) -> None:
    with pytest.raises(VerificationError, match="attestation statement: "):
        verify_attestation(junk, real(SERIALS[0])[1], yubico(), at=AT)


def test_an_element_whose_every_value_is_tried_is_never_read_with_a_warning() -> None:
    """Names that the library only warns of (a country code of 22 letters) came out of this one byte."""
    statement = bytearray(real(SERIALS[1])[0])
    place = bytes(statement).index(b"\x55\x04\x03") + 2
    for value in set(range(256)) - {3}:
        statement[place] = value
        with pytest.raises(VerificationError, match=SAYS):
            verify_attestation(bytes(statement), real(SERIALS[1])[1], yubico(), at=AT)


# --- other people's parts -----------------------------------------------------------------


def test_a_statement_of_another_device_is_refused() -> None:
    (statement, _), (_, device) = map(real, SERIALS)
    with pytest.raises(
        VerificationError, match="attestation statement: its signature does not verify with the key of the device"
    ):
        verify_attestation(statement, device, yubico(), at=AT)


@pytest.mark.parametrize(
    ("statement", "device", "message"),
    [
        pytest.param(1, 1, "attestation statement: names 'CN=Yubico PIV Root CA", id="the device certificate twice"),
        pytest.param(1, 0, "device certificate .*: was issued by 'CN=Yubico PIV Attestation', which is no pinned", id="swapped"),
        pytest.param(
            0, 0, "device certificate .*: was issued by 'CN=Yubico PIV Attestation', which is no", id="the statement twice"
        ),
    ],
)
def test_a_certificate_in_the_place_of_another_is_refused(statement: int, device: int, message: str) -> None:
    pair = real(SERIALS[0])
    with pytest.raises(VerificationError, match=message):
        verify_attestation(pair[statement], pair[device], yubico(), at=AT)


@pytest.mark.parametrize(
    ("at", "message"),
    [
        pytest.param(START - timedelta(seconds=1), "is valid only from 2016-03-14, not on 2016-03-13", id="not yet"),
        pytest.param(END + timedelta(seconds=1), "has expired on 2052-04-17, not on 2052-04-17", id="expired"),
        pytest.param(datetime(1970, 1, 1, tzinfo=UTC), "is valid only from", id="a computer with no clock"),
    ],
)
def test_a_time_outside_of_the_certificates_is_refused(at: datetime, message: str) -> None:
    with pytest.raises(VerificationError, match=message):
        verify_attestation(*real(SERIALS[0]), yubico(), at=at)


@pytest.mark.parametrize("at", [START, END], ids=["first second", "last second"])
def test_the_first_and_last_second_are_valid(at: datetime) -> None:
    assert verify_attestation(*real(SERIALS[0]), yubico(), at=at).serial == SERIALS[0]


# --- Yubico's certificates --------------------------------------------------------------------


def test_every_pin_is_a_certificate_that_yubico_publishes() -> None:
    assert set(yubico().certificates) == {pin.name for pin in PINS}
    for pin in PINS:
        certificate = yubico().certificate(pin)
        assert certificate.subject.common_name == pin.name
        assert certificate.issuer.common_name == (pin.issuer or pin.name)
        parent = next(one for one in PINS if one.name == (pin.issuer or pin.name))
        certificate.parsed.verify_directly_issued_by(yubico().certificate(parent).parsed)


def test_authorities_for_other_uses_are_left_alone() -> None:
    published = b"".join(yubico_files().values()).count(b"-----BEGIN CERTIFICATE-----")
    assert published > len(PINS)
    assert not [name for name in yubico().certificates if re.search("FIDO|OPGP|SD|HSM", name)]


@pytest.mark.parametrize(
    "authority", ["Yubico FIDO Attestation A 1", "Yubico Attestation Root 1", "Yubico Attestation Intermediate A 1"]
)
def test_an_authority_that_certifies_no_piv_devices_is_no_issuer_of_one(authority: str) -> None:
    device = next(made for name, made in _published() if name == authority)
    with pytest.raises(VerificationError, match="which is no pinned authority for PIV devices"):
        yubico().path(Certificate.read(device, DEVICE))


@pytest.mark.parametrize("file", sorted(yubico_files()))
def test_a_root_or_intermediate_that_was_changed_is_refused(file: str) -> None:
    dice = random.Random(file)
    pinned = [made for name, made in _published(file) if name in yubico().certificates]
    for original in pinned:
        for place in dice.sample(range(len(original)), 150):
            changed = bytearray(original)
            changed[place] ^= dice.randrange(1, 256)
            text = _pem_of_anything(bytes(changed))
            with pytest.raises(VerificationError, match=r"^x\.pem: (is not an X.509|the certificate .* not the pinned|none of)"):
                Authorities.read({"x.pem": text})


def test_a_root_that_only_bears_the_name_is_refused() -> None:
    changed = bytearray(der(yubico_files()["yubico-piv-ca-1.pem"]))
    changed[-1] ^= 1
    with pytest.raises(VerificationError, match=rf"x.pem: the certificate '{OLD_ROOT}' has SHA-256 [0-9a-f]{{64}}, which is not"):
        Authorities.read({"good.pem": yubico_files()["yubico-piv-ca-1.pem"], "x.pem": _pem_of_anything(bytes(changed))})


def test_the_other_root_does_not_vouch_for_a_device() -> None:
    new = {name: text for name, text in yubico_files().items() if name != "yubico-piv-ca-1.pem"}
    with pytest.raises(VerificationError, match=f"{OLD_ROOT}: is not among the certificates that the site brings"):
        verify_attestation(*real(SERIALS[0]), Authorities.read(new), at=AT)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param({}, "^yubico-roots: none of the pinned Yubico roots", id="nothing"),
        pytest.param({"a.pem": b""}, "^a.pem: is not an X.509 certificate", id="empty"),
        pytest.param({"a.pem": b"\xff\xfe"}, "^a.pem: is not an X.509 certificate", id="not PEM"),
        pytest.param({"yubico-intermediate.pem": None}, "^yubico-intermediate.pem: none of the pinned", id="intermediates alone"),
    ],
)
def test_files_without_a_root_are_refused(files: dict[str, bytes | None], message: str) -> None:
    with pytest.raises(VerificationError, match=message):
        Authorities.read({name: yubico_files()[name] if text is None else text for name, text in files.items()})


@given(
    st.binary(max_size=300)
    | st.binary(max_size=60).map(lambda b: b"-----BEGIN CERTIFICATE-----\n" + b + b"\n-----END CERTIFICATE-----\n")
)
def test_a_file_of_anything_is_refused(text: bytes) -> None:
    with pytest.raises(VerificationError, match=r"^a\.pem: "):
        Authorities.read({"a.pem": text})


def test_the_key_is_the_one_in_the_certificate() -> None:
    statement, device = real(SERIALS[0])
    spki = (
        x509.load_der_x509_certificate(statement)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    assert verify_attestation(statement, device, yubico(), at=AT).public == from_spki(spki)
    assert spki in statement


def _published(*files: str) -> list[tuple[str, bytes]]:
    found = []
    for file in files or yubico_files():
        for certificate in x509.load_pem_x509_certificates(yubico_files()[file]):
            name = str(next(iter(certificate.subject)).value)
            found.append((name, certificate.public_bytes(serialization.Encoding.DER)))
    return found


def _pem_of_anything(content: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(content) + b"-----END CERTIFICATE-----\n"
