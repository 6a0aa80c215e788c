# SPDX-License-Identifier: Apache-2.0
"""Prepare tokens: nothing in the way of the root keys, and nothing on a YubiKey at its factory value.

Of a PKCS#11 token only its label is looked at. A YubiKey is read, and what is missing
is done: what blocks or occupies it is wiped when two people want that, then tries,
PIN, PUK and management key are set. The device alone says what is missing, so an
interrupted step goes on by being done again.
"""

from __future__ import annotations

from ceremony.core.canonical import Json, JsonObject
from ceremony.core.ports import Option, PivStanding, Prompt, Token
from ceremony.errors import TokenError
from ceremony.steps import factory_values, standing, unblocking, wiping
from ceremony.steps.access import opened, unlocked
from ceremony.steps.room import Room
from ceremony.steps.root_keys import refuse_occupied

STOP, WIPE, LEAVE = "stop", "wipe", "leave"
_STOP = Option(STOP, "Leave it as it is", "nothing is changed; this step ends with an error")
_WIPE = Option(WIPE, "Wipe the token", "every key and certificate on it goes for good; two people type its serial")


def run(room: Room) -> JsonObject:
    """Prepare every token of the root.

    Raises TokenError for a token that is occupied or blocked and stays so, and for one that does not read as it was set.
    """
    prepared: list[Json] = []
    for name in room.plan.key_tokens:
        token = opened(room, name)
        if token.piv is None:
            _look(room, name)
        else:
            _prepare(room, token)
        prepared.append(token.identity.serial)
    return {"prepared": prepared}


def _look(room: Room, name: str) -> None:
    """Refuse an occupied label of a PKCS#11 token early."""
    token = unlocked(room, name)
    identity = token.identity
    refuse_occupied(room, token, token.find(room.plan.name))
    room.journal.record("standing", {"token": identity.serial, "label": room.plan.name, "occupied": False})
    room.operator.tell(f"{name}, serial {identity.serial}: nothing on it is labelled {room.plan.name!r}.")


def _prepare(room: Room, token: Token) -> None:
    factory_values.find_out(room, token)
    while not _clear(room, token):
        pass
    factory_values.replace(room, token)


def _clear(room: Room, token: Token) -> bool:
    """Read and show the token, and deal with the first thing that is in the way; return whether nothing was."""
    found = standing.read(room, token)
    standing.tell(room, token, found)
    if not found.pin.left or not found.puk.left:
        _blocked(room, token, found)
    elif token.identity.slot in found.occupied:
        _occupied(room, token, found)
    elif found.occupied:
        return _others(room, token, found)
    else:
        return True
    return False


def _blocked(room: Room, token: Token, found: PivStanding) -> None:
    refusal = unblocking.blocked(token, found)
    options = [_STOP, _WIPE]
    if found.puk.left:
        options.insert(1, Option(unblocking.UNBLOCK, "Unblock the PIN", "with the PUK, which its custodian types"))
    chosen = _choose(room, token, "blocked", refusal, options)
    if chosen == unblocking.UNBLOCK:
        unblocking.unblock(room, token)
    elif chosen == WIPE:
        wiping.wipe(room, token, found)
    else:
        raise refusal


def _occupied(room: Room, token: Token, found: PivStanding) -> None:
    identity = token.identity
    refusal = TokenError(
        identity.serial,
        f"its slot is occupied: {standing.slot_words(found, identity.slot)}",
        hint="wipe it when nobody needs what it holds; else stop, and begin a new ceremony with an empty token",
    )
    if _choose(room, token, "occupied", refusal, [_STOP, _WIPE]) != WIPE:
        raise refusal
    wiping.wipe(room, token, found)


def _others(room: Room, token: Token, found: PivStanding) -> bool:
    """Have people decide on keys in other slots; return whether they are left alone."""
    identity = token.identity
    held = ", ".join(standing.slot_words(found, slot) for slot in found.occupied)
    options = [
        Option(LEAVE, "Leave them there", "the log names them; whoever put them there may know this token's PIN"),
        _WIPE,
        _STOP,
    ]
    refusal = TokenError(
        identity.serial,
        f"its other slots hold {held}",
        hint="leave them when you know who put them there; else wipe it, or stop, and begin a new ceremony with an empty token",
    )
    chosen = _choose(room, token, "others", refusal, options)
    if chosen == LEAVE:
        room.journal.record("left-alone", {"token": identity.serial, "slots": list(found.occupied)})
        return True
    if chosen == STOP:
        raise refusal
    wiping.wipe(room, token, found)
    return False


def _choose(room: Room, token: Token, key: str, refusal: TokenError, options: list[Option]) -> str:
    name = token.identity.name
    return room.operator.choose(Prompt(f"{key}:{name}", f"{name}, {refusal.message}", detail=refusal.hint, alarm=True), options)
