# SPDX-License-Identifier: Apache-2.0
"""When a medium fails or is gone: that one is out, and nothing else happens before something good is in its place.

Called from wherever it is noticed: a write, a sync, a read-back, the log. People are
told which medium it is and what happened, and choose: another medium, the same one
after looking at it, or to stop. Whatever takes the place is brought up to date byte
for byte, and drilled again where the one before it was. The decision is recorded as a
deviation. After the close nothing is recorded any more, and the rest stays the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from ceremony.core import media_rules
from ceremony.core.canonical import JsonObject
from ceremony.core.ports import MediumIdentity, Option, Prompt, Volume
from ceremony.core.record import Outcome
from ceremony.errors import Stopped, StorageError, VolumesLost
from ceremony.steps import drill
from ceremony.steps.catching_up import catch_up
from ceremony.steps.putting_in import Table, called, put_in
from ceremony.steps.room import BACKUPS, ROLES, Out, Room, writable
from ceremony.steps.volumes import check_written, facts, mirror, refuse_occupied

ANOTHER, SAME, STOP = "another", "same", "stop"


def watch(room: Room) -> None:
    """From now on, have whatever fails replaced."""
    room.on_failure = partial(failed, room)
    room.journal.on_lost = partial(_lost, room)


def leave(room: Room) -> None:
    """From now on, only say what fails: the ceremony stops, and what it is resumed with is brought up to date."""

    def say(lost: VolumesLost) -> None:
        for error in lost.errors.values():
            room.operator.tell(f"{error.message}. The ceremony's folder has every line.")

    room.journal.on_lost = say


def failed(room: Room, role: str, error: StorageError) -> None:
    """Put something good in the place of a medium that failed; raises Stopped when people stop instead."""
    with _first(room):
        _give_up(room, role, error)
        _settle(room)


def ready(room: Room, roles: Sequence[str] = BACKUPS) -> None:
    """See that the media are in and good before anything begins; raises Stopped when people stop instead."""
    for role in roles:
        volume = room.volume(role)
        if role not in room.out and not volume.present():
            failed(room, role, StorageError(volume.name, "is not plugged in any more", hint="put it in again"))
    with _first(room):
        _settle(room)


def reopen(room: Room) -> None:
    """Put the media of a resumed ceremony back in, by the serials that were recorded; raises Stopped when people stop instead."""
    for role in ROLES:
        out = _put_back(room, role)
        if out is not None:
            room.out[role] = out
    for role in BACKUPS:
        if role not in room.out:
            room.with_volume(role, partial(_take_up, room, role))
    with _first(room):
        _replace(room)


def _take_up(room: Room, role: str, volume: Volume) -> None:
    mirror(room, role, volume)
    if "back-up" in room.journal.past.ended:  # what an interrupted try left is set aside and written anew
        check_written(room, volume)


def _put_back(room: Room, role: str) -> Out | None:
    """Open the medium that has the role; return why it has not come back, or is out since before."""
    known, why = room.journal.past.media[role], room.journal.past.out.get(role)
    serial, hint = str(known["serial"]), "put it in, or another one in its place"
    name = f"{known['model']} {serial}"
    if why is not None:
        return Out(name, serial, StorageError(name, why.removeprefix(f"{name}: "), hint=hint))
    identity = _by_serial(room, role, serial)
    if identity is None:
        return Out(name, serial, StorageError(name, "is not here", hint=hint))
    try:
        room.volumes[role] = room.media.open(role, identity)
    except StorageError as error:
        return Out(name, serial, error)
    return None


# --- giving up -----------------------------------------------------------------


def _lost(room: Room, lost: VolumesLost) -> None:
    with _first(room) as first:
        for role, volume in tuple(room.volumes.items()):
            if volume.identity.serial in lost.errors:
                _give_up(room, role, lost.errors[volume.identity.serial])
        if first:
            _settle(room)


@contextmanager
def _first(room: Room) -> Iterator[bool]:
    """Tell whether nothing is being replaced yet: what fails meanwhile is added, and its turn comes."""
    first = not room.settling
    room.settling = True
    try:
        yield first
    finally:
        room.settling = not first


def _give_up(room: Room, role: str, error: StorageError) -> None:
    volume = room.volume(role)
    room.journal.drop(volume)
    room.out[role] = Out(volume.name, volume.identity.serial, error)
    room.operator.tell(f"{_title(role)} is out: {error.message}.")
    if not room.journal.past.closed:
        body: JsonObject = {"role": role, "serial": volume.identity.serial, "why": writable(error.message)}
        room.journal.record("volume-out", body, outcome=Outcome.FAIL)


# --- settling --------------------------------------------------------------------


def _settle(room: Room) -> None:
    """Put something good in the place of whatever is out, and drill it where what was there had been drilled."""
    while True:
        _replace(room)
        role = next((role for role in BACKUPS if drill.needed(room, role)), None)
        if role is None:
            return
        try:
            drill.once_more(room, role)
        except StorageError as error:
            if not room.blames_medium(error):
                raise
            _give_up(room, role, error)


def _replace(room: Room) -> None:
    while room.out:
        role = min(room.out)
        out = room.out[role]
        choice = _ask(room, role, out)
        if choice == STOP:
            _deviation(room, role, out, "the ceremony stops, to be resumed")
            raise Stopped(
                f"{called(role)} is out: {out.error.message}",
                hint="put it in again, or another medium in its place, and resume the ceremony",
            )
        volume = _same(room, role, out) if choice == SAME else _another(room, role, out)
        if volume is not None:
            room.volumes[role] = volume
            _install(room, role, out, volume)


def _ask(room: Room, role: str, out: Out) -> str:
    options = [
        Option(ANOTHER, "Another medium", "a fresh one takes its place, and is brought up to date"),
        Option(SAME, "The same again", "it is looked at: it goes on when everything on it reads back whole"),
        Option(STOP, "Stop here", "the ceremony can be resumed later"),
    ]
    if room.journal.past.written and set(BACKUPS) <= room.out.keys():
        del options[0]  # no good volume is left to copy from
    title, detail = f"{_title(role)} is out: {out.error.message}", f"{out.name}, serial {out.serial}. {out.error.hint}"
    return room.operator.choose(Prompt(f"error:medium:{role}", title, detail=detail, alarm=True), options)


def _install(room: Room, role: str, out: Out, volume: Volume) -> None:
    """Bring what took the place up to date; what fails meanwhile is out, be it this medium or the one that is copied from."""
    del room.out[role]
    try:
        files = catch_up(room, role, volume) if role in BACKUPS else 0
    except StorageError as error:
        if not room.blames_medium(error):
            raise
        _give_up(room, _blamed(room, role, volume, error), error)
        # What was not brought up to date is out too, whichever of them failed.
        room.journal.drop(volume)
        room.out.setdefault(role, Out(volume.name, volume.identity.serial, error))
        return
    if not room.journal.past.closed:
        room.journal.record("volume-whole", {"role": role, "serial": volume.identity.serial, "files": files})
    if role in room.out:  # the log of its own coming was too much for it
        return
    room.replaced += 1
    same = volume.identity.serial == out.serial
    _deviation(room, role, out, "the same medium was looked at, and goes on" if same else f"{volume.name} took its place")
    room.operator.tell(f"{_title(role)} is {volume.name}" + (", up to date byte for byte." if role in BACKUPS else "."))


def _blamed(room: Room, role: str, volume: Volume, error: StorageError) -> str:
    """Return the role of the volume that an error names: this one, or the other, which is copied from."""
    other = BACKUPS[1 - BACKUPS.index(role)]
    there = room.volumes.get(other)
    return other if there is not None and error.store == there.name != volume.name else role


def _same(room: Room, role: str, out: Out) -> Volume | None:
    """Return the medium that failed, opened anew; None when people do not put it in."""
    identity = _by_serial(room, role, out.serial)
    if identity is None:
        return None
    if role in room.volumes:
        with suppress(StorageError):  # what is left of it is let go; whether it is good is seen by reading it
            room.volumes[role].reopen()
    return _opened(room, role, identity)


def _by_serial(room: Room, role: str, serial: str) -> MediumIdentity | None:
    def why_not(identity: MediumIdentity) -> str:
        return "" if identity.serial == serial else f"it is not {called(role)}, which has serial {serial}"

    prompt = Prompt(f"insert:{role}", f"Put in {called(role)}", detail=f"The one with serial {serial}.")
    return put_in(Table(room, role, why_not, blind=True), prompt)


def _another(room: Room, role: str, out: Out) -> Volume | None:
    """Return a fresh medium, opened and recorded; None when people put none in that can serve."""
    others = {called(other): volume.identity for other, volume in room.volumes.items() if other != role}
    failed_ones = room.journal.past.failed | {known.serial for known in room.out.values()}

    def why_not(identity: MediumIdentity) -> str:
        if identity.serial in failed_ones:
            return "it failed in this ceremony, or is out"
        if identity.folder and not room.practice:
            return "a folder is no removable medium"
        shared = media_rules.shares_device(identity, others)
        return f"it {shared}" if shared else ""

    detail = "Any medium that can serve, on a device of its own. Those that failed are not taken."
    prompt = Prompt(f"insert:{role}", f"Put in another medium as {called(role)}", detail=detail)
    identity = put_in(Table(room, role, why_not, blind=True), prompt)
    volume = _opened(room, role, identity) if identity is not None else None
    if volume is None:
        return None
    try:
        refuse_occupied(room, role, volume)
    except StorageError as error:
        room.operator.tell(f"{error.message}. {error.hint}.")
        return None
    if not room.journal.past.closed:
        room.journal.record("medium", {"role": role, **facts(volume.identity), "replaces": out.serial})
    return volume


def _opened(room: Room, role: str, identity: MediumIdentity) -> Volume | None:
    try:
        return room.media.open(role, identity)
    except StorageError as error:
        room.operator.tell(f"{error.message}. {error.hint}.")
        return None


def _deviation(room: Room, role: str, out: Out, decided: str) -> None:
    """Record what whoever is at the keyboard decided."""
    if room.journal.past.closed:
        return
    expected = f"{called(role)}, {out.name}, takes every byte and gives it back"
    texts = {"expected": expected, "happened": out.error.message, "decided": decided}
    body: JsonObject = {name: writable(text) for name, text in texts.items()}
    room.journal.record("deviation", body, actor=room.journal.recorded_by)


def _title(role: str) -> str:
    return called(role).capitalize()
