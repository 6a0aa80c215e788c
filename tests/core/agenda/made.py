# SPDX-License-Identifier: Apache-2.0
"""Agendas in memory: fleets of `tests.core.published.made`, root keys in the room, and what follows from a plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ceremony.core.agenda import entries, filling
from ceremony.core.agenda.entries import Agenda
from ceremony.core.agenda.filling import Filled
from ceremony.core.agenda.items import ChangedItem
from ceremony.core.agenda.roots import Held, RootSet, wanted
from ceremony.core.certificates import CertificateRequest
from ceremony.core.dialects import get
from ceremony.core.keys import PublicKey
from ceremony.core.plan import Plan
from ceremony.core.published.reading import Fleet
from ceremony.core.published.values import Published
from ceremony.core.rotation.impact import Compromised, impact
from ceremony.core.software_key import SoftwareKey
from ceremony.core.specs import RepositoryKeys
from tests.core.published.made import NEW, NOW, ROOT

NOTARY = get("notary")
HELD = (Held("root-a", "1", ROOT.key.public),)
NO_KEYS = RepositoryKeys(None, None, None, ())
MADE = RepositoryKeys(NEW.key.public, None, None, ())
"""A new targets key, and the online keys that the request offers."""


def agenda_of(plan: Plan, fleet: Fleet, *stolen: SoftwareKey, new: Collection[str] = ()) -> Agenda:
    """Return the agenda of a plan about a fleet, after these keys were stolen; `new` are names that the server does not know."""
    named = tuple(Compromised(f"{number}", fingerprint=key.public.sha256) for number, key in enumerate(stolen))
    found = impact(fleet, named, elsewhere=entries.elsewhere(plan)) if stolen else None
    return entries.of_change(plan, frozenset([*fleet, *new]), fleet, found)


def certify(plan: Plan, sets: Mapping[str, RootSet], *keys: SoftwareKey) -> dict[str, dict[str, str]]:
    """Return the certificates that root sets want, by serial; `keys` are the private halves, with serials from 1."""
    found: dict[str, dict[str, str]] = {}
    for serial, names in wanted(sets.values()).items():
        key = keys[int(serial) - 1]
        for name in names:
            request = CertificateRequest(key.public, name, NOW, plan.expires.certificate, "c0" * 16, practice=True)
            body = request.to_be_signed()
            found.setdefault(serial, {})[name] = request.finish(body, key.sign(request.scheme, body))
    return found


def filled(
    plan: Plan,
    agenda: Agenda,
    keys: Mapping[str, RepositoryKeys] | None = None,
    held: tuple[Held, ...] = HELD,
    private: Sequence[SoftwareKey] = (ROOT.key,),
) -> Filled:
    """Return what is signed: each repository whose targets are signed here gets the same key, unless `keys` says otherwise."""
    sets, _ = filling.root_sets(NOTARY, plan, agenda, held)
    listed = {name: MADE if entry.here else NO_KEYS for name, entry in agenda.entries.items()} if keys is None else keys
    return filling.fill(NOTARY, plan, agenda, filling.Made(listed, held, certify(plan, sets, *private)), NOW)


def reasons(found: Filled | Agenda) -> dict[str, str]:
    """Return what is said of each repository that is left out."""
    return {name: error.message for name, error in found.left_out.items()}


def item(found: Filled, name: str) -> ChangedItem:
    """Return the item of a repository that is published."""
    (one,) = (one for one in found.items if one.name == name)
    assert isinstance(one, ChangedItem)
    return one


def fleet_of(*found: Published, **more: Any) -> dict[str, Any]:
    """Return a fleet."""
    return {one.repository: one for one in found} | more


def public(*keys: PublicKey) -> set[str]:
    """Return the fingerprints of keys."""
    return {key.sha256 for key in keys}
