# SPDX-License-Identifier: Apache-2.0
"""Impact: whom the stolen keys touch, read by everybody before anything is made; and which tags go.

Every tag that a stolen key set or changed after the last good version is suspect. The
officer strikes out which of them go; the others are signed again with the rest.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence

from ceremony.core.agenda.suspects import Suspect, suspects
from ceremony.core.canonical import JsonObject, encode
from ceremony.core.chronicle.phrases import counted
from ceremony.core.ports import Listing, Prompt
from ceremony.core.rotation.told import impact_json, rows
from ceremony.errors import CeremonyError
from ceremony.steps.agenda import agenda, impact
from ceremony.steps.leaving_out import NAMED, go_on_without
from ceremony.steps.room import Room, writable

IMPACT = "evidence/impact.json"
STRUCK = "evidence/struck-"
"""Where the tags that go are listed, with a number for each attempt."""
COLUMNS = ("Repository", "Role", "Tags", "Signer", "Key", "To know")
_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")


def run(room: Room) -> JsonObject:
    """Show whom the stolen keys touch, and ask which tags go; raises CeremonyError when it is not what people expected."""
    found = impact(room)
    if found is None:
        raise CeremonyError("the plan names no stolen key", hint="correct the plan")
    room.keep({IMPACT: impact_json(found)})
    places = sum(len(one.places) for one in found.repositories)
    fleet = counted(found.asked, "repository", "repositories")
    detail = f"{len(found.repositories)} of {fleet}, {counted(places, 'role')}. {found.last_good}"
    listing = Listing(
        COLUMNS,
        tuple(
            _row(row.repository or "no repository", row.role, row.tags, row.signer, row.keys, row.words) for row in rows(found)
        ),
    )
    if not room.operator.study(Prompt("impact", "Whom the stolen keys touch", detail=detail, who="everybody"), listing):
        raise CeremonyError(
            "the impact is not what people expected", hint="stop, name the right keys in the plan, and hold the ceremony again"
        )
    if agenda(room).left_out:
        go_on_without(room, agenda(room).left_out)  # the stolen keys stay there: not after all else was done
    struck = _strike(room, tuple(suspects(agenda(room), found)))
    room.journal.record(
        "impact",
        {
            "keys": len(found.keys),
            "unknown": sum(not key.places for key in found.keys),
            "repositories": len(found.repositories),
            "roles": places,
            "struck": sum(len(tags) for tags in struck.values()),
        },
    )
    return {"file": IMPACT, "struck": _keep(room, struck) if struck else ""}


def _keep(room: Room, struck: Mapping[str, Sequence[str]]) -> str:
    path = f"{STRUCK}{len([p for p in room.journal.past.files if p.startswith(STRUCK)]) + 1}.json"
    listed: JsonObject = {name: [base64.b64encode(tag.encode()).decode() for tag in tags] for name, tags in struck.items()}
    room.keep({path: encode(listed) + b"\n"})
    return path


def _row(*cells: str) -> tuple[str, ...]:
    return tuple(writable(cell) for cell in cells)


def _strike(room: Room, listed: Sequence[Suspect]) -> dict[str, list[str]]:
    """Return repository → tags that go, as the officer says."""
    if not listed:
        return {}
    table = Listing(
        ("Number", "Repository", "Tag", "Since version", "Value"),
        tuple(_row(str(n), s.repository, s.tag, str(s.version), s.words) for n, s in enumerate(listed, 1)),
    )
    title = f"{counted(len(listed), 'tag that stands was', 'tags that stand were')} signed by a stolen key"
    prompt = Prompt("suspects", title, detail="None of them is known to be good.")
    if not room.operator.study(prompt, table):
        raise CeremonyError("the suspect tags are not what people expected", hint="stop, and look at what was pushed")
    while True:
        detail = "Their numbers, such as 1,4-7; or all; or none. What goes is gone for every client; what stays is signed again."
        typed = room.operator.ask(Prompt("strike", "Which of these tags go?", detail=detail), default="none")
        numbers = read_numbers(typed, len(listed))
        if numbers is None:
            room.operator.tell(f"{writable(typed)!r} is not numbers from 1 to {len(listed)}, all, or none.")
        elif _sure(room, [listed[number - 1] for number in numbers], len(listed)):
            break
    struck: dict[str, list[str]] = {}
    for number in numbers:
        struck.setdefault(listed[number - 1].repository, []).append(listed[number - 1].tag)
    return struck


def _sure(room: Room, going: Sequence[Suspect], of: int) -> bool:
    """Return whether people meant it: what a wrong key chose would come out in the review, and cost the whole ceremony."""
    title = f"{len(going)} of {counted(of, 'suspect tag')} {'goes' if len(going) == 1 else 'go'}: is that right?"
    named = ", ".join(writable(f"{one.repository}:{one.tag}") for one in going[:NAMED]) or "Each of them is signed again."
    return room.operator.confirm(Prompt("strike-sure", title, detail=named))


def read_numbers(typed: str, most: int) -> list[int] | None:
    """Return the numbers from 1 to `most` that a person means, ascending; None for what cannot be told."""
    words = typed.strip().lower()
    if words in ("", "none", "all"):
        return list(range(1, most + 1)) if words == "all" else []
    found: set[int] = set()
    for part in words.replace(" ", "").split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            return None
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= most:
            return None
        found.update(range(first, last + 1))
    return sorted(found)
