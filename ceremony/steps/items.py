# SPDX-License-Identifier: Apache-2.0
"""What this ceremony signs, from what earlier steps made: made anew from the records each time that it is asked for.

Once it is signed it is what people agreed to, and is kept for what comes after.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence

from ceremony.core import bundle
from ceremony.core.agenda import filling
from ceremony.core.agenda.filling import Filled, Made
from ceremony.core.agenda.items import Item
from ceremony.core.agenda.roots import Held, wanted
from ceremony.core.canonical import parse_loose
from ceremony.core.dialects import Draft
from ceremony.core.specs import read_certificates
from ceremony.steps.agenda import agenda
from ceremony.steps.repository_keys import repository_keys
from ceremony.steps.room import Room
from ceremony.steps.root_keys import made_roots, read_public, rows
from ceremony.steps.slot_certificate import began


def held(room: Room) -> tuple[Held, ...]:
    """Return the root keys in the room: those that sign what is published, then those that this ceremony made."""
    signing = tuple(
        Held(str(row["token"]), str(row["serial"]), read_public(row))
        for row in (rows(room.result("tokens")["signing"]) if room.plan.signing_tokens else ())
    )
    return (*signing, *(Held(root.token, root.serial, root.public) for root in made_roots(room)))


def common_names(room: Room) -> Mapping[str, Sequence[str]]:
    """Return serial → the common names that its root key certifies itself for."""
    sets, _ = filling.root_sets(room.dialect, room.plan, agenda(room), held(room))
    return wanted(sets.values())


def certificates(room: Room) -> Mapping[str, Mapping[str, str]]:
    """Return serial → common name → PEM of the certificates that were made, from the recorded files."""
    by_serial = {one.serial: one.public for one in held(room)}
    paths = {serial: bundle.root_public(serial) for serial in by_serial}
    return {
        serial: read_certificates(room.recorded(paths[serial]), by_serial[serial], names, paths[serial])
        for serial, names in common_names(room).items()
    }


def struck(room: Room) -> Mapping[str, frozenset[str]]:
    """Return repository → names of the tags that the officer struck out."""
    path = str(room.journal.past.ended.get("impact", {}).get("struck", ""))
    listed = parse_loose(room.recorded(path), path) if path else {}
    members = listed.items() if isinstance(listed, dict) else ()
    return {
        name: frozenset(base64.b64decode(str(tag)).decode() for tag in tags) for name, tags in members if isinstance(tags, list)
    }


def filled(room: Room) -> Filled:
    """Return what is signed, and what is left out."""
    made = Made(repository_keys(room), held(room), certificates(room), struck(room))
    return filling.fill(room.dialect, room.plan, agenda(room), made, began(room))


def signed(room: Room) -> tuple[Item, ...]:
    """Return what was signed."""
    return filled(room).items if room.signed is None else room.signed


def drafts(items: Sequence[Item]) -> Iterator[Draft]:
    """Yield everything that is signed, root before targets, in the agenda's order."""
    for item in items:
        yield from item.drafts()
