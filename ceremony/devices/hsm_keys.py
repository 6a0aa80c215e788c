# SPDX-License-Identifier: Apache-2.0
"""Keys and signatures as tokens speak of them, and as the rest of the program does.

Pure. Tokens disagree on how they write a point (PKCS#11 v2.40, section 2.3.3, says
a DER OCTET STRING; many give it bare) and on the length of an ECDSA signature
(section 2.3.1: two halves of equal length, *at most* that of the order).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ceremony.core.keys import Algorithm, PublicKey, Scheme, from_crypto, from_raw_ed25519
from ceremony.core.ports import KeyAttributes, KeyRequest, TokenKey
from ceremony.devices.hsm_wire import KeyFacts
from ceremony.errors import TokenError, VerificationError


@dataclass(frozen=True, slots=True)
class Shape:
    """How a key of an algorithm is asked for."""

    kind: str
    params: str = ""
    """DER of CKA_EC_PARAMS, hex."""
    bits: int = 0
    """Of an RSA modulus."""


SHAPES = {
    Algorithm.ECDSA_P256: Shape("ec", "06082a8648ce3d030107"),
    Algorithm.ECDSA_P384: Shape("ec", "06052b81040022"),
    Algorithm.RSA_3072: Shape("rsa", bits=3072),
    Algorithm.RSA_4096: Shape("rsa", bits=4096),
    Algorithm.ED25519: Shape("edwards", "06032b6570"),
}
_CURVES = {
    SHAPES[Algorithm.ECDSA_P256].params: Algorithm.ECDSA_P256,
    SHAPES[Algorithm.ECDSA_P384].params: Algorithm.ECDSA_P384,
    SHAPES[Algorithm.ED25519].params: Algorithm.ED25519,
    "130c656477617264733235353139": Algorithm.ED25519,  # PrintableString "edwards25519" (PKCS#11 v3.0, section 2.3.10)
}
_SCHEMES = {
    Algorithm.ECDSA_P256: {Scheme.ECDSA_SHA256, Scheme.ECDSA_SHA384},
    Algorithm.ECDSA_P384: {Scheme.ECDSA_SHA256, Scheme.ECDSA_SHA384},
    Algorithm.RSA_3072: {Scheme.RSA_PSS_SHA256, Scheme.RSA_PKCS1_SHA256},
    Algorithm.RSA_4096: {Scheme.RSA_PSS_SHA256, Scheme.RSA_PKCS1_SHA256},
    Algorithm.ED25519: {Scheme.ED25519},
}


def check_scheme(token: str, algorithm: Algorithm, scheme: Scheme) -> None:
    """Raise TokenError unless a key of `algorithm` signs with `scheme`."""
    if scheme not in _SCHEMES[algorithm]:
        raise TokenError(token, f"{scheme} is not a scheme of {algorithm}", hint="name the key's own scheme")


def token_key(token: str, facts: KeyFacts) -> TokenKey:
    """Return the key that `facts` describe; raises TokenError when its public half is missing or not one of ours."""
    if facts.publics != 1:
        found = "no public key" if facts.publics == 0 else f"{facts.publics} public keys"
        raise TokenError(
            token,
            f"has {found} beside the private key labelled {facts.label!r}",
            hint="use a token that only ceremonies write to",
        )
    # What a token does not tell is not proven, so it counts as the weaker answer.
    attributes = KeyAttributes(
        local=facts.local is True,
        sensitive=facts.sensitive is True,
        extractable=facts.extractable is not False,
        always_sensitive=facts.always_sensitive is True,
        never_extractable=facts.never_extractable is True,
    )
    try:
        public = _public(facts)
    except (VerificationError, ValueError) as error:
        raise TokenError(
            token,
            f"the public key labelled {facts.label!r} is not one that a dialect takes",
            hint=f"use one of {', '.join(Algorithm)}",
        ) from error
    return TokenKey(facts.label, bytes.fromhex(facts.key_id), public, attributes)


def told(key: TokenKey) -> KeyAttributes:
    """Return the attributes of a key that `token_key` made: PKCS#11 tokens always have some."""
    assert key.attributes is not None
    return key.attributes


def check_made(token: str, request: KeyRequest, key: TokenKey) -> None:
    """Raise TokenError unless a key that the token made reads as it was asked for."""
    read = told(key)
    wrong = {
        f"is {key.public.algorithm}, not {request.algorithm}": key.public.algorithm is not request.algorithm,
        "has another id": key.key_id != request.key_id,
        "was not made on the token": not read.local,
        "is not sensitive": not (read.sensitive and read.always_sensitive),
        f"reads EXTRACTABLE {str(read.extractable).lower()}": read.extractable is not request.extractable,
        "could have left": not request.extractable and not read.never_extractable,
    }
    _refuse(token, f"the key {request.label!r} that it made", wrong)


def check_imported(token: str, request: KeyRequest, public: PublicKey, key: TokenKey) -> None:
    """Raise TokenError unless a key that was put on the token is the one that was given, and reads as nothing better."""
    read = told(key)
    wrong = {
        "is another one": key.public != public,
        "has another id": key.key_id != request.key_id,
        "is called its own": read.local,
        "is not sensitive": not read.sensitive,
        f"reads EXTRACTABLE {str(read.extractable).lower()}": read.extractable is not request.extractable,
        "is said never to have been extractable": read.never_extractable,
    }
    _refuse(token, f"the key {request.label!r} that it was given", wrong)


def _refuse(token: str, what: str, wrong: Mapping[str, bool]) -> None:
    found = [fault for fault, is_so in wrong.items() if is_so]
    if found:
        raise TokenError(token, f"{what} {', '.join(found)}", hint="do not use this token for a root key; record a deviation")


def _public(facts: KeyFacts) -> PublicKey:
    if facts.kind == "rsa":
        return from_crypto(rsa.RSAPublicNumbers(int(facts.exponent, 16), int(facts.modulus, 16)).public_key())
    algorithm = _CURVES.get(facts.params)
    if algorithm is None:
        raise ValueError("a curve of no dialect")
    if algorithm is Algorithm.ED25519:
        return from_raw_ed25519(_bare(facts.point, 32))
    curve = ec.SECP256R1() if algorithm is Algorithm.ECDSA_P256 else ec.SECP384R1()
    point = _bare(facts.point, 1 + 2 * algorithm.half)
    return from_crypto(ec.EllipticCurvePublicKey.from_encoded_point(curve, point))


def _bare(point: str, size: int) -> bytes:
    # By length alone: the first byte of a bare point is 04 too, as that of an OCTET STRING.
    data = bytes.fromhex(point)
    for wrapping in (b"", bytes((0x04, size)), bytes((0x03, size + 1, 0))):
        if len(data) == len(wrapping) + size and data.startswith(wrapping):
            return data[len(wrapping) :]
    raise ValueError("a point of another form")


def wire_signature(token: str, public: PublicKey, signature: bytes) -> bytes:
    """Return what the token gave in wire form; raises TokenError when it cannot be a signature of this key."""
    algorithm = public.algorithm
    if algorithm.half:
        half, odd = divmod(len(signature), 2)
        if signature and not odd and half <= algorithm.half:
            r, s = signature[:half], signature[half:]
            return r.rjust(algorithm.half, b"\0") + s.rjust(algorithm.half, b"\0")
    elif len(signature) == (64 if algorithm is Algorithm.ED25519 else algorithm.bits // 8):
        return signature
    raise TokenError(
        token,
        f"gave {len(signature)} bytes that are not a signature of {algorithm}",
        hint="the module is not fit for this algorithm",
    )
