# SPDX-License-Identifier: Apache-2.0
"""Drill: both volumes go and come back, and every backup is opened from each with what the custodian types.

Also how a resumed ceremony gets its repository keys back: from a volume, never from anywhere else.
"""

from __future__ import annotations

from collections.abc import Mapping

from ceremony.core import backup, bundle
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.ports import Volume
from ceremony.core.secret import Secret
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import StorageError, VerificationError
from ceremony.steps import protector
from ceremony.steps.repository_keys import repository_keys
from ceremony.steps.room import Room, sha256
from ceremony.steps.root_keys import made_roots

_HINT = "this backup is not good; nothing was signed yet: stop, and begin again with another volume"


def run(room: Room) -> JsonObject:
    """Restore every backup from each volume, in memory; raises VerificationError for one that is not what was made."""
    restored: dict[str, Json] = {}
    passphrase = protector.ask(room, f"{protector.called(room)}, for the drill", room.plan.custodians()[0].name)
    try:
        for role, volume in room.backup_volumes():
            with room.operator.waiting(f"volume {role} to be opened again"):
                volume.reopen()
                keyring = _restore(room, volume, passphrase)
            restored[role] = list[Json](_backups(room))
            room.journal.record("restored", {"volume": role, "files": restored[role], "repository_keys": len(keyring)})
    finally:
        passphrase.wipe()
    return {"restored": restored}


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
        role, keys = _from_either(room, passphrase)
    finally:
        passphrase.wipe()
    room.keyring.keys = dict(keys)
    room.keyring.complete = True
    room.journal.record("reopened", {"volume": role, "repository_keys": len(keys)})


def _from_either(room: Room, passphrase: Secret) -> tuple[str, Mapping[str, SoftwareKey]]:
    """Return the repository keys, and which volume gave them; raises what the last one said when neither did."""
    try:
        return "a", _from(room, room.volumes["a"], passphrase)
    except (VerificationError, StorageError) as error:
        room.operator.tell(f"volume a did not give the repository keys: {error.message}")
    return "b", _from(room, room.volumes["b"], passphrase)


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
        for root in made_roots(room):
            path = bundle.root_backup(root.serial)
            if path in _backups(room) and _root_key(room, volume, path, identity).public != root.public:
                raise VerificationError(f"{volume.name}, {path}", "restores to another key", hint=_HINT)
        return _repository_keys(room, volume, identity) if bundle.REPOSITORIES in _backups(room) else {}
    finally:
        identity.wipe()


def _identity(room: Room, volume: Volume, passphrase: Secret) -> Secret:
    identity = backup.open_identity(volume.read(room.on_volume(bundle.IDENTITY)), passphrase)
    if backup.recipient_of(identity) != room.result("protector")["recipient"]:
        raise VerificationError(f"{volume.name}, {bundle.IDENTITY}", "is not this ceremony's protector", hint=_HINT)
    return identity


def _open(room: Room, volume: Volume, path: str, identity: Secret) -> tuple[JsonObject, Mapping[str, bytes]]:
    subject = f"{volume.name}, {path}"
    data = volume.read(room.on_volume(path))
    recorded = [body["files"] for (action, _), body in room.journal.past.results.items() if action == "write-volumes"]
    digests = [files.get(path) for files in recorded if isinstance(files, dict) and path in files]
    if not digests or sha256(data) != digests[-1]:
        raise VerificationError(subject, "is not the file that was written", hint=_HINT)
    return backup.unpack(backup.decrypt(data, identity, subject), subject)


def _root_key(room: Room, volume: Volume, path: str, identity: Secret) -> SoftwareKey:
    _, contents = _open(room, volume, path, identity)
    return backup.root_key(contents, f"{volume.name}, {path}")


def _repository_keys(room: Room, volume: Volume, identity: Secret) -> Mapping[str, SoftwareKey]:
    subject = f"{volume.name}, {bundle.REPOSITORIES}"
    manifest, contents = _open(room, volume, bundle.REPOSITORIES, identity)
    listed = manifest["repositories"]
    public = repository_keys(room)
    restored: dict[str, SoftwareKey] = {}
    for name, entry in listed.items() if isinstance(listed, dict) else ():
        data = contents[str(entry["key"])] if isinstance(entry, dict) else b""
        restored[name] = room.dialect.read_delivery(data, subject)
        if restored[name].public != public[name].targets:
            raise VerificationError(subject, f"restores another key for {name}", hint=_HINT)
    return restored
