# SPDX-License-Identifier: Apache-2.0
"""One Notary repository as a server serves it: everything verified as a client would, under its newest root.

Targets and its delegations by the keys above them, snapshot and timestamp by theirs,
and the hashes that tie these together. What clients only warn of, or what a new root
repairs, becomes a note: days that are over, a signer's metadata that no longer
verifies, a snapshot key that the server does not hold. Older versions of targets are
read for what they tell of tags: each is attributed to whichever known key signed it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from ceremony.core.canonical import Json
from ceremony.core.dialects.notary_chain import Root, countable_on, follow
from ceremony.core.dialects.notary_signed import (
    SignedFile,
    check_signed,
    delegations_of,
    read_signed,
    signers_of,
    tags_of,
    unknown_members,
)
from ceremony.core.published.trusted import TrustedRoot
from ceremony.core.published.values import (
    Note,
    Published,
    PublishedKey,
    Release,
    RoleKeys,
    RootFacts,
    Served,
    Tag,
    TagChange,
    TargetsFacts,
)
from ceremony.core.request import AGAIN
from ceremony.errors import VerificationError

_COMMON = {"_type", "expires", "version"}
_ROOT = _COMMON | {"consistent_snapshot", "keys", "roles"}
_TARGETS = _COMMON | {"delegations", "targets"}
_STUCK = (
    "its root certificates are not valid today: clients refuse it, and clients and servers refuse whatever follows it. "
    "The repository has to be deleted at the server and made anew, and every client's cache of it with it"
)
_LEFT_BEHIND = (
    "clients that cached version {version} cannot follow any more: its certificates expired; their caches have to be deleted"
)
_HASHES = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}


def read(served: Served, trusted: TrustedRoot, now: datetime) -> Published:
    """Return what is published of a repository.

    Raises VerificationError, naming repository, role and version, for anything that a
    client would refuse and a ceremony cannot repair.
    """
    name = served.repository
    for role in ("root", "targets", "snapshot", "timestamp"):
        if role not in served.metadata:
            raise VerificationError(f"{name} {role}", "was not brought, so nothing can be told of the repository", hint=AGAIN)
    chain = follow(name, served.metadata["root"], trusted)
    root = chain[-1]
    targets = _newest(served, "targets", root.roles["targets"])
    _check_rollback(name, targets, trusted)
    snapshot = _newest(served, "snapshot", root.roles["snapshot"])
    timestamp = _newest(served, "timestamp", root.roles["timestamp"])
    check_hash(timestamp, "snapshot", snapshot)
    check_hash(snapshot, "root", root.file)
    check_hash(snapshot, "targets", targets)
    signers = {key.key_id: key for step in chain for key in step.roles["targets"].keys}
    ever: dict[str, dict[str, PublishedKey]] = {}
    facts = targets_facts(targets, served, signers, ever)
    delegated: dict[str, TargetsFacts] = {}
    notes = [*_delegated(served, facts, snapshot, delegated, ever, now)]
    published = Published(
        repository=name,
        root=root_facts(chain),
        targets=facts,
        delegated=delegated,
        snapshot_version=snapshot.version,
        timestamp_version=timestamp.version,
        server=served.server,
        files={"root": root.file.data, "targets": targets.data, "snapshot": snapshot.data},
        notes=(),
    )
    notes = [*_days(chain, targets, name, now), *notes, *_held(published)]
    return replace(published, notes=tuple(notes))


def _newest(served: Served, role: str, keys: RoleKeys) -> SignedFile:
    version, data = served.metadata[role][-1]
    file = read_signed(served.repository, role, data, version)
    check_signed(file, keys)
    return file


def _check_rollback(repository: str, targets: SignedFile, trusted: TrustedRoot) -> None:
    anchor = trusted.exact.get(repository)
    if anchor is not None and targets.version < anchor.targets_version:
        raise targets.refused(f"is older than version {anchor.targets_version}, which was seen before: it was rolled back")


def check_hash(listing: SignedFile, role: str, file: SignedFile) -> None:
    """Check that snapshot or timestamp names exactly these bytes, by every hash that it states and clients know."""
    stated = _at(listing.signed, "meta", role, "hashes")
    known = {name: stated[name] for name in _HASHES if name in stated} if isinstance(stated, dict) else {}
    for name, value in known.items():
        if value != base64.b64encode(_HASHES[name](file.data).digest()).decode():
            raise listing.refused(f"names other bytes for {role} than those of version {file.version}")
    if not known:
        raise listing.refused(f"does not name the bytes of {role}")


def _at(value: Json, *path: str) -> Json:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def root_facts(chain: Sequence[Root]) -> RootFacts:
    """Return the newest of a chain of roots as a value; raises VerificationError for a member that hides another."""
    root = chain[-1]
    signed = root.file.signed
    used = {key.key_id for role in root.roles.values() for key in role.keys}
    listed = signed["keys"] if isinstance(signed["keys"], dict) else {}
    spare = tuple(f"key {key_id}" for key_id in sorted(listed.keys() - used))
    return RootFacts(
        version=root.version,
        expires=root.file.expires,
        expires_at=root.file.expires_at,
        roles=root.roles,
        consistent_snapshot=signed["consistent_snapshot"] is True,
        signed_by=signers_of(root.file, root.roles["root"].by_id()),
        trusted_since=chain[0].version,
        dropped=(*unknown_members(root.file, _ROOT), *spare),
    )


def targets_facts(
    newest: SignedFile, served: Served, keys: Mapping[str, PublishedKey], ever: dict[str, dict[str, PublishedKey]]
) -> TargetsFacts:
    """Return the newest version of targets or of a delegation, with what its history tells.

    `keys` are all that ever signed for it; adds to `ever`, by delegation, those that any version names.
    """
    history: list[Release] = []
    delegations: tuple[RoleKeys, ...] = ()
    tags: dict[str, Tag] = {}
    for version, data in served.metadata[newest.role]:
        file = newest if version == newest.version else read_signed(served.repository, newest.role, data, version)
        delegations = delegations_of(file)
        for role in delegations:
            ever.setdefault(role.name, {}).update(role.by_id())
        entries = tags_of(file)
        history.append(Release(version, signers_of(file, keys), tuple(_changes(tags, entries))))
        tags = {name: tags[name] if _same(tags, name, e) else Tag(name, e, version) for name, e in sorted(entries.items())}
    return TargetsFacts(
        role=newest.role,
        version=newest.version,
        expires=newest.expires,
        expires_at=newest.expires_at,
        tags=tuple(tags.values()),
        delegations=delegations,
        history=tuple(history),
        dropped=unknown_members(newest, _TARGETS),
    )


def _same(tags: Mapping[str, Tag], name: str, entry: bytes) -> bool:
    return name in tags and tags[name].entry == entry


def _changes(before: Mapping[str, Tag], after: Mapping[str, bytes]) -> Iterator[TagChange]:
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield TagChange(name, before[name].entry, b"")
        elif not _same(before, name, after[name]):
            yield TagChange(name, before[name].entry if name in before else b"", after[name])


def _delegated(
    served: Served,
    parent: TargetsFacts,
    snapshot: SignedFile,
    found: dict[str, TargetsFacts],
    ever: dict[str, dict[str, PublishedKey]],
    now: datetime,
) -> Iterator[Note]:
    """Fill `found` with the metadata of delegations that verifies, parents first; yield what clients warn of."""
    for role in parent.delegations:
        if role.name not in served.metadata or _at(snapshot.signed, "meta", role.name) is None:
            continue  # a signer who never signed: clients pass it over
        version, data = served.metadata[role.name][-1]
        file = read_signed(served.repository, role.name, data, version)
        check_hash(snapshot, role.name, file)
        if len(signers_of(file, role.by_id())) < role.threshold:
            yield Note(
                role.name, f"its version {version} is not signed by the keys that it needs now; clients pass its tags over"
            )
            continue
        if file.expires_at <= now:
            yield Note(role.name, f"its version {version} expired at {file.expires}; clients pass its tags over")
        found[role.name] = targets_facts(file, served, ever[role.name], ever)
        yield from _delegated(served, found[role.name], snapshot, found, ever, now)


def _days(chain: Sequence[Root], targets: SignedFile, repository: str, now: datetime) -> Iterator[Note]:
    newest = chain[-1]
    for file in (newest.file, targets):
        if file.expires_at <= now:
            yield Note(
                file.role, f"version {file.version} expired at {file.expires}; clients refuse it until a new one is published"
            )
    for root in chain:
        if len(signers_of(root.file, countable_on(root.roles["root"], repository, now).by_id())) < root.roles["root"].threshold:
            yield Note("root", _STUCK if root is newest else _LEFT_BEHIND.format(version=root.version))


def _held(published: Published) -> Iterator[Note]:
    for role in ("snapshot", "timestamp"):
        if published.server is not None and not published.server_holds(role):
            yield Note(role, "the server does not hold its key: whoever signs it holds it too")
