# SPDX-License-Identifier: Apache-2.0
"""A gate: once some steps have ended the log's head is stated, and people hear its digest before they go on.

Whoever wrote the words down, or filmed the screen, can show years later that the log
up to there is the one that was read aloud. Nothing is signed here: people sign the last
head, which covers all of it.
"""

from __future__ import annotations

from ceremony.core import bundle
from ceremony.core.ports import Prompt
from ceremony.core.step_words import EVERYBODY, StepInfo
from ceremony.errors import CeremonyError
from ceremony.steps.room import Room

KEY = "compare:gate:"
"""How the key of the question begins; the step's name follows."""


def passed(room: Room, info: StepInfo) -> bool:
    """Tell whether a step has no gate, or people heard the same digest there."""
    return not info.gate or info.name in room.journal.past.heard


def run(room: Room, info: StepInfo) -> None:
    """State the head of the log so far, and have it compared; raises CeremonyError when people heard different digests."""
    path = bundle.head(1 + bundle.highest_head(room.journal.past.files))
    head = room.journal.head()
    room.keep({path: head.text()})
    prompt = Prompt(
        f"{KEY}{info.name}",
        f"The head after {info.title}",
        detail=f"{path} states {head.entries} records. Write its first words down, or film the screen: they show later which log this was.",
        who=EVERYBODY,
        code=f"ceremony-head:sha256:{head.digest}",
    )
    if not room.compare(prompt, head.digest):
        raise CeremonyError(
            f"people did not hear the same digest for the head after {info.title}",
            hint="read it again; if it differs again, stop: somebody is shown another log",
        )
