# SPDX-License-Identifier: Apache-2.0
"""Virtual YubiKeys in the slots of vsmartcard's vpcd, a reader driver of pcscd.

vpcd listens for each slot on a port, and takes what connects there for a card:
messages of two bytes of length and a body, which is a command APDU, or one byte
for power off, power on, reset and the answer to reset.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.fakes.yubikey import ATR, CardPulled, VirtualYubiKey

_READER = "Yubico YubiKey CCID"
FIRST_PORT = 0x8C7B
SLOTS = 2
"""As Debian builds vpcd: each reader has two slots, whose ports follow each other."""
SECONDS = 20.0
"""How long anything may take to come up."""
_PAUSE = 0.01
_GET_ATR = 4
"""The others are power off, power on and reset."""


def friendly_name(reader: int) -> str:
    """Return what a reader is called; each another name, because pcscd numbers only readers of one driver apart."""
    return _READER if reader == 0 else f"{_READER} ({reader + 1})"


def slot_name(place: int) -> str:
    """Return how pcscd names the slot at that place."""
    reader, slot = divmod(place, SLOTS)
    return f"{friendly_name(reader)} 00 {slot:02X}"


class Slot:
    """One slot of a reader, and the card in it; a thread keeps the card connected."""

    def __init__(self, place: int) -> None:
        self.name = slot_name(place)
        self._port = FIRST_PORT + place
        self._card: VirtualYubiKey | None = None
        self._link: socket.socket | None = None
        self._changed = threading.Condition()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def card(self) -> VirtualYubiKey | None:
        """The card in it; one that was pulled, too, until another is put in."""
        return self._card

    def put(self, card: VirtualYubiKey) -> None:
        """Put a card in."""
        with self._changed:
            card.insert()
            self._card = card
            self._changed.notify_all()

    def pull(self) -> None:
        """Take the card out."""
        with self._changed:
            if self._card is not None:
                self._card.pull()
            if self._link is not None:
                with suppress(OSError):
                    self._link.shutdown(socket.SHUT_RDWR)

    def _inserted(self) -> VirtualYubiKey | None:
        return self._card if self._card is not None and self._card.inserted else None

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._inserted)
            with _connected(self._port) as link:
                with self._changed:
                    card, self._link = self._inserted(), link
                if card is not None:
                    with suppress(CardPulled, OSError, EOFError):
                        _talk(card, link)
                    card.power_off()
                with self._changed:
                    self._link = None


def _talk(card: VirtualYubiKey, link: socket.socket) -> None:
    """Be the card on a link until it is cut."""
    while True:
        body = _received(link, int.from_bytes(_received(link, 2)))
        if len(body) != 1:
            data, status = card.transmit(body)
            answer = data + status.to_bytes(2)
        elif body[0] == _GET_ATR:
            answer = ATR
        else:
            card.power_off()
            continue
        link.sendall(len(answer).to_bytes(2) + answer)


def _received(link: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        # vpcd sends length and body apart, and waits for the first to be acknowledged: 44 ms a command without this.
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        piece = link.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


@contextmanager
def _connected(port: int) -> Iterator[socket.socket]:
    until = time.monotonic() + SECONDS
    while True:
        try:
            link = socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE)
            continue
        with link:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield link
        return
