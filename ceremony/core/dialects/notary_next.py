# SPDX-License-Identifier: Apache-2.0
"""The Notary metadata that may follow what is published: root, targets and snapshot, one version on.

What `Changes` does not say is written as it is published, to the letter: days with
Go's fractions, the order of keys, each tag's entry. Members that Notary does not know
are not written, as Notary itself does when it signs again, nor are keys without a role;
the differences name them. Written as canonical text at once, apart from what judges it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from ceremony.core.canonical import Json, JsonObject, encode_trusted, parse_loose
from ceremony.core.dialects import Draft, RootKey, notary
from ceremony.core.dialects.notary import KEY_TYPES, key_entry
from ceremony.core.dialects.notary_chain import countable
from ceremony.core.keys import PublicKey
from ceremony.core.published.changes import Changes, RootSigner, RootSigners
from ceremony.core.published.values import RELEASES, ROLES, Published, RoleKeys, Tag, TargetsFacts, signer
from ceremony.errors import VerificationError

_RELEASES = f"targets/{RELEASES}"
_text = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class _Key:
    """A key that is about to be listed."""

    key_id: str
    fingerprint: str
    spki: bytes
    entry: str


@dataclass(frozen=True, slots=True)
class _Role:
    name: str
    keys: tuple[_Key, ...]
    threshold: int
    paths: tuple[str, ...] = ()


def next_root(published: Published, changes: Changes) -> Draft:
    """Return the next root; see `Sequel.next_root`."""
    roles = _root_roles(published, changes)
    keys = {key.key_id: key.entry for role in roles for key in role.keys}
    members = {role.name: f'{{"keyids":{_ids(role)},"threshold":{role.threshold}}}' for role in roles}
    signed = (
        f'{{"_type":"Root","consistent_snapshot":{"true" if published.root.consistent_snapshot else "false"},'
        f'"expires":"{_time(changes.root_expires, published.root.expires)}","keys":{_object(keys)},'
        f'"roles":{_object(members)},"version":{published.root.version + 1}}}'
    )
    return _draft(published.repository, "root", signed)


def next_targets(published: Published, changes: Changes) -> Draft:
    """Return the next targets; see `Sequel.next_targets`."""
    expires = _time(changes.targets_expires, published.targets.expires)
    return _targets(
        published.repository, _delegations(published, changes), _kept(published, changes), expires, published.targets.version
    )


def targets_after(repository: str, facts: TargetsFacts) -> Draft:
    """Return targets that say what `facts` say, to the letter, one version on."""
    roles = [_Role(role.name, _remaining(role, frozenset()), role.threshold, role.paths) for role in facts.delegations]
    return _targets(repository, roles, facts.tags, facts.expires, facts.version)


def _targets(repository: str, roles: Sequence[_Role], tags: Iterable[Tag], expires: str, version: int) -> Draft:
    keys = {key.key_id: key.entry for role in roles for key in role.keys}
    listed = ",".join(
        f'{{"keyids":{_ids(role)},"name":{_text(role.name)},"paths":{_texts(role.paths)},"threshold":{role.threshold}}}'
        for role in roles
    )
    entries = _object({tag.name: tag.entry.decode() for tag in tags})
    signed = (
        f'{{"_type":"Targets","delegations":{{"keys":{_object(keys)},"roles":[{listed}]}},'
        f'"expires":"{expires}","targets":{entries},"version":{version + 1}}}'
    )
    return _draft(repository, "targets", signed)


def next_snapshot(published: Published, files: Mapping[str, bytes], expires: datetime) -> Draft:
    """Return the next snapshot; see `Sequel.next_snapshot`."""
    before = parse_loose(published.files["snapshot"], f"{published.repository} snapshot")
    meta: JsonObject = dict(_member(_member(before, "signed"), "meta"))
    for role, data in files.items():
        if role != "snapshot":
            hashes = {name: base64.b64encode(hashlib.new(name, data).digest()).decode() for name in ("sha256", "sha512")}
            meta[role] = {"hashes": dict[str, Json](hashes), "length": len(data)}
    signed: JsonObject = {
        "_type": "Snapshot",
        "expires": _time(expires, ""),
        "meta": meta,
        "version": published.snapshot_version + 1,
    }
    return _draft(published.repository, "snapshot", encode_trusted(signed).decode())


def root_signers(published: Published, changes: Changes) -> RootSigners:
    """Return whose signatures the next root needs; see `Sequel.root_signers`."""
    old = countable(published.root.roles["root"], published.repository)
    new = next(role for role in _root_roles(published, changes) if role.name == "root")
    keys: dict[str, RootSigner] = {}
    spkis = {key.fingerprint: key.spki for key in new.keys} | {key.fingerprint: key.spki for key in old.keys}
    for fingerprint, spki in spkis.items():
        old_ids = tuple(k.key_id for k in old.keys if k.fingerprint == fingerprint)
        new_ids = tuple(k.key_id for k in new.keys if k.fingerprint == fingerprint)
        keys[fingerprint] = RootSigner(fingerprint, spki, old_ids, new_ids)
    return _one_of_equals(RootSigners(tuple(keys.values()), old.threshold, new.threshold))


@lru_cache(maxsize=256)
def _one_of_equals(signers: RootSigners) -> RootSigners:
    """Return the same object for equal ones: most repositories of a fleet have the same root keys."""
    return signers


# --- root ---------------------------------------------------------------------


def _root_roles(published: Published, changes: Changes) -> Sequence[_Role]:
    _check_new_keys(published, changes)
    roles = []
    for name, before in published.root.roles.items():
        role = _root_role(name, before, changes)
        if role.keys or name in ROLES:
            roles.append(_checked(published, "root", role))
    return roles


def _root_role(name: str, before: RoleKeys, changes: Changes) -> _Role:
    new = changes.new_key(name)
    if new is not None:
        return _Role(name, (_bare(new),), 1)
    if name == "root":
        keys = tuple(_certified(key) for key in changes.root_keys) or _remaining(before, changes.remove)
        return _Role(name, keys, changes.threshold or before.threshold)
    return _Role(name, _remaining(before, changes.remove), before.threshold)


def _check_new_keys(published: Published, changes: Changes) -> None:
    named = [("targets", changes.targets), ("snapshot", changes.snapshot), ("timestamp", changes.timestamp)]
    named += [("root", key.public) for key in changes.root_keys]
    for role, public in named:
        if public is not None and public.sha256 in changes.remove:
            raise _refused(published, "root", f"the new {role} key is one that should go", hint="bring another key")
    for key in changes.root_keys:
        if not key.certificate:
            raise _refused(published, "root", "a new root key has no certificate", hint="make its certificate first")


def _checked(published: Published, role: str, made: _Role) -> _Role:
    """Return a role that enough keys of their own can sign for; raises VerificationError."""
    count = len({key.fingerprint for key in made.keys})
    if count >= made.threshold:
        return made
    left = f"would have {count} key{'' if count == 1 else 's'} left of the {made.threshold} that it needs"
    hint = "name a new key for it in the plan" if role == "root" else "give the signer a new key, or remove the signer"
    if made.name in ("snapshot", "timestamp"):
        hint = "have the server make a new key for it, and fetch again"
    raise _refused(published, role, f"{made.name} {left}", hint=hint)


# --- targets ------------------------------------------------------------------


def _kept(published: Published, changes: Changes) -> Iterable[Tag]:
    tags = published.targets.tags
    for name in sorted(changes.strike - {tag.name for tag in tags}):
        raise _refused(published, "targets", f"has no tag {name[:60]!r} to strike out", hint="look at the list again")
    return (tag for tag in tags if tag.name not in changes.strike)


def _delegations(published: Published, changes: Changes) -> Sequence[_Role]:
    before = {role.name: role for role in published.targets.delegations}
    new = {f"targets/{one.name}": _bare(one.public) for one in changes.signers}
    _check_signers(published, changes, before)
    freed = _freed(before, {f"targets/{name}" for name in changes.remove_signers} | new.keys())
    made = []
    for role in before.values():
        if role.name in new:
            made.append(_Role(role.name, (new[role.name],), 1, role.paths))
        elif signer(role.name) not in changes.remove_signers:
            made.append(
                _changed(role, changes.remove | freed, new) if role.name == _RELEASES else _changed(role, changes.remove, {})
            )
    made += [_Role(name, (key,), 1, ("",)) for name, key in new.items() if name not in before]
    if new and _RELEASES not in before:
        made.append(_Role(_RELEASES, tuple({key.key_id: key for key in new.values()}.values()), 1, ("",)))
    # A delegation that nobody could sign for before may stay; one that loses its last key goes.
    listed = [role for role in made if role.keys or not before[role.name].keys]
    return [_checked(published, "targets", role) if _could_sign(before.get(role.name)) else role for role in listed]


def _check_signers(published: Published, changes: Changes, before: Mapping[str, RoleKeys]) -> None:
    for name in sorted(changes.remove_signers):
        if f"targets/{name}" not in before:
            raise _refused(published, "targets", f"has no signer {name[:60]!r} to remove", hint="correct the plan")
        if any(one.name == name for one in changes.signers):
            raise _refused(published, "targets", f"the signer {name} both goes and comes", hint="correct the plan")
    for one in changes.signers:
        if one.public.sha256 in changes.remove:
            raise _refused(published, "targets", f"the new key of {one.name} is one that should go", hint="bring another key")


def _freed(before: Mapping[str, RoleKeys], touched: Iterable[str]) -> frozenset[str]:
    """Return the keys that leave `targets/releases` with the signers whose keys they were."""
    names = set(touched)
    going = {f for name in names & before.keys() for f in before[name].fingerprints()}
    staying = {f for name, role in before.items() if name not in names and signer(name) for f in role.fingerprints()}
    return frozenset(going - staying)


def _changed(role: RoleKeys, gone: frozenset[str], new: Mapping[str, _Key]) -> _Role:
    keys = {key.key_id: key for key in (*_remaining(role, gone), *new.values())}
    return _Role(role.name, tuple(keys.values()), role.threshold, role.paths)


def _could_sign(role: RoleKeys | None) -> bool:
    return role is None or len(role.fingerprints()) >= role.threshold


# --- keys and text ------------------------------------------------------------


def _remaining(role: RoleKeys, gone: frozenset[str]) -> tuple[_Key, ...]:
    return tuple(_Key(k.key_id, k.fingerprint, k.spki, k.entry.decode()) for k in role.keys if k.fingerprint not in gone)


def _bare(public: PublicKey) -> _Key:
    key_id, entry = key_entry(public)
    return _Key(key_id, public.sha256, public.spki, entry)


def _certified(key: RootKey) -> _Key:
    text = base64.b64encode(key.certificate.encode()).decode()
    entry = f'{{"keytype":"{KEY_TYPES[key.public.algorithm]}-x509","keyval":{{"private":null,"public":"{text}"}}}}'
    return _Key(hashlib.sha256(entry.encode()).hexdigest(), key.public.sha256, key.public.spki, entry)


def _ids(role: _Role) -> str:
    return _texts([key.key_id for key in role.keys])


def _texts(values: Iterable[str]) -> str:
    return "[" + ",".join(_text(value) for value in values) + "]"


def _object(members: Mapping[str, str]) -> str:
    """Return the canonical object of members that are canonical already."""
    return "{" + ",".join(f"{_text(name)}:{members[name]}" for name in sorted(members)) + "}"


def _time(time: datetime | None, published: str) -> str:
    return published if time is None else time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _member(value: Json, name: str) -> JsonObject:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _draft(repository: str, role: str, signed: str) -> Draft:
    return Draft(repository, role, notary.DIALECT.path(repository, role), signed.encode())


def _refused(published: Published, role: str, what: str, *, hint: str) -> VerificationError:
    return VerificationError(f"{published.repository} {role}", what, hint=hint)
