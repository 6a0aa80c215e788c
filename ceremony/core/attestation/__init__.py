# SPDX-License-Identifier: Apache-2.0
"""YubiKey PIV attestation, verified offline: which key, made on which device, under which policies.

A YubiKey signs, with the key that Yubico put into slot F9, a certificate over a
key that was made in another slot: the *statement*. It chains over the *device
certificate* (slot F9) to one of Yubico's roots, whose fingerprints are pinned in
`authorities`. The chain proves a genuine device; only the signed serial names
which one, because devices share F9 keys.

A statement has no time and no nonce: that the key was made in this ceremony
follows from the slot shown empty before and a challenge signed after, which are
for the steps. It says nothing of PINs either, nor of which slot held the key
before (from firmware 5.7 keys can be moved). What the firmware may be used for is
in `ceremony.core.firmware`.

- `certificates`  one certificate, read strictly, and one link of a chain (RFC 5280)
- `pins`          whose certificates are trusted, by fingerprint
- `authorities`   the certificates that a site brings
- `record`        how the log and the evidence hold it
- `statement`     what the statement says (Yubico's OIDs 1.3.6.1.4.1.41482.3.x)
"""

from __future__ import annotations

from datetime import datetime

from ceremony.core.attestation.authorities import Authorities
from ceremony.core.attestation.certificates import DEVICE, STATEMENT, Certificate, check_link
from ceremony.core.attestation.pins import PINS, Pin, practice_pins
from ceremony.core.attestation.record import attested_json, from_pem, to_pem
from ceremony.core.attestation.statement import (
    Attested,
    FormFactor,
    PinPolicy,
    TouchPolicy,
    check_binding,
    read_statement,
)

__all__ = [
    "PINS",
    "Attested",
    "Authorities",
    "FormFactor",
    "Pin",
    "PinPolicy",
    "TouchPolicy",
    "attested_json",
    "check_binding",
    "from_pem",
    "practice_pins",
    "to_pem",
    "verify_attestation",
]


def verify_attestation(statement: bytes, device: bytes, authorities: Authorities, *, at: datetime) -> Attested:
    """Return what a verified attestation says.

    `statement` and `device` are DER certificates, as the token gives them (ATTEST, and slot F9); `at` is the aware time
    at which every certificate of the chain must be valid: that of the ceremony, however much later this is checked.

    Raises VerificationError, naming the certificate, for bytes that are no such certificate, a link that does not hold,
    an authority that is not pinned, a time outside of a certificate's, and a statement that does not say what it must.
    """
    leaf = Certificate.read(statement, STATEMENT)
    f9 = Certificate.read(device, DEVICE)
    pins = authorities.path(f9)
    path = (leaf, f9, *(authorities.certificate(pin) for pin in pins))
    # From the root down: what is named is the first certificate that nobody vouches for.
    for below in reversed(range(len(path) - 1)):
        check_link(path[below], path[below + 1], below=below)
    for certificate in path:
        certificate.check_time(at)
    return read_statement(leaf, f9, pins)
