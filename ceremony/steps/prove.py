# SPDX-License-Identifier: Apache-2.0
"""Prove: each restored root key signs a challenge over this log, and the published root verifies it.

A token shows the public half that it was given; only a signature shows that the private
half is there. The challenge and its signature are kept, as openssl takes them. On a
YubiKey the key then certifies itself for its slot, as it does where it is made: without
a certificate there, stock Notary and PKCS#11 programs would not find it.
"""

from __future__ import annotations

from ceremony.core.canonical import Json, JsonObject
from ceremony.core.custody import check_restored
from ceremony.steps import slot_certificate
from ceremony.steps.access import unlocked
from ceremony.steps.attested import sign_challenge
from ceremony.steps.room import Room
from ceremony.steps.root_keys import made_roots, own_key
from ceremony.steps.tokens import yubikeys


def run(room: Room) -> JsonObject:
    """Have every restored key prove itself; raises VerificationError for a signature that its published public half does not verify.

    Raises TokenError for a YubiKey that has another certificate in its slot.
    """
    proven: list[Json] = []
    certified: list[Json] = []
    for root in made_roots(room):
        token = unlocked(room, root.token)
        key = own_key(room, token)
        check_restored(key, root.public, root.custody, locked=False)
        sign_challenge(room, token, key)
        proven.append(root.serial)
        if room.dialect.needs_certificate and root.token in yubikeys(room):
            slot_certificate.keep(room, root)
            certified.append(root.serial)
    return {"proven": proven, "certified": certified}
