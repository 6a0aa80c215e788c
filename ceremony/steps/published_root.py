# SPDX-License-Identifier: Apache-2.0
"""Which published root key a token holds: found by its public half, never by a label or as the first one there."""

from __future__ import annotations

from collections import Counter

from ceremony.core.keys import PublicKey, from_spki
from ceremony.core.ports import Token
from ceremony.core.published.reading import usable
from ceremony.errors import VerificationError
from ceremony.steps.agenda import fleet
from ceremony.steps.room import Room


def find(token: Token, room: Room) -> PublicKey | None:
    """Return the public half of the root key on a token that most of the published roots name; None when it shows none."""
    counted: Counter[bytes] = Counter()
    for published in usable(fleet(room)).values():
        counted.update({key.spki for key in published.root.roles["root"].keys})
    for spki, _ in counted.most_common():
        public = _read(spki)
        if public is not None and token.find_public(public) is not None:
            return public
    return None


def _read(spki: bytes) -> PublicKey | None:
    try:
        return from_spki(spki)
    except VerificationError:
        return None  # of an algorithm that no ceremony signs with
