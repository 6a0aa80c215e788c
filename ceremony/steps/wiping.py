# SPDX-License-Identifier: Apache-2.0
"""Wiping a YubiKey: two people type its serial and sign that they agree, and afterwards it is read again, whatever it answered."""

from __future__ import annotations

from ceremony.core import consent
from ceremony.core.ports import PivStanding, Prompt, Token
from ceremony.errors import TokenError
from ceremony.steps.room import Room
from ceremony.steps.standing import piv_of
from ceremony.steps.two_people import agreed

ACTION = consent.WIPE_TOKEN


def wipe(room: Room, token: Token, found: PivStanding) -> None:
    """Reset a YubiKey's PIV application; raises CeremonyError unless two people agree, TokenError when it is not empty afterwards."""
    identity, piv = token.identity, piv_of(token)
    detail = (
        f"Every key and certificate on it goes for good: slots {', '.join(found.occupied) or 'none'}. PIN, PUK and management key "
        f"are the factory's afterwards. Read the serial {identity.serial} from the token itself."
    )
    prompt = Prompt(f"wipe:{identity.name}", f"Wipe {identity.name}, serial {identity.serial}", detail=detail, alarm=True)
    both = agreed(room, prompt, identity.serial, consent.act(ACTION, identity.serial))
    with room.journal.intent(ACTION, identity.serial, occupied=list(found.occupied), **both.body()):
        with room.operator.waiting(f"{identity.name} to be wiped"):
            piv.wipe()
        if not is_wiped(piv.standing()):
            raise TokenError(
                identity.serial, "was wiped, and does not read as empty", hint="do not use this token; record a deviation"
            )


def is_wiped(found: PivStanding) -> bool:
    """Return whether a YubiKey reads as one that was wiped: empty, and everything the factory's, with tries left."""
    return not found.occupied and len(found.factory) == 3 and bool(found.pin.left and found.puk.left)
