# SPDX-License-Identifier: Apache-2.0
"""Known answer of attestations of YubiKeys: a chain made as Yubico makes its own, under an authority that is trusted for this alone."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from ceremony.core import attestation
from ceremony.core.attestation import Authorities, Pin
from ceremony.core.attestation.certificates import Certificate
from ceremony.core.firmware import Firmware
from ceremony.core.known_answers.answer import Answer, same
from ceremony.core.known_answers.metadata_values import AUTHORITY, DEVICE, STATEMENT

_AT = datetime(2026, 11, 19, 9, tzinfo=UTC)
_NAME = "Known Answer Root"
_ANY = (Firmware(4, 3, 0), Firmware(255, 255, 255))


def _attested(statement: bytes, device: bytes, authority: bytes) -> None:
    pin = Pin(_NAME, hashlib.sha256(AUTHORITY).hexdigest(), firmware=_ANY)
    same(hashlib.sha256(authority).hexdigest(), pin.sha256)  # which is how a pinned authority is told
    authorities = Authorities((pin,), {_NAME: Certificate.read(authority, _NAME)})
    found = attestation.verify_attestation(statement, device, authorities, at=_AT)
    same((found.serial, found.slot, found.firmware), (13078778, "9c", Firmware(5, 7, 4)))


ANSWERS = (
    Answer("attestation of a YubiKey", "RFC 5280", _attested, (STATEMENT, DEVICE, AUTHORITY), ((DEVICE, STATEMENT, AUTHORITY),)),
)
