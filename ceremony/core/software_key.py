# SPDX-License-Identifier: Apache-2.0
"""Private keys that live in memory for a while: repository keys, and practice keys.

`make` is the one place where a private key is made outside a token. Randomness
comes from the operating system through the library: a private key is never made
from a caller's bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from ceremony.core.keys import Algorithm, PublicKey, Scheme, der_to_raw, from_crypto
from ceremony.errors import VerificationError

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

_HASHES: dict[Scheme, hashes.HashAlgorithm] = {Scheme.ECDSA_SHA256: hashes.SHA256(), Scheme.ECDSA_SHA384: hashes.SHA384()}


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class SoftwareKey:
    """A private key in memory; its repr shows the public half only."""

    public: PublicKey
    _private: PrivateKey

    def __repr__(self) -> str:
        return f"SoftwareKey({self.public.algorithm}, {self.public.sha256[:16]})"

    def sign(self, scheme: Scheme, message: bytes) -> bytes:
        """Return the signature over `message` in wire form; ECDSA is deterministic (RFC 6979).

        Deterministic, so that a ceremony that is resumed writes the same bytes again.
        Raises VerificationError for a scheme that is not the key's.
        """
        key = self._private
        if isinstance(key, ec.EllipticCurvePrivateKey) and scheme in _HASHES:
            der = key.sign(message, ec.ECDSA(_HASHES[scheme], deterministic_signing=True))
            return der_to_raw(der, self.public.algorithm)
        if isinstance(key, rsa.RSAPrivateKey) and scheme is Scheme.RSA_PSS_SHA256:
            pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
            return key.sign(message, pss, hashes.SHA256())
        if isinstance(key, ed25519.Ed25519PrivateKey) and scheme is Scheme.ED25519:
            return key.sign(message)
        raise VerificationError(
            "signature", f"{scheme} is not a scheme of {self.public.algorithm}", hint="name the key's own scheme"
        )

    def pkcs8(self) -> bytes:
        """Return the private key as unencrypted DER PKCS#8 (RFC 5208); the caller encrypts it at once."""
        return self._encoded(serialization.Encoding.DER)

    def pkcs8_pem(self) -> bytes:
        """Return the private key as unencrypted PEM PKCS#8; the caller encrypts it at once."""
        return self._encoded(serialization.Encoding.PEM)

    def _encoded(self, encoding: serialization.Encoding) -> bytes:
        return self._private.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def make(algorithm: Algorithm) -> SoftwareKey:
    """Make a new private key in memory."""
    private: PrivateKey
    if algorithm is Algorithm.ED25519:
        private = ed25519.Ed25519PrivateKey.generate()
    elif algorithm.half:
        private = ec.generate_private_key(ec.SECP256R1() if algorithm is Algorithm.ECDSA_P256 else ec.SECP384R1())
    else:
        private = rsa.generate_private_key(public_exponent=65537, key_size=algorithm.bits)
    return SoftwareKey(from_crypto(private.public_key()), private)


def from_pkcs8(der: bytes) -> SoftwareKey:
    """Return the key of an unencrypted DER PKCS#8; raises VerificationError for what holds no key of ours."""
    try:
        private = serialization.load_der_private_key(der, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise VerificationError("private key", "is not a PKCS#8 key", hint="the backup is damaged, or of another kind") from error
    if not isinstance(private, PrivateKey):
        raise VerificationError("private key", "is of an algorithm that no dialect takes", hint="the backup is of another kind")
    return SoftwareKey(from_crypto(private.public_key()), private)
