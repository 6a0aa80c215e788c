# SPDX-License-Identifier: Apache-2.0
"""Origin: plan, site, approvals and authorities are those that the first record binds, and say what it says."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from ceremony.core import approval, bundle
from ceremony.core.audit.heads import opened_plan
from ceremony.core.audit.verdict import Audited
from ceremony.core.canonical import Json
from ceremony.core.plan import Mode, Plan
from ceremony.core.trusted_keys import names_keys
from ceremony.errors import VerificationError


def check_origin(a: Audited, plan: Plan | None) -> None:
    """Check the inputs against the first record."""
    opened = a.past.opened
    _same(a, bundle.PLAN, opened_plan(a).get("sha256"))
    _same(a, bundle.SITE, opened.get("site_sha256"))
    for member, place in (("approvals", bundle.APPROVALS), ("authorities", bundle.YUBICO_ROOTS)):
        listed = opened.get(member)
        bound = listed if isinstance(listed, dict) else {}
        for name, digest in bound.items():
            _same(a, place + name, digest)
        for path in sorted(a.names):
            if path.startswith(place) and path.removeprefix(place) not in bound:
                a.failed(path, "is not among those that the first record binds")
    trusted = _check_trusted(a, plan)
    if plan is not None:
        _check_plan(a, plan, trusted)
        if a.mode == Mode.PRODUCTION:
            _check_approved(a, plan, trusted)
    if a.mode == Mode.PRODUCTION:
        _check_nothing_stood_in(a)


def _check_trusted(a: Audited, plan: Plan | None) -> Mapping[str, bytes]:
    """Check what was brought as the trusted root, and return it (path → bytes)."""
    place = bundle.TRUSTED_ROOT
    brought = {path.removeprefix(place): a.read(path) or b"" for path in sorted(a.names) if path.startswith(place)}
    digest = bundle.digest_of(brought) if brought else ""
    if a.past.opened.get("trusted_root_sha256", "") != digest:
        a.failed(bundle.TRUSTED_ROOT, "is not what the first record binds")
    elif brought and plan is not None and a.mode == Mode.PRODUCTION and names_keys(plan.trusted_root):
        a.failed(bundle.TRUSTED_ROOT, "stands in for the key ids that the plan trusts, in a production")
    return brought


def _check_approved(a: Audited, plan: Plan, trusted: Mapping[str, bytes]) -> None:
    """Check that everybody whose role is in the quorum approved the plan, its files and its trusted root: by their own signatures."""
    place = bundle.APPROVALS
    approvals = {path.removeprefix(place): a.read(path) or b"" for path in sorted(a.names) if path.startswith(place)}
    try:
        missing = approval.missing_approvals(plan, approvals, trusted)
    except VerificationError as error:
        a.failed(place, error.message)
        return
    if missing:
        a.failed(place, f"does not hold the approval of {', '.join(person.name for person in missing)}")
    else:
        a.ok(place, f"{len(approvals)} people approved the plan as it is")


def _same(a: Audited, path: str, digest: object) -> None:
    data = a.read(path)  # says so when it is not there: all of it was written before the first record
    if data is not None and hashlib.sha256(data).hexdigest() != digest:
        a.failed(path, "is not the one that the first record binds")


def _check_plan(a: Audited, plan: Plan, trusted: Mapping[str, bytes]) -> None:
    said = opened_plan(a)
    statement = hashlib.sha256(approval.statement(plan, trusted)).hexdigest()
    own = {
        "name": plan.name,
        "kind": plan.kind,
        "dialect": plan.dialect,
        "facility": plan.facility,
        "statement_sha256": statement,
    }
    opened = {"request": plan.request, "previous": plan.previous, "quorum": {str(r): n for r, n in plan.quorum.items()}}
    for member in (
        *(f"plan.{name}" for name, value in own.items() if said.get(name) != value),
        *(name for name, value in opened.items() if a.past.opened.get(name) != value),
    ):
        a.failed("record 0", f"{member} is not what the plan says")
    named: list[Json] = [
        {"name": p.name, "role": str(p.role), "organisation": p.organisation, "key": p.key, "independent": p.independent}
        for p in plan.people
    ]
    if _seats(a, a.past.opened.get("people")) != _seats(a, named):
        a.failed("record 0", "its people are not those of the plan")


def _seats(a: Audited, listed: Json) -> list[Json]:
    """Return people as they are compared: in practice without their keys, for which throw-away ones stand in."""
    seats = listed if isinstance(listed, list) else []
    return [{**seat, "key": ""} if isinstance(seat, dict) and a.mode == Mode.PRACTICE else seat for seat in seats]


def _check_nothing_stood_in(a: Audited) -> None:
    for record in a.found.records:
        if record.kind == "substitution":
            a.failed(f"record {record.seq}", "says that something stands in for the real thing, in a production")
        if record.kind == "token" and record.body.get("software") is not False:
            a.failed(f"record {record.seq}", "names a software token, in a production")
