# SPDX-License-Identifier: Apache-2.0
"""Public keys, signature schemes and signatures: what they are, in bytes.

A public key is its DER SubjectPublicKeyInfo (RFC 5280, section 4.1); its
fingerprint is the SHA-256 of that, everywhere. A signature travels in *wire
form*: ECDSA as r‖s, each half as long as the curve's order (IEEE P1363), RSA and
Ed25519 as they are. `verify` raises; nothing here returns a verdict as a bool.

How a key is named in metadata (key ids, key types) belongs to the dialects.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from ceremony.errors import VerificationError

CryptoPublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


class Algorithm(StrEnum):
    """What a key is; the value is the word of the plan."""

    ECDSA_P256 = "ecdsa-p256"
    ECDSA_P384 = "ecdsa-p384"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    ED25519 = "ed25519"

    @property
    def bits(self) -> int:
        """The size of the key in bits, as an inventory states it."""
        return _BITS[self]

    @property
    def half(self) -> int:
        """Bytes in each half of an ECDSA signature; 0 for the others."""
        return {Algorithm.ECDSA_P256: 32, Algorithm.ECDSA_P384: 48}.get(self, 0)


_BITS = {
    Algorithm.ECDSA_P256: 256,
    Algorithm.ECDSA_P384: 384,
    Algorithm.RSA_3072: 3072,
    Algorithm.RSA_4096: 4096,
    Algorithm.ED25519: 256,
}


class Scheme(StrEnum):
    """How a message is signed; the mechanism, hash, MGF and salt are never a library's default."""

    ECDSA_SHA256 = "ecdsa-sha256"
    ECDSA_SHA384 = "ecdsa-sha384"
    RSA_PSS_SHA256 = "rsa-pss-sha256"
    """MGF1 with SHA-256, salt of 32 bytes (RFC 8017, section 8.1)."""
    RSA_PKCS1_SHA256 = "rsa-pkcs1-sha256"
    """RFC 8017, section 8.2; for certificates only."""
    ED25519 = "ed25519"

    @property
    def digest(self) -> str:
        """The hash that is applied before the key is used; empty where the key takes the message."""
        return {Scheme.ECDSA_SHA384: "sha384", Scheme.ED25519: ""}.get(self, "sha256")

    def prehash(self, message: bytes) -> bytes:
        """Return what the key itself signs: the digest of `message`, or the message for Ed25519."""
        return hashlib.new(self.digest, message).digest() if self.digest else message


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key of a known algorithm; equal when the DER is."""

    algorithm: Algorithm
    spki: bytes
    """DER SubjectPublicKeyInfo."""

    @property
    def sha256(self) -> str:
        """The fingerprint: SHA-256 over the DER SubjectPublicKeyInfo, hex."""
        return hashlib.sha256(self.spki).hexdigest()

    @property
    def pem(self) -> bytes:
        """The key as PEM (RFC 7468), ASCII."""
        return load(self.spki).public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    @property
    def raw_ed25519(self) -> bytes:
        """The 32 raw bytes of an Ed25519 key (RFC 8032)."""
        return self.spki[-32:]


@lru_cache(maxsize=256)
def load(spki: bytes) -> CryptoPublicKey:
    """Return the key object for a DER SubjectPublicKeyInfo.

    Raises VerificationError for what is not one, and for algorithms outside `Algorithm`.
    """
    try:
        key = serialization.load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _not_a_key("is not a DER public key") from error
    if not isinstance(key, CryptoPublicKey):
        raise _not_a_key(f"is a {type(key).__name__}, which no dialect takes")
    return key


def from_spki(spki: bytes) -> PublicKey:
    """Return the public key of a DER SubjectPublicKeyInfo; raises VerificationError as `load`."""
    key = load(spki)
    algorithm = _algorithm(key)
    strict = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if strict != spki:
        raise _not_a_key("is not in its one DER encoding")
    return PublicKey(algorithm, spki)


def from_pem(pem: bytes) -> PublicKey:
    """Return the public key of a PEM text that holds it and nothing else in PEM; raises VerificationError otherwise."""
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _not_a_key("is not a PEM public key") from error
    if pem.count(b"-----BEGIN ") != 1:
        raise _not_a_key("stands beside another key in the same PEM text")
    return from_crypto(key)


def from_raw_ed25519(raw: bytes) -> PublicKey:
    """Return the public key of 32 raw Ed25519 bytes; raises VerificationError otherwise."""
    try:
        return from_crypto(ed25519.Ed25519PublicKey.from_public_bytes(raw))
    except ValueError as error:
        raise _not_a_key("is not an Ed25519 public key of 32 bytes") from error


def from_crypto(key: object) -> PublicKey:
    """Return the public key of a `cryptography` key object; raises VerificationError for other algorithms."""
    if not isinstance(key, CryptoPublicKey):
        raise _not_a_key(f"is a {type(key).__name__}, which no dialect takes")
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(_algorithm(key), spki)


def _algorithm(key: CryptoPublicKey) -> Algorithm:
    name = {
        "secp256r1": Algorithm.ECDSA_P256,
        "secp384r1": Algorithm.ECDSA_P384,
        "rsa3072": Algorithm.RSA_3072,
        "rsa4096": Algorithm.RSA_4096,
        "ed25519": Algorithm.ED25519,
    }.get(_kind(key))
    if name is None:
        raise _not_a_key(f"is {_kind(key)}, which is not one of {', '.join(Algorithm)}")
    return name


def _kind(key: CryptoPublicKey) -> str:
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.curve.name
    return f"rsa{key.key_size}" if isinstance(key, rsa.RSAPublicKey) else "ed25519"


def _not_a_key(what: str) -> VerificationError:
    return VerificationError("public key", what, hint=f"bring one of {', '.join(Algorithm)} as SubjectPublicKeyInfo")


def raw_to_der(signature: bytes, algorithm: Algorithm, subject: str = "signature") -> bytes:
    """Return the DER Ecdsa-Sig-Value (RFC 3279, section 2.2.3) of an r‖s signature.

    Raises VerificationError, naming `subject`, when the length is not that of the curve.
    """
    half = algorithm.half
    if half == 0 or len(signature) != 2 * half:
        raise VerificationError(
            subject,
            f"is {len(signature)} bytes, which no {algorithm} signature in r‖s form is",
            hint="it is damaged, or of another key",
        )
    return encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))


def der_to_raw(signature: bytes, algorithm: Algorithm) -> bytes:
    """Return r‖s, each half padded to the curve's order, of a DER Ecdsa-Sig-Value.

    Raises VerificationError for other DER, and for numbers that do not fit the curve.
    """
    try:
        r, s = decode_dss_signature(signature)
        return r.to_bytes(algorithm.half) + s.to_bytes(algorithm.half)
    except (ValueError, OverflowError) as error:
        raise VerificationError(
            "signature", f"is not an ECDSA signature ({error})", hint="it is damaged, or of another key"
        ) from error


def verify(public: PublicKey, scheme: Scheme, message: bytes, signature: bytes, subject: str = "signature") -> None:
    """Check `signature` (wire form) over `message` with `public`.

    Raises VerificationError, naming `subject`, when it does not verify, or when the
    scheme is not one of the key's algorithm.
    """
    key = load(public.spki)
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and scheme in _ECDSA:
            key.verify(raw_to_der(signature, public.algorithm, subject), message, ec.ECDSA(_ECDSA[scheme]))
        elif isinstance(key, rsa.RSAPublicKey) and scheme in _RSA:
            key.verify(signature, message, _RSA[scheme], hashes.SHA256())
        elif isinstance(key, ed25519.Ed25519PublicKey) and scheme is Scheme.ED25519:
            key.verify(signature, message)
        else:
            raise VerificationError(
                subject, f"{scheme} is not a scheme of {public.algorithm}", hint="the key or the scheme is not the right one"
            )
    except InvalidSignature as error:
        raise VerificationError(
            subject, f"does not verify with key {public.sha256[:16]}", hint="the signature, the message or the key was changed"
        ) from error


_ECDSA: dict[Scheme, hashes.HashAlgorithm] = {Scheme.ECDSA_SHA256: hashes.SHA256(), Scheme.ECDSA_SHA384: hashes.SHA384()}
_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
_RSA: dict[Scheme, padding.AsymmetricPadding] = {Scheme.RSA_PSS_SHA256: _PSS, Scheme.RSA_PKCS1_SHA256: padding.PKCS1v15()}
