# SPDX-License-Identifier: Apache-2.0
"""Roll call: each person answers a challenge with their own key (SSHSIG, namespace `ceremony-roll-call`)."""

from __future__ import annotations

from ceremony.core import bundle, cosign, roll
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.plan import Person
from ceremony.core.ports import Prompt
from ceremony.core.record import Outcome
from ceremony.core.roll import NAMESPACE, ROLL_CALL, Challenge
from ceremony.errors import CeremonyError
from ceremony.steps.protector import refuse_absent
from ceremony.steps.room import Room


def run(room: Room) -> JsonObject:
    """Call the roll; raises CeremonyError when those who are here cannot meet the quorum, or a keeper is not among them."""
    present: list[Json] = []
    for person in room.people:
        how = _answer(room, person)
        outcome = Outcome.OK if how else Outcome.FAIL
        room.journal.record(
            "roll-call", {"name": person.name, "role": person.role, "how": how or roll.ABSENT}, actor=person.name, outcome=outcome
        )
        if how:
            present.append(person.name)
    here = [person for person in room.people if person.name in present]
    quorum = cosign.quorum(room.people, room.plan.quorum, here)
    if not quorum.met:
        raise CeremonyError(
            "those who answered cannot meet the quorum of the plan", hint="call who is missing, or hold the ceremony another day"
        )
    refuse_absent(room, [person.name for person in here], hint="call who is missing, or hold the ceremony another day")
    return {"present": present}


def _answer(room: Room, person: Person) -> str:
    challenge = Challenge(room.journal.ceremony, person.name, room.entropy.bytes(32).hex()).text()
    armored = room.cosigner.sign(person.name, NAMESPACE, challenge)
    if armored is not None:
        cosign.verify(armored, challenge, cosign.parse_public_key(person.key), NAMESPACE, f"answer of {person.name}")
        # Numbered, because a roll that is called again has another challenge; kept, so that a stranger can check who was here.
        kept = sum(path.startswith(ROLL_CALL) and path.endswith(".sig") for path in room.journal.past.files)
        name = f"{ROLL_CALL}{kept + 1:03}-{bundle.slug(person.name)}"
        room.keep({f"{name}.txt": challenge, f"{name}.sig": armored})
        return roll.KEY
    if not room.practice:
        return ""
    typed = room.operator.ask(
        Prompt(f"name:{person.name}", f"{person.name}, type your name", who=person.name), default=person.name
    )
    return roll.TYPED if typed.strip() == person.name else ""
