# SPDX-License-Identifier: Apache-2.0
"""One certificate, read strictly, and one link of a chain (RFC 5280, section 6.1).

Reading is total: whatever the bytes are, the answer is a `Certificate` or a
VerificationError. Which certificates make a chain, and which root is trusted, is
for `authorities`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID, SignatureAlgorithmOID

from ceremony.errors import VerificationError

STATEMENT = "attestation statement"
DEVICE = "device certificate (slot F9)"

_ARC = "1.3.6.1.4.1.41482.3."
_UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    UserWarning,
)
_HINT = "the bytes were changed, or are not what the token gave; read them again, and compare the serial"
_MIN_RSA_BITS = 2048


@contextmanager
def reading(label: str) -> Iterator[None]:
    """Turn what the library says of bad bytes into a VerificationError that names `label`."""
    try:
        with warnings.catch_warnings():
            # What the library only warns of (a negative serial number, a country of 22 letters) is no certificate of Yubico's.
            warnings.simplefilter("error", UserWarning)
            yield
    except _UNREADABLE as error:
        said = " ".join(str(error).split())[:160] or type(error).__name__
        raise VerificationError(label, f"is not an X.509 certificate that can be read ({said})", hint=_HINT) from error


@dataclass(frozen=True, slots=True)
class Name:
    """A subject or an issuer."""

    text: str
    """The whole of it (RFC 4514), cut short: for messages."""
    common_name: str
    """The common name, when it is the whole; else empty."""

    @classmethod
    def read(cls, name: x509.Name) -> Name:
        """Return the name; raises what the library does for names that it cannot decode."""
        attributes = list(name)
        alone = len(attributes) == 1 and attributes[0].oid == NameOID.COMMON_NAME
        return cls(name.rfc4514_string()[:80], str(attributes[0].value) if alone else "")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate whose every part was read once."""

    label: str
    """How messages name it."""
    der: bytes
    parsed: x509.Certificate
    key: object
    """Its public key, as the library holds it."""
    subject: Name
    issuer: Name
    valid: tuple[datetime, datetime]
    """The first and last second at which it is valid, aware UTC."""
    ca: bool
    path_length: int | None
    signs_certificates: bool
    """False where a key usage is stated that lacks keyCertSign."""
    yubico: Mapping[str, bytes]
    """Yubico's extensions: the `x` of 1.3.6.1.4.1.41482.3.x, and the raw value."""

    @classmethod
    def read(cls, der: bytes, label: str) -> Certificate:
        """Return the certificate of exactly these DER bytes; raises VerificationError, naming `label`, for any other."""
        with reading(label):
            parsed = x509.load_der_x509_certificate(der)
            extensions = list(parsed.extensions)
            key = parsed.public_key()
            subject, issuer = Name.read(parsed.subject), Name.read(parsed.issuer)
            valid = parsed.not_valid_before_utc, parsed.not_valid_after_utc
            whole = der.endswith(b"\0" + parsed.signature)
        if parsed.version is not x509.Version.v3:
            raise VerificationError(label, "is not an X.509 version 3 certificate", hint=_HINT)
        if not whole:
            # The one byte outside of what is signed that the library does not compare: the unused bits of the BIT STRING.
            raise VerificationError(label, "its signature does not end with the certificate, byte for byte", hint=_HINT)
        ca, path_length, signs, yubico = False, None, True, {}
        for extension in extensions:
            value = extension.value
            if isinstance(value, x509.BasicConstraints):
                ca, path_length = value.ca, value.path_length
            elif isinstance(value, x509.KeyUsage):
                signs = value.key_cert_sign
            elif extension.critical:
                # RFC 5280, section 4.2: what is critical and not understood must be refused.
                raise VerificationError(
                    label, f"has a critical extension {extension.oid.dotted_string} that is not known", hint=_HINT
                )
            elif isinstance(value, x509.UnrecognizedExtension) and extension.oid.dotted_string.startswith(_ARC):
                yubico[extension.oid.dotted_string.removeprefix(_ARC)] = value.value
        return cls(label, der, parsed, key, subject, issuer, valid, ca, path_length, signs, yubico)

    def check_time(self, at: datetime) -> None:
        """Check that the certificate is valid at the aware time `at`; raises VerificationError."""
        first, last = self.valid
        if not first <= at <= last:
            what = f"is valid only from {first.date()}" if at < first else f"has expired on {last.date()}"
            raise VerificationError(
                self.label, f"{what}, not on {at.date()}", hint="compare the computer's clock with the room's"
            )


def pem_certificates(text: bytes, label: str) -> list[tuple[str, bytes]]:
    """Return the common name and DER of each certificate of a PEM text, at least one; raises VerificationError, naming `label`."""
    with reading(label):
        found = x509.load_pem_x509_certificates(text)
        return [(Name.read(one.subject).common_name, one.public_bytes(serialization.Encoding.DER)) for one in found]


def check_link(child: Certificate, issuer: Certificate, *, below: int) -> None:
    """Check that `issuer` issued `child`, and may: names, constraints, algorithm, signature.

    `below` is the number of authorities between the statement and `issuer`. Raises VerificationError, naming the
    certificate that is at fault.
    """
    if child.parsed.issuer != issuer.parsed.subject:
        raise VerificationError(
            child.label,
            f"names {child.issuer.text!r} as its issuer, which the {issuer.label} is not",
            hint="the two are not of one token",
        )
    if not issuer.ca or not issuer.signs_certificates:
        raise VerificationError(issuer.label, "is not a certificate that may issue others", hint=_HINT)
    if issuer.path_length is not None and issuer.path_length < below:
        raise VerificationError(
            issuer.label, f"allows {issuer.path_length} authorities below it, and there are {below}", hint=_HINT
        )
    _check_algorithm(child, issuer)
    try:
        child.parsed.verify_directly_issued_by(issuer.parsed)
    except InvalidSignature as error:
        raise VerificationError(
            child.label,
            f"its signature does not verify with the key of the {issuer.label}",
            hint="the certificate was changed, or is another token's",
        ) from error
    except ValueError as error:
        raise VerificationError(child.label, f"its signature cannot be checked ({error})", hint=_HINT) from error


def _check_algorithm(child: Certificate, issuer: Certificate) -> None:
    """Check that the link is signed as Yubico's are: RSA PKCS #1 v1.5 or ECDSA, both with SHA-256."""
    algorithm, key = child.parsed.signature_algorithm_oid, issuer.key
    if isinstance(key, rsa.RSAPublicKey):
        fits = key.key_size >= _MIN_RSA_BITS and algorithm == SignatureAlgorithmOID.RSA_WITH_SHA256
    else:
        strong = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1)
        fits = strong and algorithm == SignatureAlgorithmOID.ECDSA_WITH_SHA256
    if not fits:
        raise VerificationError(
            child.label,
            f"is signed with {algorithm.dotted_string} by a key that no such signature is taken from",
            hint="Yubico signs with SHA-256, by RSA of 2048 bits or more, or by ECDSA",
        )
