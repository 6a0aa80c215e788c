# SPDX-License-Identifier: Apache-2.0
"""A desk with virtual YubiKeys in readers, each open to one program at a time, as over PC/SC; no service, no process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from yubikit.core import TRANSPORT
from yubikit.core.smartcard import SmartCardConnection

from ceremony.core.plan import SiteToken
from ceremony.core.secret import Secret
from ceremony.devices.yubikey import YubiKeyRack
from ceremony.devices.yubikey_pcsc import Reader
from ceremony.devices.yubikey_token import YubiKeyToken
from tests.fakes import yubikey as virtual
from tests.fakes.yubikey import Authority, VirtualYubiKey

READER = "Yubico YubiKey OTP+FIDO+CCID 00 00"
PIN, PUK, MANAGEMENT_KEY = "482916", "73019265", bytes(range(24))
FACTORY_PIN, FACTORY_PUK, FACTORY_KEY = "123456", "12345678", bytes.fromhex("0102030405060708" * 3)
AUTHORITY = Authority()

VERIFY, CHANGE, UNBLOCK, GENERATE, AUTHENTICATE, GET, PUT = 0x20, 0x24, 0x2C, 0x47, 0x87, 0xCB, 0xDB
METADATA, SERIAL, ATTEST, TRIES, RESET, VERSION, IMPORT, SET_KEY, CONFIG = 0xF7, 0xF8, 0xF9, 0xFA, 0xFB, 0xFD, 0xFE, 0xFF, 0x1D
SLOT_9C, OBJECT_9C = 0x9C, 0x5FC10A


class Liar(VirtualYubiKey):
    """A virtual YubiKey that changes its answers: `lies` take the command and the true answer."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.lies: dict[int, Callable[[bytes, bytes, int], tuple[bytes, int]]] = {}

    def transmit(self, apdu: bytes) -> tuple[bytes, int]:
        answer = super().transmit(apdu)
        lie = self.lies.get(apdu[1])
        return lie(apdu, *answer) if lie else answer


@dataclass
class Plug:
    """A reader on the desk."""

    reader: virtual.Reader
    name: str
    transport: TRANSPORT

    @property
    def free(self) -> bool:
        """Whether nobody is connected to it."""
        return self.reader.held_by is None

    def connect(self) -> SmartCardConnection:
        return virtual.connection(self.reader, transport=self.transport)


@dataclass
class Desk:
    """The readers that are plugged in, as `Readers` wants them."""

    plugs: list[Plug] = field(default_factory=list)

    def put(
        self, card: VirtualYubiKey | None, name: str = "", transport: TRANSPORT = TRANSPORT.USB, *, notices: bool = True
    ) -> Plug:
        self.plugs.append(Plug(virtual.Reader(card, notices), name or f"{READER[:-2]}{len(self.plugs):02}", transport))
        return self.plugs[-1]

    def __call__(self) -> list[Reader]:
        return [Reader(plug.name, plug.connect) for plug in self.plugs]

    def rack(self, slot: str = "9c", **serials: int) -> YubiKeyRack:
        """Return the rack of a site whose names stand for these serials; `root_a` is root-a."""
        names = {name.replace("_", "-"): SiteToken(yubikey=serial, slot=slot) for name, serial in serials.items()}
        return YubiKeyRack(names, self)

    def open(self, serial: int = 1, slot: str = "9c") -> YubiKeyToken:
        return self.rack(slot, root_a=serial).open("root-a")


def card(serial: int = 1, firmware: str = "5.7.4", **more: object) -> Liar:
    """Return a virtual YubiKey as the factory makes it."""
    return Liar(serial, firmware, authority=AUTHORITY, **more)


def prepare(token: YubiKeyToken) -> None:
    """Give a factory-fresh token PIN, PUK and management key of its own, and unlock it."""
    token.unlock(Secret(FACTORY_PIN))
    token.piv.authorise(Secret(FACTORY_KEY))
    token.piv.change_pin(Secret(FACTORY_PIN), Secret(PIN))
    token.piv.change_puk(Secret(FACTORY_PUK), Secret(PUK))
    token.piv.set_management_key(Secret(MANAGEMENT_KEY))


def prepared(desk: Desk, serial: int = 1, slot: str = "9c") -> YubiKeyToken:
    """Open a factory-fresh token, and prepare it."""
    token = desk.open(serial, slot)
    prepare(token)
    return token
