# SPDX-License-Identifier: Apache-2.0
"""Shares among their custodians: handed out one by one and typed back, and gathered again from whoever is there.

What is wrong with a share that was typed is said; no word of it is repeated or
recorded. A wrong one takes nothing from those that were typed before.
"""

from __future__ import annotations

from ceremony.core import shares
from ceremony.core.chronicle.phrases import tries
from ceremony.core.ports import Option, Prompt
from ceremony.core.record import Outcome
from ceremony.core.secret import Secret
from ceremony.core.shares import Gathering, ShareSet, Split
from ceremony.core.words import normalise_passphrase
from ceremony.errors import CeremonyError, VerificationError
from ceremony.steps.room import Room

TRIES = 3
"""How often a secret is typed back before a new one is made."""
RETRY, OTHER, LEAVE = "retry", "other", "leave"
_WRONG = (
    Option(RETRY, "Type it again"),
    Option(OTHER, "Let somebody else go first", "the shares that were taken stay taken"),
    Option(LEAVE, "Give up", "what was typed is forgotten; the step can be begun once more"),
)
_FORM = f"{shares.SHARE_WORDS} words, one space between them."


def split(room: Room) -> Split:
    """Return a fresh secret split as the plan says, after every quorum was tried in memory."""
    backup = room.plan.backup
    keepers = tuple(person.name for person in room.plan.keepers())
    with room.operator.waiting(f"every quorum of {backup.needed} among {backup.total} shares to be tried"):
        return shares.make(backup.needed, keepers, room.entropy)


def hand_out(room: Room, split: Split) -> None:
    """Show each share to its custodian alone and have it typed back; raises CeremonyError when one is not."""
    total = len(split.shares)
    for number, (keeper, share) in enumerate(zip(split.of.keepers, split.shares, strict=True), start=1):
        show = Prompt(
            _key(number),
            f"Share {number} of {total}",
            detail=f"Write down the words and the number {number}. Any {split.of.needed} of the {total} shares, with one volume, "
            "open every backup.",
            who=keeper,
        )
        room.operator.show_secret(show, share)
        _typed_back(room, number, keeper, share)


def _typed_back(room: Room, number: int, keeper: str, share: Secret) -> None:
    for left in range(TRIES - 1, -1, -1):
        back = Prompt(_key(number), f"Type share {number} back", detail=_FORM, who=keeper)
        wrong = _compared(room.operator.ask_secret(back), share, number)
        room.journal.record("typed-back", {"what": f"share {number}", "same": not wrong}, actor=keeper)
        if not wrong:
            return
        room.operator.tell(f"{wrong}; {tries(left)} before a new set of shares is made.")
    raise CeremonyError(
        f"share {number} was not typed back",
        hint="destroy the papers of this set and try this step again: a new set of shares is made and shown",
    )


def _compared(typed: Secret, share: Secret, number: int) -> str:
    """Return what is wrong with what was typed; nothing when it is the share that was shown."""
    try:
        text = normalise_passphrase(typed.text())
    finally:
        typed.wipe()
    if text == share.text():
        return ""
    try:
        shares.check_words(text, f"share {number}")
    except VerificationError as error:
        return error.message
    return f"share {number}: is a share, and not the one that was shown"


def gather(room: Room, title: str, of: ShareSet, prefix: str = "") -> Secret:
    """Return the passphrase that the shares of a set give, as those custodians type them who are there.

    `prefix` stands before the keys of the questions, where it is not the set of this ceremony.

    Raises VerificationError when people give up, or when all shares were typed and no quorum fits together.
    """
    gathering = Gathering(of)
    while True:
        _one_more(room, title, of, gathering, prefix)
        if gathering.missing:
            continue
        taken = gathering.taken
        try:
            passphrase = gathering.passphrase()
        except VerificationError as error:
            if len(taken) == len(of.keepers):
                raise
            room.operator.tell(f"{error.message}: {error.hint}")
            continue
        for stranger in sorted(set(taken) - set(gathering.taken)):
            room.operator.tell(f"Share {stranger}, as it was typed, is of another set: look for its right paper.")
            _record(room, stranger, of.keepers[stranger - 1], taken=False)
        return passphrase


def _one_more(room: Room, title: str, of: ShareSet, gathering: Gathering, prefix: str) -> None:
    """Take one share from a custodian that people choose; raises VerificationError when they give up."""
    number = _who(room, title, of, gathering, prefix)
    while True:
        keeper = of.keepers[number - 1]
        error = _take(room, title, number, keeper, gathering, prefix)
        if error is None:
            return
        wrong = Prompt(f"error:{prefix}{_key(number)}", error.message, detail=error.hint, who=keeper, alarm=True)
        answer = room.operator.choose(wrong, _WRONG)
        if answer == LEAVE:
            raise error
        if answer == OTHER:
            number = _who(room, title, of, gathering, prefix)


def _who(room: Room, title: str, of: ShareSet, gathering: Gathering, prefix: str) -> int:
    left = [number for number in range(1, len(of.keepers) + 1) if number not in gathering.taken]
    if len(left) == 1:
        return left[0]
    options = [Option(str(number), f"{of.keepers[number - 1]}, share {number}") for number in left]
    count = len(gathering.taken) + 1
    ask = Prompt(
        f"{prefix}share", "Who types a share?", detail=f"{title}. This is number {count} of the {of.needed} that are needed."
    )
    return int(room.operator.choose(ask, options))


def _take(room: Room, title: str, number: int, keeper: str, gathering: Gathering, prefix: str) -> VerificationError | None:
    """Have a share typed; return what is wrong with it, if anything."""
    prompt = Prompt(f"{prefix}{_key(number)}", f"Share {number}", detail=f"{title}. {_FORM}", who=keeper)
    typed = room.operator.ask_secret(prompt)
    wrong: VerificationError | None = None
    try:
        gathering.take(typed.text(), number)
    except VerificationError as error:
        wrong = error
    finally:
        typed.wipe()
    _record(room, number, keeper, taken=wrong is None)
    return wrong


def _record(room: Room, number: int, keeper: str, *, taken: bool) -> None:
    outcome = Outcome.OK if taken else Outcome.REFUSED
    room.journal.record("share", {"number": number, "taken": taken}, actor=keeper, outcome=outcome)


def _key(number: int) -> str:
    return f"share:{number}"
