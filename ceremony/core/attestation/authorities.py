# SPDX-License-Identifier: Apache-2.0
"""The authorities that YubiKeys are attested under: pinned in `pins`, brought by the site as files.

A certificate of the site's files counts only when its SHA-256 is that of a pin.
The files that Yubico publishes hold authorities for FIDO, OpenPGP and others too;
those are left alone, and nothing chains to them. An F9 certificate that the owner
put in place of Yubico's leads to no pin, and is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.serialization import Encoding

from ceremony.core.attestation.certificates import Certificate, pem_certificates
from ceremony.core.attestation.pins import PINS, REFUSED, Pin, practice_pins
from ceremony.core.attestation.statement import Attested
from ceremony.core.plan import Mode
from ceremony.errors import VerificationError


@dataclass(frozen=True, slots=True)
class Authorities:
    """The pinned authorities whose certificates the site brought."""

    pins: tuple[Pin, ...]
    certificates: Mapping[str, Certificate]
    """By the pin's name."""

    @classmethod
    def of_site(cls, files: Mapping[str, bytes], mode: Mode) -> Authorities:
        """Return the authorities of a site's PEM files: Yubico's; in practice also others that the files bring.

        Raises VerificationError as `read` does.
        """
        return cls.read(files, practice_pins(files) if mode is Mode.PRACTICE else PINS)

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
            why = REFUSED.get(
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

    def pinned(self, attested: Attested) -> bool:
        """Return whether every authority above a device is one of Yubico's `PINS`; False for one that only a practice takes."""
        yubico = {pin.sha256 for pin in PINS}
        return all(hashlib.sha256(self.certificates[name].der).hexdigest() in yubico for name in attested.authorities)

    def chain_pem(self, attested: Attested) -> bytes:
        """Return the certificates above a device certificate as PEM, its issuer first, the root last."""
        return b"".join(self.certificates[name].parsed.public_bytes(Encoding.PEM) for name in attested.authorities)
