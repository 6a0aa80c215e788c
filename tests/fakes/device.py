# SPDX-License-Identifier: Apache-2.0
"""The thing that is plugged in, in memory: its keys and PIN, and faults on demand.

They stay when the token is closed, lost or opened again; one opening of it is a
`tests.fakes.token.FakeToken`, of a YubiKey (`kind="yubikey"`) a `tests.fakes.piv.FakeYubiKey`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from ceremony.core.ports import TokenIdentity, TokenKey
from ceremony.core.software_key import SoftwareKey

FACTORY_KEY = bytes.fromhex("0102030405060708" * 3)


@dataclass
class FakeKey:
    """A key in a fake device: what is shown of it, and the key itself."""

    shown: TokenKey
    private: SoftwareKey


@dataclass
class Guarded:
    """A PIN or PUK: its value, and how often it may be wrong."""

    factory: str
    value: str = ""
    total: int = 3
    wrong: int = 0

    def __post_init__(self) -> None:
        self.value = self.value or self.factory

    @property
    def left(self) -> int:
        return max(self.total - self.wrong, 0)

    def reset(self, total: int = 3) -> None:
        """Make it the factory's again."""
        self.value, self.total, self.wrong = self.factory, total, 0


@dataclass
class Slotted:
    """A key in a slot."""

    private: SoftwareKey
    origin: str = "generated"
    pin_policy: str = "always"
    touch_policy: str = "cached"


@dataclass
class Card:
    """The PIV application of a YubiKey; as it leaves the factory, unless a test says otherwise."""

    slot: str = "9c"
    """That the site names."""
    firmware: str = "5.7.4"
    form_factor: str = "USB-C keychain"
    fips: bool = False
    pin: Guarded = field(default_factory=lambda: Guarded("123456"))
    puk: Guarded = field(default_factory=lambda: Guarded("12345678"))
    management_key: bytes = FACTORY_KEY
    management_type: str = "AES192"
    slots: dict[str, Slotted] = field(default_factory=dict)
    certificates: dict[str, bytes] = field(default_factory=dict)
    keeps: set[str] = field(default_factory=set)
    """Methods that say that they did it, and did nothing."""
    attests: dict[str, str] = field(default_factory=dict)
    """What its attestation says otherwise: Yubico's extension → value, hex."""
    touched: list[str] = field(default_factory=list)
    """The touch policy at each signature: what a finger would have been wanted for."""


@dataclass
class Fault:
    """The device goes away at the `call`-th call of `method` (of any method, when empty), before or after it acted."""

    call: int
    method: str = ""
    after: bool = False
    seen: int = 0


@dataclass
class FakeDevice:
    """A device in memory; `software` decides whether production takes it."""

    name: str
    pin: str = "123456"
    serial: str = ""
    software: bool = True
    tries: int = 3
    pin_initialised: bool = True
    keys: list[FakeKey] = field(default_factory=list)
    certificates: list[str] = field(default_factory=list)
    """Labels of objects that are no keys."""
    plugged: bool = True
    absent: bool = False
    """Not put in yet: a rack does not find it."""
    wrong: int = 0
    calls: list[str] = field(default_factory=list)
    """Every call so far, by method."""
    signed: int = 0
    faults: list[Fault] = field(default_factory=list)
    spoiled: set[int] = field(default_factory=set)
    keeps_extractable: bool = False
    kind: str = "pkcs11"
    card: Card = field(default_factory=Card)
    """What a YubiKey is; of no other kind."""

    def __post_init__(self) -> None:
        digest = hashlib.sha256(self.name.encode()).hexdigest()
        self.serial = self.serial or (str(int(digest[:6], 16) + 10_000_000) if self.kind == "yubikey" else digest[:16])

    def lose_at(self, call: int, method: str = "", *, after: bool = False) -> None:
        """Go away, once, at the `call`-th call from now (of `method`, if named): before it acts, or just after."""
        self.faults.append(Fault(call, method, after))

    def spoil_signature(self, number: int) -> None:
        """Give a wrong signature as the `number`-th from now, counted from 1."""
        self.spoiled.add(self.signed + number)

    def keep_extractable(self) -> None:
        """Refuse to become not extractable: `lock` fails its read-back."""
        self.keeps_extractable = True

    def replug(self) -> None:
        """Put the device back after it was lost; `FakeRack.open` does it too."""
        self.plugged = True

    def identity(self) -> TokenIdentity:
        """Return what names the device."""
        if self.kind == "yubikey":
            return TokenIdentity(
                name=self.name,
                kind="yubikey",
                serial=self.serial,
                manufacturer="Yubico",
                model="YubiKey 5C",
                firmware=self.card.firmware,
                label=f"YubiKey PIV #{self.serial}",
                software=False,
                form_factor=self.card.form_factor,
                fips=self.card.fips,
                slot=self.card.slot,
            )
        return TokenIdentity(
            name=self.name,
            kind="pkcs11",
            serial=self.serial,
            manufacturer="SoftHSM project" if self.software else "Fake Works",
            model="SoftHSM v2" if self.software else "Fake HSM",
            firmware="2.6",
            label=self.name,
            software=self.software,
            module="/usr/lib/fake.so",
            module_sha256=hashlib.sha256(b"fake").hexdigest(),
        )

    def fault(self, method: str) -> Fault | None:
        """Count a call; return the fault that is due at it."""
        self.calls.append(method)
        for fault in self.faults:
            if fault.method in {"", method}:
                fault.seen += 1
                if fault.seen == fault.call:
                    self.faults.remove(fault)
                    return fault
        return None
