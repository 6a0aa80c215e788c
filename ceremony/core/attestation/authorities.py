# SPDX-License-Identifier: Apache-2.0
"""The authorities that YubiKeys are attested under: pinned here, brought by the site as files.

A certificate of the site's files counts only when its SHA-256 is one of `PINS`.
The files that Yubico publishes hold authorities for FIDO, OpenPGP and others too;
those are left alone, and nothing chains to them. An F9 certificate that the owner
put in place of Yubico's leads to no pin, and is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

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
_REFUSED = {
    "Yubico PIV Preview CA": "it is a preview device",
    "Yubico U2F Root CA Serial 457200631": "it is a YubiKey 4 from before the PIV root",
}


@dataclass(frozen=True, slots=True)
class Authorities:
    """The pinned authorities whose certificates the site brought."""

    pins: tuple[Pin, ...]
    certificates: Mapping[str, Certificate]
    """By the pin's name."""

    @classmethod
    def read(cls, files: Mapping[str, bytes], pins: tuple[Pin, ...] = PINS) -> Authorities:
        """Return the authorities of PEM files, by file name.

        Raises VerificationError, naming the file, when one is not PEM certificates, when a certificate bears a pinned name
        and is another, and when no pinned root is among them.
        """
        by_digest, names = {pin.sha256: pin for pin in pins}, {pin.name for pin in pins}
        found: dict[str, Certificate] = {}
        for file, text in files.items():
            for name, der in pem_certificates(text, file):
                digest = hashlib.sha256(der).hexdigest()
                if digest in by_digest:
                    pin = by_digest[digest]
                    found[pin.name] = Certificate.read(der, pin.name)
                elif name in names:
                    raise VerificationError(
                        file,
                        f"the certificate {name!r} has SHA-256 {digest}, which is not the pinned one",
                        hint="take the file from developers.yubico.com/PKI again",
                    )
        if not any(pin.name in found and not pin.issuer for pin in pins):
            raise VerificationError(
                ", ".join(files) or "yubico-roots",
                "none of the pinned Yubico roots is there",
                hint="bring the files of developers.yubico.com/PKI: " + ", ".join(pin.name for pin in pins if not pin.issuer),
            )
        return cls(pins, found)

    def path(self, device: Certificate) -> tuple[Pin, ...]:
        """Return the authorities above a device's certificate, its issuer first, by name alone.

        Raises VerificationError when the issuer is not pinned, or does not certify devices.
        """
        by_name = {pin.name: pin for pin in self.pins}
        pin = by_name.get(device.issuer.common_name)
        if pin is None or pin.firmware is None:
            why = _REFUSED.get(
                device.issuer.common_name, "the certificate in slot F9 is not the one that Yubico put there, or is newer"
            )
            raise VerificationError(
                device.label,
                f"was issued by {device.issuer.text!r}, which is no pinned authority for PIV devices; {why}",
                hint="use another token; this one's keys cannot be attested",
            )
        path = [pin]
        while path[-1].issuer:
            path.append(by_name[path[-1].issuer])
        return tuple(path)

    def certificate(self, pin: Pin) -> Certificate:
        """Return the certificate of a pinned authority; raises VerificationError when the site did not bring it."""
        if pin.name not in self.certificates:
            raise VerificationError(
                pin.name,
                "is not among the certificates that the site brings",
                hint="bring the files of developers.yubico.com/PKI, the intermediates too",
            )
        return self.certificates[pin.name]
