# SPDX-License-Identifier: Apache-2.0
"""Volumes: two for the backups and a courier, on three devices; from here on the log goes to both volumes.

What is done when one of them fails later is in `replacing`.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from functools import partial

from ceremony.core import bundle, media_rules
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.log import recover
from ceremony.core.ports import MediumIdentity, Prompt, Volume
from ceremony.errors import StorageError
from ceremony.steps.putting_in import Table, called, put_in
from ceremony.steps.room import BACKUPS, COURIER, ROLES, Room, sha256


def run(room: Room) -> JsonObject:
    """Find the three media and mirror the log; raises StorageError for shared devices and occupied names."""
    _let_go(room)
    chosen: dict[str, MediumIdentity] = {}
    for role in ROLES:
        chosen[role] = _find(room, role, {called(other): identity for other, identity in chosen.items()})
    media_rules.refuse_shared_devices(chosen)
    if not room.practice and any(identity.folder for identity in chosen.values()):
        raise StorageError(
            "volumes", "a folder is not a removable volume", hint="plug in a USB stick; folders serve in practice only"
        )
    for role, identity in chosen.items():
        volume = room.media.open(role, identity)
        refuse_occupied(room, role, volume)
        room.volumes[role] = volume
        room.journal.record("medium", {"role": role, **facts(identity)})
    for role, volume in room.backup_volumes():
        mirror(room, role, volume)
    media: dict[str, Json] = {role: {**facts(v.identity), "size": v.identity.size} for role, v in room.volumes.items()}
    return {"media": media}


def facts(identity: MediumIdentity) -> JsonObject:
    """Return what a record says of a medium."""
    return {"serial": identity.serial, "model": identity.model, "folder": identity.folder}


def _let_go(room: Room) -> None:
    """Forget what an earlier try of the step put in."""
    for volume in room.volumes.values():
        room.journal.drop(volume)
    room.volumes.clear()


def mirror(room: Room, role: str, volume: Volume) -> None:
    """Write the log to a volume, from its first record on; raises StorageError for a volume with another log."""
    path = room.on_volume(bundle.LOG)
    if volume.exists(path):
        _mend(room, role, volume, path)
    room.journal.mirror(volume, path)


def _mend(room: Room, role: str, volume: Volume, path: str) -> None:
    """Cut off what a power cut left behind the last whole record of a volume's log, after setting it aside on the volume."""
    ours, theirs = room.folder.read(bundle.LOG), volume.read(path)
    if ours.startswith(theirs):
        return
    valid = recover(theirs).tail.size
    if not ours.startswith(theirs[:valid]):
        raise other_log(volume)
    torn = theirs[valid:]
    aside = room.on_volume(f"set-aside/torn-{valid}-{sha256(torn)[:16]}")
    if not volume.exists(aside):
        volume.write({aside: torn})
    volume.truncate(path, valid)
    if not room.journal.past.closed:  # after the close nothing is recorded
        room.journal.record("mended", {"volume": role, "bytes": len(torn), "sha256": sha256(torn), "to": aside})


def other_log(volume: Volume) -> StorageError:
    """Return the error for a volume whose log is not the beginning of the folder's."""
    return StorageError(
        volume.name, "holds a log that is not the folder's", hint="put the right volume in; nothing was changed on it"
    )


def check_whole(room: Room, volume: Volume, besides: Container[str] = ()) -> None:
    """Check that a volume holds every file as it was written, but for those `besides`, and the log to its last line.

    Raises StorageError.
    """
    check_written(room, volume, besides)
    if volume.read(room.on_volume(bundle.LOG)) != room.folder.read(bundle.LOG):
        raise StorageError(volume.name, "does not hold the log to its last line", hint="put another medium in its place")


def check_written(room: Room, volume: Volume, besides: Container[str] = ()) -> None:
    """Check that a volume holds every file that was written to both, as it was written; raises StorageError that names it."""
    for path in room.journal.past.written:
        if path not in besides:
            read_written(room, volume, path)


def read_written(room: Room, volume: Volume, path: str) -> bytes:
    """Return a file that both volumes hold, as this one gives it; raises StorageError unless it is as it was written."""
    place = room.on_volume(path)
    data = volume.read(place) if volume.exists(place) else b""
    if sha256(data) != room.journal.past.written.get(path):
        raise StorageError(
            volume.name, f"{path} is not there as it was written", hint="put the right volume in, or another in its place"
        )
    return data


def check_backups(room: Room) -> None:
    """Check that both volumes hold every backup as it was written; what fails is replaced, or the ceremony stops."""
    for role in BACKUPS:
        room.with_volume(role, partial(check_written, room))


def _find(room: Room, role: str, chosen: Mapping[str, MediumIdentity]) -> MediumIdentity:
    serial = room.site_volumes.get(role, "")

    def why_not(identity: MediumIdentity) -> str:
        if serial:
            return "" if identity.serial == serial else f"the site file names serial {serial} as {called(role)}"
        # Sticks that go in one after the other: the one that is in already has its role. Folders are named, and refused.
        shared = "" if identity.folder else media_rules.shares_device(identity, chosen)
        return f"it {shared}" if shared else ""

    detail = f"The one with serial {serial}." if serial else "Any medium that can serve."
    found = put_in(Table(room, role, why_not), Prompt(f"insert:{role}", f"Put in {called(role)}", detail=detail))
    if found is None:
        what = f"no medium {serial} is here" if serial else "no medium that could serve is here"
        raise StorageError(called(role), what, hint="plug it in, then try again")
    return found


def refuse_occupied(room: Room, role: str, volume: Volume) -> None:
    """Refuse a medium that holds files of this ceremony with other bytes than they have here; raises StorageError."""
    name = bundle.folder(room.journal.ceremony)
    if role == COURIER:
        occupied = volume.exists(f"{name}.tar")
    else:
        occupied = any(path.startswith(f"{name}/") and not _is_ours(room, volume, path) for path in volume.names())
    if occupied:
        raise StorageError(volume.name, f"already holds files of {name}", hint="take another medium; nothing is overwritten")


def _is_ours(room: Room, volume: Volume, path: str) -> bool:
    """Tell whether a file is the log, which is looked at by itself, or one of those that both volumes hold."""
    known = path.partition("/")[2]
    # What this ceremony itself left there before a crash is its own log, and what was set aside with it.
    if known == bundle.LOG or known.startswith("set-aside/"):
        return True
    digest = room.journal.past.written.get(known)
    return digest is not None and sha256(volume.read(path)) == digest
