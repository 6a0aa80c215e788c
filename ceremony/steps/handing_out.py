# SPDX-License-Identifier: Apache-2.0
"""Handing out: for each token and each medium, who of those present takes it, and in which bag or under which seal.

Two questions and a record a thing, while the log is closed; what is recorded already is not
asked for again, so an interrupted close goes on with the next thing. Among those who may
take it stands first who does so by what is left to do afterwards (`core.errands`): security
officers take tokens, who is at the keyboard the courier, and volumes go to two people who
neither keep what opens them nor take a token.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial

from ceremony.core.custody_list import KIND, Taken, Thing, What, left, same_seal, taken
from ceremony.core.plan import Person, Role
from ceremony.core.ports import Option, Prompt
from ceremony.core.procedure import keeps_backups
from ceremony.steps.room import Room, writable


def hand_out(room: Room) -> None:
    """Ask and record who takes what, until nothing is left that nobody took."""
    # Looked at anew after each record: a volume that failed with it was replaced by another thing.
    while missing := left(room.journal.past):
        thing = missing[0]
        holder = _holder(room, thing)
        seal = _seal(room, thing, holder)
        if not seal and not room.practice:
            room.operator.tell(f"{thing.called} is in no bag and under no seal, as the log says now.")
        room.journal.record(KIND, {**thing.as_json(), "holder": holder, "seal": seal})


def _holder(room: Room, thing: Thing) -> str:
    so_far = taken(room.journal.past)
    other = next((one.holder for one in so_far if thing.what is What.VOLUME is one.thing.what), "")
    stays = "" if thing.what is What.TOKEN else " It stays in the computer until the copy is on it."
    detail = f"Serial {thing.serial}. The log names whoever takes it.{stays}"
    while True:
        prompt = Prompt(f"custody:{thing.name}", f"Who takes {thing.called}?", detail=detail)
        holder = room.operator.choose(prompt, _options(room, thing, so_far, other))
        if holder != other or _both(room, holder):
            return holder


def _both(room: Room, holder: str) -> bool:
    detail = "One accident, or one person, then has every backup. Two places, and two people, are what two volumes are for."
    return room.operator.confirm(Prompt("custody:both", f"Does {holder} take both volumes?", detail=detail))


def _options(room: Room, thing: Thing, so_far: Sequence[Taken], other: str) -> list[Option]:
    listed = room.result("roll-call")["present"]
    present = [person for person in room.people if isinstance(listed, list) and person.name in listed]
    present.sort(key=partial(_unfit, room, thing, so_far, other))
    return [Option(p.name, p.name, f"{p.role}{_has(so_far, p.name)}") for p in present]


def _unfit(room: Room, thing: Thing, so_far: Sequence[Taken], other: str, person: Person) -> tuple[int, ...]:
    """Return what speaks against a person, the worst first."""
    has = [one.thing.what for one in so_far if one.holder == person.name]
    last = person.role in (Role.WITNESS, Role.AUDITOR), len(has)
    if thing.what is What.TOKEN:
        return person.role is not Role.SECURITY_OFFICER, *last
    if thing.what is What.COURIER:
        return person.name != room.journal.recorded_by, *last
    keepers = {keeper.name for keeper in room.plan.keepers()} if keeps_backups(room.plan) else set()
    return person.name == other, person.name in keepers, What.TOKEN in has, *last


def _has(so_far: Sequence[Taken], name: str) -> str:
    has = [one.thing.called for one in so_far if one.holder == name]
    return f"; takes {', '.join(has)}" if has else ""


def _seal(room: Room, thing: Thing, holder: str) -> str:
    so_far, wrong = taken(room.journal.past), ""
    ask = f"{holder} takes {thing.called}. Type the number on its bag or seal; nothing, when it has none."
    default = _practised(so_far) if room.practice else ""
    while True:
        prompt = Prompt(f"seal:{thing.name}", f"Bag or seal of {thing.called}?", detail=f"{wrong}{ask}")
        seal = " ".join(writable(room.operator.ask(prompt, default)).split())
        other = next((one.thing.called for one in so_far if same_seal(one.seal, seal)), "")
        if not other:
            return seal
        wrong = f"{seal} is the number of {other} already; no two are the same. "


def _practised(so_far: Sequence[Taken]) -> str:
    """Return a number for a bag that nobody has in a rehearsal."""
    numbers = (f"PRACTICE-{number:04}" for number in itertools.count(len(so_far) + 1))
    return next(number for number in numbers if not any(same_seal(one.seal, number) for one in so_far))
