# SPDX-License-Identifier: Apache-2.0
"""Leaving out: repositories that nothing can be signed for are named, and people decide whether the others go on."""

from __future__ import annotations

from collections.abc import Mapping

from ceremony.core.chronicle.phrases import counted
from ceremony.core.ports import Prompt
from ceremony.errors import VerificationError
from ceremony.steps.room import Room, writable

NAMED = 50
"""Names on a screen or in a record; the list of all that are left out is a file."""


def go_on_without(room: Room, left_out: Mapping[str, VerificationError], key: str = "left-out") -> None:
    """Tell why each is left out, and ask whether the others go on; raises the error of the first when people do not want that."""
    for error in list(left_out.values())[:NAMED]:
        room.operator.tell(writable(f"Left out: {error.message}; {error.hint}."))
    count = counted(len(left_out), "repository is left out", "repositories are left out")
    more = f", and {len(left_out) - NAMED:,} more" if len(left_out) > NAMED else ""
    detail = f"{', '.join(list(left_out)[:NAMED])}{more}. Nothing is signed for them; the log names them, and the others go on."
    if not room.operator.confirm(Prompt(key, f"{count}: go on without?", detail=detail, alarm=True)):
        raise next(iter(left_out.values()))
