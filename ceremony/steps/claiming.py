# SPDX-License-Identifier: Apache-2.0
"""Claiming: in production, two people say that a token is hardware where nothing attests it."""

from __future__ import annotations

from ceremony.core import consent
from ceremony.core.claims import ACTION, attests
from ceremony.core.plan import Custody
from ceremony.core.ports import Prompt, TokenIdentity
from ceremony.steps.room import Room
from ceremony.steps.two_people import agreed

WORD = "HARDWARE"


def claim(room: Room, identity: TokenIdentity, custody: Custody) -> None:
    """Have two people claim, once, that a token is hardware, unless its root key will be attested; nobody is asked in practice.

    Raises CeremonyError when one of the two does not say so, or does not sign it.
    """
    if room.practice or attests(identity.kind, custody) or room.journal.result(ACTION, identity.serial) is not None:
        return
    prompt = Prompt(
        f"claim:{identity.name}",
        f"{identity.name}, serial {identity.serial}, is a device and no program",
        detail="Nothing shows strangers where this root key is: they take your word. Look at the device, and at what it is plugged "
        "into. The log names both of you.",
    )
    both = agreed(room, prompt, WORD, consent.act(ACTION, identity.serial))
    room.journal.finish(ACTION, identity.serial, both.body())
