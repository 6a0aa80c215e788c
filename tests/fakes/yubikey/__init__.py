# SPDX-License-Identifier: Apache-2.0
"""A virtual YubiKey: management and PIV applications in Python, attestation included.

authority = Authority()                     # a CA of its own; several cards may share one
card = VirtualYubiKey(serial=12345678, firmware="5.7.4", form_factor=3, fips=False, authority=authority)
piv = PivSession(connection(card))          # yubikit; `transport=TRANSPORT.NFC` for a contactless reader

authority.pem, .root_pem, .pins             # for a site's `yubico-roots`, and for ceremony.core.attestation
card.finger = False                         # or a callable; no finger: 6982, at once
card.clock = lambda: now                    # seconds; a touch under policy `cached` holds for 15
card.touches, card.apdus                    # fingers taken; every INS that arrived, in order
card.count(0x87), card.count()              # how many commands with this INS, or of all
card.fault(0x87, When.BEFORE, nth=2)        # pulled before the second 87 from now does anything
card.fault(0x47, When.AFTER)                # pulled after the key was made, before the answer
card.fault(0x87, When.WRONG_SIGNATURE)
card.pull(); card.insert(); card.power_off()
card.state.pin.left, card.state.keys[0x9C]  # what it holds: look, or spoil
card = VirtualYubiKey.restored(card.saved())    # bytes: what a card keeps without power, for another process

reader = Reader(card); connection(reader)   # one connection at a time (sharing violation), as the adapter's are
Reader(card, notices=False)                 # `reader.card = other` under an open connection: it reaches the other card

A card that was pulled raises pyscard's CardConnectionException, for good, also once it
is back; an empty reader NoCardException when it is opened: as measured with pcscd.
The management key is the factory's 010203…, PIN 123456, PUK 12345678. By firmware: no
metadata (F7) below 5.3, TDES alone below 5.4.2, AES-192 as the factory's management
key from 5.7, Ed25519, RSA-3072, RSA-4096 and MOVE (F6) from 5.7; F9 keys of RSA-2048
below 5.7.4, of P-256 from there. What a physical device answers was not measured: the
status words are those of Yubico's documents and of what yubikit and ykcs11 expect.

- `apdu`        commands, status words, TLVs
- `keys`        the keys of slots          - `state`       what is kept without power
- `access`      PIN, PUK, management key   - `piv`         keys, objects, attestation
- `management`  what the device says it is - `authority`   who vouches for it
- `card`        the device as a whole      - `link`        the same as yubikit's connection
"""

from __future__ import annotations

from tests.fakes.yubikey.authority import Authority
from tests.fakes.yubikey.card import ATR, CACHE_SECONDS, CardPulled, VirtualYubiKey, When
from tests.fakes.yubikey.link import CardConnection, Reader, connection

__all__ = [
    "ATR",
    "CACHE_SECONDS",
    "Authority",
    "CardConnection",
    "CardPulled",
    "Reader",
    "VirtualYubiKey",
    "When",
    "connection",
]
