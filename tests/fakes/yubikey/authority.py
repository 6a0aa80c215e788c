# SPDX-License-Identifier: Apache-2.0
"""The authority that virtual YubiKeys are attested under: Yubico's chain and extensions, under a root of our own.

authority = Authority()                 # root -> F9 -> statement; `Authority(between=2)` has two more, as from firmware 5.7.4
card = VirtualYubiKey(serial=1, authority=authority)
(folder / "virtual.pem").write_bytes(authority.pem)
Authorities.read({"virtual.pem": authority.pem}, authority.pins)      # ceremony.core.attestation

Devices of one authority, firmware and series share their F9 key, as real batches do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID, ObjectIdentifier

from ceremony.core.attestation import Pin
from ceremony.core.firmware import Firmware
from tests.fakes.yubikey.keys import SlotKey, rsa_key
from tests.fakes.yubikey.management import Model

NAME = "Virtual YubiKey CA, tests only"
START, END = datetime(2016, 3, 14, tzinfo=UTC), datetime(2052, 4, 17, tzinfo=UTC)
_ARC = "1.3.6.1.4.1.41482.3"
_DEVICE = "Yubico PIV Attestation"
_EVERY = (Firmware(4, 3, 0), Firmware(255, 255, 255))
NEW_CHAIN = Firmware(5, 7, 4)
"""From here on Yubico's F9 keys are P-256; they were RSA-2048."""

IssuerKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Link:
    """A certificate and its private key."""

    private: IssuerKey
    certificate: x509.Certificate


def _name(common_name: str) -> x509.Name:
    # Nothing but a common name, as in Yubico's certificates.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(subject: str, issuer: x509.Name, extensions: dict[str, bytes]) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(issuer, _name(subject)).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(START).not_valid_after(END)
    for arc, value in extensions.items():
        builder = builder.add_extension(x509.UnrecognizedExtension(ObjectIdentifier(f"{_ARC}.{arc}"), value), critical=False)
    return builder


def _authority(subject: str, private: IssuerKey, above: Link | None, length: int, extensions: dict[str, bytes]) -> Link:
    builder = _builder(subject, above.certificate.subject if above else _name(subject), extensions)
    builder = builder.public_key(private.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=length), critical=True)
    return Link(private, builder.sign(above.private if above else private, hashes.SHA256()))


@dataclass
class Authority:
    """A root, the authorities between it and the devices, and the F9 keys that were issued."""

    name: str = NAME
    between: int = 0
    links: list[Link] = field(default_factory=list, init=False)
    """The root first."""
    _devices: dict[tuple[Firmware, bool], Link] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        above = None
        for place in range(self.between + 1):
            subject = self.name if place == 0 else f"{self.name}, {place}"
            above = _authority(subject, ec.generate_private_key(ec.SECP256R1()), above, self.between + 1 - place, {})
            self.links.append(above)

    @property
    def certificates(self) -> list[x509.Certificate]:
        """The authorities, the devices' issuer first, the root last."""
        return [link.certificate for link in reversed(self.links)]

    @property
    def pem(self) -> bytes:
        """The same as PEM: what a site's `yubico-roots` takes."""
        return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in self.certificates)

    @property
    def root_pem(self) -> bytes:
        """The root alone as PEM."""
        return self.certificates[-1].public_bytes(serialization.Encoding.PEM)

    @property
    def pins(self) -> tuple[Pin, ...]:
        """What pins this authority, for `ceremony.core.attestation`."""
        names = [str(one.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value) for one in self.certificates]
        issued = zip(names, [*names[1:], ""], self.certificates, strict=True)
        return tuple(
            Pin(name, one.fingerprint(hashes.SHA256()).hex(), issuer, None if place else _EVERY)
            for place, (name, issuer, one) in enumerate(issued)
        )

    def device(self, firmware: Firmware, *, fips: bool) -> Link:
        """Return the F9 key and certificate of devices of that firmware and series."""
        wanted = firmware, fips
        if wanted not in self._devices:
            new = firmware >= NEW_CHAIN
            private = ec.generate_private_key(ec.SECP256R1()) if new else rsa_key(2048, self.name, 0xF9)
            extensions = {"3": bytes([firmware.major, firmware.minor, firmware.patch])} | (
                {"10": b"\x03\x02\x00\x03"} if fips else {}
            )
            self._devices[wanted] = _authority(_DEVICE, private, self.links[-1], 0, extensions)
        return self._devices[wanted]


def statement(slot: int, key: SlotKey, device: Link, model: Model) -> bytes:
    """Return the DER certificate by which a device attests the key in a slot (Yubico's "PIV attestation")."""
    number = model.serial.to_bytes(model.serial.bit_length() // 8 + 1)
    extensions = {
        "3": model.version,
        "7": bytes([0x02, len(number)]) + number,
        "8": bytes([key.pin_policy, key.touch_policy]),
        "9": bytes([model.form_byte]),
    }
    builder = _builder(f"YubiKey PIV Attestation {slot:02x}", device.certificate.subject, extensions)
    signed = builder.public_key(key.private.public_key()).sign(device.private, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.DER)
