# SPDX-License-Identifier: Apache-2.0
"""The keys that a slot can hold: made, taken in, used, and written as the card writes them.

RSA keys are made once for the same owner and number in a process: a card that is
set up anew by every test does not search for primes every time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, utils, x25519

from tests.fakes.yubikey.apdu import Refusal, Status, tlv

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | x25519.X25519PrivateKey


class KeyType(IntEnum):
    """A key's algorithm; the value is the wire's."""

    RSA3072 = 0x05
    RSA1024 = 0x06
    RSA2048 = 0x07
    ECCP256 = 0x11
    ECCP384 = 0x14
    RSA4096 = 0x16
    ED25519 = 0xE0
    X25519 = 0xE1

    @property
    def rsa_bits(self) -> int:
        """The size of an RSA key, 0 for others."""
        return int(self.name.removeprefix("RSA")) if self.name.startswith("RSA") else 0


NEW_TYPES = frozenset({KeyType.RSA3072, KeyType.RSA4096, KeyType.ED25519, KeyType.X25519})
"""From firmware 5.7."""

_EC: dict[KeyType, tuple[ec.EllipticCurve, int, hashes.HashAlgorithm]] = {
    KeyType.ECCP256: (ec.SECP256R1(), 32, hashes.SHA256()),
    KeyType.ECCP384: (ec.SECP384R1(), 48, hashes.SHA384()),
}
# A digest of exactly the curve's size is signed as it is, whatever hash made it.
_PREHASHED = {kind: (size, ec.ECDSA(utils.Prehashed(digest))) for kind, (_, size, digest) in _EC.items()}


@dataclass(frozen=True, slots=True)
class SlotKey:
    """A private key in a slot, with what cannot change later."""

    kind: KeyType
    private: Private
    generated: bool
    pin_policy: int
    touch_policy: int

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the private key as PKCS#8: keys of tests only."""
        form = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return _unpickled, (self.kind, self.private.private_bytes(*form), self.generated, self.pin_policy, self.touch_policy)


def _unpickled(kind: KeyType, private: bytes, generated: bool, pin_policy: int, touch_policy: int) -> SlotKey:
    loaded = serialization.load_der_private_key(private, None)
    assert isinstance(loaded, Private)
    return SlotKey(kind, loaded, generated, pin_policy, touch_policy)


@cache
def rsa_key(bits: int, owner: str, number: int) -> rsa.RSAPrivateKey:
    """Return the owner's RSA key of that number."""
    return rsa.generate_private_key(65537, bits)


def generate(kind: KeyType, owner: str, number: int) -> Private:
    """Make a private key."""
    if kind.rsa_bits:
        return rsa_key(kind.rsa_bits, owner, number)
    if kind in _EC:
        return ec.generate_private_key(_EC[kind][0])
    return ed25519.Ed25519PrivateKey.generate() if kind is KeyType.ED25519 else x25519.X25519PrivateKey.generate()


def take_in(kind: KeyType, parts: dict[int, bytes]) -> Private:
    """Return the private key of an IMPORT's parts; raises Refusal for what is none."""
    try:
        if kind.rsa_bits:
            return _rsa_from(int.from_bytes(parts[0x01]), int.from_bytes(parts[0x02]), kind.rsa_bits)
        if kind in _EC:
            return ec.derive_private_key(int.from_bytes(parts[0x06]), _EC[kind][0])
        if kind is KeyType.ED25519:
            return ed25519.Ed25519PrivateKey.from_private_bytes(parts[0x07])
        return x25519.X25519PrivateKey.from_private_bytes(parts[0x08])
    except (KeyError, ValueError) as error:
        raise Refusal(Status.BAD_DATA) from error


def _rsa_from(p: int, q: int, bits: int) -> rsa.RSAPrivateKey:
    e, n = 65537, p * q
    if n.bit_length() != bits:
        raise ValueError("the primes are of another size")
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(
        p, q, d, rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q), rsa.RSAPublicNumbers(e, n)
    )
    return numbers.private_key()


def public_parts(private: Private) -> bytes:
    """Return the public half as GENERATE and GET METADATA give it."""
    if isinstance(private, rsa.RSAPrivateKey):
        numbers = private.public_key().public_numbers()
        return tlv(0x81, numbers.n.to_bytes(private.key_size // 8)) + tlv(0x82, numbers.e.to_bytes(3))
    if isinstance(private, ec.EllipticCurvePrivateKey):
        form = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        return tlv(0x86, private.public_key().public_bytes(*form))
    return tlv(0x86, private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))


def sign(key: SlotKey, data: bytes) -> bytes:
    """Return what GENERAL AUTHENTICATE does to a challenge: ECDSA over a digest (DER), raw RSA, Ed25519 over a message."""
    private = key.private
    if isinstance(private, ec.EllipticCurvePrivateKey):
        size, algorithm = _PREHASHED[key.kind]
        if len(data) > size:
            raise Refusal(Status.BAD_DATA)
        return private.sign(data.rjust(size, b"\0"), algorithm)
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return private.sign(data)
    if isinstance(private, rsa.RSAPrivateKey):
        return _raw_rsa(private, data)
    raise Refusal(Status.BAD_DATA)


def agree(key: SlotKey, peer: bytes) -> bytes:
    """Return the secret that this key and a peer's public point share."""
    private = key.private
    try:
        if isinstance(private, ec.EllipticCurvePrivateKey):
            return private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(private.curve, peer))
        if isinstance(private, x25519.X25519PrivateKey):
            return private.exchange(x25519.X25519PublicKey.from_public_bytes(peer))
    except ValueError as error:
        raise Refusal(Status.BAD_DATA) from error
    raise Refusal(Status.BAD_DATA)


def _raw_rsa(private: rsa.RSAPrivateKey, data: bytes) -> bytes:
    numbers, size, message = private.private_numbers(), private.key_size // 8, int.from_bytes(data)
    if len(data) != size or message >= numbers.public_numbers.n:
        raise Refusal(Status.BAD_DATA)
    one, two = pow(message, numbers.dmp1, numbers.p), pow(message, numbers.dmq1, numbers.q)
    return (two + (one - two) * numbers.iqmp % numbers.p * numbers.q).to_bytes(size)
