# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for the stolen keys of a plan that a practice fleet does not know.

Nobody can make a key whose id is given. So the plan that is held names a key of the
practice fleet in its place: the plan's text has that key's id instead, or the file that
gave the stolen public key holds that key's. Everything else of the plan stays as it is,
and each stand-in is a record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from ceremony.cli.practice_values import Subject
from ceremony.core.dialects import sequel
from ceremony.core.keys import from_spki
from ceremony.core.plan import Plan
from ceremony.core.plan_reader import read_plan
from ceremony.core.published.reading import Fleet, usable
from ceremony.core.published.values import Published, PublishedKey
from ceremony.core.rotation.impact import Compromised, compromised, index

Chosen = Callable[[Compromised], tuple[str, PublishedKey] | None]
"""A stolen key that the fleet does not know → the repository and key that stand in for it; None for none."""


def stood_in(subject: Subject, fleet: Fleet, chosen: Chosen | None = None) -> Subject:
    """Return a subject whose plan names keys of the practice fleet for the stolen ones that it does not know.

    Without `chosen`, targets keys of the fleet stand in, each once, as far as there are any.
    """
    found = dict(_stand_ins(subject.plan, fleet, chosen or _spare(subject.plan, fleet)))
    if not found:
        return subject
    words = tuple(
        f"the {_role(fleet, repository, key)} key {key.key_id} of {repository} for the stolen key {name}"
        for name, (repository, key) in found.items()
    )
    plan = _renamed(subject.plan, {name: key for name, (_, key) in found.items()})
    return replace(subject, plan=plan, substitutions=(*subject.substitutions, *words))


def named_stolen(plan: Plan) -> tuple[Compromised, ...]:
    """Return what a plan names as stolen; raises PlanRefused and VerificationError for what is no key."""
    if plan.change is None or plan.change.compromised is None:
        return ()
    return compromised(plan.change.compromised.keys, plan.files, sequel.get(plan.dialect))


def unknown(plan: Plan, fleet: Fleet) -> list[Compromised]:
    """Return those of a plan's stolen keys that sign for nothing in a fleet; raises PlanRefused and VerificationError as `named_stolen`."""
    known = index(fleet)
    return [o for o in named_stolen(plan) if o.fingerprint not in known.repositories and o.key_id not in known.fingerprints]


def _stand_ins(plan: Plan, fleet: Fleet, chosen: Chosen) -> Iterator[tuple[str, tuple[str, PublishedKey]]]:
    for one in unknown(plan, fleet):
        found = chosen(one)
        if found is not None:
            yield one.name, found


def _spare(plan: Plan, fleet: Fleet) -> Chosen:
    named = {one.fingerprint for one in named_stolen(plan)} | {one.key_id for one in named_stolen(plan)}
    keys = {
        key.fingerprint: (published.repository, key)
        for published in usable(fleet).values()
        for key in reversed(published.root.roles["targets"].keys)
        if not {key.fingerprint, key.key_id} & named
    }
    spare = iter(_signing_first(keys.values(), usable(fleet)))
    return lambda _: next(spare, None)


def _signing_first(keys: Iterable[tuple[str, PublishedKey]], fleet: Mapping[str, Published]) -> list[tuple[str, PublishedKey]]:
    """Return keys in their order, those that signed the newest targets before others: they have tags to look at."""
    return sorted(keys, key=lambda found: found[1].key_id not in fleet[found[0]].targets.signed_by)


def _role(fleet: Fleet, repository: str, key: PublishedKey) -> str:
    roles = usable(fleet)[repository].roles()
    return next(role.name for role in roles if key.fingerprint in role.fingerprints())


def _renamed(plan: Plan, keys: Mapping[str, PublishedKey]) -> Plan:
    source, files = plan.source, dict(plan.files)
    for name, key in keys.items():
        if name in files:
            files[name] = from_spki(key.spki).pem
        else:
            source = source.replace(name.encode(), key.key_id.encode())
    return read_plan(source, files)
