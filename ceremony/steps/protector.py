# SPDX-License-Identifier: Apache-2.0
"""Protector: a fresh age identity under a passphrase that its custodian writes down and types back."""

from __future__ import annotations

from ceremony.core import backup, bundle, words
from ceremony.core.canonical import JsonObject
from ceremony.core.ports import Prompt
from ceremony.core.secret import Secret
from ceremony.errors import CeremonyError
from ceremony.steps.room import Room

PASSPHRASE = "passphrase"  # noqa: S105 - the name of a question
TRIES = 3


def run(room: Room) -> JsonObject:
    """Make the protector and put its sealed identity on both volumes; the passphrase is dropped."""
    custodian = room.plan.custodians()[0].name
    passphrase = words.passphrase(room.entropy)
    identity, recipient = backup.make_protector()
    try:
        show = Prompt(
            PASSPHRASE,
            "Passphrase of the backups",
            detail="Write these words down. Whoever has them and one volume can open every backup.",
            who=custodian,
        )
        room.operator.show_secret(show, passphrase)
        _typed_back(room, passphrase, custodian)
        with room.operator.waiting("the protector to be sealed"):
            sealed = backup.seal_identity(identity, passphrase)
        room.on_volumes({bundle.IDENTITY: sealed})
    finally:
        passphrase.wipe()
        identity.wipe()
    return {"recipient": recipient, "custodian": custodian}


def _typed_back(room: Room, passphrase: Secret, custodian: str) -> None:
    for left in range(TRIES, 0, -1):
        typed = ask(room, "Type the passphrase back", custodian)
        same = typed.text() == passphrase.text()
        typed.wipe()
        room.journal.record("typed-back", {"what": PASSPHRASE, "same": same}, actor=custodian)
        if same:
            return
        room.operator.tell(f"That is not what was shown. {left - 1} tries are left before a new one is made.")
    raise CeremonyError("the passphrase was not typed back", hint="try this step again: a new passphrase is made and shown")


def ask(room: Room, title: str, custodian: str) -> Secret:
    """Return the passphrase as its custodian types it, brought to its one form."""
    typed = room.operator.ask_secret(Prompt(PASSPHRASE, title, detail="Sixteen words, one space between them.", who=custodian))
    try:
        return Secret(words.normalise_passphrase(typed.text()))
    finally:
        typed.wipe()
