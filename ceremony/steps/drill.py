# SPDX-License-Identifier: Apache-2.0
"""Drill: both volumes go and come back, and every backup is opened from each with what the custodian types.

A volume that does not come back, or gives other bytes than were written, is replaced and drilled in its turn; what
takes a volume's place later is drilled then.

Also how a resumed ceremony gets its repository keys back: from a volume, never from anywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from ceremony.core import backup, bundle
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.ports import Volume
from ceremony.core.secret import Secret
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import CeremonyError, VerificationError
from ceremony.steps import protector
from ceremony.steps.repository_keys import targets_keys
from ceremony.steps.room import BACKUPS, Room
from ceremony.steps.root_keys import backed_up
from ceremony.steps.volumes import check_whole, read_written

_HINT = "this backup is not good; nothing was signed yet: stop, and begin again with another volume"


def run(room: Room) -> JsonObject:
    """Restore every backup from each volume, in memory; raises VerificationError for one that is not what was made."""
    passphrase = protector.ask(room, f"{protector.called(room)}, for the drill", room.plan.custodians()[0].name)
    try:
        for role in BACKUPS:
            room.with_volume(role, partial(_drill, room, role, passphrase))
    finally:
        passphrase.wipe()
    return {"restored": {role: list[Json](_backups(room)) for role in BACKUPS}}


def needed(room: Room, role: str) -> bool:
    """Tell whether a volume took the place of one whose backups had been restored, and its own have not been."""
    drilled = room.restored_since.get(role, room.journal.past.restored.get(role))
    return drilled is not None and drilled != room.volume(role).identity.serial


def once_more(room: Room, role: str) -> None:
    """Drill a volume that took the place of another; raises StorageError, and VerificationError as `run` does."""
    title = f"{protector.called(room)}, for the drill of the new volume {role}"
    passphrase = protector.ask(room, title, room.plan.custodians()[0].name)
    try:
        _drill(room, role, passphrase, room.volume(role))
    finally:
        passphrase.wipe()


def refuse_unrestored(room: Room) -> None:
    """Raise CeremonyError unless what both volumes hold was restored from each of them as they are now."""
    past = room.journal.past
    for role in BACKUPS:
        if past.written and past.restored.get(role) != room.volume(role).identity.serial:
            raise CeremonyError(
                f"the backups were not restored from volume {role}",
                hint="a ceremony whose drill did not pass cannot close; resume it",
            )


def _drill(room: Room, role: str, passphrase: Secret, volume: Volume) -> None:
    with room.operator.waiting(f"volume {role} to be opened again"):
        volume.reopen()
        check_whole(room, volume)
        keyring = _restore(room, volume, passphrase)
    if room.journal.past.closed:
        room.restored_since[role] = volume.identity.serial
        return
    files = list[Json](_backups(room))
    room.journal.record("restored", {"volume": role, "files": files, "repository_keys": len(keyring)})


def fill_keyring(room: Room) -> None:
    """Open the repository keys from a volume when they are not in memory: after an interruption."""
    if room.keyring.complete:
        return
    if not room.result("repository-keys")["made"]:
        room.keyring.complete = True
        return
    title = f"{protector.called(room)}: the repository keys are opened from a volume"
    passphrase = protector.ask(room, title, room.plan.custodians()[0].name)
    try:
        keys = room.with_volume(BACKUPS[0], lambda volume: _from(room, volume, passphrase))
    finally:
        passphrase.wipe()
    room.keyring.keys = dict(keys)
    room.keyring.complete = True
    room.journal.record("reopened", {"volume": BACKUPS[0], "repository_keys": len(keys)})


def _from(room: Room, volume: Volume, passphrase: Secret) -> Mapping[str, SoftwareKey]:
    identity = _identity(room, volume, passphrase)
    try:
        return _repository_keys(room, volume, identity)
    finally:
        identity.wipe()


def _backups(room: Room) -> tuple[str, ...]:
    files = room.result("back-up")["files"]
    return tuple(str(path) for path in files) if isinstance(files, list) else ()


def _restore(room: Room, volume: Volume, passphrase: Secret) -> Mapping[str, SoftwareKey]:
    identity = _identity(room, volume, passphrase)
    try:
        for path, public in backed_up(room).items():
            if path in _backups(room) and _root_key(room, volume, path, identity).public != public:
                raise VerificationError(f"{volume.name}, {path}", "restores to another key", hint=_HINT)
        return _repository_keys(room, volume, identity) if bundle.REPOSITORIES in _backups(room) else {}
    finally:
        identity.wipe()


def _identity(room: Room, volume: Volume, passphrase: Secret) -> Secret:
    identity = backup.open_identity(read_written(room, volume, bundle.IDENTITY), passphrase)
    if backup.recipient_of(identity) != room.result("protector")["recipient"]:
        raise VerificationError(f"{volume.name}, {bundle.IDENTITY}", "is not this ceremony's protector", hint=_HINT)
    return identity


def _open(room: Room, volume: Volume, path: str, identity: Secret) -> tuple[JsonObject, Mapping[str, bytes]]:
    subject = f"{volume.name}, {path}"
    data = read_written(room, volume, path)
    return backup.unpack(backup.decrypt(data, identity, subject), subject)


def _root_key(room: Room, volume: Volume, path: str, identity: Secret) -> SoftwareKey:
    _, contents = _open(room, volume, path, identity)
    return backup.root_key(contents, f"{volume.name}, {path}")


def _repository_keys(room: Room, volume: Volume, identity: Secret) -> Mapping[str, SoftwareKey]:
    subject = f"{volume.name}, {bundle.REPOSITORIES}"
    manifest, contents = _open(room, volume, bundle.REPOSITORIES, identity)
    listed = manifest["repositories"]
    public = targets_keys(room)
    restored: dict[str, SoftwareKey] = {}
    for name, entry in listed.items() if isinstance(listed, dict) else ():
        data = contents[str(entry["key"])] if isinstance(entry, dict) else b""
        restored[name] = room.dialect.read_delivery(data, subject)
        if restored[name].public != public[name]:
            raise VerificationError(subject, f"restores another key for {name}", hint=_HINT)
    return restored
