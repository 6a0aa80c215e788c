# SPDX-License-Identifier: Apache-2.0
"""Volumes: two for the backups and a courier, on three devices; from here on the log goes to both volumes."""

from __future__ import annotations

from collections.abc import Sequence

from ceremony.core import bundle, media_rules
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.log import recover
from ceremony.core.ports import MediumIdentity, Option, Prompt, Volume
from ceremony.errors import StorageError
from ceremony.steps.room import Room, sha256

ROLES = ("a", "b", "courier")


def run(room: Room) -> JsonObject:
    """Find the three media and mirror the log; raises StorageError for shared devices and occupied names."""
    chosen: dict[str, MediumIdentity] = {}
    for role in ROLES:
        chosen[role] = _choose(room, role, room.site_volumes.get(role, ""))
    media_rules.refuse_shared_devices(chosen)
    if not room.practice and any(identity.folder for identity in chosen.values()):
        raise StorageError(
            "volumes", "a folder is not a removable volume", hint="plug in a USB stick; folders serve in practice only"
        )
    media: dict[str, Json] = {}
    for role, identity in chosen.items():
        volume = room.media.open(role, identity)
        _refuse_occupied(room, role, volume)
        room.volumes[role] = volume
        media[role] = {"serial": identity.serial, "model": identity.model, "size": identity.size, "folder": identity.folder}
        room.journal.record(
            "medium", {"role": role, "serial": identity.serial, "model": identity.model, "folder": identity.folder}
        )
    mirror(room)
    return {"media": media}


def mirror(room: Room) -> None:
    """Write the log to both volumes, from its first record on."""
    for role, volume in room.backup_volumes():
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
        raise StorageError(
            volume.name, "holds a log that is not the folder's", hint="put the right volume in; nothing was changed on it"
        )
    torn = theirs[valid:]
    aside = room.on_volume(f"set-aside/torn-{valid}-{sha256(torn)[:16]}")
    if not volume.exists(aside):
        volume.write({aside: torn})
    volume.truncate(path, valid)
    room.journal.record("mended", {"volume": role, "bytes": len(torn), "sha256": sha256(torn), "to": aside})


def check_backups(room: Room) -> None:
    """Check that both volumes hold every backup as it was written; raises StorageError, naming volume and file."""
    if "back-up" not in room.journal.past.ended:
        return  # what an interrupted try left is set aside and written anew
    written: dict[str, Json] = {}
    for (action, _), body in room.journal.past.results.items():
        files = body["files"] if action == "write-volumes" else None
        written.update(files if isinstance(files, dict) else {})
    for _, volume in room.backup_volumes():
        for path, digest in written.items():
            on_volume = room.on_volume(path)
            if not volume.exists(on_volume) or sha256(volume.read(on_volume)) != digest:
                raise StorageError(
                    volume.name, f"{path} is not there as it was written", hint="put the right volume in, then try again"
                )


def reopen(room: Room) -> None:
    """Put the media of a resumed ceremony back in, by the serials that were recorded; raises StorageError."""
    media = room.result("volumes")["media"]
    for role, facts in media.items() if isinstance(media, dict) else ():
        serial = str(facts["serial"]) if isinstance(facts, dict) else ""
        room.volumes[role] = room.media.open(role, _choose(room, role, serial))
    mirror(room)
    check_backups(room)


def _choose(room: Room, role: str, serial: str) -> MediumIdentity:
    title = "the courier" if role == "courier" else f"volume {role}"

    def look() -> Sequence[MediumIdentity] | None:
        return [identity for identity in room.media.candidates(role) if not serial or identity.serial == serial] or None

    detail = f"The one with serial {serial}." if serial else "Any medium that can serve."
    prompt = Prompt(f"insert:{role}", f"Put in {title}", detail=detail)
    matching = look() or room.operator.until(prompt, look)
    if matching is None:
        raise StorageError(
            title, f"no medium {serial or 'that could serve'} is here".replace("  ", " "), hint="plug it in, then try again"
        )
    if len(matching) == 1:
        return matching[0]
    options = [Option(i.serial, f"{i.model} {i.serial}", f"{i.size} bytes, {i.free} free") for i in matching]
    key = room.operator.choose(Prompt(f"medium:{role}", f"Which medium is {title}?"), options)
    return next(identity for identity in matching if identity.serial == key)


def _refuse_occupied(room: Room, role: str, volume: Volume) -> None:
    name = bundle.folder(room.journal.ceremony)
    if role == "courier":
        occupied = volume.exists(f"{name}.tar")
    else:
        # What this ceremony itself left there before a crash is its own log, which the mirror goes on with.
        occupied = any(path.startswith(f"{name}/") and path != f"{name}/{bundle.LOG}" for path in volume.names())
    if occupied:
        raise StorageError(volume.name, f"already holds files of {name}", hint="take another medium; nothing is overwritten")
