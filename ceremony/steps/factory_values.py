# SPDX-License-Identifier: Apache-2.0
"""What a YubiKey left the factory with, replaced: tries first, because setting them sets PIN and PUK back, then PIN, PUK, management key.

A factory value is used only where the device itself says that it is still set, and
only after people typed the word: nothing that nobody entered is ever tried. Each act
looks at the device, so that an interrupted one is found out and the others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ceremony.core.piv import FACTORY, FACTORY_MANAGEMENT_KEY, TRIES, Code
from ceremony.core.ports import PivStanding, Prompt, Token, Tries
from ceremony.core.record import Outcome
from ceremony.core.secret import Secret
from ceremony.errors import TokenError
from ceremony.steps import standing, wiping
from ceremony.steps.access import authorised
from ceremony.steps.new_secrets import new_code, new_management_key
from ceremony.steps.room import Room
from ceremony.steps.standing import piv_of
from ceremony.steps.tries import spend

WORD = "FACTORY"
SET_TRIES, SET_MANAGEMENT_KEY = "set-tries", "set-management-key"
SET_CODE = {Code.PIN: "set-pin", Code.PUK: "set-puk"}


def _has_tries(found: PivStanding) -> bool:
    return (found.pin.total, found.puk.total) == (TRIES, TRIES)


_DONE: Mapping[str, Callable[[PivStanding], bool]] = {
    wiping.ACTION: wiping.is_wiped,
    SET_TRIES: _has_tries,
    SET_CODE[Code.PIN]: lambda found: not found.pin.factory,
    SET_CODE[Code.PUK]: lambda found: not found.puk.factory,
    SET_MANAGEMENT_KEY: lambda found: not found.management_key_factory,
}
"""Act → whether a YubiKey reads as if it was done."""
ACTIONS = frozenset(_DONE)


def find_out(room: Room, token: Token) -> None:
    """Record how the acts ended that were interrupted on a token: the device knows."""
    serial = token.identity.serial
    begun = [action for action in _DONE if room.journal.interrupted(action, serial)]
    found = piv_of(token).standing()
    for action in begun:
        done = _DONE[action](found)
        body = {"found": True} if done else {"interrupted": True}
        room.journal.finish(action, serial, body, outcome=Outcome.OK if done else Outcome.FAIL)


def replace(room: Room, token: Token) -> None:
    """Replace every factory value of a YubiKey, if there is one; raises TokenError unless it then reads as it was set."""
    found = piv_of(token).standing()
    if found.factory:
        _allow(room, token, found)
        _set_tries(room, token)
        for code in Code:
            _set_code(room, token, code)
        _set_management_key(room, token)
        found = standing.read(room, token)
        standing.tell(room, token, found)
    refuse_factory(token, found)
    if room.journal.result(SET_TRIES, token.identity.serial) is not None and not _has_tries(found):
        raise TokenError(
            token.identity.serial,
            f"does not show {TRIES} tries, as they were set",
            hint="do not use this token; record a deviation",
        )


def refuse_factory(token: Token, found: PivStanding) -> None:
    """Raise TokenError when a YubiKey has anything left that it left the factory with."""
    if found.factory:
        raise TokenError(
            token.identity.serial,
            f"still has the factory's {' and '.join(found.factory)}",
            hint="whoever finds this token knows it; its custodian sets another one, then try again",
        )


def _allow(room: Room, token: Token, found: PivStanding) -> None:
    identity = token.identity
    detail = (
        f"The device says that its {' and '.join(found.factory)} are the factory's: PIN {FACTORY[Code.PIN]}, PUK {FACTORY[Code.PUK]}, "
        f"management key 0102030405060708 three times. With the word, those of them that it names are entered once, and replaced."
    )
    prompt = Prompt(
        f"factory:{identity.name}", f"Use the factory values of {identity.name}, serial {identity.serial}", detail=detail
    )
    if not room.operator.confirm(prompt, word=WORD):
        raise TokenError(identity.serial, "its factory values were not used", hint="nothing was changed; try again, or stop")


def _set_tries(room: Room, token: Token) -> None:
    piv, serial = piv_of(token), token.identity.serial
    found = piv.standing()
    if not (found.pin.factory and found.puk.factory) or _has_tries(found):
        return
    _authorise(room, token)
    spend(room, token.identity, Code.PIN, found.pin.left)
    token.unlock(Secret(FACTORY[Code.PIN]))
    with room.journal.intent(SET_TRIES, serial, pin=TRIES, puk=TRIES):
        piv.set_tries(TRIES, TRIES)
    token.forget_pin()


def _set_code(room: Room, token: Token, code: Code) -> None:
    piv, identity = piv_of(token), token.identity
    tries = _tries(piv.standing(), code)
    if not tries.factory:
        return
    new = new_code(room, identity.name, code)
    change = piv.change_pin if code is Code.PIN else piv.change_puk
    try:
        spend(room, identity, code, tries.left)
        with room.journal.intent(SET_CODE[code], identity.serial):
            change(Secret(FACTORY[code]), new)
    finally:
        new.wipe()


def _set_management_key(room: Room, token: Token) -> None:
    piv, identity = piv_of(token), token.identity
    if not piv.standing().management_key_factory:
        return
    _authorise(room, token)
    new = new_management_key(room, identity.name, piv.management_key_bytes())
    try:
        with room.journal.intent(SET_MANAGEMENT_KEY, identity.serial):
            piv.set_management_key(new)
    finally:
        new.wipe()


def _authorise(room: Room, token: Token) -> None:
    piv = piv_of(token)
    if piv.standing().management_key_factory and not piv.authorised():
        piv.authorise(Secret(FACTORY_MANAGEMENT_KEY))
    authorised(room, token.identity.name)


def _tries(found: PivStanding, code: Code) -> Tries:
    return found.pin if code is Code.PIN else found.puk
