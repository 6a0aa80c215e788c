# SPDX-License-Identifier: Apache-2.0
"""What one person alone must not decide: two of those who are here each type the word."""

from __future__ import annotations

from ceremony.core.ports import Prompt
from ceremony.errors import CeremonyError
from ceremony.steps.room import Room


def agreed(room: Room, prompt: Prompt, word: str) -> tuple[str, str]:
    """Return the names of the two who each typed `word`; the second is asked under the prompt's key with `:second` behind it.

    Raises CeremonyError when only one person is here, or one of the two did not agree.
    """
    two = room.readers()
    if two[0] == two[1]:
        raise CeremonyError(
            f"this is for two people to decide, and only {two[0]} is here: {prompt.title}",
            hint="call somebody else, then try again",
        )
    for person, key in zip(two, (prompt.key, f"{prompt.key}:second"), strict=True):
        asked = Prompt(key, prompt.title, detail=f"{prompt.detail} {person} types the word.", who=person, alarm=prompt.alarm)
        if not room.operator.confirm(asked, word=word):
            raise CeremonyError(f"{person} did not agree: {prompt.title}", hint="nothing was changed; try again, or stop")
    return two
