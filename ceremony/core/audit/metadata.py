# SPDX-License-Identifier: Apache-2.0
"""The bundle: every signature in it verifies, by the root keys that the log names, over the keys that it lists."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime

from ceremony.core.audit.heads import plan, root_keys
from ceremony.core.audit.verdict import Audited
from ceremony.core.canonical import Json, parse_object
from ceremony.core.dialects import Dialect, get
from ceremony.core.keys import from_spki
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


def check_metadata(a: Audited) -> None:
    """Check each repository of the bundle as a client would have on the day it was signed."""
    try:
        dialect = get(str(plan(a).get("dialect")))
        signed_at = _signed_at(a)
    except (CeremonyError, ValueError) as error:
        a.failed("record 0", f"does not say how to check the bundle: {error}")
        return
    roots = {public.sha256 for public in root_keys(a).values()}
    listed = _listed(a)
    found = repositories(a)
    good = sum(_check(a, dialect, name, paths, roots, listed, signed_at) for name, paths in found.items())
    for name in sorted(listed.keys() - found.keys()) if a.past.closed else ():
        a.failed(name, "was part of this ceremony, and has no metadata in the bundle")
    if good:
        a.ok("bundle", f"the metadata of {good} repositories verifies")


def _check(
    a: Audited, dialect: Dialect, name: str, paths: Mapping[str, str], roots: set[str], listed: Mapping[str, Json], at: datetime
) -> bool:
    files = {role: a.read(path) or b"" for role, path in paths.items()}
    if "root" not in files:
        a.failed(name, "has targets without a root")
        return False
    try:
        counted = dialect.check(name, files, at)
        own = _targets(listed.get(name))
    except (CeremonyError, KeyError, TypeError, ValueError) as error:
        a.failed(name, str(error))
        return False
    signers = {signature.public.sha256 for signature in counted}
    if not roots <= signers:
        a.failed(name, "is not signed by every root key that the log names")
        return False
    if not signers <= roots | {own}:
        a.failed(name, "is signed by a key that the log does not name")
        return False
    return True


def _targets(entry: Json) -> str:
    if not isinstance(entry, dict) or not isinstance(entry["targets"], dict):
        raise TypeError("is not among the repositories that the log lists")
    targets = entry["targets"]
    return from_spki(base64.b64decode(str(targets["spki"]))).sha256


def _listed(a: Audited) -> Mapping[str, Json]:
    path = str(a.past.ended.get("repository-keys", {}).get("file", ""))
    if path not in a.names:
        return {}
    try:
        return parse_object((a.read(path) or b"").removesuffix(b"\n"), path)
    except CeremonyError as error:
        a.failed(path, error.message)
        return {}


def _signed_at(a: Audited) -> datetime:
    """Return when the ceremony verified its own output; expiry is judged at that time, not at the audit's."""
    times = [record.utc for record in a.found.records if record.kind == "verified"] or [record.utc for record in a.found.records]
    return datetime.strptime(times[-1], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
