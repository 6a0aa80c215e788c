# SPDX-License-Identifier: Apache-2.0
"""Known answers of attestations of YubiKeys: a chain made as Yubico makes its own, and whose authority is trusted.

The known authority is pinned for the first answer alone. The second asks the pins that ship:
an authority that is none of Yubico's is good for a practice, and for nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

from ceremony.core import attestation
from ceremony.core.attestation import Authorities, Pin
from ceremony.core.firmware import Firmware
from ceremony.core.known_answers.answer import Answer, from_base64, same
from ceremony.core.known_answers.metadata_values import AUTHORITY, CERTIFICATE, DEVICE, STATEMENT
from ceremony.core.plan import Mode

_AT = datetime(2026, 11, 19, 9, tzinfo=UTC)
_NAME = "Known Answer Root"
_ANY = (Firmware(4, 3, 0), Firmware(255, 255, 255))
_OTHER = from_base64("".join(CERTIFICATE.decode().splitlines()[1:-1]))
"""A root that nobody pinned."""


def _signed_otherwise(der: bytes) -> bytes:
    """Return a certificate with another signature: what it says is as before, so that nothing but its verifier can tell."""
    return der[:-1] + bytes([der[-1] ^ 1])


def _site(authority: bytes) -> dict[str, bytes]:
    """Return the files of a site with this certificate (DER)."""
    return {"authority.pem": b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(authority) + b"-----END CERTIFICATE-----\n"}


def _attested(statement: bytes, device: bytes, authority: bytes) -> None:
    pin = Pin(_NAME, hashlib.sha256(AUTHORITY).hexdigest(), firmware=_ANY)
    authorities = Authorities.read(_site(authority), (pin,))
    found = attestation.verify_attestation(statement, device, authorities, at=_AT)
    same((found.serial, found.slot, found.firmware), (13078778, "9c", Firmware(5, 7, 4)))


def _trusted(authority: bytes, mode: bytes) -> None:
    authorities = Authorities.of_site(_site(authority), Mode(mode.decode()))
    attestation.verify_attestation(STATEMENT, DEVICE, authorities, at=_AT)


ANSWERS = (
    Answer(
        "attestation of a YubiKey", "RFC 5280", _attested, (STATEMENT, DEVICE, AUTHORITY),
        (
            (DEVICE, STATEMENT, AUTHORITY),
            (_signed_otherwise(STATEMENT), DEVICE, AUTHORITY), (STATEMENT, _signed_otherwise(DEVICE), AUTHORITY),
            (STATEMENT, DEVICE, _signed_otherwise(AUTHORITY)), (STATEMENT, DEVICE, _OTHER),
        ),
    ),
    Answer(
        "authority that is not Yubico's", "docs/formats.md", _trusted, (AUTHORITY, Mode.PRACTICE.encode()),
        ((AUTHORITY, Mode.PRODUCTION.encode()),), flips=False,
    ),
)  # fmt: skip
