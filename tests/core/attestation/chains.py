# SPDX-License-Identifier: Apache-2.0
"""Attestations of our own making: Yubico's chain, old and new, under a root that a test pins.

Everything is as a YubiKey does it unless the test says otherwise, by name: a test
shows one thing that is wrong, in a chain that is right and signed. `YUBICO` and
`DEVICES` are the real ones, read where they are kept beside the checkout.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID, ObjectIdentifier

from ceremony.core.attestation import Attested, Authorities, Pin, verify_attestation
from ceremony.core.firmware import Firmware
from ceremony.errors import VerificationError

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"
AT = datetime(2026, 11, 19, 9, 0, tzinfo=UTC)
START, END = datetime(2016, 3, 14, tzinfo=UTC), datetime(2052, 4, 17, tzinfo=UTC)
EVERY = (Firmware(4, 3, 0), Firmware(255, 255, 255))
STATEMENT = {"3": "050704", "7": "020400c790fa", "8": "0302", "9": "03"}
CA = x509.BasicConstraints(ca=True, path_length=None)


def der(pem: bytes) -> bytes:
    """Return the DER of one PEM certificate."""
    return x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)


def pem(der: bytes) -> bytes:
    """Return one DER certificate as PEM."""
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)


@cache
def real(serial: int) -> tuple[bytes, bytes]:
    """Return the statement and the device certificate of a physical YubiKey, DER."""
    folder = DATA / "attestations"
    return der((folder / f"{serial}_key_cert.pem").read_bytes()), der((folder / f"{serial}_device_cert.pem").read_bytes())


@cache
def yubico_files() -> dict[str, bytes]:
    """Return the PEM files that Yubico publishes, by name."""
    return {path.name: path.read_bytes() for path in sorted((DATA / "yubico").glob("*.pem"))}


@cache
def yubico() -> Authorities:
    """Return Yubico's authorities."""
    return Authorities.read(yubico_files())


@cache
def key(name: str) -> Any:
    """Return a private key that is the same for the same name: `rsa-2048 f9`, `p256 root`."""
    kind = name.split(maxsplit=1)[0]
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind.removeprefix("rsa-")))
    return ec.generate_private_key({"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}[kind])


def named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


@dataclass(frozen=True)
class Link:
    """One certificate to be made."""

    name: str
    key: str
    constraints: x509.BasicConstraints | None = CA
    yubico: dict[str, str] = field(default_factory=dict)
    subject: x509.Name | None = None
    issuer: str = ""
    """Empty for the one above it."""
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = ()
    digest: hashes.HashAlgorithm = field(default_factory=hashes.SHA256)
    start: datetime = START
    end: datetime = END
    public: Any = None
    """The public key that it certifies; None for that of `key`."""

    def made(self, above: Link) -> bytes:
        """Return the certificate, issued by `above`, DER."""
        builder = x509.CertificateBuilder(
            named(self.issuer or above.name), named(self.name) if self.subject is None else self.subject
        )
        public = self.public or key(self.key).public_key()
        builder = builder.public_key(public).serial_number(4711)
        builder = builder.not_valid_before(self.start).not_valid_after(self.end)
        for arc, value in self.yubico.items():
            oid = ObjectIdentifier(f"1.3.6.1.4.1.41482.3.{arc}")
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, bytes.fromhex(value)), critical=False)
        if self.constraints is not None:
            builder = builder.add_extension(self.constraints, critical=True)
        for extension, critical in self.extensions:
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(key(above.key), self.digest).public_bytes(serialization.Encoding.DER)


@dataclass(frozen=True)
class Chain:
    """A statement, the device certificate, and the authorities from the device's issuer up to the root."""

    statement: Link = Link("YubiKey PIV Attestation 9c", "p256 root key", None, STATEMENT)
    device: Link = Link("Yubico PIV Attestation", "p256 f9", x509.BasicConstraints(ca=True, path_length=0), {"3": "050704"})
    authorities: tuple[Link, ...] = (
        Link("Test PIV Attestation A 1", "p256 piv", x509.BasicConstraints(ca=True, path_length=1)),
        Link("Test Intermediate A 1", "rsa-2048 intermediate", x509.BasicConstraints(ca=True, path_length=2)),
        Link("Test Root 1", "rsa-2048 root", x509.BasicConstraints(ca=True, path_length=3), digest=hashes.SHA512()),
    )
    firmware: tuple[Firmware, Firmware] = EVERY

    def says(self, **values: str | None) -> Chain:
        """Return the chain with other extensions in the statement: `_7="0201ff"`, None for none."""
        changed = {**self.statement.yubico, **{arc.removeprefix("_"): value for arc, value in values.items()}}
        return self.states(yubico={arc: value for arc, value in changed.items() if value is not None})

    def states(self, **values: Any) -> Chain:
        """Return the chain with another statement."""
        return replace(self, statement=replace(self.statement, **values))

    def on(self, **values: Any) -> Chain:
        """Return the chain with another device certificate."""
        return replace(self, device=replace(self.device, **values))

    def under(self, place: int, **values: Any) -> Chain:
        """Return the chain with another authority; 0 is the device's issuer."""
        links = list(self.authorities)
        links[place] = replace(links[place], **values)
        return replace(self, authorities=tuple(links))

    def built(self) -> tuple[bytes, bytes, Authorities]:
        """Return the statement and the device certificate, DER, and the authorities, its own root pinned."""
        links = [self.statement, self.device, *self.authorities, self.authorities[-1]]
        statement, device, *above = [link.made(over) for link, over in pairwise(links)]
        names = [*(link.name for link in self.authorities), ""]
        pins = tuple(
            Pin(name, hashlib.sha256(made).hexdigest(), issuer, None if place else self.firmware)
            for place, ((name, issuer), made) in enumerate(zip(pairwise(names), above, strict=True))
        )
        return statement, device, Authorities.read({"authorities.pem": b"".join(map(pem, above))}, pins)

    def verify(self, at: datetime = AT) -> Attested:
        """Return what verification says of it."""
        return verify_attestation(*self.built(), at=at)


NEW = Chain()
"""As from firmware 5.7.4."""
OLD = Chain(
    device=replace(NEW.device, key="rsa-2048 f9"),
    authorities=(Link("Test PIV Root", "rsa-2048 root", x509.BasicConstraints(ca=True, path_length=1)),),
)
"""As up to firmware 5.7.3."""


def refused(chain: Chain, message: str, at: datetime = AT) -> None:
    """Check that verification refuses the chain, with that message and a hint."""
    with pytest.raises(VerificationError, match=message) as said:
        chain.verify(at)
    assert said.value.hint
