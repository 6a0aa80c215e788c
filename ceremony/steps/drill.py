# SPDX-License-Identifier: Apache-2.0
"""Drill: both volumes go and come back, and every backup is opened from each with what the custodian types.

In production each volume is let go, taken out of the computer, and put back, one after the other, so that the log is
on the other one all the while; in practice they are opened again. What is put back is the very same medium: another
one is refused. Nothing is recorded while a volume is out, but that people stopped; what its log lacks is written to it
as soon as it is back. A secret is asked for when both are back.

A volume that does not come back, or gives other bytes than were written, is replaced and drilled in its turn; what
takes a volume's place later is drilled then.

Also how a resumed ceremony gets its repository keys back: from a volume, never from anywhere else.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from functools import partial

from ceremony.core import backup, bundle
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.media_judge import matches
from ceremony.core.ports import MediumIdentity, Prompt, Volume
from ceremony.core.secret import Secret
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import CeremonyError, VerificationError
from ceremony.steps import protector
from ceremony.steps.agenda import made_here
from ceremony.steps.putting_in import Table, called
from ceremony.steps.repository_keys import targets_keys
from ceremony.steps.room import BACKUPS, Room
from ceremony.steps.root_keys import backed_up
from ceremony.steps.volumes import check_whole, read_written

_HINT = "this backup is not good; nothing was signed yet: stop, and begin again with another volume"


def run(room: Room) -> JsonObject:
    """Restore every backup from each volume, in memory; raises VerificationError for one that is not what was made."""
    for role in BACKUPS:
        room.with_volume(role, partial(_out_and_in, room, role))
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
    _out_and_in(room, role, room.volume(role))
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


def _out_and_in(room: Room, role: str, volume: Volume) -> None:
    """Have people take a volume out of the computer and put it back, once while this program runs; nothing in practice.

    Raises StorageError when it did not come back, CeremonyError when they left it in.
    """
    serial = volume.identity.serial
    if room.practice or room.came_back.get(role) == serial:
        return
    room.journal.drop(volume)
    with room.operator.waiting(f"{called(role)} to be let go"):
        volume.release()
    detail = f"{volume.name} is written out and let go. Pull it out now; nothing else."
    prompt = Prompt(f"take-out:{role}", f"Take {called(role)} out", detail=detail)
    taken_out = room.operator.until(prompt, lambda: True if not volume.present() else None)
    if taken_out:
        _wait_for(room, role, volume)
    volume.reopen()  # says which medium is there instead
    room.journal.mirror(volume, room.on_volume(bundle.LOG))  # it was let go whole: what is torn is not what was let go
    if not taken_out:
        raise CeremonyError(
            f"{called(role)} was not taken out",
            hint="the drill shows that it can leave and come back: try again, and pull it out",
        )
    room.came_back[role] = serial


def _wait_for(room: Room, role: str, volume: Volume) -> None:
    """Wait until a volume is put back, or people give up; whatever else is put in is listed, with the reason why it is not taken."""

    def why_not(identity: MediumIdentity) -> str:
        if identity.serial != volume.identity.serial:
            return f"it is not {called(role)}, which has serial {volume.identity.serial}"
        return "" if matches(identity, volume.identity) else f"it has the serial of {called(role)}, and is not what was taken out"

    prompt = Prompt(f"put-back:{role}", f"Put {called(role)} back in", detail=f"The very same one: {volume.name}.")
    table = Table(room, role, why_not, blind=True)
    room.operator.until(prompt, table.look, table.shown)


def _drill(room: Room, role: str, passphrase: Secret, volume: Volume) -> None:
    _out_and_in(room, role, volume)  # again for what took its place meanwhile
    with room.operator.waiting(f"volume {role} to be opened again"):
        volume.reopen()
        check_whole(room, volume, besides=_opened(room))  # those are checked when they are read, once
        keyring = _restore(room, volume, passphrase)
    if room.journal.past.closed:
        room.restored_since[role] = volume.identity.serial
        return
    files = list[Json](_backups(room))
    body: JsonObject = {"volume": role, "files": files, "repository_keys": len(keyring), "taken_out": not room.practice}
    room.journal.record("restored", body)


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


def _opened(room: Room) -> Container[str]:
    """Return the files that `_restore` reads."""
    return {bundle.IDENTITY} | ({bundle.REPOSITORIES, *backed_up(room)} & set(_backups(room)))


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
    missing = sorted((public.keys() if room.recovers else made_here(room)) - restored.keys())
    if missing:
        raise VerificationError(subject, f"does not hold the key for {missing[0]}, of {len(missing)} that lack", hint=_HINT)
    return restored
