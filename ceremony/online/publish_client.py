# SPDX-License-Identifier: Apache-2.0
"""What a server has of a repository, asked for as its clients ask.

They read the timestamp, and go from there by digests: so what is read belongs together,
even while others publish. A server that encoded anew what it was sent names, and serves,
other bytes than were signed; that shows here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ceremony.core.dialects.notary_standing import Case
from ceremony.core.dialects.notary_visit import cached
from ceremony.core.published.values import Served
from ceremony.core.request import MAX_METADATA
from ceremony.core.served import metadata_version, named
from ceremony.errors import VerificationError
from ceremony.online.session import Remote

_MAX_VERSIONS = 4096
"""Of roots or targets between two that are looked at; a server that states more is not believed."""
_DELEGATION = re.compile(r"targets(?:/[-a-z0-9_]+)+")
_ADMINISTRATOR = "run the command again; if it stays so, tell the server's administrator, and do not sign with this repository until it is settled"


def look(remote: Remote, case: Case) -> dict[str, bytes]:
    """Return the server's newest root and targets, and as `ours` its root of our version where its newest is a later one."""
    served: dict[str, bytes] = {}
    root = remote.get("root.json", MAX_METADATA)
    if root is None:
        return served
    served["root"] = root
    targets = remote.get("targets.json", MAX_METADATA)
    if targets is not None:
        served["targets"] = targets
    version = metadata_version(case.ours["root"], remote.gun, "root")
    if metadata_version(root, remote.gun, "root") > version:
        ours = remote.get(f"{version}.root.json", MAX_METADATA)
        if ours is not None:
            served["ours"] = ours
    return served


def newer_targets(remote: Remote, case: Case, newest: bytes) -> list[bytes]:
    """Return the server's targets since those of the request, ascending, up to `newest`; those that it has no more are left out."""
    gun = remote.gun
    first, last = (metadata_version(data, gun, "targets") for data in (case.before["targets"], newest))
    between = (remote.get(f"{version}.targets.json", MAX_METADATA) for version in _between(gun, "targets", first, last))
    return [*(data for data in between if data is not None), newest]


def served_to_clients(remote: Remote, case: Case) -> Served:
    """Return what a client that cached the request's root is served; raises VerificationError where the server's files do not hang together."""
    gun = remote.gun
    timestamp = remote.get("timestamp.json", MAX_METADATA)
    if timestamp is None:
        raise VerificationError(f"{gun}, timestamp", "the server made none", hint=_ADMINISTRATOR)
    snapshot = _by_digest(remote, "snapshot", named(timestamp, gun, "timestamp"))
    digests = named(snapshot, gun, "snapshot")
    found = {"timestamp": timestamp, "snapshot": snapshot}
    for role in ("root", "targets", *filter(_DELEGATION.fullmatch, digests)):
        found[role] = _by_digest(remote, role, digests)
    versions = {role: [(metadata_version(data, gun, role), data)] for role, data in found.items()}
    versions["root"] = [*_older_roots(remote, case, *versions["root"][0]), *versions["root"]]
    return Served(gun, versions, None)


def _older_roots(remote: Remote, case: Case, version: int, data: bytes) -> list[tuple[int, bytes]]:
    """Return the cached root, and those between it and the newest."""
    first, root = cached(case)
    found = [] if (first, root) == (version, data) else [(first, root)]
    for between in _between(remote.gun, "root", first, version):
        older = remote.get(f"{between}.root.json", MAX_METADATA)
        if older is None:
            raise VerificationError(f"{remote.gun}, root version {between}", "the server does not have it", hint=_ADMINISTRATOR)
        found.append((between, older))
    return found


def _between(gun: str, role: str, first: int, last: int) -> range:
    if last - first > _MAX_VERSIONS:
        raise VerificationError(f"{gun}, {role}", f"states version {last}, and {first} was known", hint=_ADMINISTRATOR)
    return range(first + 1, last)


def _by_digest(remote: Remote, role: str, digests: Mapping[str, str]) -> bytes:
    data = remote.get(f"{role}.{digests[role]}.json", MAX_METADATA) if role in digests else None
    if data is None:
        raise VerificationError(
            f"{remote.gun}, {role}",
            "the server's own metadata names other bytes than those that it serves, so every client will refuse them",
            hint=_ADMINISTRATOR,
        )
    return data
