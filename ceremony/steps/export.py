# SPDX-License-Identifier: Apache-2.0
"""Export: what the teams, the consumers and the auditors get, beside the metadata."""

from __future__ import annotations

from collections.abc import Sequence

from ceremony.core import backup
from ceremony.core.agenda.items import Item
from ceremony.core.bundle import delivery
from ceremony.core.canonical import JsonObject
from ceremony.errors import CeremonyError
from ceremony.steps.agenda import agenda
from ceremony.steps.drill import fill_keyring
from ceremony.steps.items import signed
from ceremony.steps.readme_text import for_auditors
from ceremony.steps.room import Room
from ceremony.steps.sign import FILES_AT_ONCE


def run(room: Room) -> JsonObject:
    """Write deliveries, pinning, and what auditors read first; raises CeremonyError before the metadata was verified."""
    if "verify" not in room.journal.past.ended:
        raise CeremonyError("nothing leaves before it was verified", hint="the step before comes first; resume the ceremony")
    items = signed(room)
    delivered = _deliver(room, items)
    room.keyring.drop()
    room.keep({**for_auditors(room), **room.dialect.pinning({item.name: item.pins for item in items})})
    return {"delivered": delivered}


def _deliver(room: Room, items: Sequence[Item]) -> int:
    entries = agenda(room).entries
    recipients = {item.name: entries[item.name].plan.targets.deliver_to for item in items if item.here}
    wanted = [name for name, recipient in recipients.items() if recipient]
    todo = [name for name in wanted if delivery(name) not in room.journal.past.files]
    if todo:
        fill_keyring(room)
    for start in range(0, len(todo), FILES_AT_ONCE):
        part = todo[start : start + FILES_AT_ONCE]
        room.keep(
            {
                delivery(name): backup.encrypt(room.dialect.delivery(name, room.keyring.keys[name]), recipients[name])
                for name in part
            }
        )
        room.operator.progress("keys encrypted to their teams", min(start + FILES_AT_ONCE, len(todo)), len(todo))
    return len(wanted)
