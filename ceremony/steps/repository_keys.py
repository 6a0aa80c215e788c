# SPDX-License-Identifier: Apache-2.0
"""Repository keys: those made here, those that teams bring, and the server's.

Private keys live in the keyring, in memory, until the ceremony ends. If it is
interrupted before they were backed up, they are gone, nothing signed names them,
and new ones are made: the public list of each attempt is a file of its own.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

from ceremony.core import keys, software_key
from ceremony.core.agenda.entries import Entry
from ceremony.core.canonical import Json, JsonObject, encode, parse_loose
from ceremony.core.dialects import Signer
from ceremony.core.keys import Algorithm, PublicKey
from ceremony.core.plan import KeyPlan, Source
from ceremony.core.procedure import takes_keys
from ceremony.core.served import ServerKeys
from ceremony.core.software_key import SoftwareKey
from ceremony.core.specs import RepositoryKeys
from ceremony.errors import VerificationError
from ceremony.steps import agenda, load_request
from ceremony.steps.room import Room


def run(room: Room) -> JsonObject:
    """Make, load and list the keys of every repository; raises VerificationError for a file that holds no key."""
    room.keyring.drop()
    entries = agenda.agenda(room).entries
    server = load_request.server_keys(room, [entry.name for entry in entries.values() if entry.published is None])
    listed: dict[str, Json] = {}
    total = len(entries)
    for done, entry in enumerate(entries.values(), 1):
        listed[entry.name] = _keys(room, entry, server)
        if done % 100 == 0 or done == total:
            room.operator.progress("repository keys", done, total)
    room.keyring.complete = True
    path = f"evidence/repositories-{len([p for p in room.journal.past.files if p.startswith('evidence/repositories-')]) + 1}.json"
    room.keep({path: encode(listed) + b"\n"})
    return {"file": path, "made": len(room.keyring.keys), "repositories": total}


def repository_keys(room: Room) -> Mapping[str, RepositoryKeys]:
    """Return the public keys of every repository, as they were recorded; none where the ceremony takes no new ones."""
    if not takes_keys(room.plan):
        return {}
    path = str(room.result("repository-keys")["file"])
    # `recorded` compares its digest, so its form needs no second look.
    listed = parse_loose(room.recorded(path), path)
    if not isinstance(listed, dict):
        raise VerificationError(path, "is not a list of keys", hint="it was written by another program; stop")
    return {name: _read(entry, f"{path}, {name}") for name, entry in listed.items()}


def targets_keys(room: Room) -> Mapping[str, PublicKey]:
    """Return the public half of every repository's new targets key; in a recovery, of those that the old backup holds."""
    if not room.recovers:
        return {name: keys.targets for name, keys in repository_keys(room).items() if keys.targets is not None}
    path = str(room.result("open-backup")["file"])
    listed = parse_loose(room.recorded(path), path)
    return {name: _public(entry) for name, entry in listed.items()} if isinstance(listed, dict) else {}


def targets_file(keys: Mapping[str, SoftwareKey]) -> bytes:
    """Return the list of the public halves of repository keys that were opened, as a recovery keeps it."""
    return encode({name: _json(key.public) for name, key in keys.items()}) + b"\n"


def _keys(room: Room, entry: Entry, server: Mapping[str, ServerKeys]) -> JsonObject:
    """Return the new keys of a repository, null for those that stay; which online keys a published one gets, its request says."""
    signers: JsonObject = {s.name: _json(_file_key(room, s.path)) for s in entry.plan.signers}
    online: JsonObject = {
        role: _json(_server_key(room, key, server, entry.name, role)) if entry.published is None else None
        for role, key in entry.plan.keys().items()
        if role != "targets"
    }
    return {"targets": _targets(room, entry), **online, "signers": signers}


def _targets(room: Room, entry: Entry) -> Json:
    plan = entry.plan.targets
    if plan.source is Source.REQUEST:
        return None
    if plan.source is Source.FILE:
        return _json(_file_key(room, plan.path))
    made = software_key.make(plan.algorithm)
    room.keyring.keys[entry.name] = made
    return _json(made.public)


def _server_key(room: Room, plan: KeyPlan, server: Mapping[str, ServerKeys], name: str, role: str) -> PublicKey:
    if plan.source is Source.FILE:
        return _file_key(room, plan.path)
    found = server[name]
    return found.snapshot if role == "snapshot" else found.timestamp


def _file_key(room: Room, path: str) -> PublicKey:
    try:
        return keys.from_pem(room.plan.files[path])
    except VerificationError as error:
        raise VerificationError(
            path, error.message, hint="bring the team's public key as PEM, then make the plan again"
        ) from error


def _json(public: PublicKey) -> JsonObject:
    return {"algorithm": public.algorithm, "spki": base64.b64encode(public.spki).decode()}


def _read(entry: Json, subject: str) -> RepositoryKeys:
    if not isinstance(entry, dict) or not isinstance(entry["signers"], dict):
        raise VerificationError(subject, "is not a list of keys", hint="it was written by another program; stop")
    signers = tuple(Signer(name, _public(key)) for name, key in entry["signers"].items())
    targets, snapshot, timestamp = (
        _public(entry[role]) if entry[role] is not None else None for role in ("targets", "snapshot", "timestamp")
    )
    return RepositoryKeys(targets, snapshot, timestamp, signers)


def _public(entry: Json) -> PublicKey:
    if not isinstance(entry, dict):
        raise VerificationError(
            "repository keys", "hold an entry that is not a key", hint="they were written by another program; stop"
        )
    return PublicKey(Algorithm(str(entry["algorithm"])), base64.b64decode(str(entry["spki"])))
