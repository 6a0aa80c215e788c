# SPDX-License-Identifier: Apache-2.0
"""A virtual card as yubikit's connection: what pcscd and pyscard do between them, without either.

As measured with pcscd 1.9.9: once the service has seen a card go, the connection to
it stays dead, whatever is put in. A reader that does not notice (`notices=False`: the
exchange was quicker than the service looks) lets it reach the card that is there then.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from smartcard.Exceptions import CardConnectionException, NoCardException
from smartcard.scard import SCARD_E_NOT_TRANSACTED, SCARD_E_SHARING_VIOLATION, SCARD_W_REMOVED_CARD
from yubikit.core import TRANSPORT
from yubikit.core.smartcard import SmartCardConnection

from tests.fakes.yubikey.card import CardPulled, VirtualYubiKey


@dataclass(eq=False)
class Reader:
    """A reader, and the card that is in it now; one connection at a time."""

    card: VirtualYubiKey | None
    notices: bool = True
    """Whether a card that was pulled or exchanged under a connection ends it."""
    held_by: CardConnection | None = field(default=None, init=False)


class CardConnection(SmartCardConnection):
    """One opening of the card in a reader."""

    def __init__(self, reader: Reader, transport: TRANSPORT) -> None:
        card = reader.card
        if card is None or not card.inserted:
            raise NoCardException("Unable to connect: no card is in the reader", hresult=SCARD_W_REMOVED_CARD)
        if reader.held_by is not None:
            raise CardConnectionException("Unable to connect: sharing violation", hresult=SCARD_E_SHARING_VIOLATION)
        self._reader, self._transport, self._opened = reader, transport, (card, card.insertions)
        reader.held_by = self
        card.power_off()

    @property
    def transport(self) -> TRANSPORT:
        return self._transport

    def send_and_receive(self, apdu: bytes) -> tuple[bytes, int]:
        reader, card = self._reader, self._reader.card
        gone = reader.held_by is not self or card is None or not card.inserted
        if card is None or gone or (reader.notices and (card, card.insertions) != self._opened):
            raise CardConnectionException("Failed to transmit: card was removed", hresult=SCARD_W_REMOVED_CARD)
        try:
            return card.transmit(apdu)
        except CardPulled as pulled:
            raise CardConnectionException("Failed to transmit: transaction failed", hresult=SCARD_E_NOT_TRANSACTED) from pulled

    def close(self) -> None:
        if self._reader.held_by is self:
            self._reader.held_by = None
            if self._reader.card is not None:
                self._reader.card.power_off()


def connection(card: VirtualYubiKey | Reader, *, transport: TRANSPORT = TRANSPORT.USB) -> SmartCardConnection:
    """Open the card, in a reader of its own if none is given; raises what pyscard does when there is none, or it is in use."""
    return CardConnection(card if isinstance(card, Reader) else Reader(card), transport)
