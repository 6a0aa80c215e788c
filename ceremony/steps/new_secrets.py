# SPDX-License-Identifier: Apache-2.0
"""New secrets of a YubiKey: shown once to their custodian and typed back, or typed twice; the log says only whether it was the same."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from ceremony.core.piv import Code, check_code, make_code, read_management_key, write_management_key
from ceremony.core.ports import Option, Prompt
from ceremony.core.secret import Secret
from ceremony.errors import CeremonyError, VerificationError
from ceremony.steps.room import Room

TRIES = 3
GENERATED, OWN = "generated", "own"
MANAGEMENT_KEY = "management key"


def key_of(what: str, name: str) -> str:
    """Return the key of the questions about a secret of a token: `pin:root-a`, `management-key:root-a`."""
    return f"{what.lower().replace(' ', '-')}:{name}"


def custodian(what: str) -> str:
    """Return who keeps a secret, as prompts say it."""
    return f"custodian of its {what}"


def new_code(room: Room, name: str, code: Code) -> Secret:
    """Return a new PIN or PUK for a token that its custodian has; raises CeremonyError when it was not typed the same."""
    options = (
        Option(GENERATED, "Have one made", "eight digits; shown once, then typed back"),
        Option(OWN, "Think of one", "typed twice; nobody else sees it"),
    )
    prompt = Prompt(f"new-{key_of(code, name)}", f"A new {code} for {name}", who=custodian(code))
    if room.operator.choose(prompt, options) == OWN:
        return _typed_twice(room, name, code)
    made = make_code(code, room.entropy)
    with ExitStack() as undo:
        undo.callback(made.wipe)
        _handed_over(room, name, code, made, lambda typed: typed.reveal() == made.reveal())
        undo.pop_all()
    return made


def new_management_key(room: Room, name: str, size: int) -> Secret:
    """Return a new management key of `size` random bytes that its custodian has; raises as `new_code`."""
    key = Secret(room.entropy.bytes(size))
    written = write_management_key(key)

    def same(typed: Secret) -> bool:
        try:
            read = read_management_key(typed, size)
        except VerificationError:
            return False
        try:
            return read.reveal() == key.reveal()
        finally:
            read.wipe()

    with ExitStack() as undo:
        undo.callback(key.wipe)
        try:
            _handed_over(room, name, MANAGEMENT_KEY, written, same)
        finally:
            written.wipe()
        undo.pop_all()
    return key


def _handed_over(room: Room, name: str, what: str, shown: Secret, same: Callable[[Secret], bool]) -> None:
    """Show a secret to its custodian alone, until it was typed back."""
    detail = f"Write it down, with the name {name} and the serial of the token. Any that was shown for it before is not used."
    room.operator.show_secret(Prompt(key_of(what, name), f"New {what} of {name}", detail=detail, who=custodian(what)), shown)
    for left in range(TRIES, 0, -1):
        typed = _ask(room, name, what, f"Type the new {what} of {name} back")
        alike = same(typed)
        typed.wipe()
        _record(room, name, what, alike)
        if alike:
            return
        room.operator.tell(f"That is not what was shown. {left - 1} tries are left before a new one is made.")
    raise CeremonyError(
        f"the new {what} of {name} was not typed back", hint="it was not set; try this step again: another one is made and shown"
    )


def _typed_twice(room: Room, name: str, code: Code) -> Secret:
    for _ in range(TRIES):
        typed = _typed(room, name, code)
        if typed is not None:
            return typed
    raise CeremonyError(f"no new {code} for {name} was typed twice", hint="it was not set; try this step again, or have one made")


def _typed(room: Room, name: str, code: Code) -> Secret | None:
    """Return a PIN or PUK that fits and was typed twice the same; None, after telling why, when it was not."""
    first, alike = _ask(room, name, code, f"Type a new {code} for {name}"), False
    try:
        check_code(code, first)
        second = _ask(room, name, code, f"Type the new {code} of {name} again")
        alike = second.reveal() == first.reveal()
        second.wipe()
        _record(room, name, code, alike)
    except VerificationError as error:
        room.operator.tell(f"{error.message}: {error.hint}.")
        return None
    finally:
        if not alike:
            first.wipe()
    if not alike:
        room.operator.tell("The two were not the same.")
    return first if alike else None


def _ask(room: Room, name: str, what: str, title: str) -> Secret:
    return room.operator.ask_secret(Prompt(key_of(what, name), title, who=custodian(what)))


def _record(room: Room, name: str, what: str, same: bool) -> None:
    room.journal.record("typed-back", {"what": f"{what} of {name}", "same": same}, actor=custodian(what))
