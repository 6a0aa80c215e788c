# SPDX-License-Identifier: Apache-2.0
"""Reaching tokens: open the right one, ask for its PIN and management key as late as possible, never spend a last try unasked."""

from __future__ import annotations

from contextlib import suppress

from ceremony.core.canonical import JsonObject
from ceremony.core.piv import Code, management_key_bytes, read_management_key
from ceremony.core.ports import PinState, Piv, Prompt, Token, TokenIdentity
from ceremony.core.record import Outcome
from ceremony.errors import CeremonyError, PinLocked, TokenAbsent, TokenError, TokenLost, VerificationError, WrongPin
from ceremony.steps import unblocking
from ceremony.steps.new_secrets import MANAGEMENT_KEY, custodian, key_of
from ceremony.steps.room import Room
from ceremony.steps.standing import piv_of
from ceremony.steps.tries import again, spend


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
        unblocking.find_out(room, token)
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
        again(room, f"pin:{name}", f"Try the PIN of {name} again?", refused)
    room.unlocked.add(name)
    return token


def authorised(room: Room, name: str) -> Piv:
    """Return what only a YubiKey can do, once it has its management key; asks for it unless it was given since it was opened.

    Raises TokenError for a wrong one when people give up, and for a token that is no YubiKey; VerificationError for one that is
    none when people give up; Stopped.
    """
    token = opened(room, name)
    piv = piv_of(token)
    while not piv.authorised():
        refused = _authorise(room, token.identity, piv)
        if refused is not None:
            again(room, f"management-key:{name}", f"Try the management key of {name} again?", refused)
    return piv


def _authorise(room: Room, identity: TokenIdentity, piv: Piv) -> CeremonyError | None:
    """Ask for the management key and try it once, which spends nothing; return the refusal, if it was one."""
    name = identity.name
    prompt = Prompt(
        key_of(MANAGEMENT_KEY, name),
        f"Management key of {name}",
        detail=f"Token {name}, serial {identity.serial}. Spaces and dashes do not matter; a wrong one spends no try.",
        who=custodian(MANAGEMENT_KEY),
    )
    size = management_key_bytes(piv.standing().management_key)
    typed = room.operator.ask_secret(prompt)
    try:
        key = read_management_key(typed, size)
    except VerificationError as error:
        return error
    finally:
        typed.wipe()
    try:
        piv.authorise(key)
    except TokenLost:
        raise
    except TokenError as error:
        room.journal.record("authorised", {"token": identity.serial}, outcome=Outcome.FAIL)
        return error
    finally:
        key.wipe()
    room.journal.record("authorised", {"token": identity.serial})
    return None


def _try(room: Room, token: Token, name: str) -> WrongPin | None:
    """Ask for the PIN and try it once; return the refusal, if it was one."""
    state = token.pin_state()
    if state.locked and token.piv is not None:
        unblocking.offer(room, token)
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
    spend(room, identity, Code.PIN, state.retries_left)


def _prompt(room: Room, identity: TokenIdentity, name: str) -> Prompt:
    practice = " In this rehearsal it stands in practice-secrets.json." if room.practice else ""
    detail = f"Token {name}, serial {identity.serial}, {identity.manufacturer} {identity.model}.{practice}"
    return Prompt(f"pin:{name}", f"PIN of {name}", detail=detail, who="custodian of its PIN")


def _body(identity: TokenIdentity, retries_left: int | None) -> JsonObject:
    return {"token": identity.serial, "retries_left": retries_left}


def forget_pins(room: Room) -> None:
    """Have every open token drop the PIN that it holds: one that is then locked is asked for its PIN again; never raises."""
    for name, token in room.tokens.items():
        stays = False
        with suppress(CeremonyError):  # one that was lost holds none
            stays = token.forget_pin()
        if not stays:
            room.unlocked.discard(name)


def release(room: Room) -> None:
    """Log out of every token and let it go; never raises."""
    for token in room.tokens.values():
        token.close()
    room.tokens.clear()
    room.unlocked.clear()
