# SPDX-License-Identifier: Apache-2.0
"""Known answers of keys and signatures, of each library by itself: ECDSA (RFC 6979), Ed25519 (RFC 8032), RSA (openssl), ROCA.

One library verifies what a token signed, the other what this program signed; neither may be
vouched for by the other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cryptography.hazmat.primitives.asymmetric import rsa

from ceremony.core import keys, roca, second_opinion, software_key
from ceremony.core.keys import Algorithm, Scheme
from ceremony.core.known_answers.answer import Answer, Parts, same
from ceremony.core.known_answers.key_values import (
    ED25519_SPKI,
    MESSAGE,
    P256_PKCS8,
    P256_SPKI,
    P384_SPKI,
    ROCA_MODULUS,
    RSA_PKCS1,
    RSA_PSS,
    RSA_SPKI,
)

_SAMPLE = b"sample"
_P256_R = "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
_P256_S = "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
_P256 = bytes.fromhex(_P256_R + _P256_S)
_P256_DER = bytes.fromhex(f"3046022100{_P256_R}022100{_P256_S}")
_P384 = bytes.fromhex(
    "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe46"
    "99ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8"
)
_P384_SHA256 = bytes.fromhex(
    "21b13d1e013c7fa1392d03c5f99af8b30c570c6f98d4ea8e354b63a21d3daa33bde1e888e63355d92fa2b3c36d8fb2cd"
    "f3aa443fb107745bf4bd77cb3891674632068a10ca67e3d45db2266fa7d1feebefdc63eccd1ac42ec0cb8668a4fa0ab0"
)
_ED25519 = bytes.fromhex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)
_CASES: tuple[tuple[str, str, Scheme, Parts], ...] = (
    ("ECDSA P-256, SHA-256", "RFC 6979, A.2.5", Scheme.ECDSA_SHA256, (P256_SPKI, _SAMPLE, _P256)),
    ("ECDSA P-384, SHA-384", "RFC 6979, A.2.6", Scheme.ECDSA_SHA384, (P384_SPKI, _SAMPLE, _P384)),
    ("ECDSA P-384, SHA-256", "RFC 6979, A.2.6", Scheme.ECDSA_SHA256, (P384_SPKI, _SAMPLE, _P384_SHA256)),
    ("Ed25519", "RFC 8032, 7.1", Scheme.ED25519, (ED25519_SPKI, b"\x72", _ED25519)),
    ("RSA-PSS, SHA-256", "openssl", Scheme.RSA_PSS_SHA256, (RSA_SPKI, MESSAGE, RSA_PSS)),
    ("RSA PKCS #1, SHA-256", "openssl", Scheme.RSA_PKCS1_SHA256, (RSA_SPKI, MESSAGE, RSA_PKCS1)),
)


def _verified(scheme: Scheme, spki: bytes, message: bytes, signature: bytes) -> None:
    keys.verify(keys.from_spki(spki), scheme, message, signature, "answer")


def _verified_again(scheme: Scheme, spki: bytes, message: bytes, signature: bytes) -> None:
    second_opinion.verify(keys.from_spki(spki), scheme, message, signature, "answer")


def _signed(message: bytes, signature: bytes) -> None:
    same(software_key.from_pkcs8(P256_PKCS8).sign(Scheme.ECDSA_SHA256, message), signature)


def _two_forms(der: bytes, raw: bytes) -> None:
    same(keys.der_to_raw(der, Algorithm.ECDSA_P256), raw)
    same(keys.raw_to_der(raw, Algorithm.ECDSA_P256), der)


def _sound(spki: bytes) -> None:
    roca.check_no_roca(keys.from_spki(spki), "answer")


def _case(name: str, source: str, verify: Callable[..., None], scheme: Scheme, parts: Parts) -> Answer:
    spki, message, _ = parts
    bad = ((spki, message, b""), (spki, message, bytes(len(parts[2]))))
    return Answer(name, source, partial(verify, scheme), parts, bad)


def _faulty() -> bytes:
    return keys.from_crypto(rsa.RSAPublicNumbers(65537, int.from_bytes(ROCA_MODULUS)).public_key()).spki


ANSWERS = (
    *(_case(name, source, _verified, scheme, parts) for name, source, scheme, parts in _CASES),
    *(
        _case(f"{name}, second library", source, _verified_again, scheme, parts)
        for name, source, scheme, parts in _CASES
        if scheme is not Scheme.RSA_PKCS1_SHA256  # which only tokens sign with
    ),
    Answer("ECDSA, signed in memory", "RFC 6979, A.2.5", _signed, (_SAMPLE, _P256)),
    Answer("ECDSA, its two forms", "RFC 3279", _two_forms, (_P256_DER, _P256), ((_P256_DER, _P256[:-1]), (_P256, _P256))),
    Answer("RSA keys of faulty chips", "ROCA, YSA-2017-01", _sound, (RSA_SPKI,), ((_faulty(),),), flips=False),
)
