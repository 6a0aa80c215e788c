# SPDX-License-Identifier: Apache-2.0
"""Public keys, schemes and signatures, judged by the openssl command line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from asn1crypto.algos import DSASignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa, x25519
from hypothesis import example, given
from hypothesis import strategies as st

from ceremony.core import keys
from ceremony.core.keys import Algorithm, PublicKey, Scheme
from ceremony.errors import VerificationError
from tests.peers import openssl
from tests.vectors.known_keys import known, pem

MESSAGE = b"ceremony-head/v1\n"
DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo

SCHEMES = {
    Algorithm.ECDSA_P256: {Scheme.ECDSA_SHA256, Scheme.ECDSA_SHA384},
    Algorithm.ECDSA_P384: {Scheme.ECDSA_SHA256, Scheme.ECDSA_SHA384},
    Algorithm.RSA_3072: {Scheme.RSA_PSS_SHA256, Scheme.RSA_PKCS1_SHA256},
    Algorithm.RSA_4096: {Scheme.RSA_PSS_SHA256, Scheme.RSA_PKCS1_SHA256},
    Algorithm.ED25519: {Scheme.ED25519},
}
GOOD = [pytest.param(a, s, id=f"{a} {s}") for a, schemes in SCHEMES.items() for s in sorted(schemes)]
WRONG = [pytest.param(a, s, id=f"{a} {s}") for a in Algorithm for s in Scheme if s not in SCHEMES[a]]


def _public(algorithm: Algorithm) -> PublicKey:
    return known(algorithm).public


# --- what a key is ------------------------------------------------------------


@pytest.mark.parametrize("algorithm", Algorithm)
def test_reads_a_key_as_openssl_does(algorithm: Algorithm) -> None:
    text = openssl.public_key(pem(algorithm))
    spki = openssl.openssl("pkey", "-pubin", "-outform", "DER", stdin=text)
    public = keys.from_pem(text)
    assert public == keys.from_spki(spki) == keys.from_crypto(keys.load(spki)) == _public(algorithm)
    assert (public.algorithm, public.spki, public.pem) == (algorithm, spki, text)
    assert public.sha256 == hashlib.sha256(spki).hexdigest()


def test_an_ed25519_key_is_also_its_32_raw_bytes() -> None:
    public = _public(Algorithm.ED25519)
    shown = openssl.openssl("pkey", "-pubin", "-noout", "-text", stdin=public.pem).split(b"pub:")[1]
    assert public.raw_ed25519 == bytes.fromhex(shown.decode().replace(":", ""))
    assert keys.from_raw_ed25519(public.raw_ed25519) == public


def test_sizes_are_those_of_the_specifications() -> None:
    sizes = {a: (a.bits, a.half) for a in Algorithm}
    assert sizes == {
        Algorithm.ECDSA_P256: (256, 32),
        Algorithm.ECDSA_P384: (384, 48),
        Algorithm.RSA_3072: (3072, 0),
        Algorithm.RSA_4096: (4096, 0),
        Algorithm.ED25519: (256, 0),
    }


def test_a_message_is_hashed_as_its_scheme_says() -> None:
    assert {s: s.prehash(b"m") for s in Scheme} == {
        Scheme.ECDSA_SHA256: hashlib.sha256(b"m").digest(),
        Scheme.ECDSA_SHA384: hashlib.sha384(b"m").digest(),
        Scheme.RSA_PSS_SHA256: hashlib.sha256(b"m").digest(),
        Scheme.RSA_PKCS1_SHA256: hashlib.sha256(b"m").digest(),
        Scheme.ED25519: b"m",
    }


# --- what is no key of ours ---------------------------------------------------


def _der(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | x25519.X25519PrivateKey | ed448.Ed448PrivateKey) -> bytes:
    return key.public_key().public_bytes(DER, SPKI)


def _compressed() -> bytes:
    key = keys.load(_public(Algorithm.ECDSA_P256).spki)
    point = key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint)
    return bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200") + point


def _other_curve(old: str, new: str) -> bytes:
    return _public(Algorithm.ECDSA_P384).spki.replace(bytes.fromhex(old), bytes.fromhex(new))


def _off_the_curve() -> bytes:
    spki = bytearray(_public(Algorithm.ECDSA_P256).spki)
    spki[-1] ^= 1
    return bytes(spki)


def _explicit_curve() -> bytes:
    private = openssl.make_key(Algorithm.ECDSA_P256)
    return openssl.openssl("ec", "-pubout", "-outform", "DER", "-param_enc", "explicit", stdin=private)


REFUSED_SPKI: list[tuple[str, Callable[[], bytes], str]] = [
    ("nothing", bytes, "is not a DER public key"),
    ("a byte behind it", lambda: _public(Algorithm.ECDSA_P256).spki + b"\0", "is not a DER public key"),
    ("a byte short", lambda: _public(Algorithm.RSA_3072).spki[:-1], "is not a DER public key"),
    ("PEM", lambda: _public(Algorithm.ECDSA_P256).pem, "is not a DER public key"),
    ("a private key", lambda: known(Algorithm.ECDSA_P256).pkcs8(), "is not a DER public key"),
    ("a point that is not on the curve", _off_the_curve, "is not a DER public key"),
    ("a curve that nobody knows", lambda: _other_curve("2b81040022", "2b81040122"), "is not a DER public key"),
    ("another algorithm", lambda: _other_curve("2a8648ce3d0201", "2a8648ce3d0202"), "is not a DER public key"),
    ("a compressed point", _compressed, "is not in its one DER encoding"),
    ("a curve spelt out", _explicit_curve, "is not in its one DER encoding|is not a DER public key"),
    (
        "PKCS#1",
        lambda: keys.load(_public(Algorithm.RSA_3072).spki).public_bytes(DER, serialization.PublicFormat.PKCS1),
        "is not in its one DER encoding",
    ),
    ("P-521", lambda: _der(ec.generate_private_key(ec.SECP521R1())), "is secp521r1, which is not one of ecdsa-p256, "),
    ("secp256k1", lambda: _der(ec.generate_private_key(ec.SECP256K1())), "is secp256k1, which is not one of"),
    ("RSA-2048", lambda: _der(rsa.generate_private_key(65537, 2048)), "is rsa2048, which is not one of"),
    ("X25519", lambda: _der(x25519.X25519PrivateKey.generate()), "is a X25519PublicKey, which no dialect takes"),
    ("Ed448", lambda: _der(ed448.Ed448PrivateKey.generate()), "is a Ed448PublicKey, which no dialect takes"),
]


@pytest.mark.parametrize(("make", "says"), [pytest.param(make, says, id=name) for name, make, says in REFUSED_SPKI])
def test_refuses_a_der_that_is_no_key_of_ours(make: Callable[[], bytes], says: str) -> None:
    with pytest.raises(VerificationError, match=f"^public key: ({says})") as caught:
        keys.from_spki(make())
    assert "SubjectPublicKeyInfo" in caught.value.hint


REFUSED_PEM: list[tuple[str, Callable[[], bytes], str]] = [
    ("nothing", bytes, "is not a PEM public key"),
    ("DER", lambda: _public(Algorithm.ECDSA_P256).spki, "is not a PEM public key"),
    ("a private key", lambda: pem(Algorithm.ECDSA_P256), "is not a PEM public key"),
    ("a damaged body", lambda: _public(Algorithm.ECDSA_P256).pem.replace(b"M", b"-"), "is not a PEM public key"),
    ("two keys", lambda: _public(Algorithm.ECDSA_P256).pem * 2, "stands beside another key"),
    ("a private key behind it", lambda: _public(Algorithm.ED25519).pem + pem(Algorithm.ED25519), "stands beside another key"),
    ("RSA-2048", lambda: rsa.generate_private_key(65537, 2048).public_key().public_bytes(PEM, SPKI), "is rsa2048"),
    ("X25519", lambda: x25519.X25519PrivateKey.generate().public_key().public_bytes(PEM, SPKI), "is a X25519PublicKey"),
]


@pytest.mark.parametrize(("make", "says"), [pytest.param(make, says, id=name) for name, make, says in REFUSED_PEM])
def test_refuses_a_pem_that_does_not_hold_one_key(make: Callable[[], bytes], says: str) -> None:
    with pytest.raises(VerificationError, match=f"^public key: {says}"):
        keys.from_pem(make())


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_refuses_raw_bytes_of_another_length(length: int) -> None:
    with pytest.raises(VerificationError, match="is not an Ed25519 public key of 32 bytes"):
        keys.from_raw_ed25519(bytes(length))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_key_or_refused_in_words(data: bytes) -> None:
    for reader in (keys.from_spki, keys.from_pem, keys.load):
        with pytest.raises(VerificationError):
            reader(data)


@given(st.sampled_from(Algorithm), st.data())
def test_a_changed_byte_is_another_key_or_refused(algorithm: Algorithm, data: st.DataObject) -> None:
    spki = bytearray(_public(algorithm).spki)
    spki[data.draw(st.integers(0, len(spki) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = keys.from_spki(bytes(spki))
    except VerificationError:
        return
    assert found.spki == spki
    assert found != _public(algorithm)


# --- signatures ---------------------------------------------------------------


def _signed(folder: Path, algorithm: Algorithm, scheme: Scheme) -> bytes:
    signature = openssl.sign(folder, pem(algorithm), scheme, MESSAGE)
    return keys.der_to_raw(signature, algorithm) if algorithm.half else signature


@pytest.mark.parametrize(("algorithm", "scheme"), GOOD)
def test_verifies_what_openssl_signed_and_nothing_near_it(tmp_path: Path, algorithm: Algorithm, scheme: Scheme) -> None:
    signature, public = _signed(tmp_path, algorithm, scheme), _public(algorithm)
    keys.verify(public, scheme, MESSAGE, signature)
    for place in range(len(signature)):
        changed = bytearray(signature)
        changed[place] ^= 1 << place % 8
        with pytest.raises(VerificationError, match=f"^head 1: does not verify with key {public.sha256[:16]}$"):
            keys.verify(public, scheme, MESSAGE, bytes(changed), "head 1")
    with pytest.raises(VerificationError, match=r"^signature: does not verify"):
        keys.verify(public, scheme, MESSAGE + b"\n", signature)


@pytest.mark.parametrize("algorithm", [Algorithm.ECDSA_P256, Algorithm.ECDSA_P384, Algorithm.RSA_3072, Algorithm.ED25519])
def test_refuses_the_signature_of_another_key(tmp_path: Path, algorithm: Algorithm) -> None:
    scheme = max(SCHEMES[algorithm])
    other = keys.from_pem(openssl.public_key(openssl.make_key(algorithm)))
    with pytest.raises(VerificationError, match=f"does not verify with key {other.sha256[:16]}"):
        keys.verify(other, scheme, MESSAGE, _signed(tmp_path, algorithm, scheme))


@pytest.mark.parametrize(("algorithm", "scheme"), GOOD)
@pytest.mark.parametrize("change", [-1, 1], ids=["a byte short", "a byte long"])
def test_refuses_a_signature_of_another_length(tmp_path: Path, algorithm: Algorithm, scheme: Scheme, change: int) -> None:
    signature = _signed(tmp_path, algorithm, scheme)
    signature = signature[:-1] if change < 0 else signature + b"\0"
    says = f"is {len(signature)} bytes, which no {algorithm} signature" if algorithm.half else "does not verify"
    with pytest.raises(VerificationError, match=f"^head 1: {says}"):
        keys.verify(_public(algorithm), scheme, MESSAGE, signature, "head 1")


@pytest.mark.parametrize(("algorithm", "scheme"), WRONG)
def test_refuses_a_scheme_that_is_not_of_the_key(algorithm: Algorithm, scheme: Scheme) -> None:
    with pytest.raises(VerificationError, match=f"^head 1: {scheme} is not a scheme of {algorithm}$"):
        keys.verify(_public(algorithm), scheme, MESSAGE, bytes(64), "head 1")


def test_refuses_another_scheme_of_the_same_key(tmp_path: Path) -> None:
    for algorithm in (Algorithm.ECDSA_P384, Algorithm.RSA_3072):
        one, other = sorted(SCHEMES[algorithm])
        with pytest.raises(VerificationError, match="does not verify"):
            keys.verify(_public(algorithm), other, MESSAGE, _signed(tmp_path, algorithm, one))


def test_refuses_a_pss_signature_with_another_salt(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(pem(Algorithm.RSA_3072))
    (tmp_path / "message").write_bytes(MESSAGE)
    options = ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:20")
    signature = openssl.openssl("dgst", "-sha256", *options, "-sign", tmp_path / "key.pem", tmp_path / "message")
    with pytest.raises(VerificationError, match="does not verify"):
        keys.verify(_public(Algorithm.RSA_3072), Scheme.RSA_PSS_SHA256, MESSAGE, signature)


def test_refuses_zeros_and_the_order_itself() -> None:
    order = bytes.fromhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
    for half in (bytes(32), order, b"\xff" * 32):
        with pytest.raises(VerificationError, match="does not verify"):
            keys.verify(_public(Algorithm.ECDSA_P256), Scheme.ECDSA_SHA256, MESSAGE, half * 2)


# --- r‖s and DER --------------------------------------------------------------


def _halves(algorithm: Algorithm) -> st.SearchStrategy[tuple[Algorithm, int, int]]:
    number = st.integers(0, 2 ** (8 * algorithm.half) - 1) | st.integers(0, 2 ** (8 * algorithm.half - 9))
    return st.tuples(st.just(algorithm), number, number)


HALVES = _halves(Algorithm.ECDSA_P256) | _halves(Algorithm.ECDSA_P384)


@given(HALVES)
@example((Algorithm.ECDSA_P256, 1, 2**256 - 1))
@example((Algorithm.ECDSA_P384, 2**383, 2**375))
@example((Algorithm.ECDSA_P256, 0x7F, 0x80))
def test_the_two_forms_of_an_ecdsa_signature_say_the_same(case: tuple[Algorithm, int, int]) -> None:
    algorithm, r, s = case
    raw = r.to_bytes(algorithm.half) + s.to_bytes(algorithm.half)
    der = keys.raw_to_der(raw, algorithm)
    assert der == DSASignature({"r": r, "s": s}).dump()
    assert keys.der_to_raw(der, algorithm) == raw


@pytest.mark.parametrize("algorithm", [Algorithm.ECDSA_P256, Algorithm.ECDSA_P384])
def test_openssl_reads_the_der_of_a_signature(tmp_path: Path, algorithm: Algorithm) -> None:
    raw = known(algorithm).sign(Scheme.ECDSA_SHA256, MESSAGE)
    der = keys.raw_to_der(raw, algorithm)
    assert openssl.verifies(tmp_path, _public(algorithm).pem, Scheme.ECDSA_SHA256, MESSAGE, der)
    assert not openssl.verifies(tmp_path, _public(algorithm).pem, Scheme.ECDSA_SHA256, MESSAGE + b"x", der)


LENGTHS = [
    pytest.param(Algorithm.ECDSA_P256, 0, id="nothing"),
    pytest.param(Algorithm.ECDSA_P256, 63, id="P-256, a byte short"),
    pytest.param(Algorithm.ECDSA_P256, 96, id="P-256, of P-384"),
    pytest.param(Algorithm.ECDSA_P384, 64, id="P-384, of P-256"),
    pytest.param(Algorithm.RSA_3072, 384, id="RSA"),
    pytest.param(Algorithm.ED25519, 64, id="Ed25519"),
]


@pytest.mark.parametrize(("algorithm", "length"), LENGTHS)
def test_refuses_raw_halves_of_another_length(algorithm: Algorithm, length: int) -> None:
    with pytest.raises(VerificationError, match=f"^signature: is {length} bytes, which no {algorithm} signature in r‖s form is$"):
        keys.raw_to_der(bytes(length), algorithm)


BAD_DER = [
    pytest.param(b"", Algorithm.ECDSA_P256, id="nothing"),
    pytest.param(bytes.fromhex("3006020101020101"), Algorithm.RSA_3072, id="for RSA"),
    pytest.param(bytes.fromhex("300602010102010100"), Algorithm.ECDSA_P256, id="a byte behind it"),
    pytest.param(bytes.fromhex("30060201010201"), Algorithm.ECDSA_P256, id="a byte short"),
    pytest.param(bytes.fromhex("308106020101020101"), Algorithm.ECDSA_P256, id="a length that is too long"),
    pytest.param(bytes.fromhex("300702020001020101"), Algorithm.ECDSA_P256, id="a needless zero"),
    pytest.param(bytes.fromhex("30060201ff020101"), Algorithm.ECDSA_P256, id="a negative number"),
    pytest.param(bytes.fromhex("3009020101020101020101"), Algorithm.ECDSA_P256, id="three numbers"),
    pytest.param(bytes(DSASignature({"r": 2**256, "s": 1}).dump()), Algorithm.ECDSA_P256, id="r too large"),
    pytest.param(bytes(DSASignature({"r": 1, "s": 2**384}).dump()), Algorithm.ECDSA_P384, id="s too large"),
]


@pytest.mark.parametrize(("der", "algorithm"), BAD_DER)
def test_refuses_a_der_that_is_no_signature(der: bytes, algorithm: Algorithm) -> None:
    with pytest.raises(VerificationError, match=r"^signature: is not an ECDSA signature"):
        keys.der_to_raw(der, algorithm)


@given(st.binary(max_size=120))
def test_any_der_is_the_one_encoding_of_its_numbers_or_refused(data: bytes) -> None:
    try:
        raw = keys.der_to_raw(data, Algorithm.ECDSA_P384)
    except VerificationError:
        return
    assert keys.raw_to_der(raw, Algorithm.ECDSA_P384) == data
