# SPDX-License-Identifier: Apache-2.0
"""Which repositories this ceremony signs for, from its inputs; how that is worked out is in `ceremony.core.agenda`.

What is published is read and verified once, from the recorded files, and kept in memory.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping

from ceremony.core import bundle
from ceremony.core.agenda import entries
from ceremony.core.agenda.entries import Agenda
from ceremony.core.dialects import sequel
from ceremony.core.published import reading
from ceremony.core.published.reading import Fleet
from ceremony.core.published.trusted import of_plan
from ceremony.core.request import INDEX, Request, parse_index, path_of
from ceremony.core.rotation.impact import Impact, compromised
from ceremony.core.rotation.impact import impact as whole_impact
from ceremony.steps.room import Room
from ceremony.steps.side_by_side import side_by_side

LARGE = 1000
"""Repositories from which on a fleet is kept from the collector of garbage."""


class RecordedFiles(Mapping[str, bytes]):
    """The files of the request by their digest, each read when it is asked for: a fleet does not fit in memory twice."""

    def __init__(self, room: Room, request: Request) -> None:
        self._room, self._request = room, request

    def __getitem__(self, digest: str) -> bytes:
        return self._room.recorded(bundle.REQUEST + path_of(digest))

    def __iter__(self) -> Iterator[str]:
        return iter(self._request.files())

    def __len__(self) -> int:
        return len(self._request.files())


def recorded_request(room: Room) -> Request:
    """Return the request that the folder holds."""
    return parse_index(room.recorded(bundle.REQUEST + INDEX))


def fleet(room: Room, request: Request | None = None) -> Fleet:
    """Return what is published, verified from the plan's trusted root; raises VerificationError when there is none to begin with.

    `request` is the recorded one, where it was read already.
    """
    if room.fleet is None:
        request = request or recorded_request(room)
        place = bundle.TRUSTED_ROOT
        files = {path.removeprefix(place): room.recorded(path) for path in room.folder.names() if path.startswith(place)}
        trusted = of_plan(room.plan.trusted_root, files, sequel.get(room.plan.dialect).read_trusted)
        room.fleet = reading.read(
            request,
            RecordedFiles(room, request),
            trusted,
            sequel.get(room.plan.dialect),
            room.clock.utc(),
            _now_and_then(room, "repositories verified"),
            side_by_side,
        )
        if len(room.fleet) > LARGE:
            # It stays to the end: to look it over for garbage takes a second and more, each time.
            gc.freeze()
    return room.fleet


def impact(room: Room) -> Impact | None:
    """Return whom the stolen keys touch; None when the plan names none."""
    change = room.plan.change
    stolen = change.compromised if change else None
    if stolen is None:
        return None
    named = compromised(stolen.keys, room.plan.files, sequel.get(room.plan.dialect))
    return whole_impact(fleet(room), named, last_good=stolen.last_good, elsewhere=entries.elsewhere(room.plan))


def agenda(room: Room) -> Agenda:
    """Return the repositories that are signed for."""
    if room.agenda is None:
        if room.plan.change is None:
            room.agenda = entries.of_genesis(room.plan)
        else:
            published = fleet(room)
            new = any(repository.name not in published for repository in room.plan.repositories)
            known = frozenset(recorded_request(room).repositories if new else published)
            room.agenda = entries.of_change(room.plan, known, published, impact(room))
    return room.agenda


def made_here(room: Room) -> frozenset[str]:
    """Return the names of the repositories whose targets key is made in this ceremony: it signs their targets here."""
    return agenda(room).made_here()


def _now_and_then(room: Room, what: str) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done % 50 == 0 or done == total:
            room.operator.progress(what, done, total)

    return progress
