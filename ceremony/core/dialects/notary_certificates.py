# SPDX-License-Identifier: Apache-2.0
"""What a Notary client wants of a root certificate.

For this repository by its common name, or for a prefix of it; valid now; not a
CA; not over SHA-1; signed by its own key. Certificates that follow the first in
the same PEM are a chain, which only a client that pins a CA looks at.
"""

from __future__ import annotations

import warnings
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from ceremony.core.keys import from_crypto
from ceremony.errors import VerificationError

HINT = "a client would refuse it; nothing may be carried out"
_UNREADABLE = (
    ValueError, TypeError, UnsupportedAlgorithm, VerificationError, x509.InvalidVersion, x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)  # fmt: skip


class RootCertificate:
    """A root certificate, read whole from its PEM; raises VerificationError, naming `subject`, for what is not one."""

    def __init__(self, pem: bytes, subject: str) -> None:
        try:
            with warnings.catch_warnings():
                # The library warns of common names over 64 characters, which names of repositories may be.
                warnings.simplefilter("ignore")
                self._read(x509.load_pem_x509_certificate(pem))
        except _UNREADABLE as error:
            raise VerificationError(subject, "holds a root key that is not a certificate", hint=HINT) from error

    def _read(self, certificate: x509.Certificate) -> None:
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        self.public = from_crypto(certificate.public_key())
        self.common_name = str(names[0].value) if names else ""
        self._from, self._until = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        self._sha1 = isinstance(certificate.signature_hash_algorithm, hashes.SHA1)
        extensions = [e.value for e in certificate.extensions]
        self._ca = any(isinstance(value, x509.BasicConstraints) and value.ca for value in extensions)
        self._fault = _own_signature_fault(certificate)

    def check(self, repository: str, subject: str, now: datetime) -> None:
        """Check the certificate for a repository at `now`; raises VerificationError, naming `subject`."""
        faults = (
            (not self._covers(repository), f"has a root certificate for {self.common_name[:60]!r}"),
            (not self._from <= now < self._until, "has a root certificate that is not valid now"),
            (self._ca, "has a root certificate of a CA"),
            (self._sha1, "has a root certificate signed over SHA-1"),
            (self._fault is not None, "has a root certificate that its own key did not sign"),
        )
        for fault, what in faults:
            if fault:
                raise VerificationError(subject, what, hint=HINT) from self._fault

    def _covers(self, repository: str) -> bool:
        # A bare * is a prefix of everything: Notary would take it, and a plan cannot ask for it.
        prefix = self.common_name.removesuffix("*")
        return self.common_name == repository or (prefix not in ("", self.common_name) and repository.startswith(prefix))


def _own_signature_fault(certificate: x509.Certificate) -> Exception | None:
    try:
        certificate.verify_directly_issued_by(certificate)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm) as error:
        return error
    return None
