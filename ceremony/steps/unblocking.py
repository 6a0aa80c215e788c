# SPDX-License-Identifier: Apache-2.0
"""A blocked PIN of a YubiKey: its PUK gives it a new one, when people choose so; with the PUK blocked too, nothing does."""

from __future__ import annotations

from ceremony.core.piv import Code
from ceremony.core.ports import Option, PivStanding, Prompt, Token
from ceremony.core.record import Outcome
from ceremony.core.secret import Secret
from ceremony.errors import PinLocked, TokenError, WrongPin
from ceremony.steps.new_secrets import custodian, key_of, new_code
from ceremony.steps.room import Room
from ceremony.steps.standing import piv_of
from ceremony.steps.tries import again, spend

ACTION = "unblock-pin"
LEAVE, UNBLOCK = "leave", "unblock"


def offer(room: Room, token: Token) -> None:
    """Have people choose what to do about a blocked PIN; raises PinLocked or TokenError while it stays blocked."""
    standing = piv_of(token).standing()
    if not standing.puk.left:
        raise blocked(token, standing)
    name = token.identity.name
    options = (
        Option(LEAVE, "Leave it blocked", "nothing is tried"),
        Option(UNBLOCK, "Unblock it with the PUK", f"the PUK has {standing.puk.left} of {standing.puk.total} tries left"),
    )
    refusal = blocked(token, standing)
    prompt = Prompt(f"unblock:{name}", f"{name}, {refusal.message}", detail=refusal.hint, alarm=True)
    if room.operator.choose(prompt, options) != UNBLOCK:
        raise refusal
    unblock(room, token)


def blocked(token: Token, standing: PivStanding) -> TokenError:
    """Return the sentence for a YubiKey whose PIN, PUK or both are blocked."""
    if not standing.pin.left and not standing.puk.left:
        return TokenError(
            token.identity.serial,
            "its PIN and its PUK are blocked: nobody can use its keys any more",
            hint="only wiping it makes it usable again, which takes every key; go on with other tokens, or stop",
        )
    return PinLocked(token.identity.serial, what=Code.PUK if standing.pin.left else Code.PIN)


def unblock(room: Room, token: Token) -> None:
    """Give a blocked PIN a new value with the PUK; raises WrongPin when people give up, and PinLocked."""
    name = token.identity.name
    new = new_code(room, name, Code.PIN)
    try:
        while (refused := _try(room, token, new)) is not None:
            again(room, f"puk:{name}", f"Try the PUK of {name} again?", refused)
    finally:
        new.wipe()


def _try(room: Room, token: Token, new: Secret) -> WrongPin | None:
    """Ask for the PUK and try it once; return the refusal, if it was one."""
    piv, identity = piv_of(token), token.identity
    standing = piv.standing()
    if not standing.puk.left:
        raise blocked(token, standing)
    spend(room, identity, Code.PUK, standing.puk.left)
    prompt = Prompt(
        key_of(Code.PUK, identity.name),
        f"PUK of {identity.name}",
        detail=f"Token {identity.name}, serial {identity.serial}. It gives the PIN its new value.",
        who=custodian(Code.PUK),
    )
    puk = room.operator.ask_secret(prompt, retries_left=standing.puk.left)
    try:
        room.journal.begin(ACTION, identity.serial, {"puk_tries_left": standing.puk.left})
        piv.unblock_pin(puk, new)
    except WrongPin as error:
        room.journal.finish(ACTION, identity.serial, {"puk_tries_left": error.retries_left}, outcome=Outcome.FAIL)
        return error
    finally:
        puk.wipe()
    room.journal.finish(ACTION, identity.serial, {})
    return None


def find_out(room: Room, token: Token) -> None:
    """Record how an unblocking ended that was interrupted: the device knows."""
    if room.journal.interrupted(ACTION, token.identity.serial):
        done = bool(piv_of(token).standing().pin.left)
        outcome = Outcome.OK if done else Outcome.FAIL
        room.journal.finish(ACTION, token.identity.serial, {"found": True} if done else {"interrupted": True}, outcome=outcome)
