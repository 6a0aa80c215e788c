# SPDX-License-Identifier: Apache-2.0
"""The bundle: what plan, keys and certificates make, and nothing else, signed by the root keys that the log names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from ceremony.core import specs as core
from ceremony.core.audit.heads import opened_plan
from ceremony.core.audit.made import read_certificates, read_keys
from ceremony.core.audit.verdict import Audited
from ceremony.core.dialects import Dialect, RepositorySpec, get
from ceremony.core.keys import PublicKey
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


def check_metadata(a: Audited, plan: Plan | None, roots: Mapping[str, PublicKey]) -> None:
    """Check each repository of the bundle as a client would have on the day it was signed, and against the plan."""
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
    specs = _specs(a, dialect, plan, roots)
    by_name = {spec.name: spec for spec in specs}
    _check_agreed(a, dialect, plan, specs)
    _check_pinning(a, dialect, specs)
    good = sum(_check(a, dialect, plan, name, paths, by_name.get(name), signed_at) for name, paths in found.items())
    for name in sorted({repository.name for repository in plan.repositories} - found.keys()) if a.past.closed else ():
        a.failed(name, "was part of this ceremony, and has no metadata in the bundle")
    if good:
        a.ok("bundle", f"the metadata of {good} repositories verifies, and is what the plan and the keys make")


def _specs(a: Audited, dialect: Dialect, plan: Plan, roots: Mapping[str, PublicKey]) -> Sequence[RepositorySpec]:
    """Return what should have been signed; nothing, with a finding, when it cannot be told."""
    try:
        certificates = read_certificates(a, plan, roots) if dialect.needs_certificate else {}
        return core.repository_specs(plan, roots, certificates, read_keys(a, plan))
    except KeyError as error:
        a.failed("bundle", f"cannot be made again from the plan and the keys: there is nothing about {error}")
    except (CeremonyError, ValueError, TypeError, OverflowError) as error:
        a.failed("bundle", f"cannot be made again from the plan and the keys: {error}")
    return ()


def _check_agreed(a: Audited, dialect: Dialect, plan: Plan, specs: Sequence[RepositorySpec]) -> None:
    agreed = [record.body.get("digest") for record in a.found.records if record.kind == "agreed"]
    if not agreed:
        a.failed("agreed", "nobody agreed to what is in the bundle")
    elif specs and agreed[-1] != core.digest(core.drafts(dialect, plan, specs)):
        a.failed("agreed", "people agreed to something else than the plan and the keys make")


def _check_pinning(a: Audited, dialect: Dialect, specs: Sequence[RepositorySpec]) -> None:
    expected = dialect.pinning(specs) if specs else {}
    for path, data in expected.items():
        if path in a.names and a.read(path) != data:
            a.failed(path, "does not pin the root keys of this ceremony, or not only them")
        elif path not in a.names and a.past.closed:
            a.failed(path, "is not in the bundle")


def _check(
    a: Audited,
    dialect: Dialect,
    plan: Plan,
    name: str,
    paths: Mapping[str, str],
    spec: RepositorySpec | None,
    at: datetime,
) -> bool:
    if spec is None:
        a.failed(name, "is not a repository of the plan, or its keys are not known")
        return False
    drafts = list(core.drafts(dialect, plan, [spec]))
    missing = {draft.role for draft in drafts} - paths.keys()
    extra = paths.keys() - {draft.role for draft in drafts}
    if extra or (missing and a.past.closed) or "root" in missing:
        a.failed(name, f"has metadata of {', '.join(sorted(paths))}; the plan makes {', '.join(d.role for d in drafts)}")
        return False
    try:
        counted = dialect.check(name, {role: a.read(path) or b"" for role, path in paths.items()}, at)
    except CeremonyError as error:
        a.failed(name, error.message)
        return False
    roots = {key.public.sha256 for key in spec.root_keys}
    fault = ""
    for draft in (draft for draft in drafts if draft.role in paths):
        signers = {signature.public.sha256 for signature in counted if signature.payload == draft.payload}
        if not signers:
            fault = f"{draft.role} metadata is not what the plan and the keys make"
        elif signers != (roots if draft.role == "root" else {spec.targets.sha256}):
            fault = f"{draft.role} metadata is not signed by every key that the log names"
        if fault:
            a.failed(name, fault)
            return False
    return True


def _signed_at(a: Audited) -> datetime:
    """Return when the ceremony verified its own output; expiry is judged at that time, not at the audit's."""
    times = [record.utc for record in a.found.records if record.kind == "verified"] or [record.utc for record in a.found.records]
    return datetime.strptime(times[-1], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
