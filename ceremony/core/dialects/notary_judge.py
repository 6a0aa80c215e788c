# SPDX-License-Identifier: Apache-2.0
"""Finished Notary files that are to follow what is published, judged before anyone carries them out.

As a client that cached the published root, and as the server: the new root follows it,
its certificates still valid, and targets and snapshot verify under the new one. As a
fresh client: days too, and the form that a
server stores. Then that what should go is gone from every table of keys, and that the
differences are those that `Changes` says, no more and no fewer; said here once more,
in sets, apart from what wrote them.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from ceremony.core.canonical import Json
from ceremony.core.dialects import Draft
from ceremony.core.dialects.notary_chain import Root, check_next_root, countable, countable_on, read_root
from ceremony.core.dialects.notary_listed import certified, listed
from ceremony.core.dialects.notary_published import check_hash, root_facts, targets_facts
from ceremony.core.dialects.notary_signed import SignedFile, check_signed, check_stored, key_table, read_signed
from ceremony.core.keys import PublicKey
from ceremony.core.port_values import Change
from ceremony.core.published.changes import Changes, needs_root, needs_snapshot, needs_targets
from ceremony.core.published.differences import State, differences
from ceremony.core.published.values import RELEASES, ROLES, Published, PublishedKey, RoleKeys, Served, TargetsFacts, signer
from ceremony.errors import VerificationError

HINT = "nothing may be carried out; stop, and hold the ceremony again"


@dataclass(frozen=True, slots=True)
class _Next:
    """What the new files make of a repository; what is not sent is as published."""

    published: Published
    changes: Changes
    root: Root | None
    """None when none is sent."""
    targets: SignedFile

    @property
    def roles(self) -> Mapping[str, RoleKeys]:
        """The roles of the root that holds from now on."""
        return self.published.root.roles if self.root is None else self.root.roles

    def refused(self, role: str, what: str) -> VerificationError:
        return VerificationError(f"{self.published.repository} {role}", what, hint=HINT)


def check_next(published: Published, files: Mapping[str, bytes], changes: Changes, now: datetime) -> Sequence[Change]:
    """Judge finished files; see `Sequel.check_next`."""
    name = published.repository
    _check_names(published, files, changes)
    root = read_root(name, files["root"], known=_known(published)) if "root" in files else None
    targets = read_signed(name, "targets", files.get("targets", published.files["targets"]))
    case = _Next(published, changes, root, targets)
    if "targets" in files:
        check_stored(targets)
    if root is not None:
        check_stored(root.file)
        check_next_root(published.root.version, countable(published.root.roles["root"], name), root, name)
    _check_fresh(case, files, now)
    _check_gone(case)
    after_root, after_targets = root_facts((root,)) if root is not None else published.root, _facts(case)
    _check_root(case)
    _check_targets(case, after_targets)
    for role, facts in (("root", after_root), ("targets", after_targets)):
        if role in files and facts.dropped:
            raise case.refused(role, f"holds what nobody asked for: {', '.join(facts.dropped)}")
    return differences(name, State(published.root, published.targets), State(after_root, after_targets))


def outlook(published: Published, drafts: Sequence[Draft]) -> State:
    """Return the state that drafts would make; see `Sequel.outlook`."""
    name = published.repository
    files = {draft.role: b'{"signed":' + draft.payload + b',"signatures":[]}' for draft in drafts}
    root = root_facts((read_root(name, files["root"], known=_known(published)),)) if "root" in files else published.root
    if "targets" not in files:
        return State(root, published.targets)
    targets = read_signed(name, "targets", files["targets"])
    served = Served(name, {"targets": [(targets.version, targets.data)]}, None)
    return State(root, targets_facts(targets, served, {}, {}))


def stated(repository: str, files: Mapping[str, bytes]) -> State:
    """Return what root and targets say, their signatures not looked at; see `Sequel.stated`."""
    root = read_root(repository, files["root"])
    facts = root_facts((Root(replace(root.file, signatures=()), root.roles),))
    if "targets" not in files:
        return State(facts, None)
    targets = replace(read_signed(repository, "targets", files["targets"]), signatures=())
    served = Served(repository, {"targets": [(targets.version, targets.data)]}, None)
    return State(facts, targets_facts(targets, served, {}, {}))


def _check_names(published: Published, files: Mapping[str, bytes], changes: Changes) -> None:
    wanted = {"root"} if needs_root(published, changes) else set()
    if needs_targets(published, changes) and not changes.elsewhere:
        wanted.add("targets")
    if wanted and needs_snapshot(published, changes) and not changes.elsewhere:
        wanted.add("snapshot")
    if files.keys() != wanted:
        what = f"has the files {', '.join(sorted(files)) or 'none'}, and the changes make {', '.join(sorted(wanted)) or 'none'}"
        raise VerificationError(published.repository, what, hint=HINT)


def _check_fresh(case: _Next, files: Mapping[str, bytes], now: datetime) -> None:
    """Judge as a client without a cache: days, the keys of each role, the hashes of a snapshot."""
    published, name, sent = case.published, case.published.repository, [case.targets]
    today = countable_on(published.root.roles["root"], name, now)
    if len(today.by_id().keys() & set(published.root.signed_by)) < today.threshold:
        raise case.refused(
            "root", f"version {published.root.version} has expired certificates, so nothing can follow it any more"
        )
    if case.root is not None:
        check_signed(
            case.root.file, countable_on(case.root.roles["root"], name, now), "root keys with certificates that are valid now"
        )
        sent.append(case.root.file)
    if not case.changes.elsewhere:
        check_signed(case.targets, case.roles["targets"])
    for file in sent:
        if file.role in files and file.expires_at <= now:
            raise case.refused(file.role, f"expired at {file.expires}")
    if "snapshot" in files:
        snapshot = read_signed(name, "snapshot", files["snapshot"], published.snapshot_version + 1)
        check_stored(snapshot)
        check_signed(snapshot, case.roles["snapshot"])
        check_hash(snapshot, "root", case.root.file if case.root else read_signed(name, "root", published.files["root"]))
        check_hash(snapshot, "targets", case.targets)
        if snapshot.expires_at <= now:
            raise case.refused("snapshot", f"expired at {snapshot.expires}")


def _check_gone(case: _Next) -> None:
    """Check that a key that should go is in no table of keys, used or not, and that nobody else signed."""
    delegations = case.targets.signed.get("delegations")
    listed = delegations.get("keys") if isinstance(delegations, dict) else {}
    tables: list[tuple[SignedFile, Json, frozenset[str]]] = []
    if not case.changes.elsewhere:
        tables.append((case.targets, listed, _key_ids(case.roles["targets"])))
    if case.root is not None:
        known = _key_ids(case.published.root.roles["root"]) | _key_ids(case.roles["root"])
        tables.append((case.root.file, case.root.file.signed["keys"], known))
    known_keys = _known(case.published)
    for file, table, signers in tables:
        for key in key_table(file, table, known_keys).values():
            if key.fingerprint in case.changes.remove:
                raise case.refused(file.role, f"still lists key {key.key_id[:16]}, which should be gone")
        strangers = sorted({key_id for key_id, _, _ in file.signatures} - signers)
        if strangers:
            raise case.refused(file.role, f"carries a signature by {strangers[0][:16]!r}, which is none of its keys")


def _facts(case: _Next) -> TargetsFacts:
    if case.targets.data == case.published.files["targets"]:
        return case.published.targets
    served = Served(case.published.repository, {"targets": [(case.targets.version, case.targets.data)]}, None)
    return targets_facts(case.targets, served, case.roles["targets"].by_id(), {})


def _check_root(case: _Next) -> None:
    before, changes, root = case.published.root, case.changes, case.root
    if root is None:
        return
    _same(case, "root", "days", _expires(changes.root_expires, before.expires), root.file.expires)
    _same(case, "root", "consistent_snapshot", before.consistent_snapshot, root.file.signed["consistent_snapshot"])
    wanted = {name: _root_role(role, changes) for name, role in before.roles.items()}
    wanted = {name: (keys, threshold) for name, (keys, threshold) in wanted.items() if keys or name in ROLES}
    found = {name: (_key_ids(role), role.threshold) for name, role in root.roles.items()}
    for name in sorted(wanted.keys() | found.keys()):
        _same(case, "root", f"role {name}", wanted.get(name), found.get(name))


def _root_role(role: RoleKeys, changes: Changes) -> tuple[frozenset[str], int]:
    stays = frozenset(key.key_id for key in role.keys if key.fingerprint not in changes.remove)
    new = changes.new_key(role.name)
    if new is not None:
        return frozenset({_listed(new).key_id}), 1
    if role.name == "root":
        own = frozenset(certified(key.certificate).key_id for key in changes.root_keys)
        return own or stays, changes.threshold or role.threshold
    return stays, role.threshold


def _check_targets(case: _Next, after: TargetsFacts) -> None:
    before, changes = case.published.targets, case.changes
    if after is before:
        return
    _same(case, "targets", "version", before.version + 1, after.version)
    _same(case, "targets", "days", _expires(changes.targets_expires, before.expires), after.expires)
    kept = {tag.name: tag.entry for tag in before.tags if tag.name not in changes.strike}
    found = {tag.name: tag.entry for tag in after.tags}
    for name in sorted(kept.keys() | found.keys()):
        _same(case, "targets", f"tag {name[:60]!r}", kept.get(name), found.get(name))
    wanted = _wanted_delegations(before, changes)
    roles = {role.name: (_key_ids(role), role.threshold, role.paths) for role in after.delegations}
    for name in sorted(wanted.keys() | roles.keys()):
        _same(case, "targets", f"delegation {name}", wanted.get(name), roles.get(name))


_Delegation = tuple[frozenset[str], int, tuple[str, ...]]


def _wanted_delegations(before: TargetsFacts, changes: Changes) -> dict[str, _Delegation]:
    new = {f"targets/{one.name}": _listed(one.public).key_id for one in changes.signers}
    old = {role.name: role for role in before.delegations}
    wanted: dict[str, _Delegation] = {}
    for name, role in old.items():
        stays = {key for key in role.keys if key.fingerprint not in changes.remove}
        if name == f"targets/{RELEASES}":
            stays = {key for key in stays if not _left_with_its_signer(key, old, changes)}
            wanted[name] = (frozenset(key.key_id for key in stays) | frozenset(new.values()), role.threshold, role.paths)
        elif name in new:
            wanted[name] = (frozenset({new[name]}), 1, role.paths)
        elif signer(name) not in changes.remove_signers:
            wanted[name] = (frozenset(key.key_id for key in stays), role.threshold, role.paths)
    for name, key_id in new.items():
        wanted.setdefault(name, (frozenset({key_id}), 1, ("",)))
        wanted.setdefault(f"targets/{RELEASES}", (frozenset(new.values()), 1, ("",)))
    return {name: found for name, found in wanted.items() if found[0] or (name in old and not old[name].keys)}


def _left_with_its_signer(key: PublishedKey, old: Mapping[str, RoleKeys], changes: Changes) -> bool:
    """Tell whether every signer that a key of `targets/releases` belonged to goes, or has another key now."""
    touched = changes.remove_signers | {one.name for one in changes.signers}
    whose = {signer(name) for name, role in old.items() if signer(name) and key.fingerprint in role.fingerprints()}
    return bool(whose) and whose <= touched


def _same(case: _Next, role: str, what: str, wanted: object, found: object) -> None:
    if wanted != found:
        raise case.refused(role, f"changes its {what} otherwise than was agreed")


def _known(published: Published) -> dict[str, PublishedKey]:
    return {key.key_id: key for role in published.roles() for key in role.keys}


def _key_ids(role: RoleKeys) -> frozenset[str]:
    return frozenset(key.key_id for key in role.keys)


def _listed(public: PublicKey) -> PublishedKey:
    key_type = public.algorithm.split("-")[0]
    raw = public.raw_ed25519 if key_type == "ed25519" else public.spki
    return listed(key_type, b64encode(raw).decode())


def _expires(time: datetime | None, before: str) -> str:
    return f"{time.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat()}Z" if time is not None else before
