# SPDX-License-Identifier: Apache-2.0
"""A second library's judgement of a signature.

A signature is not accepted on the word of the library that made it (design,
section 9). What a token signs, `core.keys` verifies. What `core.software_key`
signs comes from the same library as `core.keys`, so this module checks it with
another implementation (PyCryptodome).
"""

from __future__ import annotations

from functools import lru_cache

from Crypto.Hash import SHA256, SHA384
from Crypto.PublicKey import ECC, RSA
from Crypto.Signature import DSS, eddsa, pss

from ceremony.core.keys import PublicKey, Scheme
from ceremony.errors import VerificationError

_ECDSA = {Scheme.ECDSA_SHA256: SHA256, Scheme.ECDSA_SHA384: SHA384}
_RSA_PSS = {Scheme.RSA_PSS_SHA256: SHA256}
_P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
"""What stands before the two coordinates in the DER of a P-256 key (RFC 5480)."""
_HALF = 32


def verify(public: PublicKey, scheme: Scheme, message: bytes, signature: bytes, subject: str) -> None:
    """Check a signature (wire form) with the second library.

    Raises VerificationError, naming `subject`, when it does not verify, and when the scheme is not the key's.
    """
    try:
        if scheme is Scheme.ED25519:
            eddsa.new(_ecc(public.spki), "rfc8032").verify(message, signature)
        elif scheme in _ECDSA:
            DSS.new(_ecc(public.spki), "fips-186-3").verify(_ECDSA[scheme].new(message), signature)
        else:
            pss.new(RSA.import_key(public.spki), salt_bytes=32).verify(_RSA_PSS[scheme].new(message), signature)
    except (ValueError, KeyError) as error:
        raise VerificationError(
            subject, "does not verify with a second library", hint="do not use what this computer made; stop"
        ) from error


@lru_cache(maxsize=64)
def _ecc(spki: bytes) -> ECC.EccKey:
    if spki.startswith(_P256) and len(spki) == len(_P256) + 2 * _HALF:
        point = spki[len(_P256) :]
        # As `import_key` does, which takes its time to find out what these keys are.
        return ECC.construct(curve="P-256", point_x=int.from_bytes(point[:_HALF]), point_y=int.from_bytes(point[_HALF:]))
    return ECC.import_key(spki)
