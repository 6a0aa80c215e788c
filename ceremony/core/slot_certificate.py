# SPDX-License-Identifier: Apache-2.0
"""The certificate in a YubiKey's slot: whom it is for, how long it runs, and where it is kept.

Stock Notary and PKCS#11 programs find the key by it, and nothing trusts it. It runs as
long as the plan lets certificates run. A recovery's plan says nothing of certificates, and
the old ceremony's may be lost: there it runs to the end of the tenth year after the
ceremony began, which its log states. Ten years are what stock Notary gives it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from ceremony.core.certificates import CertificateRequest
from ceremony.core.keys import PublicKey
from ceremony.core.plan import Kind, Plan

COMMON_NAME = "root"
"""A role of Notary's: it passes over keys whose certificate is for anything else."""
FILE = "certificate.pem"
"""The evidence of it, among that of its token."""
STORE = "store-certificate"
"""The act by which it comes into the slot."""
YEARS = 10


def request(plan: Plan, public: PublicKey, began: datetime, ceremony: str, *, practice: bool) -> CertificateRequest:
    """Return the certificate that a root key makes of itself for its slot, in the ceremony of this id, hex, that began then (UTC).

    Raises ValueError for a day after the year 9999.
    """
    return CertificateRequest(public, COMMON_NAME, began, _not_after(plan, began), ceremony, practice)


def _not_after(plan: Plan, began: datetime) -> datetime:
    if plan.kind is not Kind.RECOVERY:
        return plan.expires.certificate
    return datetime(began.year + YEARS, 12, 31, 23, 59, 59, tzinfo=UTC)
