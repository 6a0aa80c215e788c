# SPDX-License-Identifier: Apache-2.0
"""Root certificates, judged by openssl and by a library that did not write them."""

from __future__ import annotations

import warnings
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st

from ceremony.core.certificates import CertificateRequest, pem
from ceremony.core.keys import Algorithm, Scheme, from_crypto
from ceremony.errors import VerificationError
from tests.peers import openssl
from tests.vectors.known_keys import known

START, END = datetime(2026, 11, 19, 9, 0, 0, tzinfo=UTC), datetime(2036, 11, 19, tzinfo=UTC)
NAME = "docker.io/acme/*"
ROOTS = [Algorithm.ECDSA_P256, Algorithm.ECDSA_P384, Algorithm.RSA_3072, Algorithm.RSA_4096]


def _request(algorithm: Algorithm = Algorithm.ECDSA_P256, name: str = NAME) -> CertificateRequest:
    return CertificateRequest(known(algorithm).public, name, START, END, "0123456789abcdef" * 2, practice=False)


def _signature(request: CertificateRequest, message: bytes) -> bytes:
    key = known(request.public.algorithm)
    if isinstance(key._private, rsa.RSAPrivateKey):
        return key._private.sign(message, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(Scheme.ECDSA_SHA256, message)


def _finished(request: CertificateRequest) -> str:
    tbs = request.to_be_signed()
    return request.finish(tbs, _signature(request, tbs))


def _text(request: CertificateRequest) -> str:
    return openssl.openssl("x509", "-noout", "-text", stdin=_finished(request).encode()).decode()


# --- two judges ---------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ROOTS)
def test_openssl_verifies_it_by_its_own_key(tmp_path: Path, algorithm: Algorithm) -> None:
    (tmp_path / "root.pem").write_text(_finished(_request(algorithm)))
    at = str(int(START.timestamp()) + 1)
    options = ("-x509_strict", "-check_ss_sig", "-attime", at, "-CAfile", tmp_path / "root.pem")
    assert openssl.openssl("verify", *options, tmp_path / "root.pem").endswith(b"root.pem: OK\n")


def test_openssl_reads_what_it_says() -> None:
    text = _text(_request())
    for line in (
        "Version: 3 (0x2)", "Issuer: CN = docker.io/acme/*", "Subject: CN = docker.io/acme/*", "Not Before: Nov 19 09:00:00 2026 GMT",
        "Not After : Nov 19 00:00:00 2036 GMT", "Signature Algorithm: ecdsa-with-SHA256", "NIST CURVE: P-256",
        "X509v3 Basic Constraints: critical\n                CA:FALSE", "X509v3 Key Usage: critical\n                Digital Signature\n",
        "X509v3 Extended Key Usage: \n                Code Signing\n",
    ):  # fmt: skip
        assert line in text, text
    assert text.count("X509v3") == 1 + 3


@pytest.mark.parametrize("algorithm", ROOTS)
def test_another_library_reads_the_same(algorithm: Algorithm) -> None:
    request = _request(algorithm)
    certificate = x509.load_pem_x509_certificate(_finished(request).encode())
    certificate.verify_directly_issued_by(certificate)
    assert from_crypto(certificate.public_key()) == request.public
    assert certificate.tbs_certificate_bytes == request.to_be_signed()
    assert certificate.issuer == certificate.subject == x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    assert (certificate.not_valid_before_utc, certificate.not_valid_after_utc) == (START, END)
    assert certificate.version is x509.Version.v3
    assert isinstance(certificate.signature_hash_algorithm, hashes.SHA256)
    assert certificate.public_bytes(serialization.Encoding.PEM).decode() == _finished(request)
    extensions = {extension.oid: (extension.critical, extension.value) for extension in certificate.extensions}
    usage = dict.fromkeys(
        ["content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
         "encipher_only", "decipher_only"], False,
    )  # fmt: skip
    assert extensions == {
        x509.BasicConstraints.oid: (True, x509.BasicConstraints(ca=False, path_length=None)),
        x509.KeyUsage.oid: (True, x509.KeyUsage(digital_signature=True, **usage)),
        x509.ExtendedKeyUsage.oid: (False, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])),
    }


def test_an_rsa_certificate_states_its_algorithm_as_rfc_4055_wants() -> None:
    # sha256WithRSAEncryption with NULL parameters, in the part that is signed and beside the signature.
    algorithm = bytes.fromhex("300d06092a864886f70d01010b0500")
    request = _request(Algorithm.RSA_3072)
    assert request.scheme is Scheme.RSA_PKCS1_SHA256
    assert request.to_be_signed().count(algorithm) == 1
    certificate = x509.load_pem_x509_certificate(_finished(request).encode())
    assert certificate.public_bytes(serialization.Encoding.DER).count(algorithm) == 2


# --- what depends on what -----------------------------------------------------


def test_the_same_request_is_signed_over_the_same_bytes() -> None:
    assert _request().to_be_signed() == _request().to_be_signed()
    assert _finished(_request()) == _finished(_request())


CHANGES = [
    pytest.param({"public": known(Algorithm.ECDSA_P384).public}, id="another key"),
    pytest.param({"common_name": "docker.io/acme/app"}, id="another name"),
    pytest.param({"ceremony": "f" * 32}, id="another ceremony"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_no_two_certificates_share_a_serial_number(change: dict[str, Any]) -> None:
    one, other = _request()._serial_number(), replace(_request(), **change)._serial_number()
    assert one != other


@given(st.text(), st.text())
def test_a_serial_number_is_positive_and_short(name: str, ceremony: str) -> None:
    number = replace(_request(), common_name=name, ceremony=ceremony)._serial_number()
    assert 2**64 < number < 2**159


def test_practice_stands_in_the_name_for_good() -> None:
    assert "Subject: O = PRACTICE, CN = docker.io/acme/*" in _text(replace(_request(), practice=True))
    assert "PRACTICE" not in _text(_request())


TIMES = [
    pytest.param(datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), b"\x17\x0d491231235959Z", id="the last of UTCTime"),
    pytest.param(datetime(2050, 1, 1, tzinfo=UTC), b"\x18\x0f20500101000000Z", id="the first of GeneralizedTime"),
    pytest.param(datetime(2126, 1, 1, tzinfo=UTC), b"\x18\x0f21260101000000Z", id="in a hundred years"),
    pytest.param(datetime(2036, 1, 1, 0, 0, 0, 999_999, tzinfo=UTC), b"\x17\x0d360101000000Z", id="a part of a second"),
    pytest.param(datetime(2049, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5))), b"\x18\x0f20500101040000Z", id="west of 2050"),
    pytest.param(datetime(2050, 1, 1, 1, tzinfo=timezone(timedelta(hours=5))), b"\x17\x0d491231200000Z", id="east of 2049"),
]


@pytest.mark.parametrize(("end", "der"), TIMES)
def test_times_are_written_as_rfc_5280_wants(end: datetime, der: bytes) -> None:
    request = replace(_request(), not_after=end)
    assert der in request.to_be_signed()
    certificate = x509.load_pem_x509_certificate(_finished(request).encode())
    assert certificate.not_valid_after_utc == end.astimezone(UTC).replace(microsecond=0)


LONG = "registry.example:5000/" + "a" * 200
NAMES = ["docker.io/acme/app", "reg.example:5000/app", "a" * 64, "a" * 65, LONG, "é", "a, b = c"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_read_back_by_both_judges(tmp_path: Path, name: str) -> None:
    text = _finished(_request(name=name))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        subject = x509.load_pem_x509_certificate(text.encode()).subject
    assert subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == name
    assert bool(said) is (len(name) > 64), "the library warns of names over 64 characters, and reads them"
    (tmp_path / "root.pem").write_text(text)
    shown = openssl.openssl("x509", "-noout", "-subject", "-nameopt", "utf8,sep_multiline", stdin=text.encode()).decode()
    assert shown.splitlines()[1].strip() == f"CN={name}"
    options = ("-check_ss_sig", "-attime", str(int(START.timestamp())), "-CAfile", tmp_path / "root.pem")
    openssl.openssl("verify", *options, tmp_path / "root.pem")


# --- what is refused ----------------------------------------------------------


def test_refuses_a_signature_over_something_else() -> None:
    request = _request()
    with pytest.raises(VerificationError, match=r"^certificate for docker.io/acme/\*: does not verify with key"):
        request.finish(request.to_be_signed(), _signature(request, b"something else"))


@pytest.mark.parametrize("algorithm", ROOTS)
def test_refuses_a_damaged_signature(algorithm: Algorithm) -> None:
    request = _request(algorithm)
    tbs = request.to_be_signed()
    signature = bytearray(_signature(request, tbs))
    signature[0] ^= 1
    with pytest.raises(VerificationError, match="does not verify"):
        request.finish(tbs, bytes(signature))


def test_refuses_a_signature_in_der() -> None:
    request = _request()
    with pytest.raises(VerificationError, match=r"^certificate for docker.io/acme/\*: is 3 bytes, which no ecdsa-p256 signature"):
        request.finish(request.to_be_signed(), b"der")


def test_refuses_a_key_that_cannot_sign_a_root_certificate() -> None:
    request = _request(Algorithm.ED25519)
    with pytest.raises(VerificationError, match="rsa-pkcs1-sha256 is not a scheme of ed25519"):
        request.finish(request.to_be_signed(), bytes(64))


@pytest.mark.parametrize("size", [0, 1, 47, 48, 49, 1000])
def test_pem_is_what_openssl_writes(size: int) -> None:
    text = pem(bytes(size))
    body = openssl.openssl("enc", "-base64", stdin=bytes(size)).decode() or "\n"
    assert text == f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"
