# SPDX-License-Identifier: Apache-2.0
"""A key that was made elsewhere, as a token takes it: its parts by the names of the wire, and wrapped.

Pure. A private key goes to the token in the clear (PKCS#11 v2.40, section 4.9), over
the pipe to the token's own process; one that takes none so gets its PKCS#8 under
AES-KWP (RFC 5649), with a key of one use that the token made. What Python copies on
the way it cannot wipe: whoever imports a key trusts this computer with it anyway.
"""

from __future__ import annotations

from cryptography.hazmat.primitives import keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ceremony.core.keys import PublicKey, load
from ceremony.core.software_key import SoftwareKey
from ceremony.devices.hsm_keys import SHAPES
from ceremony.devices.hsm_wire import Fault

NOT_IN_THE_CLEAR = frozenset({Fault.UNSUPPORTED, Fault.REFUSED})
"""What a token may answer that takes no private key in the clear; any other fault is not about that."""


def public_parts(public: PublicKey) -> dict[str, str]:
    """Return what a public key consists of, hex, as `hsm_put` names it; points as PKCS#11 v2.40, section 2.3.3, wants them."""
    key = load(public.spki)
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        return {"modulus": _number(numbers.n), "exponent": _number(numbers.e)}
    if isinstance(key, ec.EllipticCurvePublicKey):
        point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    else:
        point = public.raw_ed25519
    octets = bytes((0x04, len(point))) + point  # DER OCTET STRING, shorter than 128 bytes
    return {"params": SHAPES[public.algorithm].params, "point": octets.hex()}


def private_parts(private: SoftwareKey) -> dict[str, str]:
    """Return what a private key consists of, hex, as `hsm_put` names it."""
    key = serialization.load_der_private_key(private.pkcs8(), None)
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        return {
            **public_parts(private.public),
            "private_exponent": _number(numbers.d),
            "prime_1": _number(numbers.p),
            "prime_2": _number(numbers.q),
            "exponent_1": _number(numbers.dmp1),
            "exponent_2": _number(numbers.dmq1),
            "coefficient": _number(numbers.iqmp),
        }
    params = SHAPES[private.public.algorithm].params
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {"params": params, "value": key.private_numbers().private_value.to_bytes(private.public.algorithm.half).hex()}
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    return {"params": params, "value": key.private_bytes_raw().hex()}


def wrapped(private: SoftwareKey, carrier: bytes) -> bytes:
    """Return a private key's PKCS#8 under AES-KWP with `carrier`, 32 bytes."""
    return keywrap.aes_key_wrap_with_padding(carrier, private.pkcs8())


def _number(value: int) -> str:
    return value.to_bytes(-(-value.bit_length() // 8)).hex()
