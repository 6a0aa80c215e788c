# SPDX-License-Identifier: Apache-2.0
"""Tries of a PIN or PUK: the last one is spent only when people say so in words, and nothing is tried again by itself."""

from __future__ import annotations

from ceremony.core.piv import Code
from ceremony.core.ports import Prompt, TokenIdentity
from ceremony.errors import CeremonyError, TokenError
from ceremony.steps.room import Room

LAST_TRY_WORD = "LAST"
_BLOCKS = {
    Code.PIN: "A wrong PIN blocks the token.",
    Code.PUK: "A wrong PUK blocks it for good: nobody can then give this token another PIN.",
}


def spend(room: Room, identity: TokenIdentity, code: Code, left: int | None) -> None:
    """Ask for the word before the last try of a PIN or PUK; raises TokenError when people leave it unspent."""
    if left != 1:
        return
    last = Prompt(
        f"last-try:{identity.serial}{':puk' if code is Code.PUK else ''}",
        f"One {code} try is left on token {identity.serial}",
        detail=f"{_BLOCKS[code]} Go on only when its custodian is certain.",
    )
    if not room.operator.confirm(last, word=LAST_TRY_WORD):
        raise TokenError(identity.serial, f"was left with its last {code} try unspent", hint="ask its custodian, then resume")


def again(room: Room, what: str, title: str, refused: CeremonyError) -> None:
    """Ask whether to try something again that was refused, under the key `retry:<what>`; raises the refusal when not."""
    detail = f"{refused.message[0].upper()}{refused.message[1:]}. {refused.hint[0].upper()}{refused.hint[1:]}."
    if not room.operator.confirm(Prompt(f"retry:{what}", title, detail=detail, alarm=True)):
        raise refused
