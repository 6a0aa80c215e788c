# SPDX-License-Identifier: Apache-2.0
"""Protector: a fresh age identity, sealed under a secret that only people have: a passphrase, or shares (`steps.shares`).

Nothing is shown unless everybody who is to keep it answered the roll call. Every
quorum of the shares is tried before the first is shown; nothing is written to a volume
before everything that was shown was typed back.
"""

from __future__ import annotations

from collections.abc import Sequence

from ceremony.core import backup, bundle, words
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.ports import Prompt
from ceremony.core.secret import Secret
from ceremony.core.shares import ShareSet
from ceremony.errors import CeremonyError
from ceremony.steps import shares
from ceremony.steps.room import Room
from ceremony.steps.shares import TRIES

PASSPHRASE = "passphrase"  # noqa: S105 - the name of a question
SHARES = "shares"


def run(room: Room) -> JsonObject:
    """Make the protector and put its sealed identity on both volumes; whatever was shown is dropped.

    Raises CeremonyError, before anything is made, when somebody who is to keep the secret did not answer the roll call.
    """
    listed = room.result("roll-call")["present"]
    refuse_absent(
        room,
        list(map(str, listed)) if isinstance(listed, list) else [],
        hint="nothing was shown; stop, and begin a new ceremony when everybody is here",
    )
    return _with_shares(room) if room.plan.backup.protect == SHARES else _with_passphrase(room)


def refuse_absent(room: Room, present: Sequence[str], *, hint: str) -> None:
    """Raise CeremonyError unless everybody who is to keep the secret of the backups is present."""
    what = "a share" if room.plan.backup.protect == SHARES else "the passphrase of the backups"
    for person in room.plan.keepers():
        if person.name not in present:
            raise CeremonyError(f"{what} is for {person.name} alone, who did not answer the roll call", hint=hint)


def _with_shares(room: Room) -> JsonObject:
    split = shares.split(room)
    try:
        shares.hand_out(room, split)
        recipient = _seal(room, split.passphrase)
    finally:
        split.wipe()
    return {"recipient": recipient, SHARES: split.of.record()}


def _with_passphrase(room: Room) -> JsonObject:
    custodian = room.plan.custodians()[0].name
    passphrase = words.passphrase(room.entropy)
    try:
        show = Prompt(
            PASSPHRASE,
            "Passphrase of the backups",
            detail="Write these words down. Whoever has them and one volume can open every backup.",
            who=custodian,
        )
        room.operator.show_secret(show, passphrase)
        _typed_back(room, passphrase, custodian)
        recipient = _seal(room, passphrase)
    finally:
        passphrase.wipe()
    return {"recipient": recipient, "custodian": custodian}


def _seal(room: Room, passphrase: Secret) -> str:
    """Put a fresh identity on both volumes, under the passphrase; return its recipient."""
    identity, recipient = backup.make_protector()
    try:
        with room.operator.waiting("the protector to be sealed"):
            sealed = backup.seal_identity(identity, passphrase)
        room.on_volumes({bundle.IDENTITY: sealed})
    finally:
        identity.wipe()
    return recipient


def _typed_back(room: Room, passphrase: Secret, custodian: str) -> None:
    for left in range(TRIES, 0, -1):
        typed = _ask_passphrase(room, "Type the passphrase back", custodian)
        same = typed.text() == passphrase.text()
        typed.wipe()
        room.journal.record("typed-back", {"what": PASSPHRASE, "same": same}, actor=custodian)
        if same:
            return
        room.operator.tell(f"That is not what was shown. {left - 1} tries are left before a new one is made.")
    raise CeremonyError("the passphrase was not typed back", hint="try this step again: a new passphrase is made and shown")


def called(room: Room) -> str:
    """Return what people call the secret of the backups, at the beginning of a title."""
    return SHARES.capitalize() if room.plan.backup.protect == SHARES else PASSPHRASE.capitalize()


def ask(room: Room, title: str, custodian: str) -> Secret:
    """Return the passphrase of this ceremony's protector: as its custodian types it, in its one form, or from shares.

    With shares, people choose who types; `custodian` is then of no account. Raises
    VerificationError when they give up, or the shares do not fit together.
    """
    split: Json = room.result("protector").get(SHARES)
    if split is None:
        return _ask_passphrase(room, title, custodian)
    return shares.gather(room, title, ShareSet.of_record(split))


def _ask_passphrase(room: Room, title: str, custodian: str) -> Secret:
    typed = room.operator.ask_secret(Prompt(PASSPHRASE, title, detail="Sixteen words, one space between them.", who=custodian))
    try:
        return Secret(words.normalise_passphrase(typed.text()))
    finally:
        typed.wipe()
