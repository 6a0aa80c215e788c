# SPDX-License-Identifier: Apache-2.0
"""Root certificates whose signature is made by a token: what is signed, and the finished PEM.

Self-signed X.509 v3 (RFC 5280), not a CA, for code signing, the common name a GUN
or a prefix ending in `*`: what a Notary client wants of a root key. The part to
be signed depends only on its arguments, so a ceremony that is resumed builds the
same one again and puts the recorded signature to it.
"""

from __future__ import annotations

import base64
import hashlib
import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime

from asn1crypto import algos, keys, x509

from ceremony.core.keys import PublicKey, Scheme, raw_to_der, verify

PRACTICE_ORGANISATION = "PRACTICE"

_SIGNATURES = {Scheme.ECDSA_SHA256: "sha256_ecdsa", Scheme.RSA_PKCS1_SHA256: "sha256_rsa"}
_EXTENSIONS = x509.Extensions(
    [
        {"extn_id": "basic_constraints", "critical": True, "extn_value": {"ca": False}},
        {"extn_id": "key_usage", "critical": True, "extn_value": {"digital_signature"}},
        {"extn_id": "extended_key_usage", "critical": False, "extn_value": ["code_signing"]},
    ]
)


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """What a root certificate says; times are aware UTC."""

    public: PublicKey
    common_name: str
    not_before: datetime
    not_after: datetime
    ceremony: str
    """The ceremony's id, hex: makes the serial number one that no other ceremony uses."""
    practice: bool
    """Puts `O=PRACTICE` in the name, for good."""

    @property
    def scheme(self) -> Scheme:
        """How the certificate is signed."""
        return Scheme.ECDSA_SHA256 if self.public.algorithm.half else Scheme.RSA_PKCS1_SHA256

    def to_be_signed(self) -> bytes:
        """Return the DER TBSCertificate (RFC 5280, section 4.1.2)."""
        name = {"common_name": self.common_name}
        if self.practice:
            name["organization_name"] = PRACTICE_ORGANISATION
        subject = x509.Name.build(name)
        tbs = x509.TbsCertificate(
            {
                "version": "v3",
                "serial_number": self._serial_number(),
                "signature": self._signature_algorithm(),
                "issuer": subject,
                "validity": {"not_before": _time(self.not_before), "not_after": _time(self.not_after)},
                "subject": subject,
                "subject_public_key_info": keys.PublicKeyInfo.load(self.public.spki),
                "extensions": _EXTENSIONS,
            }
        )
        return bytes(tbs.dump())

    def finish(self, tbs: bytes, signature: bytes) -> str:
        """Return the certificate as PEM: `tbs` is what `to_be_signed` gave, the signature is in wire form.

        Raises VerificationError when it does not verify.
        """
        verify(self.public, self.scheme, tbs, signature, f"certificate for {self.common_name}")
        value = raw_to_der(signature, self.public.algorithm) if self.public.algorithm.half else signature
        certificate = x509.Certificate(
            {
                "tbs_certificate": x509.TbsCertificate.load(tbs),
                "signature_algorithm": self._signature_algorithm(),
                "signature_value": value,
            }
        )
        return pem(bytes(certificate.dump()))

    def _signature_algorithm(self) -> algos.SignedDigestAlgorithm:
        return algos.SignedDigestAlgorithm({"algorithm": _SIGNATURES[self.scheme]})

    def _serial_number(self) -> int:
        # RFC 5280, section 4.1.2.2: positive, at most 20 bytes; unique by what it is made from.
        seed = f"{self.ceremony}\n{self.common_name}\n{self.public.sha256}".encode()
        return int.from_bytes(hashlib.sha256(seed).digest()[:16]) | 1 << 126


def pem(der: bytes) -> str:
    """Return a DER certificate as PEM (RFC 7468)."""
    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"


def _time(time: datetime) -> x509.Time:
    # RFC 5280, section 4.1.2.5: UTCTime through 2049, GeneralizedTime after.
    whole = time.astimezone(UTC).replace(microsecond=0)
    return x509.Time({"utc_time": whole} if whole.year < 2050 else {"general_time": whole})
