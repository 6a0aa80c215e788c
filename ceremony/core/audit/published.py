# SPDX-License-Identifier: Apache-2.0
"""What is published, read again from a folder's request and trusted root, and compared with what the log tells of it.

What was published is verified here once more, so neither the machine that fetched it nor
the one that the ceremony was held on can choose what follows.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ceremony.core import bundle
from ceremony.core.agenda import entries
from ceremony.core.agenda.entries import Agenda
from ceremony.core.agenda.roots import Held
from ceremony.core.agenda.suspects import suspects
from ceremony.core.audit.verdict import Audited
from ceremony.core.canonical import Json, JsonObject, parse_object
from ceremony.core.dialects import sequel
from ceremony.core.plan import Mode, Plan
from ceremony.core.published import reading
from ceremony.core.published.reading import Fleet, broken, usable
from ceremony.core.published.trusted import of_plan
from ceremony.core.request import INDEX, Request, check_names, parse_index, path_of
from ceremony.core.rotation.impact import Impact, compromised, impact
from ceremony.core.rotation.told import facts, impact_json
from ceremony.errors import VerificationError

IMPACT = "evidence/impact.json"


@dataclass(frozen=True, slots=True)
class Found:
    """What is signed for, and which tags go."""

    agenda: Agenda
    struck: Mapping[str, frozenset[str]]


def read_agenda(a: Audited, plan: Plan, held: tuple[Held, ...], at: datetime) -> Found:
    """Return the agenda of a folder at `at` (aware UTC); adds a finding for each thing that the log tells otherwise.

    Raises CeremonyError for a request, a trusted root or a list of tags that cannot be read.
    """
    if plan.change is None:
        if "load-request" in a.past.ended:
            check_record(a, "request", {"digest": _request(a, plan).digest})
        return Found(entries.of_genesis(plan), {})
    request = _request(a, plan)
    fleet = _fleet(a, plan, request, at)
    _check_request(a, request, fleet)
    _check_signing(a, plan, held, fleet)
    found = _impact(a, plan, fleet)
    agenda = entries.of_change(plan, frozenset(request.repositories), fleet, found)
    struck = _struck(a)
    if found is not None:
        _check_impact(a, agenda, found, struck)
    return Found(agenda, struck)


def _request(a: Audited, plan: Plan) -> Request:
    request = parse_index(a.read(bundle.REQUEST + INDEX) or b"")
    stands_in = a.mode == Mode.PRACTICE and a.past.opened.get("substituted-request")
    if plan.request and plan.request != request.digest and not stands_in:
        a.failed(bundle.REQUEST, "is not the request that the plan names")
    check_names(request, [path.removeprefix(bundle.REQUEST) for path in a.names if path.startswith(bundle.REQUEST)])
    return request


def _fleet(a: Audited, plan: Plan, request: Request, at: datetime) -> Fleet:
    place = bundle.TRUSTED_ROOT
    brought = {path.removeprefix(place): a.read(path) or b"" for path in sorted(a.names) if path.startswith(place)}
    own = sequel.get(plan.dialect)
    files = {digest: a.read(bundle.REQUEST + path_of(digest)) or b"" for digest in request.files()}
    return reading.read(request, files, of_plan(plan.trusted_root, brought, own.read_trusted), own, at)


def _impact(a: Audited, plan: Plan, fleet: Fleet) -> Impact | None:
    stolen = plan.change.compromised if plan.change else None
    if stolen is None:
        return None
    named = compromised(stolen.keys, plan.files, sequel.get(plan.dialect))
    found = impact(fleet, named, last_good=stolen.last_good, elsewhere=entries.elsewhere(plan))
    kept = a.read(IMPACT) if a.past.closed or IMPACT in a.past.files else impact_json(found)
    # What is so is judged, not how a release says it: a folder is audited for decades.
    if kept is None or facts(kept, IMPACT) != facts(impact_json(found), IMPACT):
        a.failed(IMPACT, "is not whom the stolen keys touch in what was published")
    return found


def _check_request(a: Audited, request: Request, fleet: Fleet) -> None:
    bad = broken(fleet)
    new = len(request.repositories) - len(fleet)
    wanted: JsonObject = {"digest": request.digest, "repositories": len(usable(fleet)), "new": new, "broken": len(bad)}
    check_record(a, "request", wanted)
    named = next((record.body.get("named", []) for record in reversed(a.found.records) if record.kind == "request"), [])
    rows = named if isinstance(named, list) else []
    names = {row.get("repository") if isinstance(row, dict) else None for row in rows}
    if not names <= bad.keys() or bool(names) != bool(bad):
        a.failed("request", "does not name the repositories that are broken")


def _check_signing(a: Audited, plan: Plan, held: tuple[Held, ...], fleet: Fleet) -> None:
    """Check the root keys that were found on tokens: those of the plan, each a published one, as each was told when it was found."""
    if a.past.closed and [one.token for one in held] != [*plan.signing_tokens, *plan.key_tokens]:
        a.failed(bundle.LOG, "the root keys that signed are not on the tokens of the plan, one each")
    known = {f for published in usable(fleet).values() for f in published.root.roles["root"].fingerprints()}
    bodies = [record.body for record in a.found.records if record.kind == "root-found"]
    told = [(body.get("token"), body.get("serial"), body.get("sha256")) for body in bodies]
    for one in (one for one in held if one.token in plan.signing_tokens):
        if one.public.sha256 not in known:
            a.failed(f"token {one.serial}", "its root key is none that is published")
        if (one.token, one.serial, one.public.sha256) not in told:
            a.failed(f"token {one.serial}", "no record tells that its root key was found on it")
    if len({one.public.sha256 for one in held}) < len(held):
        a.failed(bundle.LOG, "names one root key on two tokens")


def _check_impact(a: Audited, agenda: Agenda, found: Impact, struck: Mapping[str, frozenset[str]]) -> None:
    wanted: JsonObject = {
        "keys": len(found.keys),
        "unknown": sum(not key.places for key in found.keys),
        "repositories": len(found.repositories),
        "roles": sum(len(one.places) for one in found.repositories),
        "struck": sum(len(tags) for tags in struck.values()),
    }
    check_record(a, "impact", wanted)
    suspect = {(one.repository, one.tag) for one in suspects(agenda, found)}
    for name, tag in sorted({(name, tag) for name, tags in struck.items() for tag in tags} - suspect):
        a.failed("impact", f"tells that the tag {tag[:60]!r} of {name} was struck out, which no stolen key set")


def _struck(a: Audited) -> Mapping[str, frozenset[str]]:
    path = str(a.past.ended.get("impact", {}).get("struck", ""))
    if not path:
        return {}
    listed = parse_object((a.read(path) or b"").removesuffix(b"\n"), path)
    try:
        return {name: _tags(tags) for name, tags in listed.items()}
    except (ValueError, TypeError, binascii.Error) as error:
        raise VerificationError(path, "is not a list of tags", hint="see what is said of the log") from error


def _tags(tags: Json) -> frozenset[str]:
    if not isinstance(tags, list):
        raise TypeError
    return frozenset(base64.b64decode(str(tag), validate=True).decode() for tag in tags)


def check_record(a: Audited, kind: str, wanted: JsonObject) -> None:
    """Check that the last record of a kind says what is so; adds a finding for each member that does not, and for none when the log is closed."""
    bodies = [record.body for record in a.found.records if record.kind == kind]
    if not bodies and a.past.closed:
        a.failed(kind, "no record tells it")
    for name, value in wanted.items() if bodies else ():
        # In Python true is 1.
        if bodies[-1].get(name, 0) != value or isinstance(bodies[-1].get(name), bool):
            a.failed(kind, f"its {name.replace('_', ' ')} is not what plan, request and keys make")
