# SPDX-License-Identifier: Apache-2.0
"""What an attestation statement says, and whether that is what the plan and the device say.

Yubico's "PIV attestation": the subject names the slot, extensions under
1.3.6.1.4.1.41482.3 the firmware (.3), serial (.7), PIN and touch policy (.8) and
form factor (.9); the FIPS (.10) and CSPN (.11) certifications stand in the device
certificate only. Statements of firmware below 5.0 may lack serial and form factor.
The chain is checked before anything here is believed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ceremony.core.attestation.certificates import STATEMENT, Certificate
from ceremony.core.attestation.pins import Pin
from ceremony.core.firmware import Firmware, Series
from ceremony.core.keys import PublicKey, from_crypto
from ceremony.errors import VerificationError

_FIRMWARE, _SERIAL, _POLICIES, _FORM, _FIPS, _CSPN = "3", "7", "8", "9", "10", "11"
_FIPS_BIT = 0x80
_SUBJECT = re.compile("YubiKey PIV Attestation (9[acde]|8[2-9a-f]|9[0-5])")
_HINT = "the key is not attested as it must be; do not use it"


class PinPolicy(StrEnum):
    """When the token wants its PIN; the value is the word of the plan."""

    NEVER = "never"
    ONCE = "once"
    ALWAYS = "always"
    MATCH_ONCE = "match-once"
    """A fingerprint or the PIN (Bio series)."""
    MATCH_ALWAYS = "match-always"


class TouchPolicy(StrEnum):
    """When the token wants a finger; the value is the word of the plan."""

    NEVER = "never"
    ALWAYS = "always"
    CACHED = "cached"
    """One touch holds for 15 seconds."""


class FormFactor(StrEnum):
    """What the device looks like."""

    USB_A_KEYCHAIN = "USB-A keychain"
    USB_A_NANO = "USB-A nano"
    USB_C_KEYCHAIN = "USB-C keychain"
    USB_C_NANO = "USB-C nano"
    USB_C_LIGHTNING = "USB-C and Lightning"
    USB_A_BIO = "USB-A Bio"
    USB_C_BIO = "USB-C Bio"


# The byte is the place in the enumeration, from 1.
_PIN_POLICIES, _TOUCH_POLICIES, _FORMS = (
    dict(enumerate(PinPolicy, 1)),
    dict(enumerate(TouchPolicy, 1)),
    dict(enumerate(FormFactor, 1)),
)


@dataclass(frozen=True, slots=True)
class Attested:
    """What a verified attestation says of a key."""

    public: PublicKey
    slot: str
    """PIV slot, two hex digits: `9c`."""
    serial: int | None
    """None only below firmware 5.0; such a statement names no device."""
    firmware: Firmware
    pin_policy: PinPolicy
    touch_policy: TouchPolicy
    form_factor: FormFactor | None
    """None only below firmware 5.0."""
    fips_series: bool
    """The statement's form factor says so."""
    fips_certified: bool
    """The device certificate says so."""
    cspn_certified: bool
    authorities: tuple[str, ...]
    """The names of the chain above the device certificate, its issuer first, the root last."""

    @property
    def made_on_device(self) -> bool:
        """True: a YubiKey attests no key that was imported, so that a verified statement is this proof."""
        return True

    @property
    def series(self) -> Series:
        """The series, as the firmware policy tells them apart."""
        if self.form_factor in {FormFactor.USB_A_BIO, FormFactor.USB_C_BIO}:
            return Series.BIO
        return Series.FIPS if self.fips_series or self.fips_certified else Series.STANDARD


def read_statement(leaf: Certificate, device: Certificate, pins: Sequence[Pin]) -> Attested:
    """Return what a statement says whose chain (`device`, then `pins`) was verified.

    Raises VerificationError, saying which part, when something is missing, not one of its known values, or at odds with the
    device certificate or with the authority.
    """
    if leaf.ca:
        raise _fault("is an authority's certificate, not one over a key")
    subject = _SUBJECT.fullmatch(leaf.subject.common_name)
    if subject is None:
        raise _fault(f"its subject {leaf.subject.text!r} names no PIV slot")
    firmware = _firmware(leaf)
    _check_firmware(firmware, device, pins[0])
    pin_policy, touch_policy = _policies(leaf)
    form, fips_series = _form_factor(leaf, firmware)
    return Attested(
        public=_public(leaf),
        slot=subject[1],
        serial=_serial(leaf, firmware),
        firmware=firmware,
        pin_policy=pin_policy,
        touch_policy=touch_policy,
        form_factor=form,
        fips_series=fips_series,
        fips_certified=_FIPS in device.yubico,
        cspn_certified=_CSPN in device.yubico,
        authorities=tuple(pin.name for pin in pins),
    )


def check_binding(
    attested: Attested, *, public: PublicKey, serial: int, slot: str, firmware: Firmware, pin_policy: str, touch_policy: str
) -> None:
    """Check that the attestation is of this key, this device and these policies.

    `serial` and `firmware` are what the device itself tells, `public` what it gave when it made the key, the rest is what
    the plan and the site ask for. Raises VerificationError that names the first difference.
    """
    if attested.serial is None:
        raise _fault(f"names no serial, so that it is not shown to be of YubiKey {serial}")
    pairs = (
        ("serial", attested.serial, serial),
        ("slot", attested.slot, slot),
        ("public key", attested.public.sha256, public.sha256),
        ("firmware", attested.firmware, firmware),
        ("PIN policy", attested.pin_policy, pin_policy),
        ("touch policy", attested.touch_policy, touch_policy),
    )
    for what, attests, expected in pairs:
        if attests != expected:
            raise _fault(f"its {what} is {attests}, not {expected}")


def _public(leaf: Certificate) -> PublicKey:
    try:
        return from_crypto(leaf.key)
    except VerificationError as error:
        raise VerificationError(STATEMENT, f"its {error.message}", hint=error.hint) from error


def _firmware(certificate: Certificate) -> Firmware:
    value = certificate.yubico.get(_FIRMWARE, b"")
    if len(value) != 3:
        raise VerificationError(certificate.label, f"its firmware is not three bytes but {_shown(value)}", hint=_HINT)
    return Firmware(*value)


def _check_firmware(firmware: Firmware, device: Certificate, issuer: Pin) -> None:
    """Check the firmware against what Yubico signed: who breaks into one old device's F9 key cannot attest for new ones."""
    if _FIRMWARE in device.yubico and _firmware(device) != firmware:
        raise _fault(f"its firmware is {firmware}, and that of the device certificate {_firmware(device)}")
    if not issuer.certifies(firmware):
        raise _fault(f"its firmware is {firmware}, which {issuer.name} does not certify")


def _serial(leaf: Certificate, firmware: Firmware) -> int | None:
    value = leaf.yubico.get(_SERIAL)
    if value is None:
        _only_before_5(firmware, "serial")
        return None
    # X.690, section 8.3: an INTEGER, which may be as wide as the chip writes it. No serial is zero or negative.
    serial = int.from_bytes(value[2:], signed=True)
    if value[:2] != bytes([0x02, len(value) - 2 & 0xFF]) or not 3 <= len(value) <= 7 or serial <= 0:
        raise _fault(f"its serial is not a positive INTEGER but {_shown(value)}")
    return serial


def _policies(leaf: Certificate) -> tuple[PinPolicy, TouchPolicy]:
    value = leaf.yubico.get(_POLICIES, b"")
    if len(value) != 2:
        raise _fault(f"its PIN and touch policy are not two bytes but {_shown(value)}")
    if value[0] not in _PIN_POLICIES:
        raise _fault(f"its PIN policy is 0x{value[0]:02x}, which is not known")
    if value[1] not in _TOUCH_POLICIES:
        raise _fault(f"its touch policy is 0x{value[1]:02x}, which is not known")
    return _PIN_POLICIES[value[0]], _TOUCH_POLICIES[value[1]]


def _form_factor(leaf: Certificate, firmware: Firmware) -> tuple[FormFactor | None, bool]:
    value = leaf.yubico.get(_FORM)
    if value is None:
        _only_before_5(firmware, "form factor")
        return None, False
    if len(value) != 1 or value[0] & ~_FIPS_BIT not in _FORMS:
        raise _fault(f"its form factor is {_shown(value)}, which is not known")
    return _FORMS[value[0] & ~_FIPS_BIT], bool(value[0] & _FIPS_BIT)


def _only_before_5(firmware: Firmware, what: str) -> None:
    if firmware >= Firmware(5, 0, 0):
        raise _fault(f"names no {what}, which firmware {firmware} would")


def _shown(value: bytes) -> str:
    return value[:16].hex() or "nothing"


def _fault(what: str) -> VerificationError:
    return VerificationError(STATEMENT, what, hint=_HINT)
