# SPDX-License-Identifier: Apache-2.0
"""The old volume of a recovery: one of the two is enough, it is only read, and nothing on it changes.

It may be one of this ceremony's own two: another ceremony's folder stands beside
the new one. What it says is its own word: see `ceremony.core.old_ceremony`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ceremony.core import bundle
from ceremony.core.old_ceremony import OldCeremony, read_old
from ceremony.core.ports import MediumIdentity, Option, Prompt, Volume
from ceremony.errors import StorageError, VerificationError
from ceremony.steps.room import Room, sha256

ROLE = "old"
GO_ON, STOP = "go-on", "stop"
_OTHER = "take the other old volume"


@dataclass(frozen=True, slots=True)
class OldVolume:
    """An old volume, and the ceremony whose backup is on it."""

    volume: Volume
    folder: str
    old: OldCeremony

    def subject(self, path: str) -> str:
        """Return how messages name a file of the backup."""
        return f"{self.volume.name}, {path}"

    def read(self, path: str) -> bytes:
        """Return a file of the backup; raises StorageError, and VerificationError unless it is the one that was written."""
        there = f"{self.folder}/{path}"
        if not self.volume.exists(there):
            raise VerificationError(self.subject(path), "is not there", hint=_OTHER)
        data = self.volume.read(there)
        if sha256(data) != self.old.files[path]:
            raise VerificationError(
                self.subject(path), "is damaged: it is not the file that its log says was written", hint=_OTHER
            )
        return data


def find(room: Room, ceremony: str = "") -> OldVolume:
    """Return an old volume that people put in, and the ceremony on it: the one named, or the one that they choose.

    Raises StorageError when none is put in or it holds no backup, VerificationError for a damaged log and for a ceremony that
    this one cannot restore.
    """
    volume = _opened(room)
    folders = _folders(room, volume)
    if ceremony:
        folders = [folder for folder in folders if folder == bundle.folder(ceremony)]
    if not folders:
        what = f"of ceremony {ceremony}" if ceremony else "of another ceremony"
        raise StorageError(volume.name, f"holds no backup {what}", hint=f"{_OTHER}, or look for the right one")
    read = {folder: _read(volume, folder) for folder in folders} if len(folders) > 1 else {}
    folder = _chosen(room, read) if read else folders[0]
    found = OldVolume(volume, folder, read.get(folder) or _read(volume, folder))
    _check(room, found)
    return found


def _opened(room: Room) -> Volume:
    """Return the old volume that people choose among those that are there."""

    def look() -> Sequence[MediumIdentity] | None:
        return _candidates(room) or None

    prompt = Prompt(f"insert:{ROLE}", "Put in an old volume", detail="One of the two that the earlier ceremony left is enough.")
    matching = look() or room.operator.until(prompt, look)
    if matching is None:
        raise StorageError("the old volume", "is not here", hint="plug one of the two in, then try again")
    identity = matching[0]
    if len(matching) > 1:
        options = [Option(i.serial, f"{i.model} {i.serial}", f"{i.size} bytes") for i in matching]
        key = room.operator.choose(Prompt(f"medium:{ROLE}", "Which medium is the old volume?"), options)
        identity = next(found for found in matching if found.serial == key)
    own = {volume.identity.serial: volume for _, volume in room.backup_volumes()}
    return own.get(identity.serial) or room.media.open(ROLE, identity)


def _candidates(room: Room) -> Sequence[MediumIdentity]:
    """Return what could be an old volume: media that have no other part here, and new volumes that hold an old backup."""
    seen = list(room.media.candidates(ROLE))
    serials = {identity.serial for identity in seen}
    own = [volume for _, volume in room.backup_volumes() if volume.identity.serial not in serials]
    return [*seen, *(volume.identity for volume in own if _folders(room, volume))]


def _folders(room: Room, volume: Volume) -> list[str]:
    """Return the folders of other ceremonies on a volume that hold a log and a protector."""
    names = set(volume.names())
    tops = {name.partition("/")[0] for name in names}
    own = bundle.folder(room.journal.ceremony)
    return sorted(top for top in tops - {own} if {f"{top}/{bundle.LOG}", f"{top}/{bundle.IDENTITY}"} <= names)


def _read(volume: Volume, folder: str) -> OldCeremony:
    path = f"{folder}/{bundle.LOG}"
    old = read_old(volume.read(path), f"{volume.name}, {path}")
    if bundle.folder(old.ceremony) != folder:
        raise VerificationError(f"{volume.name}, {path}", f"is the log of ceremony {old.ceremony}", hint=_OTHER)
    return old


def _chosen(room: Room, read: Mapping[str, OldCeremony]) -> str:
    options = [Option(folder, f"{old.name}, begun {old.began[:10]}", f"ceremony {old.ceremony}") for folder, old in read.items()]
    return room.operator.choose(Prompt("old-ceremony", "Which ceremony's backup is opened?"), options)


def _check(room: Room, found: OldVolume) -> None:
    """Refuse what this ceremony cannot restore, and say what it is; people decide on one that was never closed."""
    old, subject = found.old, found.subject(bundle.LOG)
    if old.mode != room.mode:
        raise VerificationError(
            subject,
            f"is of a {old.mode}, and this is a {room.mode}",
            hint="the keys of a production are opened in a production alone, and those of a practice in a practice",
        )
    if old.dialect != room.plan.dialect:
        raise VerificationError(subject, f"is of dialect {old.dialect}", hint=f'write dialect = "{old.dialect}" in the plan')
    if not old.roots:
        raise VerificationError(
            subject,
            "names no root key that was backed up: its custody was token-only",
            hint="its root keys are on their tokens alone; RECOVER.txt says how its repository keys are opened",
        )
    room.operator.tell(f"{found.volume.name} holds the backup of {old.name}, ceremony {old.ceremony}, begun {old.began[:10]}.")
    prompt = Prompt(
        f"unclosed:{old.ceremony}",
        f"{old.name} was never closed: open its backup all the same?",
        detail=f"Its log on this volume ends after {old.entries} records. Its drill may not have been held.",
        alarm=True,
    )
    if not old.closed and not room.operator.confirm(prompt):
        raise VerificationError(subject, "was never closed, and people did not want its backup", hint=_OTHER)
