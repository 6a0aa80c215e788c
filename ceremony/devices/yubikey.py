# SPDX-License-Identifier: Apache-2.0
"""YubiKeys: from the site file to an open `Token`, and what is plugged in.

Exactly one reader holds the serial that the site names, by its management
application and by its PIV application, or none is opened. Looked at are only the
readers that YubiKeys bring along over USB; contactless and other readers are not
spoken to. Only the modules `yubikey*` know yubikit and PC/SC.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from yubikit.core import TRANSPORT
from yubikit.core.smartcard import SmartCardConnection
from yubikit.management import ManagementSession
from yubikit.piv import SLOT

from ceremony.core.firmware import Purpose, Verdict, verdict
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Mode, SiteToken
from ceremony.core.ports import PivStanding, TokenIdentity
from ceremony.devices.yubikey_facts import DeviceFacts, check_device, check_issuer, device_facts
from ceremony.devices.yubikey_link import ANSWERS, YubiKeyLink
from ceremony.devices.yubikey_pcsc import FAULTS, Reader, Readers, found, in_use, pcsc_readers
from ceremony.devices.yubikey_slot import read_certificate, standing
from ceremony.devices.yubikey_token import YubiKeyToken
from ceremony.errors import TokenAbsent, TokenError


class YubiKeyRack:
    """The YubiKeys that the site names; implements `ceremony.core.ports.TokenRack`."""

    def __init__(self, tokens: Mapping[str, SiteToken], readers: Readers = pcsc_readers) -> None:
        self._tokens = tokens
        self._readers = readers
        self._opened: list[YubiKeyToken] = []

    def open(self, name: str) -> YubiKeyToken:
        """Open the one YubiKey that the plan calls `name`; raises TokenAbsent for none, TokenError for two and for one to refuse."""
        site = self._tokens.get(name)
        if site is None:
            raise TokenError(name, "is not in the site file", hint=f"add [tokens.{name}] with its yubikey serial and slot")
        self._opened = [token for token in self._opened if token.is_open]
        held = {token.reader: token.identity.name for token in self._opened}
        token = open_yubikey(name, site, self._readers, held)
        self._opened.append(token)
        return token


def open_yubikey(
    name: str, site: SiteToken, readers: Readers = pcsc_readers, held: Mapping[str, str] | None = None
) -> YubiKeyToken:
    """Open the YubiKey that the plan calls `name` and the site file describes.

    `held` names the readers that this program has open already, and the tokens in them. Raises TokenAbsent when no reader holds that serial, TokenError when several do, when
    there is no PC/SC service, and for a device or firmware that is not used.
    """
    if not site.yubikey or not site.slot:
        raise TokenError(name, "has no YubiKey in the site file", hint=f"write yubikey and slot under [tokens.{name}]")
    seen = _Seen()
    with ExitStack() as undo:
        matching: list[tuple[str, SmartCardConnection, DeviceFacts]] = []
        for reader in found(readers, name):
            if reader.name in (held or {}):
                seen.held.append((held or {})[reader.name])
                continue
            connection = _look(reader, seen, undo)
            if connection is not None and seen.devices[-1][1].serial == site.yubikey:
                matching.append((reader.name, *seen.devices[-1]))
            elif connection is not None:
                connection.close()
        if len(matching) != 1:
            raise seen.absent(name, site.yubikey) if not matching else _several(name, site.yubikey, len(matching))
        where, connection, facts = matching[0]
        link = _piv(str(site.yubikey), connection, facts)
        undo.pop_all()
    return YubiKeyToken(link, facts.identity(name, site.slot), where)


@dataclass
class _Seen:
    """What the readers showed."""

    devices: list[tuple[SmartCardConnection, DeviceFacts]] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    """The names of tokens that are open already."""
    closed: list[str] = field(default_factory=list)
    """What is to say of readers that showed nothing, in words."""
    busy: bool = False
    """One of them is another program's."""

    def absent(self, name: str, serial: int) -> TokenAbsent:
        there = ", ".join([*self.held, *(str(facts.serial) for _, facts in self.devices)]) or "none"
        said = "".join(f"; {one}" for one in self.closed)
        hint = "plug it in over USB, or correct the site file"
        if self.busy:
            hint = "end the program that uses it (GnuPG's: gpgconf --kill scdaemon), or plug it in over USB"
        return TokenAbsent(name, f"no reader holds YubiKey {serial}; there is {there}{said}", hint=hint)


def _several(name: str, serial: int, count: int) -> TokenError:
    return TokenError(
        name, f"{count} readers hold a YubiKey {serial}", hint="leave in the right one alone; one of them is not genuine"
    )


def _look(reader: Reader, seen: _Seen, undo: ExitStack) -> SmartCardConnection | None:
    """Connect to a YubiKey's own reader and note what it tells; return None for a reader that tells nothing."""
    if not reader.own:
        seen.closed.append(f"reader {reader.name} is not a YubiKey's own, such as a contactless one, and was not used")
        return None
    try:
        connection = reader.connect()
    except FAULTS as error:
        seen.busy = seen.busy or in_use(error)
        what = (
            "another program, such as GnuPG's scdaemon or a browser, is using it" if in_use(error) else "its card does not answer"
        )
        seen.closed.append(f"reader {reader.name} was not opened: {what}")
        return None
    undo.callback(connection.close)
    if connection.transport is not TRANSPORT.USB:
        seen.closed.append(f"reader {reader.name} is contactless, and was not used")
    else:
        try:
            seen.devices.append((connection, device_facts(ManagementSession(connection).read_device_info())))
        except FAULTS:
            seen.closed.append(f"reader {reader.name} stopped answering")
        except ANSWERS:
            seen.closed.append(f"reader {reader.name} holds a card that is no YubiKey as this program knows them")
        else:
            return connection
    connection.close()
    return None


def _piv(who: str, connection: SmartCardConnection, facts: DeviceFacts) -> YubiKeyLink:
    """Select PIV on a device that told `facts`; raises TokenError when it is one to refuse, or tells something else now."""
    check_device(who, facts)
    try:
        link = YubiKeyLink(connection)
    except (*FAULTS, *ANSWERS) as error:
        raise TokenError(who, "its PIV application does not answer", hint="take it out, put it back, and try again") from error
    told = {"serial": (facts.serial, link.serial), "firmware": (facts.firmware, link.firmware)}
    for what, (management, piv) in told.items():
        if management != piv:
            raise TokenError(
                who,
                f"its management application says {what} {management}, its PIV application {piv}",
                hint="do not use this device",
            )
    check_issuer(who, link.ask(lambda session: read_certificate(session, SLOT.ATTESTATION)))
    return link


@dataclass(frozen=True, slots=True)
class ListedYubiKey:
    """A YubiKey as it shows itself to whoever has no PIN, or a reader that shows none and why."""

    reader: str
    identity: TokenIdentity | None = None
    standing: PivStanding | None = None
    verdict: Verdict | None = None
    """The firmware policy's, for making an ecdsa-p256 root key in production."""
    problem: str = ""
    hint: str = ""


def survey(readers: Readers = pcsc_readers) -> tuple[ListedYubiKey, ...]:
    """Return what each reader shows, without a PIN and without a login; raises CeremonyError when there is no PC/SC service."""
    return tuple(_listed(reader) for reader in found(readers))


def _listed(reader: Reader) -> ListedYubiKey:
    seen = _Seen()
    with ExitStack() as undo:
        connection = _look(reader, seen, undo)
        if connection is None:
            return ListedYubiKey(
                reader.name, problem=seen.closed[0], hint="a ceremony uses YubiKeys over USB, one program at a time"
            )
        facts = seen.devices[0][1]
        judged = verdict(facts.series, facts.firmware, Algorithm.ECDSA_P256, Purpose.MAKE, mode=Mode.PRODUCTION)
        identity = facts.identity("", "")
        try:
            shown = _piv(identity.serial, connection, facts).ask(standing)
        except TokenError as error:
            return ListedYubiKey(reader.name, identity, None, judged, error.message, error.hint)
        return ListedYubiKey(reader.name, identity, shown, judged)
