# SPDX-License-Identifier: Apache-2.0
"""Signing with a YubiKey: our port beside yubikit's own, on one virtual card in this process; and the commands that it takes.

`bench.py` prints these rows with the others; alone: python scripts/bench_yubikey.py
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from yubikit.core.smartcard import SmartCardConnection
from yubikit.piv import KEY_TYPE, SLOT, PivSession

from ceremony.core.keys import Algorithm, Scheme, der_to_raw, verify
from ceremony.core.plan import SiteToken
from ceremony.core.ports import KeyRequest, TokenKey
from ceremony.core.secret import Secret
from ceremony.devices.yubikey import YubiKeyRack
from ceremony.devices.yubikey_pcsc import Reader
from ceremony.devices.yubikey_token import YubiKeyToken

SIGNATURES = 1_000
ROUNDS = 5
SERIAL = 12345678
PIN, FACTORY_PIN = "482916", "123456"
FACTORY_KEY = bytes(range(1, 9)) * 3
LEAST = {"always": 2, "once": 1}
"""Commands a signature that PIV needs: VERIFY before each GENERAL AUTHENTICATE, or GENERAL AUTHENTICATE alone."""

Connect = Callable[[], SmartCardConnection]


def made(connect: Connect, policy: str) -> tuple[YubiKeyToken, TokenKey]:
    """Return an open token whose slot holds a new key of that PIN policy."""
    site = {"root-a": SiteToken(yubikey=SERIAL, slot="9c")}
    token = YubiKeyRack(site, lambda: [Reader("Yubico YubiKey CCID 00 00", connect)]).open("root-a")
    token.piv.authorise(Secret(FACTORY_KEY))
    token.piv.change_pin(Secret(FACTORY_PIN), Secret(PIN))
    token.unlock(Secret(PIN))
    wanted = KeyRequest("bench", b"", Algorithm.ECDSA_P256, extractable=False, pin_policy=policy, touch_policy="cached")
    return token, token.generate(wanted)


def by_yubikit(connection: SmartCardConnection, policy: str, messages: list[bytes]) -> tuple[float, list[bytes]]:
    """Return the seconds that yubikit's own `sign` takes, and its signatures."""
    session = PivSession(connection)
    session.verify_pin(PIN)
    start = time.perf_counter()
    signatures = []
    for message in messages:
        if policy == "always":
            session.verify_pin(PIN)
        signatures.append(session.sign(SLOT.SIGNATURE, KEY_TYPE.ECCP256, message, SHA256(), None))
    return time.perf_counter() - start, signatures


def yubikey() -> None:
    """Print, for each PIN policy, signatures per second and commands a signature, beside yubikit's rate and the least of PIV."""
    for policy, least in LEAST.items():
        rate, peer, commands = compared(policy)
        print(
            f"yubikey {rate:10,.0f} signatures/s     yubikit    {peer:10,.0f}/s     ratio {rate / peer:.2f}   (to reach: 0.80; PIN {policy})"
        )
        print(
            f"yubikey {commands:10.3f} commands each    PIV needs  {least:10}       ratio {commands / least:.2f}   (PIN {policy})"
        )


def compared(policy: str) -> tuple[float, float, float]:
    """Return our signatures per second, those of yubikit, and our commands a signature, for a key of that PIN policy."""
    sys.path.append(str(Path(__file__).resolve().parent.parent))
    from tests.fakes.yubikey import VirtualYubiKey, connection

    messages = [number.to_bytes(4) * 512 for number in range(SIGNATURES)]
    card = VirtualYubiKey(SERIAL)
    token, key = made(partial(connection, card), policy)
    mine, theirs, commands = [], [], 0
    # In turns, and the best of each: whatever else the machine does hits both alike.
    for _ in range(ROUNDS):
        token.unlock(Secret(PIN))
        token.sign(key, Scheme.ECDSA_SHA256, messages[:1])
        commands = card.count()
        start = time.perf_counter()
        signatures = token.sign(key, Scheme.ECDSA_SHA256, messages)
        mine.append(time.perf_counter() - start)
        commands = card.count() - commands
        seconds, peers = by_yubikit(connection(card), policy, messages)
        theirs.append(seconds)
        verify(key.public, Scheme.ECDSA_SHA256, messages[-1], signatures[-1])
        verify(key.public, Scheme.ECDSA_SHA256, messages[-1], der_to_raw(peers[-1], Algorithm.ECDSA_P256))
    token.close()
    return SIGNATURES / min(mine), SIGNATURES / min(theirs), commands / SIGNATURES


if __name__ == "__main__":
    yubikey()
