# SPDX-License-Identifier: Apache-2.0
"""The old volume of a recovery: one of the two is enough, it is only read, and nothing on it changes.

It may be one of this ceremony's own two: another ceremony's folder stands beside
the new one. What it says is its own word: see `ceremony.core.old_ceremony`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from ceremony.core import bundle
from ceremony.core.old_ceremony import OldCeremony, read_old
from ceremony.core.ports import MediumIdentity, Option, Prompt, Volume
from ceremony.errors import StorageError, VerificationError
from ceremony.steps.putting_in import Table, nothing_against, put_in
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


@contextmanager
def opened(room: Room, ceremony: str = "") -> Iterator[OldVolume]:
    """Yield an old volume that people put in, and the ceremony on it: the one named, or the one that they choose.

    It is let go when the block ends, unless it is one of this ceremony's own two. Raises StorageError when none is put in or
    it holds no backup, VerificationError for a damaged log and for a ceremony that this one cannot restore.
    """
    own = {volume.identity.serial: volume for _, volume in room.backup_volumes()}
    identity = _put_in(room, list(own.values()))
    volume = own.get(identity.serial) or room.media.open(ROLE, identity)
    try:
        yield _found(room, volume, ceremony)
    finally:
        if identity.serial not in own:
            with suppress(StorageError):  # it was only read: nothing on it can be lost
                volume.release()
    if identity.serial not in own:
        room.operator.tell(f"{volume.name} is not needed any more: it can be taken out.")


def _found(room: Room, volume: Volume, ceremony: str) -> OldVolume:
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


def _put_in(room: Room, own: Sequence[Volume]) -> MediumIdentity:
    """Return the old volume that people put in or choose: one without a part here, or a new volume that holds an old backup."""
    more = [volume.identity for volume in own if _folders(room, volume)]
    prompt = Prompt(f"insert:{ROLE}", "Put in an old volume", detail="One of the two that the earlier ceremony left is enough.")
    found = put_in(Table(room, ROLE, nothing_against, more=more), prompt)
    if found is None:
        raise StorageError("the old volume", "is not here", hint="plug one of the two in, then try again")
    return found


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
