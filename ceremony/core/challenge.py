# SPDX-License-Identifier: Apache-2.0
"""The challenge: what a root key signs once it was made, which shows that it was there at that moment of this ceremony.

An attestation has no time and no nonce, so a statement over a key that was made last
year looks the same. The challenge names the ceremony and the log's head, whose last
records say that the slot was empty and that the key was made: nobody could have had
it signed before. It is a text, for people and for openssl.
"""

from __future__ import annotations

from ceremony.core.keys import PublicKey
from ceremony.core.log import Head


def challenge(head: Head, *, serial: str, slot: str, public: PublicKey) -> bytes:
    """Return the text that the key in a token's slot signs: lines of `name: value`, ASCII."""
    lines = (
        "ceremony-challenge/v1",
        f"origin: ceremony/{head.ceremony}",
        f"entries: {head.entries}",
        f"bytes: {head.size}",
        f"sha256: {head.sha256}",
        f"token: {serial}",
        f"slot: {slot}",
        f"public: {public.sha256}",
    )
    return "".join(f"{line}\n" for line in lines).encode()
