# SPDX-License-Identifier: Apache-2.0
"""Targets that are signed anew, outside the room, by the team that holds the key that a ceremony's root names for them.

They start from the newest targets that the server serves, signed by the published
targets key, and say again what the ceremony decided: tags that it struck out go, and
signers are as it left them. Who stole a key may have used it after the ceremony's
request was fetched. So tags that came, went or changed since are not carried over in
silence where a key signed them that the new root removes: people say whether they are
kept. Signers that changed since never are. What was made is judged by code that did
not write it, and its signature by a second library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from ceremony.core import second_opinion
from ceremony.core.dialects import Draft, Signature, notary
from ceremony.core.dialects.notary_chain import Root, check_next_root, countable_on, read_root, usable
from ceremony.core.dialects.notary_next import targets_after
from ceremony.core.dialects.notary_signed import (
    SignedFile,
    check_signed,
    check_stored,
    delegations_of,
    key_table,
    read_signed,
    signers_of,
    tags_of,
)
from ceremony.core.dialects.notary_standing import Case, MovedOn
from ceremony.core.published.values import PublishedKey, RoleKeys, Tag, TargetsFacts
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import VerificationError

_STOP = "nothing was sent; do not use what this computer made"


class Newer(StrEnum):
    """What becomes of tags that came, went or changed since the request, by a key that the new root removes."""

    ASK = "ask"
    KEEP = "keep"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Decided:
    """What people decided."""

    newer: Newer = Newer.ASK
    expires: datetime | None = None
    """Of the new targets, aware UTC; None: as the ceremony, or what is published, has it."""
    stolen: frozenset[str] = frozenset()
    """Key ids or fingerprints (SHA-256 over SubjectPublicKeyInfo, hex) of the keys that the plan calls stolen: no signer keeps one."""


@dataclass(frozen=True, slots=True)
class Resigned:
    """Targets that were signed, and what people should know of them."""

    targets: bytes
    told: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _State:
    """The files, parsed; nobody has judged them yet but for their form."""

    repository: str
    old: Root
    new: Root
    fetched: SignedFile
    """Targets of the request."""
    theirs: SignedFile
    """The newest of the server."""
    signed: SignedFile | None
    """Targets of the ceremony."""
    stolen: frozenset[str]

    def goes(self, key: PublishedKey) -> bool:
        """Tell whether a key is stolen, or one that the old root names for anything, and the new one for nothing."""
        before, after = ({f for role in root.roles.values() for f in role.fingerprints()} for root in (self.old, self.new))
        return key.fingerprint in (before - after) | self.stolen


@dataclass(frozen=True, slots=True)
class _Content:
    """What the new targets say."""

    tags: Mapping[str, bytes]
    delegations: tuple[RoleKeys, ...]
    expires: str
    told: tuple[str, ...]


def resign(case: Case, versions: Sequence[bytes], key: SoftwareKey, decided: Decided, now: datetime) -> Resigned:
    """Return the targets that follow the server's, signed by the team's key.

    `versions` are the server's targets since those of the request, ascending, the newest
    last; those of the request themselves where nothing moved. Raises MovedOn, naming the
    tags, where people have to decide about them, and VerificationError for anything that
    does not follow from what was published, or that a client would refuse.
    """
    state = _read(case, versions, decided.stolen)
    content = _content(state, [read_signed(case.repository, "targets", data) for data in versions], decided)
    at = decided.expires.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if decided.expires else content.expires
    facts = TargetsFacts(
        role="targets",
        version=state.theirs.version,
        expires=at,
        expires_at=datetime.fromisoformat(at),
        tags=tuple(Tag(name, entry, 0) for name, entry in sorted(content.tags.items())),
        delegations=content.delegations,
        history=(),
    )
    data = _signed(targets_after(case.repository, facts), key, state.new.roles["targets"])
    _judge(state, content, data, now)
    return Resigned(data, content.told)


def _read(case: Case, versions: Sequence[bytes], stolen: frozenset[str]) -> _State:
    name = case.repository
    old, new = read_root(name, case.before["root"]), read_root(name, case.ours["root"])
    check_next_root(old.version, usable(old, name), new, name)
    fetched, theirs = (read_signed(name, "targets", data) for data in (case.before["targets"], versions[-1]))
    for file in (fetched, theirs):
        check_signed(file, old.roles["targets"], "the published targets key")
    if theirs.data != fetched.data and theirs.version <= fetched.version:
        raise theirs.refused(f"does not follow version {fetched.version}: it was rolled back or exchanged")
    signed = read_signed(name, "targets", case.ours["targets"]) if "targets" in case.ours else None
    if signed is not None:
        check_signed(signed, new.roles["targets"])
    known = [key for role in (*old.roles.values(), *delegations_of(fetched)) for key in role.keys]
    return _State(name, old, new, fetched, theirs, signed, stolen | {key.fingerprint for key in known if key.key_id in stolen})


# --- what they say ------------------------------------------------------------


def _content(state: _State, versions: Sequence[SignedFile], decided: Decided) -> _Content:
    fetched, theirs = tags_of(state.fetched), tags_of(state.theirs)
    struck = fetched.keys() - tags_of(state.signed).keys() if state.signed is not None else set[str]()
    newer = sorted(n for n in fetched.keys() | theirs.keys() if fetched.get(n) != theirs.get(n) and n not in struck)
    signers = _changed_signers(state)
    suspect = newer if newer and not _by_keys_that_stay(state, versions) else []
    if decided.newer is Newer.ASK and (suspect or signers):
        raise _undecided(state, suspect, signers)
    dropped = decided.newer is Newer.DROP
    tags = {name: entry for name, entry in (fetched if dropped else theirs).items() if name not in struck}
    return _Content(
        tags,
        delegations_of(state.signed) if state.signed is not None else _without(delegations_of(state.fetched), state.goes),
        (state.signed or (state.fetched if dropped else state.theirs)).expires,
        tuple(_told(state, newer, sorted(struck & theirs.keys()), signers, dropped=dropped)),
    )


def _by_keys_that_stay(state: _State, versions: Sequence[SignedFile]) -> bool:
    """Tell whether every version since the request is here and signed by a key that the new root keeps."""
    stays = state.new.roles["targets"].fingerprints()
    keys = {key.key_id: key for key in state.old.roles["targets"].keys if key.fingerprint in stays}
    known = {file.version for file in versions if signers_of(file, keys)}
    return known >= set(range(state.fetched.version + 1, state.theirs.version + 1))


def _changed_signers(state: _State) -> list[str]:
    before, after = ({role.name: role for role in delegations_of(file)} for file in (state.fetched, state.theirs))
    return sorted(name for name in before.keys() | after.keys() if _said(before.get(name)) != _said(after.get(name)))


def _said(role: RoleKeys | None) -> object:
    return role and (frozenset(role.by_id()), role.threshold, role.paths)


def _without(delegations: Sequence[RoleKeys], goes: Callable[[PublishedKey], bool]) -> tuple[RoleKeys, ...]:
    """Return delegations without the keys that go; one that too few are left for goes with them."""
    made = []
    for role in delegations:
        keys = tuple(key for key in role.keys if not goes(key))
        if keys == role.keys or len({key.fingerprint for key in keys}) >= role.threshold:
            made.append(RoleKeys(role.name, keys, role.threshold, role.paths))
    return tuple(made)


def _undecided(state: _State, tags: Sequence[str], signers: Sequence[str]) -> MovedOn:
    said = [f"{what} {_names(names)}" for what, names in (("tags", tags), ("signers", signers)) if names]
    return MovedOn(
        f"{state.repository}: since the ceremony's request somebody changed, with a key that is replaced, {' and '.join(said)}",
        hint="nothing was sent; ask the team whether these are its own, then run the command again with --keep-newer-tags, or with "
        "--drop-newer-tags for the tags of the request; signers are left as the ceremony left them in either case",
    )


def _told(state: _State, newer: Sequence[str], struck: Sequence[str], signers: Sequence[str], *, dropped: bool) -> Sequence[str]:
    gun, told = state.repository, []
    if newer:
        what = (
            "as the request has them, not as somebody changed them since" if dropped else "as they were changed since the request"
        )
        told.append(f"{gun}: {what}: the tags {_names(newer)}")
    if struck:
        told.append(f"{gun}: struck out, as the ceremony did: the tags {_names(struck)}")
    if signers:
        told.append(f"{gun}: as the ceremony left them, not as somebody changed them since: the signers {_names(signers)}")
    return told


def _names(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)


# --- signed and judged --------------------------------------------------------


def _signed(draft: Draft, key: SoftwareKey, role: RoleKeys) -> bytes:
    algorithm, subject = key.public.algorithm, f"{draft.repository} targets"
    scheme = notary.DIALECT.scheme(algorithm)
    value = key.sign(scheme, draft.payload)
    second_opinion.verify(key.public, scheme, draft.payload, value, subject)
    key_ids = [one.key_id for one in role.keys if one.fingerprint == key.public.sha256]
    return notary.DIALECT.assemble(draft, [Signature(key_id, algorithm, value) for key_id in key_ids])


def _judge(state: _State, content: _Content, data: bytes, now: datetime) -> None:
    """Judge the new targets, from their bytes, as a client and a server under the new root."""
    targets = read_signed(state.repository, "targets", data, state.theirs.version + 1)
    check_stored(targets)
    check_stored(state.new.file)
    check_signed(targets, state.new.roles["targets"])
    check_signed(
        state.new.file, countable_on(state.new.roles["root"], state.repository, now), "root keys with valid certificates"
    )
    for file in (state.new.file, targets):
        if file.expires_at <= now:
            hint = "nothing was sent; add --targets-expire DATE" if file is targets else "nothing was sent; hold a new ceremony"
            raise file.refused(f"expired at {file.expires}", hint=hint)
    if tags_of(targets) != content.tags or [*map(_said, delegations_of(targets))] != [*map(_said, content.delegations)]:
        raise targets.refused("does not say what it should", hint=_STOP)
    delegations = targets.signed["delegations"]
    listed = key_table(targets, delegations["keys"]) if isinstance(delegations, dict) else {}
    for key in listed.values():
        if state.goes(key):
            raise VerificationError(targets.subject, f"lists key {key.key_id[:16]}, which should be gone", hint=_STOP)
