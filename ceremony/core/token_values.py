# SPDX-License-Identifier: Apache-2.0
"""The values that pass through the token ports: what names a token, its keys, and how a YubiKey stands."""

from __future__ import annotations

from dataclasses import dataclass

from ceremony.core.keys import Algorithm, PublicKey


@dataclass(frozen=True, slots=True)
class TokenIdentity:
    """What names a device: its serial above all."""

    name: str
    """The plan's name for it."""
    kind: str
    """`pkcs11` or `yubikey`."""
    serial: str
    manufacturer: str
    model: str
    firmware: str
    label: str
    software: bool
    """A token made of files: good for practice, refused in production."""
    module: str = ""
    """Path of the PKCS#11 module; empty for a YubiKey."""
    module_sha256: str = ""
    form_factor: str = ""
    """YubiKey: what the device looks like, as attestations name it (`USB-C keychain`)."""
    fips: bool = False
    """YubiKey: of the FIPS series, as the device itself says."""
    slot: str = ""
    """YubiKey: the PIV slot that the site names, two hex digits (`9c`)."""


@dataclass(frozen=True, slots=True)
class PinState:
    """What the token tells of its PIN before anyone tries one."""

    retries_left: int | None
    """None where the token does not tell."""
    locked: bool
    initialised: bool = True


@dataclass(frozen=True, slots=True)
class KeyAttributes:
    """What was read back from a private key after it was made (PKCS#11 v2.40, section 4.9)."""

    local: bool
    sensitive: bool
    extractable: bool
    always_sensitive: bool
    never_extractable: bool


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """A key to be made on a token."""

    label: str
    key_id: bytes
    """CKA_ID: says which ceremony made it, so that a resumed one knows its own."""
    algorithm: Algorithm
    extractable: bool
    """True only for custody `token-wrapped`, until the key is locked."""
    pin_policy: str = "always"
    touch_policy: str = "cached"


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A private key on a token, found by its label and id, with its public half."""

    label: str
    """On a YubiKey, where keys have no labels: the slot."""
    key_id: bytes
    """CKA_ID; on a YubiKey, which keeps none, empty: only the log tells whose key it is."""
    public: PublicKey
    attributes: KeyAttributes | None
    """None on a YubiKey: what PKCS#11 says of its keys proves nothing, only an attestation does."""
    touch_policy: str = "never"
    """Whether a signature waits for a finger: `never`, `cached` (a touch holds for 15 seconds) or `always`."""


@dataclass(frozen=True, slots=True)
class Tries:
    """How a YubiKey's PIN or PUK stands, as it tells without being asked to check one (GET METADATA)."""

    factory: bool
    """It is still the value that it left the factory with."""
    left: int
    total: int


@dataclass(frozen=True, slots=True)
class SlotKey:
    """A key in one of a YubiKey's slots, as the device tells; unsigned, so no evidence."""

    slot: str
    """Two hex digits."""
    algorithm: str
    """As Yubico names it: `ECCP256`, `RSA2048`, ..."""
    origin: str
    """`generated` or `imported`."""
    pin_policy: str
    touch_policy: str
    public_sha256: str
    """Over the DER SubjectPublicKeyInfo, hex."""


@dataclass(frozen=True, slots=True)
class PivStanding:
    """What a YubiKey's PIV application holds, and what protects it."""

    pin: Tries
    puk: Tries
    management_key: str
    """Its algorithm: `TDES`, `AES128`, `AES192` or `AES256`."""
    management_key_factory: bool
    keys: tuple[SlotKey, ...]
    """Every key but the attestation key of slot F9, by slot."""
    certificates: tuple[str, ...]
    """The slots that hold a certificate, which may have no key."""

    @property
    def factory(self) -> tuple[str, ...]:
        """What still has its factory value, in words: some of `PIN`, `PUK`, `management key`."""
        found = {"PIN": self.pin.factory, "PUK": self.puk.factory, "management key": self.management_key_factory}
        return tuple(name for name, factory in found.items() if factory)

    @property
    def occupied(self) -> tuple[str, ...]:
        """The slots that hold a key or a certificate, sorted."""
        return tuple(sorted({*(key.slot for key in self.keys), *self.certificates}))


@dataclass(frozen=True, slots=True)
class Attestation:
    """What a YubiKey signs over a key that it made; both are DER certificates, not yet verified."""

    statement: bytes
    """Over the key, by the device's attestation key."""
    device: bytes
    """The certificate of slot F9."""
