# SPDX-License-Identifier: Apache-2.0
"""Readers: the ways to a YubiKey, through PC/SC or, in tests, without it.

A connection is exclusive: while a token is open no other program reaches its card.
Where that cannot be had we say so and stop: ykman, in our place, shares the card,
or kills GnuPG's scdaemon. Nothing of ykman is used for that reason.

yubikit and its neighbours log every APDU, PINs included, at their TRAFFIC level;
`silence` takes that out of their loggers, whatever level anyone sets.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from smartcard.Exceptions import SmartcardException
from smartcard.pcsc.PCSCCardConnection import PCSCCardConnection
from smartcard.pcsc.PCSCExceptions import BaseSCardException
from smartcard.scard import SCARD_E_SHARING_VIOLATION, SCARD_SHARE_EXCLUSIVE
from smartcard.System import readers as pcsc_list
from yubikit.core import TRANSPORT
from yubikit.core.smartcard import SmartCardConnection
from yubikit.logging import LOG_LEVEL

from ceremony.errors import CeremonyError, TokenError

FAULTS = (SmartcardException, BaseSCardException, OSError)
"""What a connection raises when the reader, the card or the service is gone."""

_YUBIKEY_READER = "yubico yubikey"
_TALKERS = (
    "fido2.hid",
    "fido2.pcsc",
    "yubikit.core.otp",
    "yubikit.core.smartcard",
    "ykman.hid.linux",
    "ykman.hid.macos",
    "ykman.hid.windows",
    "ykman.pcsc",
)


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader that is there, and how to reach the card in it."""

    name: str
    connect: Callable[[], SmartCardConnection]
    """Connect to its card, for us alone; raises one of FAULTS."""

    @property
    def own(self) -> bool:
        """Whether it is the one that a YubiKey brings along over USB, by its name; contactless readers have others."""
        return _YUBIKEY_READER in self.name.lower()


Readers = Callable[[], Sequence[Reader]]
"""Look for the readers that are there now; raises one of FAULTS."""


def _quiet(record: logging.LogRecord) -> bool:
    return record.levelno > LOG_LEVEL.TRAFFIC


def silence() -> None:
    """Keep APDUs, and so PINs, out of every log."""
    for name in _TALKERS:
        logging.getLogger(name).addFilter(_quiet)


class PcscConnection(SmartCardConnection):
    """An exclusive connection to the card in a reader, through PC/SC."""

    def __init__(self, reader: str) -> None:
        self._card = PCSCCardConnection(reader)
        try:
            self._card.connect(mode=SCARD_SHARE_EXCLUSIVE)
            answer_to_reset = self._card.getATR()
        except SmartcardException:
            self.close()
            raise
        # T0 of the answer to reset (ISO 7816-3, section 8.2.2): contactless readers make one up, with other interface bytes.
        usb = len(answer_to_reset) > 1 and answer_to_reset[1] & 0xF0 == 0xF0
        self._transport = TRANSPORT.USB if usb else TRANSPORT.NFC

    @property
    def transport(self) -> TRANSPORT:
        """Return whether the card answers as one over USB, or as a contactless one."""
        return self._transport

    def send_and_receive(self, apdu: bytes) -> tuple[bytes, int]:
        """Send a command; return the answer and its status word. Raises SmartcardException when the card is gone."""
        data, sw1, sw2 = self._card.transmit(list(apdu))
        return bytes(data), sw1 << 8 | sw2

    def close(self) -> None:
        """Power the card down, which forgets its PIN, and let it go; never raises."""
        with suppress(*FAULTS):
            self._card.disconnect()
        with suppress(*FAULTS):
            self._card.release()
        # A service that is gone releases nothing, and the destructor would complain of that once more.
        self._card.hcontext = None


def pcsc_readers() -> list[Reader]:
    """Return the readers that the PC/SC service shows; raises one of FAULTS when there is no service."""
    return [Reader(reader.name, partial(PcscConnection, reader.name)) for reader in pcsc_list()]


def found(readers: Readers, name: str = "") -> Sequence[Reader]:
    """Return the readers that are there.

    Raises CeremonyError when there is no PC/SC service: a TokenError where a token, `name`, is being opened.
    """
    silence()
    try:
        return readers()
    except FAULTS as error:
        what = "no YubiKey can be reached, because the smart card service (pcscd) does not answer"
        hint = "install it (apt-get install pcscd) and start it (systemctl start pcscd.socket)"
        raise (TokenError(name, what, hint=hint) if name else CeremonyError(what, hint=hint)) from error


def in_use(error: Exception) -> bool:
    """Return whether a connection was refused because another program has the card."""
    return bool(getattr(error, "hresult", 0) == SCARD_E_SHARING_VIOLATION)
