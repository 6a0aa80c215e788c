# SPDX-License-Identifier: Apache-2.0
"""Keys as published Notary metadata lists them, and signatures by them.

Wider than what a ceremony makes: stock clients publish delegations for RSA keys of
2048 bits and for certificates of a CA, and such a repository must be readable to be
repaired. What may sign a *root* is told by a certificate's `fault`: a client passes
such a certificate over. Its dates are kept, and judged by the caller.
"""

from __future__ import annotations

import base64
import hashlib
import warnings
from collections.abc import Callable
from functools import lru_cache
from threading import Lock

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import NameOID

from ceremony.core.canonical import Json
from ceremony.core.keys import CryptoPublicKey, load
from ceremony.core.published.values import Certificate, PublishedKey
from ceremony.errors import VerificationError

_BARE = {"ecdsa": ec.EllipticCurvePublicKey, "rsa": rsa.RSAPublicKey, "ed25519": ed25519.Ed25519PublicKey}
_CERTIFIED = {"ecdsa-x509": ec.EllipticCurvePublicKey, "rsa-x509": rsa.RSAPublicKey}
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_SMALLEST_RSA = 2048
_CURVES = {"secp256r1": "ecdsa-p256", "secp384r1": "ecdsa-p384"}
_UNREADABLE = (
    ValueError, TypeError, UnsupportedAlgorithm, VerificationError, x509.InvalidVersion, x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)  # fmt: skip
_SHA256 = hashes.SHA256()
_WARNINGS = Lock()
"""Which warnings are shown is the same for all threads."""
_PSS = padding.PSS(mgf=padding.MGF1(_SHA256), salt_length=padding.PSS.AUTO)
"""Go's own default makes the salt as long as fits, and takes any."""


def read_key(key_id: str, entry: Json, subject: str, known: PublishedKey | None = None) -> PublishedKey:
    """Return a key of a key table; raises VerificationError, naming `subject`, for what is none, or not of that id.

    `known` is a key of that id that was read before: it is given back when it is listed as it was.
    """
    keyval = entry.get("keyval") if isinstance(entry, dict) else None
    key_type = entry.get("keytype") if isinstance(entry, dict) else None
    public = keyval.get("public") if isinstance(keyval, dict) else None
    if not isinstance(key_type, str) or not isinstance(public, str):
        raise _refused(subject, "lists a key that is not made as keys are")
    if isinstance(keyval, dict) and keyval.get("private") is not None:
        raise _refused(subject, "lists a private key")
    if known is not None and _entry(key_type, public) == known.entry:
        return known
    try:
        key = listed(key_type, public)
    except _UNREADABLE as error:
        raise _refused(subject, f"lists the key {key_id[:16]!r}, which cannot be read") from error
    if key.key_id != key_id:
        raise _refused(subject, f"lists a key under the id {key_id[:16]!r}, which is not its own")
    return key


def _entry(key_type: str, public: str) -> bytes:
    return f'{{"keytype":"{key_type}","keyval":{{"private":null,"public":"{public}"}}}}'.encode()


@lru_cache(maxsize=4096)
def listed(key_type: str, public: str) -> PublishedKey:
    """Return the key of a key type and its text in base64.

    Raises ValueError, TypeError, VerificationError or what the certificate's library
    raises, for what cannot be read; `read_key` says which key that was.
    """
    raw = base64.b64decode(public, validate=True)
    if base64.b64encode(raw).decode() != public:
        raise ValueError("is base64 in another form than Go writes")
    certificate = None
    if key_type in _CERTIFIED:
        certificate, spki = _certificate(raw)
        wanted: type = _CERTIFIED[key_type]
    elif key_type == "ed25519":
        spki = ed25519.Ed25519PublicKey.from_public_bytes(raw).public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        wanted = ed25519.Ed25519PublicKey
    else:
        spki, wanted = raw, _BARE.get(key_type, type(None))
    key = load(spki)
    if not isinstance(key, wanted):
        raise TypeError(f"{key_type} is not what the key is")
    entry = _entry(key_type, public)
    fingerprint = hashlib.sha256(spki).hexdigest()
    return PublishedKey(hashlib.sha256(entry).hexdigest(), fingerprint, spki, _kind(key), entry, certificate)


def certified(pem: str) -> PublishedKey:
    """Return the key that Notary's metadata makes of a certificate, as text; raises VerificationError for what is none."""
    text = base64.b64encode(pem.encode()).decode()
    for key_type in _CERTIFIED:
        try:
            return listed(key_type, text)
        except TypeError:
            continue  # a certificate of a key of the other type
        except _UNREADABLE as error:
            raise _refused("certificate", "cannot be read") from error
    raise _refused("certificate", f"is for a key that is neither of {', '.join(_CERTIFIED)}")


def fingerprint_of(pem: bytes, subject: str) -> str:
    """Return SHA-256, hex, over the SubjectPublicKeyInfo of a certificate or public key, PEM.

    Takes every key that metadata may list. Raises VerificationError, naming `subject`, for anything else.
    """
    try:
        if _CERTIFICATE in pem:
            return certified(pem.decode("ascii", "replace")).fingerprint
        key = serialization.load_pem_public_key(pem)
        spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        load(spki)
    except _UNREADABLE as error:
        raise VerificationError(
            subject, "holds no certificate or public key that can be read", hint="bring it as PEM, and only the public half"
        ) from error
    return hashlib.sha256(spki).hexdigest()


def _certificate(pem: bytes) -> tuple[Certificate, bytes]:
    with _WARNINGS, warnings.catch_warnings():
        # The library warns of common names over 64 characters, which names of repositories may be.
        warnings.simplefilter("ignore")
        first, *chain = x509.load_pem_x509_certificates(pem)
        names = first.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    found = Certificate(
        pem=pem.decode(),
        common_name=str(names[-1].value) if names else "",
        not_before=first.not_valid_before_utc,
        not_after=first.not_valid_after_utc,
        fault=_fault(first, chain),
    )
    spki = first.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return found, spki


def _fault(first: x509.Certificate, chain: list[x509.Certificate]) -> str:
    key = first.public_key()
    if _is_ca(first):
        return "is a CA's"
    if not all(_is_ca(certificate) for certificate in chain):
        return "stands with another that is not a CA's"
    if isinstance(first.signature_hash_algorithm, hashes.SHA1):
        return "is signed over SHA-1"
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _SMALLEST_RSA:
        return f"is for an RSA key of {key.key_size} bits"
    return ""


def _is_ca(certificate: x509.Certificate) -> bool:
    return any(isinstance(e.value, x509.BasicConstraints) and e.value.ca for e in certificate.extensions)


def _kind(key: CryptoPublicKey) -> str:
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _CURVES.get(key.curve.name, f"ecdsa-{key.curve.name}")
    return f"rsa-{key.key_size}" if isinstance(key, rsa.RSAPublicKey) else "ed25519"


def check_signature(key: PublishedKey, method: str, payload: bytes, value: bytes, subject: str) -> None:
    """Check a signature by the client's rules; raises VerificationError, naming `subject`, when it does not verify."""
    verifier = _VERIFIERS.get(method, _unknown)
    try:
        verifier(load(key.spki), payload, value)
    except (InvalidSignature, TypeError, ValueError) as error:
        raise _refused(subject, f"has a signature that does not verify with key {key.key_id[:16]}") from error


def _ecdsa(key: CryptoPublicKey, payload: bytes, value: bytes) -> None:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TypeError("ecdsa")
    half = (key.key_size + 7) // 8
    if len(value) != 2 * half:
        raise ValueError("the length is not that of the curve")
    der = encode_dss_signature(int.from_bytes(value[:half]), int.from_bytes(value[half:]))
    key.verify(der, payload, ec.ECDSA(_SHA256))


def _rsa(scheme: padding.PSS | padding.PKCS1v15) -> Callable[[CryptoPublicKey, bytes, bytes], None]:
    def check(key: CryptoPublicKey, payload: bytes, value: bytes) -> None:
        if not isinstance(key, rsa.RSAPublicKey):
            raise TypeError("rsa")
        key.verify(value, payload, scheme, _SHA256)

    return check


def _eddsa(key: CryptoPublicKey, payload: bytes, value: bytes) -> None:
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise TypeError("eddsa")
    key.verify(value, payload)


def _unknown(_key: CryptoPublicKey, _payload: bytes, _value: bytes) -> None:
    raise TypeError("method")


_VERIFIERS: dict[str, Callable[[CryptoPublicKey, bytes, bytes], None]] = {
    "ecdsa": _ecdsa,
    "eddsa": _eddsa,
    "rsapss": _rsa(_PSS),
    "rsapkcs1v15": _rsa(padding.PKCS1v15()),
}


def _refused(subject: str, what: str) -> VerificationError:
    return VerificationError(subject, what, hint="clients refuse it too; ask whoever looks after the repository")
