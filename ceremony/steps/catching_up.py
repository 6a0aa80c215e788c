# SPDX-License-Identifier: Apache-2.0
"""Bringing a volume up to date, byte for byte: the log, and every file that both volumes hold, each compared with its digest.

What is missing is copied from the other volume. A file that is there with other
bytes makes the volume one that cannot be used, unless it is the beginning of the
right one: torn, and set aside. A log whose last write failed is set aside too, and
written anew as another file: the failed one is never written to again.
"""

from __future__ import annotations

from ceremony.core import bundle
from ceremony.core.log import recover
from ceremony.core.ports import Volume
from ceremony.errors import StorageError
from ceremony.steps.room import BACKUPS, Room, sha256
from ceremony.steps.volumes import mirror, other_log, read_written


def catch_up(room: Room, role: str, volume: Volume) -> int:
    """Bring a volume up to date and write the log to it from now on; return how many files it holds besides.

    Raises StorageError that names the volume that failed: this one, or the other, which is copied from.
    """
    _tidy(room, role, volume)
    mirror(room, role, volume)
    written = room.journal.past.written
    for path, digest in written.items():
        _bring(room, role, volume, path, digest)
    return len(written)


def _tidy(room: Room, role: str, volume: Volume) -> None:
    """Set the log aside, and whatever an interrupted write left; raises StorageError for a log that is not the folder's."""
    log, home, aside = (room.on_volume(path) for path in (bundle.LOG, "", "set-aside/"))
    stays = {room.on_volume(path) for path in (*room.journal.past.written, f"{bundle.folder(room.journal.ceremony)}.tar")}
    there = [path for path in volume.names() if path.startswith(home) and not path.startswith(aside) and path not in stays]
    if log in there:
        theirs = volume.read(log)
        size = recover(theirs).tail.size
        # What a write tore is one line at most; lines behind a bad one mean that the medium changed what it had taken.
        if b"\n" in theirs[size:-1] or not room.folder.read(bundle.LOG).startswith(theirs[:size]):
            raise other_log(volume)
    for path in there:
        room.set_aside(volume, f"volume {role}", path)


def _bring(room: Room, role: str, volume: Volume, path: str, digest: str) -> None:
    place = room.on_volume(path)
    there = volume.read(place) if volume.exists(place) else None
    if there is not None and sha256(there) == digest:
        return
    data = _good(room, role, path)
    if there is not None:
        if not data.startswith(there):
            raise StorageError(volume.name, f"{path} is not there as it was written", hint="put another medium in its place")
        room.set_aside(volume, f"volume {role}", place)
    volume.write({place: data})


def _good(room: Room, role: str, path: str) -> bytes:
    """Return a file as the other volume holds it; raises StorageError when it does not."""
    source = BACKUPS[1 - BACKUPS.index(role)]
    if source in room.out:
        raise StorageError(
            room.volume(role).name, f"lacks {path}, and the other volume is out", hint="bring one of them back that holds it"
        )
    return read_written(room, room.volume(source), path)
