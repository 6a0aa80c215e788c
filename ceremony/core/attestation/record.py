# SPDX-License-Identifier: Apache-2.0
"""An attestation as the log records it and as the evidence holds it: what was verified on the day, to be compared later."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ceremony.core.attestation.certificates import reading
from ceremony.core.attestation.statement import Attested
from ceremony.core.canonical import JsonObject
from ceremony.errors import VerificationError


def attested_json(attested: Attested, *, token: str, pinned: bool) -> JsonObject:
    """Return the body of an `attested` record; `token` is the plan's name, `pinned` whether every authority is Yubico's."""
    return {
        "token": token,
        "serial": "" if attested.serial is None else str(attested.serial),
        "slot": attested.slot,
        "public_sha256": attested.public.sha256,
        "firmware": str(attested.firmware),
        "pin_policy": attested.pin_policy,
        "touch_policy": attested.touch_policy,
        "form_factor": attested.form_factor or "",
        "fips": attested.fips_series or attested.fips_certified,
        "authorities": list(attested.authorities),
        "pinned": pinned,
    }


def to_pem(der: bytes, label: str) -> bytes:
    """Return a DER certificate as PEM, for openssl; raises VerificationError, naming `label`, for bytes that are none."""
    with reading(label):
        return x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)


def from_pem(text: bytes, label: str) -> bytes:
    """Return the DER of what `to_pem` wrote; raises VerificationError, naming `label`, for any other bytes."""
    with reading(label):
        der = x509.load_pem_x509_certificate(text).public_bytes(Encoding.DER)
    if to_pem(der, label) != text:
        raise VerificationError(
            label, "is not one certificate in the one form that is accepted", hint="compare it with another copy of the folder"
        )
    return der
