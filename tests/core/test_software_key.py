# SPDX-License-Identifier: Apache-2.0
"""Private keys in memory: what they sign, what they show, and that they come back from PKCS#8."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from hypothesis import example, given
from hypothesis import strategies as st

from ceremony.core import keys, second_opinion, software_key
from ceremony.core.keys import Algorithm, Scheme
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import VerificationError
from tests.peers import openssl
from tests.vectors.known_keys import known, pem

MESSAGE = b"ceremony-head/v1\n"
SCHEMES = {
    Algorithm.ECDSA_P256: {Scheme.ECDSA_SHA256, Scheme.ECDSA_SHA384},
    Algorithm.ECDSA_P384: {Scheme.ECDSA_SHA256, Scheme.ECDSA_SHA384},
    Algorithm.RSA_3072: {Scheme.RSA_PSS_SHA256},
    Algorithm.RSA_4096: {Scheme.RSA_PSS_SHA256},
    Algorithm.ED25519: {Scheme.ED25519},
}
GOOD = [pytest.param(a, s, id=f"{a} {s}") for a, schemes in SCHEMES.items() for s in sorted(schemes)]
WRONG = [pytest.param(a, s, id=f"{a} {s}") for a in Algorithm for s in Scheme if s not in SCHEMES[a]]
RFC_6979 = json.loads((Path(__file__).parent.parent / "vectors/ecdsa/rfc6979.json").read_text())


# --- signing ------------------------------------------------------------------


@pytest.mark.parametrize(("algorithm", "scheme"), GOOD)
def test_signs_what_openssl_and_the_second_library_verify(tmp_path: Path, algorithm: Algorithm, scheme: Scheme) -> None:
    key = known(algorithm)
    signature = key.sign(scheme, MESSAGE)
    keys.verify(key.public, scheme, MESSAGE, signature)
    second_opinion.verify(key.public, scheme, MESSAGE, signature, "head 1")
    der = keys.raw_to_der(signature, algorithm) if algorithm.half else signature
    assert openssl.verifies(tmp_path, key.public.pem, scheme, MESSAGE, der)
    assert not openssl.verifies(tmp_path, key.public.pem, scheme, MESSAGE + b"x", der)


@pytest.mark.parametrize("algorithm", [Algorithm.ECDSA_P256, Algorithm.ECDSA_P384, Algorithm.ED25519])
def test_signs_the_same_bytes_again(algorithm: Algorithm) -> None:
    for scheme in SCHEMES[algorithm]:
        assert known(algorithm).sign(scheme, MESSAGE) == known(algorithm).sign(scheme, MESSAGE)


@pytest.mark.parametrize("vector", [pytest.param(v, id=f"{v['algorithm']} {v['scheme']} {v['message']}") for v in RFC_6979])
def test_signs_as_rfc_6979_publishes(vector: dict[str, str]) -> None:
    curve = ec.SECP256R1() if vector["algorithm"] == Algorithm.ECDSA_P256 else ec.SECP384R1()
    private = ec.derive_private_key(int(vector["private"], 16), curve)
    key = SoftwareKey(keys.from_crypto(private.public_key()), private)
    assert key.public.algorithm == vector["algorithm"]
    assert key.sign(Scheme(vector["scheme"]), vector["message"].encode()).hex() == vector["r"] + vector["s"]


@given(st.binary(), st.sampled_from([Algorithm.ECDSA_P256, Algorithm.ECDSA_P384, Algorithm.ED25519]))
@example(b"", Algorithm.ECDSA_P256)
def test_any_message_is_signed_in_wire_form(message: bytes, algorithm: Algorithm) -> None:
    for scheme in SCHEMES[algorithm]:
        signature = known(algorithm).sign(scheme, message)
        assert len(signature) == (2 * algorithm.half or 64)
        second_opinion.verify(known(algorithm).public, scheme, message, signature, "message")


@pytest.mark.parametrize(("algorithm", "scheme"), WRONG)
def test_refuses_to_sign_by_a_scheme_that_is_not_its_own(algorithm: Algorithm, scheme: Scheme) -> None:
    with pytest.raises(VerificationError, match=f"^signature: {scheme} is not a scheme of {algorithm}$"):
        known(algorithm).sign(scheme, MESSAGE)


# --- what it shows ------------------------------------------------------------


@pytest.mark.parametrize("algorithm", Algorithm)
def test_shows_its_public_half_only(algorithm: Algorithm) -> None:
    key = known(algorithm)
    assert repr(key) == str(key) == f"{key}" == f"SoftwareKey({algorithm}, {key.public.sha256[:16]})"


def test_is_never_pickled() -> None:
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(known(Algorithm.ED25519))


# --- making -------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", [a for a in Algorithm if a is not Algorithm.RSA_4096])
def test_makes_a_new_key_each_time(algorithm: Algorithm) -> None:
    one, other = software_key.make(algorithm), known(algorithm)
    assert one.public.algorithm is algorithm
    assert one.public != other.public
    text = openssl.openssl("pkey", "-noout", "-text", stdin=one.pkcs8_pem())
    assert b"Exponent: 65537" in text or b"RSA" not in text


# --- there and back -----------------------------------------------------------


@pytest.mark.parametrize("algorithm", Algorithm)
def test_comes_back_from_pkcs8(algorithm: Algorithm) -> None:
    key = known(algorithm)
    assert software_key.from_pkcs8(key.pkcs8()).public == key.public
    assert software_key.from_pkcs8(key.pkcs8()).pkcs8() == key.pkcs8()
    assert openssl.openssl("pkey", "-inform", "DER", "-outform", "PEM", stdin=key.pkcs8()) == key.pkcs8_pem() == pem(algorithm)


def _encoded(
    private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | x25519.X25519PrivateKey,
    encryption: serialization.KeySerializationEncryption | None = None,
) -> bytes:
    return private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, encryption or serialization.NoEncryption()
    )


def _p384_with(old: str, new: str) -> bytes:
    return known(Algorithm.ECDSA_P384).pkcs8().replace(bytes.fromhex(old), bytes.fromhex(new))


REFUSED: list[tuple[str, Callable[[], bytes], str]] = [
    ("nothing", bytes, "private key: is not a PKCS#8 key"),
    ("a byte short", lambda: known(Algorithm.ED25519).pkcs8()[:-1], "private key: is not a PKCS#8 key"),
    ("a byte behind it", lambda: known(Algorithm.ED25519).pkcs8() + b"\0", "private key: is not a PKCS#8 key"),
    ("a public key", lambda: known(Algorithm.ED25519).public.spki, "private key: is not a PKCS#8 key"),
    ("another curve's point", lambda: _p384_with("2b81040022", "2b81040023"), "private key: is not a PKCS#8 key"),
    ("a curve that nobody knows", lambda: _p384_with("2b81040022", "2b81040122"), "private key: is not a PKCS#8 key"),
    (
        "an algorithm that nobody knows",
        lambda: _p384_with("2a8648ce3d0201", "2a8648ce3d0202"),
        "private key: is not a PKCS#8 key",
    ),
    (
        "under a password",
        lambda: _encoded(ec.generate_private_key(ec.SECP256R1()), serialization.BestAvailableEncryption(b"x")),
        "private key: is not a PKCS#8 key",
    ),
    ("X25519", lambda: _encoded(x25519.X25519PrivateKey.generate()), "private key: is of an algorithm that no dialect takes"),
    ("secp256k1", lambda: _encoded(ec.generate_private_key(ec.SECP256K1())), "public key: is secp256k1"),
    ("RSA-2048", lambda: _encoded(rsa.generate_private_key(65537, 2048)), "public key: is rsa2048"),
]


@pytest.mark.parametrize(("make", "says"), [pytest.param(make, says, id=name) for name, make, says in REFUSED])
def test_refuses_what_is_no_private_key_of_ours(make: Callable[[], bytes], says: str) -> None:
    with pytest.raises(VerificationError, match=f"^{says}"):
        software_key.from_pkcs8(make())


@given(st.binary(max_size=300))
def test_any_bytes_are_a_private_key_or_refused_in_words(data: bytes) -> None:
    with pytest.raises(VerificationError):
        software_key.from_pkcs8(data)


@given(st.data())
def test_a_changed_byte_is_another_key_or_refused(data: st.DataObject) -> None:
    der = bytearray(known(Algorithm.ECDSA_P256).pkcs8())
    der[data.draw(st.integers(0, len(der) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = software_key.from_pkcs8(bytes(der))
    except VerificationError:
        return
    assert found.public.algorithm in Algorithm
