# SPDX-License-Identifier: Apache-2.0
"""Reaching tokens: open the right one, ask for its PIN as late as possible, never spend a last try unasked."""

from __future__ import annotations

from ceremony.core.canonical import JsonObject
from ceremony.core.log import Outcome
from ceremony.core.ports import PinState, Prompt, Token, TokenIdentity
from ceremony.errors import PinLocked, TokenAbsent, TokenError, WrongPin
from ceremony.steps.room import Room

LAST_TRY_WORD = "LAST"


def opened(room: Room, name: str) -> Token:
    """Return the token that the plan calls `name`, opened.

    Raises TokenError when it is not the one that this ceremony began with.
    """
    token = room.tokens.get(name)
    if token is None:
        token = _put_in(room, name)
        known = room.journal.past.ended.get("tokens", {}).get("tokens")
        serial = known.get(name, {}) if isinstance(known, dict) else {}
        expected = serial.get("serial") if isinstance(serial, dict) else None
        if expected is not None and expected != token.identity.serial:
            token.close()
            raise TokenError(
                token.identity.serial,
                f"is not {name} of this ceremony, which has serial {expected}",
                hint="put the right token in",
            )
        room.tokens[name] = token
    return token


def _put_in(room: Room, name: str) -> Token:
    """Open a token; one that is not plugged in is waited for."""

    def look() -> Token | None:
        try:
            return room.rack.open(name)
        except TokenAbsent:
            return None

    try:
        return room.rack.open(name)
    except TokenAbsent as absent:
        prompt = Prompt(f"insert:{name}", f"Put in {name}", detail=f"{absent.message}.")
        token = room.operator.until(prompt, look)
        if token is None:
            raise
        return token


def unlocked(room: Room, name: str) -> Token:
    """Return the token, logged in; asks for its PIN unless it was given before.

    Raises PinLocked, WrongPin when people give up, TokenError and Stopped.
    """
    token = opened(room, name)
    if name in room.unlocked:
        return token
    while (refused := _try(room, token, name)) is not None:
        detail = f"{refused.message[0].upper()}{refused.message[1:]}. {refused.hint[0].upper()}{refused.hint[1:]}."
        retry = Prompt(f"retry:pin:{name}", f"Try the PIN of {name} again?", detail=detail, alarm=True)
        if not room.operator.confirm(retry):
            raise refused
    room.unlocked.add(name)
    return token


def _try(room: Room, token: Token, name: str) -> WrongPin | None:
    """Ask for the PIN and try it once; return the refusal, if it was one."""
    state = token.pin_state()
    _refuse_hopeless(room, token.identity, state)
    pin = room.operator.ask_secret(_prompt(room, token.identity, name), retries_left=state.retries_left)
    try:
        token.unlock(pin)
    except WrongPin as error:
        room.journal.record("login", _body(token.identity, error.retries_left), outcome=Outcome.FAIL)
        return error
    except TokenError:
        room.journal.record("login", _body(token.identity, None), outcome=Outcome.FAIL)
        raise
    finally:
        pin.wipe()
    room.journal.record("login", _body(token.identity, state.retries_left))
    return None


def _refuse_hopeless(room: Room, identity: TokenIdentity, state: PinState) -> None:
    if not state.initialised:
        raise TokenError(identity.serial, "has no user PIN yet", hint="set one with the token's own program, then go on")
    if state.locked:
        raise PinLocked(identity.serial)
    if state.retries_left == 1:
        last = Prompt(
            f"last-try:{identity.serial}",
            f"One PIN try is left on token {identity.serial}",
            detail="A wrong PIN blocks the token. Go on only when its custodian is certain.",
        )
        if not room.operator.confirm(last, word=LAST_TRY_WORD):
            raise TokenError(identity.serial, "was left with its last PIN try unspent", hint="ask its custodian, then resume")


def _prompt(room: Room, identity: TokenIdentity, name: str) -> Prompt:
    practice = " In this rehearsal it stands in practice-secrets.json." if room.practice else ""
    detail = f"Token {name}, serial {identity.serial}, {identity.manufacturer} {identity.model}.{practice}"
    return Prompt(f"pin:{name}", f"PIN of {name}", detail=detail, who="custodian of its PIN")


def _body(identity: TokenIdentity, retries_left: int | None) -> JsonObject:
    return {"token": identity.serial, "retries_left": retries_left}


def release(room: Room) -> None:
    """Log out of every token and let it go; never raises."""
    for token in room.tokens.values():
        token.close()
    room.tokens.clear()
    room.unlocked.clear()
