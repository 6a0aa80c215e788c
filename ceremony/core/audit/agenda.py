# SPDX-License-Identifier: Apache-2.0
"""The agenda of a folder, worked out again from its plan, its request and its trusted root, as the ceremony did it.

What was published is verified here once more, so neither the machine that fetched it nor
the one that the ceremony was held on can choose what follows.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from datetime import datetime

from ceremony.core import bundle, specs
from ceremony.core.agenda import entries, filling
from ceremony.core.agenda.entries import Agenda
from ceremony.core.agenda.filling import Filled, Made
from ceremony.core.agenda.roots import Held, wanted
from ceremony.core.audit.made import check_certificates, read_keys
from ceremony.core.audit.verdict import Audited
from ceremony.core.canonical import parse_object
from ceremony.core.dialects import Dialect, sequel
from ceremony.core.plan import Plan
from ceremony.core.published import reading
from ceremony.core.published.trusted import of_plan
from ceremony.core.request import INDEX, parse_index, path_of
from ceremony.core.rotation.impact import Impact, compromised, impact
from ceremony.core.rotation.told import impact_json
from ceremony.errors import VerificationError

IMPACT = "evidence/impact.json"
LEFT_OUT = "evidence/left-out.json"


def read_filled(a: Audited, dialect: Dialect, plan: Plan, held: tuple[Held, ...], at: datetime) -> Filled:
    """Return what should have been signed at `at` (aware UTC), and what was left out.

    Adds a finding for certificates, keys and lists that are not what the plan makes. Raises CeremonyError, KeyError,
    ValueError and TypeError for what cannot be read.
    """
    agenda = _agenda(a, plan, at)
    keys = read_keys(a, plan, agenda)
    sets, _ = filling.root_sets(dialect, plan, agenda, held)
    certificates = _certificates(a, plan, held, wanted(sets.values())) if dialect.needs_certificate else {}
    filled = filling.fill(dialect, plan, agenda, Made(keys, held, certificates, _struck(a)))
    _check_left_out(a, filled)
    return filled


def _agenda(a: Audited, plan: Plan, at: datetime) -> Agenda:
    if plan.change is None:
        return entries.of_genesis(plan)
    request = parse_index(a.read(bundle.REQUEST + INDEX) or b"")
    if plan.request and plan.request != request.digest and not a.past.opened.get("substituted-request"):
        a.failed(bundle.REQUEST, "is not the request that the plan names")
    place = bundle.TRUSTED_ROOT
    brought = {path.removeprefix(place): a.read(path) or b"" for path in sorted(a.names) if path.startswith(place)}
    own = sequel.get(plan.dialect)
    files = {digest: a.read(bundle.REQUEST + path_of(digest)) or b"" for digest in request.files()}
    trusted = of_plan(plan.trusted_root, brought, own.read_trusted)
    fleet = reading.read(request, files, trusted, own, at)
    found: Impact | None = None
    stolen = plan.change.compromised
    if stolen is not None:
        named = compromised(stolen.keys, plan.files, own)
        found = impact(fleet, named, last_good=stolen.last_good, elsewhere=entries.elsewhere(plan))
        if a.past.closed and a.read(IMPACT) != impact_json(found):
            a.failed(IMPACT, "is not whom the stolen keys touch in what was published")
    return entries.of_change(plan, frozenset(request.repositories), fleet, found)


def _certificates(
    a: Audited, plan: Plan, held: tuple[Held, ...], names: Mapping[str, Sequence[str]]
) -> Mapping[str, Mapping[str, str]]:
    found: dict[str, Mapping[str, str]] = {}
    for root in held:
        path = bundle.root_public(root.serial)
        if root.serial in names or root.token in plan.key_tokens:
            own = specs.read_certificates(a.read(path) or b"", root.public, names.get(root.serial, ()), path)
            check_certificates(a, plan, root.public, own, path)
            found[root.serial] = own
    return found


def _struck(a: Audited) -> Mapping[str, frozenset[str]]:
    path = str(a.past.ended.get("impact", {}).get("struck", ""))
    if not path:
        return {}
    listed = parse_object((a.read(path) or b"").removesuffix(b"\n"), path)
    try:
        return {
            name: frozenset(base64.b64decode(str(tag), validate=True).decode() for tag in tags)
            for name, tags in listed.items()
            if isinstance(tags, list)
        }
    except (ValueError, binascii.Error) as error:
        raise VerificationError(path, "is not a list of tags", hint="see what is said of the log") from error


def _check_left_out(a: Audited, filled: Filled) -> None:
    if not filled.left_out:
        return
    said = parse_object((a.read(LEFT_OUT) or b"").removesuffix(b"\n"), LEFT_OUT) if LEFT_OUT in a.names else {}
    if a.past.closed and said.keys() != filled.left_out.keys():
        a.failed(LEFT_OUT, "does not list the repositories that were left out")
    elif a.past.closed:
        a.ok(LEFT_OUT, f"{len(said)} repositories were left out, and are named with the reason")
