# SPDX-License-Identifier: Apache-2.0
"""From the agenda and what the ceremony made to the items that are signed.

A repository for which there can be no new metadata, or too few root keys in the room,
is left out with the reason: one broken one of a thousand does not stop the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from ceremony.core.agenda.entries import Agenda, Entry
from ceremony.core.agenda.items import ChangedItem, Item, NewItem
from ceremony.core.agenda.roots import Held, Roots, RootSet, root_keys, sibling
from ceremony.core.dialects import Dialect, RepositorySpec
from ceremony.core.dialects.sequel import Sequel, get
from ceremony.core.plan import Plan, Source
from ceremony.core.published.changes import Changes, needs_root, needs_snapshot, needs_targets
from ceremony.core.published.values import Published, PublishedKey
from ceremony.core.specs import FIRST_VERSION, RepositoryKeys
from ceremony.errors import VerificationError

_NO_KEYS = RepositoryKeys(None, None, None, ())


@dataclass(frozen=True, slots=True)
class Made:
    """What a ceremony made, or has in the room, by which its agenda becomes items."""

    keys: Mapping[str, RepositoryKeys]
    """By repository; those that are published may be missing where no key of theirs is new."""
    held: tuple[Held, ...]
    certificates: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Serial → common name → PEM of those that were made."""
    struck: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Repository → names of tags that go."""


@dataclass(frozen=True, slots=True)
class _Case:
    """What every item is made from."""

    dialect: Dialect
    sequel: Sequel | None
    plan: Plan
    stolen: frozenset[str]
    made: Made
    began: datetime


@dataclass(frozen=True, slots=True)
class Filled:
    """What is signed, and what is not."""

    items: tuple[Item, ...]
    left_out: Mapping[str, VerificationError]


def root_sets(dialect: Dialect, plan: Plan, agenda: Agenda, held: tuple[Held, ...]) -> tuple[Mapping[str, RootSet], Agenda]:
    """Return the root set of each repository, and the agenda without those that can have none."""
    roots = Roots(plan, held, dialect.needs_certificate, sibling(agenda) if plan.change else None)
    sets: dict[str, RootSet] = {}
    left_out = dict(agenda.left_out)
    for name, entry in agenda.entries.items():
        try:
            sets[name] = roots.of(entry)
        except VerificationError as error:
            left_out[name] = error
    return sets, replace(agenda, entries={name: agenda.entries[name] for name in sets}, left_out=left_out)


def fill(dialect: Dialect, plan: Plan, agenda: Agenda, made: Made, began: datetime) -> Filled:
    """Return the items of an agenda, in its order, of a ceremony that began then (aware UTC): what is expired at that time is refused.

    Raises KeyError for a certificate that was not made and, in a genesis, VerificationError: nothing is left out of one.
    """
    sets, rest = root_sets(dialect, plan, agenda, made.held)
    case = _Case(dialect, get(plan.dialect) if plan.change else None, plan, rest.stolen, made, began)
    left_out = dict(rest.left_out)
    items: list[Item] = []
    for name, entry in rest.entries.items():
        try:
            items.extend(_items(case, entry, sets[name]))
        except VerificationError as error:
            left_out[name] = error
    if plan.change is None and left_out:
        raise next(iter(left_out.values()))
    return Filled(tuple(items), left_out)


def _items(case: _Case, entry: Entry, root_set: RootSet) -> Iterator[Item]:
    """Yield the item of an entry; none where nothing has to change, and nobody asked for it."""
    keys = case.made.keys.get(entry.name, _NO_KEYS)
    if case.sequel is None or entry.published is None:
        yield NewItem(case.dialect, _spec(case, entry, root_set, keys), entry.here)
        return
    if entry.here and keys.targets is None:
        raise VerificationError(entry.name, "gets a new targets key, and it is not listed", hint="stop, and look at the log")
    changes = _changes(case, entry, entry.published, root_set, keys)
    item = ChangedItem(case.dialect, case.sequel, entry.published, changes, entry.here)
    if item.drafts():
        _check_keys(item)
        _check_days(item, case.began)
        _check_signers(item, case)
        yield item
    elif entry.asked:
        raise _unchanged(case, entry.published)


def _unchanged(case: _Case, published: Published) -> VerificationError:
    if any(role.fingerprints() & case.stolen for role in published.roles()):
        what, hint = "is touched by a stolen key, and nothing that is signed here can help it", "do what the impact says of it"
    else:
        what, hint = "is in the plan, and nothing changes in it", "take it out of the plan"
    return VerificationError(published.repository, what, hint=hint)


def _spec(case: _Case, entry: Entry, root_set: RootSet, keys: RepositoryKeys) -> RepositorySpec:
    plan, made = case.plan, case.made
    if keys.targets is None or keys.snapshot is None or keys.timestamp is None:
        raise VerificationError(entry.name, "is new, and its keys are not listed", hint="stop, and look at the log")
    for name in ("root", *(("targets",) if entry.here else ())) if plan.change else ():
        if plan.change is not None and name not in plan.change.expires:
            raise VerificationError(entry.name, f"is new, and the plan has no expires.{name}", hint=f"write expires.{name}")
    members = root_keys(root_set, made.certificates)
    if len({key.public.sha256 for key in members} & {held.public.sha256 for held in made.held}) < root_set.threshold:
        raise VerificationError(
            entry.name, "needs more root keys than are in the room", hint="bring the tokens of more root keys"
        )
    return RepositorySpec(
        name=entry.name,
        version=FIRST_VERSION,
        root_keys=members,
        threshold=root_set.threshold,
        targets=keys.targets,
        snapshot=keys.snapshot,
        timestamp=keys.timestamp,
        signers=keys.signers,
        root_expires=plan.expires.root,
        targets_expires=plan.expires.targets,
    )


def _changes(case: _Case, entry: Entry, published: Published, root_set: RootSet, keys: RepositoryKeys) -> Changes:
    plan, made = case.plan, case.made
    expires = plan.change.expires if plan.change else {}
    of_root = frozenset(f for role in published.root.roles.values() for f in role.fingerprints())
    signs_targets = entry.plan.targets.source is not Source.REQUEST
    changes = Changes(
        # Whoever does not sign the targets cannot take a signer out of them.
        remove=case.stolen if signs_targets else case.stolen & of_root,
        root_keys=root_keys(root_set, made.certificates),
        threshold=root_set.threshold if root_set.threshold != published.root.roles["root"].threshold else 0,
        targets=keys.targets,
        root_expires=expires.get("root"),
        targets_expires=expires.get("targets") if entry.here else None,
        remove_signers=frozenset(entry.plan.remove_signers) if entry.here else frozenset(),
        signers=keys.signers,
        strike=made.struck.get(entry.name, frozenset()) if entry.here else frozenset(),
        elsewhere=entry.plan.targets.source is Source.FILE,
    )
    return _with_online_keys(published, changes) if needs_root(published, changes) else changes


def _with_online_keys(published: Published, changes: Changes) -> Changes:
    """Have a new root name the online keys that the server offers; a key that a client held comes to the server with it."""
    server = published.server
    offered = {"snapshot": server.snapshot, "timestamp": server.timestamp} if server is not None else {}
    new = {
        role: key
        for role, key in offered.items()
        if key.sha256 not in changes.remove and published.root.roles[role].fingerprints() != {key.sha256}
    }
    return replace(changes, snapshot=new.get("snapshot"), timestamp=new.get("timestamp"))


def _check_keys(item: ChangedItem) -> None:
    """Check that whatever has to be signed, beside the root, is signed by a key of this ceremony."""
    published, changes = item.published, item.changes
    if changes.elsewhere:
        return
    if needs_targets(published, changes) and not item.here:
        what, hint = "needs new targets, and no key for them is made here", 'write targets = { source = "generate", ... } for it'
        raise VerificationError(item.name, what, hint=hint)
    if needs_snapshot(published, changes):
        what = "needs a new snapshot, and neither the server nor this ceremony has its key"
        raise VerificationError(item.name, what, hint="have the server make a new snapshot key, and fetch again")


def _check_days(item: ChangedItem, began: datetime) -> None:
    """Check that nothing that is signed would be expired already: a day that the plan does not name stays as it is published."""
    published, changes = item.published, item.changes
    signs_targets = needs_targets(published, changes) and not changes.elsewhere
    for role, signed, day in (
        ("root", needs_root(published, changes), changes.root_expires or published.root.expires_at),
        ("targets", signs_targets, changes.targets_expires or published.targets.expires_at),
    ):
        if signed and day <= began:
            what = f"would be expired, since {day:%Y-%m-%d %H:%M:%S} UTC"
            raise VerificationError(f"{item.name} {role}", what, hint=f"write expires.{role} in the plan")


def _check_signers(item: ChangedItem, case: _Case) -> None:
    """Check that clients can follow: by root certificates that are good today, and by enough root keys that are in the room."""
    before, role = item.published.root, item.published.root.roles["root"]
    expired = frozenset(key.key_id for key in role.keys if _expired(key, case.began))
    if len(frozenset(before.signed_by) - expired) < role.threshold:
        what = "has root certificates that have expired, so nothing can follow its root any more"
        raise VerificationError(item.name, what, hint="have it deleted at the server, and make it anew in a genesis")
    held = {one.public.sha256 for one in case.made.held}
    old, new = item.signers().missing(held, expired)
    for count, whose in ((old, "that are published"), (new, "that it is to have")):
        if count:
            what = f"lacks {count} signature{'' if count == 1 else 's'} of the root keys {whose}"
            raise VerificationError(item.name, what, hint="bring the tokens of more of its root keys")


def _expired(key: PublishedKey, began: datetime) -> bool:
    return key.certificate is not None and not key.certificate.not_before <= began < key.certificate.not_after
