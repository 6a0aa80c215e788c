# SPDX-License-Identifier: Apache-2.0
"""What a YubiKey tells, and how it wants to be asked, in our values: pure.

Which device is refused, which key a slot holds (GET METADATA), what a certificate
object looks like (SP 800-73-4, part 1, appendix A), and the blocks that an RSA key
signs (RFC 8017): the card applies no hash and no padding of its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from yubikit.core import TRANSPORT, YUBIKEY, Tlv
from yubikit.management import CAPABILITY, RELEASE_TYPE, DeviceInfo
from yubikit.piv import KEY_TYPE, PIN_POLICY, SLOT, TOUCH_POLICY, SlotMetadata, decompress_certificate
from yubikit.support import get_name

from ceremony.core.attestation import FormFactor
from ceremony.core.firmware import Firmware, Series
from ceremony.core.keys import Algorithm, PublicKey, Scheme, from_crypto
from ceremony.core.ports import SlotKey, TokenIdentity
from ceremony.errors import TokenError, VerificationError

OLDEST = Firmware(5, 3, 0)
"""The first firmware with GET METADATA: before, nobody can tell whether a slot is empty."""
AES_MANAGEMENT = Firmware(5, 4, 2)
"""The first firmware whose management key may be AES."""
NEW_KEYS = Firmware(5, 7, 0)
"""The first firmware with RSA-3072, RSA-4096 and Ed25519."""
_MAJOR = 5

COMMAND_BYTES = 3062
"""The longest command that a YubiKey takes."""
CERTIFICATE_BYTES = COMMAND_BYTES - 7 - 5 - 4 - 9
"""What is left of it for a certificate, beside the command's header, the object's name, its length, and the TLVs in it."""
MESSAGE_BYTES = COMMAND_BYTES - 7 - 4 - 2 - 4
"""What is left of it for a message to sign."""

KEY_TYPES = {
    Algorithm.ECDSA_P256: KEY_TYPE.ECCP256,
    Algorithm.ECDSA_P384: KEY_TYPE.ECCP384,
    Algorithm.RSA_3072: KEY_TYPE.RSA3072,
    Algorithm.RSA_4096: KEY_TYPE.RSA4096,
    Algorithm.ED25519: KEY_TYPE.ED25519,
}
PIN_POLICIES = {"once": PIN_POLICY.ONCE, "always": PIN_POLICY.ALWAYS}
TOUCH_POLICIES = {"never": TOUCH_POLICY.NEVER, "cached": TOUCH_POLICY.CACHED, "always": TOUCH_POLICY.ALWAYS}
SLOTS = tuple(sorted(set(SLOT) - {SLOT.ATTESTATION}))
"""Every slot that holds a key of its owner's."""

_BIO = {FormFactor.USB_A_BIO, FormFactor.USB_C_BIO}
_PREVIEW_NAME = "YubiKey Preview"
_PREVIEW_ISSUER = b"Preview"
# DER of the DigestInfo of a SHA-256, without the digest (RFC 8017, section 9.2, note 1).
_DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
_CERTIFICATE, _CERTIFICATE_INFO, _CHECK = 0x70, 0x71, 0xFE
_PLAIN, _COMPRESSED = 0, 1


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a device's management application tells."""

    serial: int
    """0 where it tells none."""
    firmware: Firmware
    model: str
    form_factor: str
    fips: bool
    preview: bool
    piv: bool
    """PIV is switched on over USB."""

    @property
    def series(self) -> Series:
        """The series, as the firmware policy tells them apart."""
        return Series.BIO if self.form_factor in _BIO else Series.FIPS if self.fips else Series.STANDARD

    def identity(self, name: str, slot: str) -> TokenIdentity:
        """Return what names the token in the port; `name` is the plan's, empty where no plan is involved."""
        return TokenIdentity(
            name=name,
            kind="yubikey",
            serial=str(self.serial),
            manufacturer="Yubico",
            model=self.model,
            firmware=str(self.firmware),
            label=f"YubiKey PIV #{self.serial}",
            software=False,
            form_factor=self.form_factor,
            fips=self.fips,
            slot=slot,
        )


def device_facts(info: DeviceInfo) -> DeviceFacts:
    """Return what a device tells, in our words."""
    model = get_name(info, YUBIKEY.YK4)
    forms = dict(enumerate(FormFactor, 1))
    return DeviceFacts(
        serial=info.serial or 0,
        firmware=Firmware(*info.version),
        model=model,
        form_factor=str(forms.get(info.form_factor, "")),
        fips=info.is_fips,
        preview=info.version_qualifier.type is not RELEASE_TYPE.FINAL or model == _PREVIEW_NAME or info.version.major == 0,
        piv=CAPABILITY.PIV in info.config.enabled_capabilities.get(TRANSPORT.USB, CAPABILITY(0)),
    )


def check_device(who: str, facts: DeviceFacts) -> None:
    """Raise TokenError for a device that is not used: a preview, an unknown generation, an old firmware, PIV switched off."""
    if facts.preview:
        raise _preview(who, f"firmware {facts.firmware}")
    if facts.firmware < OLDEST:
        raise TokenError(
            who,
            f"has firmware {facts.firmware}, which cannot tell whether a slot is empty or a PIN is the factory's",
            hint=f"use a YubiKey with firmware {OLDEST} or later; firmware cannot be updated",
        )
    if facts.firmware.major != _MAJOR:
        raise TokenError(
            who,
            f"has firmware {facts.firmware}, a generation that this program does not know",
            hint=f"use a YubiKey {_MAJOR}, or a release of this program that knows it",
        )
    if not facts.piv:
        raise TokenError(
            who, "has its PIV application switched off over USB", hint="its owner switches it on: ykman config usb --enable PIV"
        )


def check_issuer(who: str, device_certificate: bytes | None) -> None:
    """Raise TokenError when the certificate of slot F9 is of Yubico's authority for previews, whose roots nobody pins."""
    # Names in DER stand there as they are read, and no device for sale has the word anywhere.
    if device_certificate is not None and _PREVIEW_ISSUER in device_certificate:
        raise _preview(who, "its attestation key was issued for one")


def _preview(who: str, sign: str) -> TokenError:
    return TokenError(who, f"is a preview device ({sign})", hint="use a YubiKey that was sold as a finished product")


@dataclass(frozen=True, slots=True)
class SlotFacts:
    """A key in a slot, as GET METADATA tells."""

    slot: str
    algorithm: str
    """As Yubico names it."""
    pin_policy: str
    touch_policy: str
    generated: bool
    spki: bytes
    """DER SubjectPublicKeyInfo; empty for a key of a kind that yubikit does not know."""

    @property
    def shown(self) -> SlotKey:
        """The same as the port shows it."""
        return SlotKey(
            self.slot,
            self.algorithm,
            "generated" if self.generated else "imported",
            self.pin_policy,
            self.touch_policy,
            hashlib.sha256(self.spki).hexdigest() if self.spki else "",
        )

    def public(self, who: str) -> PublicKey:
        """Return the public key; raises TokenError for one that no dialect takes."""
        try:
            return from_crypto(serialization.load_der_public_key(self.spki))
        except (ValueError, VerificationError) as error:
            raise TokenError(
                who,
                f"the key in slot {self.slot} is {self.algorithm}, which no dialect takes",
                hint=f"use one of {', '.join(Algorithm)}",
            ) from error


def slot_facts(slot: SLOT, metadata: bytes) -> SlotFacts:
    """Return the key that GET METADATA describes; raises ValueError, KeyError and IndexError for what makes no sense."""
    fields = Tlv.parse_dict(metadata)
    kind, (pin, touch) = fields[0x01][0], fields[0x02][:2]
    spki = b""
    if kind in set(KEY_TYPE):
        told = SlotMetadata(
            KEY_TYPE(kind), PIN_POLICY.DEFAULT, TOUCH_POLICY.DEFAULT, generated=True, public_key_encoded=fields[0x04]
        )
        form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        spki = told.public_key.public_bytes(*form)
    return SlotFacts(
        slot=f"{slot:02x}",
        algorithm=KEY_TYPE(kind).name if spki else f"0x{kind:02x}",
        pin_policy=PIN_POLICY(pin).name.lower().replace("_", "-"),
        touch_policy=TOUCH_POLICY(touch).name.lower(),
        generated=fields[0x03][0] == 1,
        spki=spki,
    )


def certificate_object(certificate: bytes) -> bytes:
    """Return the data object that holds a DER certificate, not compressed."""
    return bytes(Tlv(_CERTIFICATE, certificate) + Tlv(_CERTIFICATE_INFO, bytes([_PLAIN])) + Tlv(_CHECK))


def certificate_in(data: bytes) -> bytes | None:
    """Return the DER certificate of a data object, None for an empty one; raises ValueError and CommandError for another."""
    if not data:
        return None
    fields = Tlv.parse_dict(data)
    if _CERTIFICATE not in fields:
        raise ValueError("an object without a certificate")
    how = fields.get(_CERTIFICATE_INFO, b"\0")[:1]
    return decompress_certificate(fields[_CERTIFICATE]) if how == bytes([_COMPRESSED]) else fields[_CERTIFICATE]


def block(who: str, algorithm: Algorithm, scheme: Scheme, message: bytes, salt: bytes) -> bytes:
    """Return what the card is given to sign `message`; `salt` is 32 random bytes, for PSS. Raises TokenError for too long a message."""
    data = scheme.prehash(message)
    if algorithm.half:
        # FIPS 186-5, section 6.4.1: the leftmost bits of the digest, as many as the order has.
        return data[: algorithm.half].rjust(algorithm.half, b"\0")
    if scheme is Scheme.RSA_PSS_SHA256:
        return _pss(data, algorithm.bits // 8, salt)
    if scheme is Scheme.RSA_PKCS1_SHA256:
        info = _DIGEST_INFO + data
        return b"\0\x01" + b"\xff" * (algorithm.bits // 8 - len(info) - 3) + b"\0" + info
    if len(data) > MESSAGE_BYTES:
        raise TokenError(
            who,
            f"cannot sign {len(data)} bytes with {algorithm}: a YubiKey takes {MESSAGE_BYTES} at most, and no digest of them",
            hint="choose ecdsa-p256 for this root key",
        )
    return data


def _pss(digest: bytes, size: int, salt: bytes) -> bytes:
    """Return EMSA-PSS with SHA-256 and MGF1-SHA-256 (RFC 8017, section 9.1.1) for a modulus of `size` whole bytes."""
    inner = hashlib.sha256(bytes(8) + digest + salt).digest()
    data = b"\x01".rjust(size - len(salt) - len(inner) - 1, b"\0") + salt
    rounds = -(-len(data) // len(inner))
    mask = b"".join(hashlib.sha256(inner + number.to_bytes(4)).digest() for number in range(rounds))[: len(data)]
    masked = bytes(one ^ other for one, other in zip(data, mask, strict=True))
    return bytes([masked[0] & 0x7F]) + masked[1:] + inner + b"\xbc"
