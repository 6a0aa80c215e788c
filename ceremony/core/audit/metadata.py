# SPDX-License-Identifier: Apache-2.0
"""The bundle: what plan, keys and certificates make, and nothing else, signed by the root keys that the log names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from ceremony.core import specs as core
from ceremony.core.agenda.filling import Filled
from ceremony.core.agenda.items import Item
from ceremony.core.agenda.roots import Held
from ceremony.core.audit.agenda import read_filled
from ceremony.core.audit.heads import opened_plan
from ceremony.core.audit.published import check_record
from ceremony.core.audit.verdict import Audited
from ceremony.core.dialects import Dialect, get
from ceremony.core.plan import Kind, Plan
from ceremony.errors import CeremonyError

_PREFIX, _SUFFIX = "bundle/tuf/", "/metadata/"


def repositories(a: Audited) -> Mapping[str, Mapping[str, str]]:
    """Return repository → role → path of the metadata that the bundle holds."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(a.names):
        if path.startswith(_PREFIX) and _SUFFIX in path and path.endswith(".json"):
            name, role = path.removeprefix(_PREFIX).rsplit(_SUFFIX, 1)
            found.setdefault(name, {})[role.removesuffix(".json")] = path
    return found


def check_metadata(a: Audited, plan: Plan | None, held: tuple[Held, ...]) -> None:
    """Check each repository of the bundle as clients would have on the day it was signed, and against the plan; `held` are the root keys that were there."""
    try:
        dialect = get(str(opened_plan(a).get("dialect")))
        signed_at = _signed_at(a)
    except (CeremonyError, ValueError, IndexError) as error:
        a.failed("record 0", f"does not say how to check the bundle: {error}")
        return
    found = repositories(a)
    if plan is not None and plan.kind is Kind.RECOVERY:
        for name in found:
            a.failed(name, "has metadata in the bundle, and a recovery signs none")
        return
    if plan is None or not (found or a.past.closed or a.past.counts.get("agreed")):
        return
    filled = _filled(a, dialect, plan, held, signed_at)
    by_name = {item.name: item for item in filled.items}
    _check_agreed(a, filled)
    _check_pinning(a, dialect, filled.items)
    keys = frozenset(root.public.sha256 for root in held)
    counted = [_check(a, name, paths, by_name.get(name), keys, signed_at) for name, paths in found.items()]
    for name in sorted(by_name.keys() - found.keys()) if a.past.closed else ():
        a.failed(name, "was part of this ceremony, and has no metadata in the bundle")
    good = sum(count > 0 for count in counted)
    if good:
        a.ok("bundle", f"the metadata of {good} repositories verifies, and is what the plan and the keys make")
    if good and good == len(by_name) and "verify" in a.past.ended:
        check_record(a, "verified", {"repositories": good, "signatures": sum(counted)})


def _filled(a: Audited, dialect: Dialect, plan: Plan, held: tuple[Held, ...], at: datetime) -> Filled:
    """Return what should have been signed; nothing, with a finding, when it cannot be told."""
    try:
        return read_filled(a, dialect, plan, held, at)
    except KeyError as error:
        a.failed("bundle", f"cannot be made again from the plan and the keys: there is nothing about {error}")
    except (CeremonyError, ValueError, TypeError, OverflowError) as error:
        a.failed("bundle", f"cannot be made again from the plan and the keys: {error}")
    return Filled((), {})


def _check_agreed(a: Audited, filled: Filled) -> None:
    drafts = [draft for item in filled.items for draft in item.drafts()]
    agreed = [record.body.get("digest") for record in a.found.records if record.kind == "agreed"]
    if not agreed:
        a.failed("agreed", "nobody agreed to what is in the bundle")
    elif drafts and agreed[-1] != core.digest(drafts):
        a.failed("agreed", "people agreed to something else than the plan and the keys make")
    elif drafts:
        left_out = len(filled.left_out)
        check_record(a, "agreed", {"repositories": len(filled.items), "files": len(drafts), "left_out": left_out})
        if a.past.ended.get("review", {"left_out": left_out}).get("left_out", 0) != left_out:
            a.failed("review", "does not count the repositories that were left out")


def _check_pinning(a: Audited, dialect: Dialect, items: Sequence[Item]) -> None:
    expected = dialect.pinning({item.name: item.pins for item in items}) if items else {}
    for path, data in expected.items():
        if path in a.names and a.read(path) != data:
            a.failed(path, "does not pin the root keys of this ceremony, or not only them")
        elif path not in a.names and a.past.closed:
            a.failed(path, "is not in the bundle")


def _check(a: Audited, name: str, paths: Mapping[str, str], item: Item | None, held: frozenset[str], at: datetime) -> int:
    """Return how many signatures a repository's metadata has; 0, with a finding, when it does not hold."""
    if item is None:
        a.failed(name, "is not a repository that the plan signs for, or its keys are not known")
        return 0
    wanted = [draft.role for draft in item.drafts()]
    missing, extra = set(wanted) - paths.keys(), paths.keys() - set(wanted)
    if extra or (missing and a.past.closed):
        a.failed(name, f"has metadata of {', '.join(sorted(paths))}; the plan makes {', '.join(wanted)}")
        return 0
    if missing:
        a.incomplete(name, f"has no {', '.join(sorted(missing))} metadata yet")
        return 0
    try:
        return item.check({role: a.read(path) or b"" for role, path in paths.items()}, held, at)
    except CeremonyError as error:
        a.failed(name, error.message)
        return 0


def _signed_at(a: Audited) -> datetime:
    """Return when the ceremony verified its own output; expiry is judged at that time, not at the audit's."""
    times = [record.utc for record in a.found.records if record.kind == "verified"] or [record.utc for record in a.found.records]
    return datetime.strptime(times[-1], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
