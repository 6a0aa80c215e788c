# SPDX-License-Identifier: Apache-2.0
"""What should have been signed, worked out again from a folder's agenda, keys and certificates, and what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from ceremony.core import bundle, specs
from ceremony.core.agenda import filling
from ceremony.core.agenda.filling import Filled, Made
from ceremony.core.agenda.roots import Held, wanted
from ceremony.core.audit.made import check_certificates, read_keys
from ceremony.core.audit.published import read_agenda
from ceremony.core.audit.verdict import Audited
from ceremony.core.canonical import parse_object
from ceremony.core.dialects import Dialect
from ceremony.core.plan import Plan

LEFT_OUT = "evidence/left-out.json"


def read_filled(a: Audited, dialect: Dialect, plan: Plan, held: tuple[Held, ...], at: datetime) -> Filled:
    """Return what should have been signed at `at` (aware UTC), and what was left out.

    Adds a finding for certificates, keys and lists that are not what the plan makes. Raises CeremonyError, KeyError,
    ValueError and TypeError for what cannot be read.
    """
    found = read_agenda(a, plan, held, at)
    keys = read_keys(a, plan, found.agenda)
    sets, _ = filling.root_sets(dialect, plan, found.agenda, held)
    certificates = _certificates(a, plan, held, wanted(sets.values())) if dialect.needs_certificate else {}
    made = Made(keys, held, certificates, found.struck)
    filled = filling.fill(dialect, plan, found.agenda, made, datetime.fromisoformat(str(a.past.opened.get("utc"))))
    _check_left_out(a, filled)
    return filled


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


def _check_left_out(a: Audited, filled: Filled) -> None:
    if not a.past.closed:
        return
    said = parse_object((a.read(LEFT_OUT) or b"").removesuffix(b"\n"), LEFT_OUT) if LEFT_OUT in a.names else {}
    if said.keys() != filled.left_out.keys():
        a.failed(LEFT_OUT, "does not list the repositories that were left out")
    elif said:
        a.ok(LEFT_OUT, f"{len(said)} repositories were left out, and are named with the reason")
