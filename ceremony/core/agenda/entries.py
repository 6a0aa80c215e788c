# SPDX-License-Identifier: Apache-2.0
"""Which repositories a ceremony signs for: those of the plan and, after a genesis, those that a change of the root or a stolen key touches.

In a rotation, a repository whose targets key, or a signer's key, was stolen gets a new
targets key, unless the plan says otherwise; a stolen online key alone needs none. New
root keys, other certificates and other days are for every repository that was fetched.
What cannot be helped is left out, with the reason; the rest goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ceremony.core.plan import KeyPlan, Kind, Plan, RepositoryPlan, Source
from ceremony.core.published.reading import Fleet
from ceremony.core.published.values import Published
from ceremony.core.rotation.impact import Affected, Impact
from ceremony.errors import VerificationError

KEPT = KeyPlan(Source.REQUEST)
"""A key that stays as it is published or, of an online role, is the one that the server offers."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One repository that is signed for."""

    plan: RepositoryPlan
    published: Published | None = None
    """None for a new one."""
    asked: bool = True
    """Whether the plan names it, or a stolen key touches it; else it is here because every root changes."""

    @property
    def name(self) -> str:
        """The repository's name."""
        return self.plan.name

    @property
    def here(self) -> bool:
        """Whether its targets key is made in this ceremony, which then signs its targets."""
        return self.plan.targets.source is Source.GENERATE


@dataclass(frozen=True, slots=True)
class Agenda:
    """Every repository that is signed for."""

    entries: Mapping[str, Entry]
    """By name: the plan's in its order, then the others in the request's."""
    left_out: Mapping[str, VerificationError] = field(default_factory=dict)
    """By name: those that should be here and cannot, and why."""
    stolen: frozenset[str] = frozenset()
    """Fingerprints of the stolen keys that the fleet knows."""

    def made_here(self) -> frozenset[str]:
        """Return the names of the repositories whose targets key is made in this ceremony."""
        return frozenset(entry.name for entry in self.entries.values() if entry.here)


def of_genesis(plan: Plan) -> Agenda:
    """Return the agenda of a genesis: the plan's repositories, all new."""
    return Agenda({repository.name: Entry(repository) for repository in plan.repositories})


def of_change(plan: Plan, known: frozenset[str], fleet: Fleet, impact: Impact | None) -> Agenda:
    """Return the agenda of a renewal or a rotation.

    `known` are the names that the request is about, also those that the server does not
    know yet; `fleet` is what is published of those that it knows; `impact` is whom stolen
    keys touch, None where none was stolen.
    """
    affected = {one.repository: one for one in impact.repositories} if impact else {}
    named = {repository.name: repository for repository in plan.repositories}
    entries: dict[str, Entry] = {}
    left_out: dict[str, VerificationError] = {}
    for name in (*named, *(name for name in fleet if name not in named)):
        try:
            entries |= {entry.name: entry for entry in _entry(plan, name, named, known, fleet, affected)}
        except VerificationError as error:
            left_out[name] = error
    return Agenda(entries, left_out, impact.fingerprints() if impact else frozenset())


def elsewhere(plan: Plan) -> frozenset[str]:
    """Return the names of the repositories of a plan whose targets are not signed in the ceremony."""
    return frozenset(repository.name for repository in plan.repositories if repository.targets.source is not Source.GENERATE)


def touches_all(plan: Plan) -> bool:
    """Tell whether a plan changes the root of every repository that was fetched."""
    change = plan.change
    return change is not None and bool(change.new_root or {"root", "certificate"} & change.expires.keys())


def _entry(
    plan: Plan,
    name: str,
    named: Mapping[str, RepositoryPlan],
    known: frozenset[str],
    fleet: Fleet,
    affected: Mapping[str, Affected],
) -> Iterator[Entry]:
    found = fleet.get(name)
    if isinstance(found, VerificationError):
        raise found
    if name in named:
        yield _named(plan, named[name], known, found)
    elif name in affected:
        yield Entry(_default(plan, affected[name]), found)
    elif touches_all(plan):
        yield Entry(RepositoryPlan(name, KEPT, KEPT, KEPT), found, asked=False)


def _named(plan: Plan, repository: RepositoryPlan, known: frozenset[str], found: Published | None) -> Entry:
    if found is not None:
        return Entry(repository, found)
    if repository.name not in known:
        hint = "fetch it too, and name the new request in the plan"
        raise VerificationError(repository.name, "is in the plan, and the request holds nothing about it", hint=hint)
    if plan.kind is Kind.ROTATION:
        hint = "add it in a renewal, once the rotation is published"
        raise VerificationError(repository.name, "is not published yet, so there is nothing to rotate", hint=hint)
    if repository.targets.source is Source.REQUEST:
        hint = "write generate or file for it"
        raise VerificationError(repository.name, "is not published yet, and the plan names no targets key for it", hint=hint)
    return Entry(repository)


def _default(plan: Plan, one: Affected) -> RepositoryPlan:
    """Return where the keys of an affected repository come from when the plan does not say."""
    # What a signer delegates further, only that signer can change: new targets would not help.
    own = {"targets", *(role.name for role in one.published.targets.delegations)}
    touched = any(place.role in own for place in one.places)
    recipient = plan.change.compromised.deliver_to if plan.change and plan.change.compromised else ""
    if touched and not recipient:
        hint = "name it in [[repositories]], or write compromised.deliver-to: to whom its new key is encrypted"
        raise VerificationError(one.repository, "gets a new targets key, and the plan does not say to whom it goes", hint=hint)
    targets = KeyPlan(Source.GENERATE, deliver_to=recipient) if touched else KEPT
    return RepositoryPlan(one.repository, targets, KEPT, KEPT)
