# SPDX-License-Identifier: Apache-2.0
"""Whose certificates are trusted to attest YubiKeys: Yubico's, pinned by fingerprint, and nobody else's in a production.

A practice ceremony takes the other authorities of the site's files too
(`practice_pins`), so that a virtual YubiKey with an authority of its own can be
rehearsed with. What it attests is told to be not Yubico's, and no production
takes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ceremony.core.attestation.certificates import Certificate, pem_certificates
from ceremony.core.firmware import Firmware
from ceremony.errors import VerificationError


@dataclass(frozen=True, slots=True)
class Pin:
    """An authority that is trusted, by the fingerprint of its certificate."""

    name: str
    """The common name in its certificate."""
    sha256: str
    """Of the DER certificate, hex, lower case."""
    issuer: str = ""
    """The pin's name that issued it; empty for a root."""
    firmware: tuple[Firmware, Firmware] | None = None
    """The first and last firmware of the devices that it certifies; None for one that certifies no devices."""

    def certifies(self, firmware: Firmware) -> bool:
        """Return whether devices of that firmware have their certificates from this authority."""
        return self.firmware is not None and self.firmware[0] <= firmware <= self.firmware[1]


_OLD = (Firmware(4, 3, 0), Firmware(5, 7, 3))
_NEW = (Firmware(5, 7, 4), Firmware(255, 255, 255))
_ANY = (Firmware(0, 0, 0), Firmware(255, 255, 255))

PINS: tuple[Pin, ...] = (
    # developers.yubico.com/PKI/yubico-piv-ca-1.pem, valid 2016-03-14 to 2052-04-17: devices up to firmware 5.7.3.
    Pin(
        "Yubico PIV Root CA Serial 263751",
        "63ece914e54dd87915f34033c85af4c0696ba1512f8add66ced738331207b546",
        firmware=_OLD,
    ),
    # developers.yubico.com/PKI/yubico-ca-1.pem, valid from 2024-12-01, without end: devices from firmware 5.7.4.
    Pin("Yubico Attestation Root 1", "62760c6a6ef91679f454c8902b80fd009825b3f25da90f1fbace2ec6586cd5a8"),
    # developers.yubico.com/PKI/yubico-intermediate.pem, those of its certificates that PIV chains pass through; their
    # fingerprints were computed from that file, and each is signed by the one that it names.
    Pin(
        "Yubico Attestation Intermediate A 1",
        "4698a1d3389c3ec60016c216250f1d0439922832d65142327436376dc2942b55",
        "Yubico Attestation Root 1",
    ),
    Pin(
        "Yubico Attestation Intermediate B 1",
        "d4cc3f456fdaf4e7812a21aab1dfe9d8e27d24e2fd2d6f21c9940109f0daa754",
        "Yubico Attestation Root 1",
    ),
    Pin(
        "Yubico PIV Attestation A 1",
        "6de693f05376f5d8ca29069261e1c8626c75d503bd2edbfd75354cad1f722870",
        "Yubico Attestation Intermediate A 1",
        _NEW,
    ),
    Pin(
        "Yubico PIV Attestation B 1",
        "2d55b7998f4e42569d6d8fa382b6dc77d1dacf07358b19701163892922b17052",
        "Yubico Attestation Intermediate B 1",
        _NEW,
    ),
    Pin(
        "Yubico PIV Attestation B2 1",
        "0c90b7d184a36edf50a35f9be935f0c5689bfdcfe5bdd073366cafb49061a440",
        "Yubico Attestation Intermediate B 1",
        _NEW,
    ),
)

# Authorities of Yubico's that attest PIV keys, and are not trusted for it.
REFUSED = {
    "Yubico PIV Preview CA": "it is a preview device",
    "Yubico U2F Root CA Serial 457200631": "it is a YubiKey 4 from before the PIV root",
}
"""Why no device under that name is taken, in a practice neither."""


def practice_pins(files: Mapping[str, bytes]) -> tuple[Pin, ...]:
    """Return `PINS`, and a pin for every other authority of PEM files whose chain ends in one that issued itself.

    A name that is pinned keeps its pin, so that another certificate with that name is still refused; of two
    authorities with one name, the first counts. Raises VerificationError, naming the file, for one that is not PEM
    certificates.
    """
    others: dict[str, Pin] = {}
    for name, certificate in _authorities(files):
        digest = hashlib.sha256(certificate.der).hexdigest()
        others.setdefault(name, Pin(name, digest, certificate.issuer.common_name, _ANY))
    others = {name: replace(pin, issuer="") if pin.issuer == name else pin for name, pin in others.items()}
    rooted = {pin.name for pin in PINS} | {pin.name for pin in others.values() if not pin.issuer}
    # One more certificate of each chain a turn; a ring that leads to no root never gets in.
    while more := {pin.name for pin in others.values() if pin.issuer in rooted} - rooted:
        rooted |= more
    return (*PINS, *(pin for pin in others.values() if pin.name in rooted))


def _authorities(files: Mapping[str, bytes]) -> Iterator[tuple[str, Certificate]]:
    """Yield name and certificate of each authority that is neither pinned nor refused by its name."""
    known = {pin.name for pin in PINS} | REFUSED.keys()
    for file, text in files.items():
        for name, der in pem_certificates(text, file):
            certificate = _understood(der, name) if name and name not in known else None
            # Pins are found by name, so that an issuer without one is nobody's.
            if certificate and certificate.ca and certificate.issuer.common_name:
                yield name, certificate


def _understood(der: bytes, name: str) -> Certificate | None:
    """Return a certificate; None for one that is not for PIV: Yubico's own files hold some with other critical extensions."""
    try:
        return Certificate.read(der, name)
    except VerificationError:
        return None
