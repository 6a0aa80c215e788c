# SPDX-License-Identifier: Apache-2.0
"""A trust folder of Notary or docker (`~/.notary`, `~/.docker/trust`) as a request.

What a client cached of a repository stands under `tuf/<GUN>/metadata/`: root, targets,
snapshot, timestamp, and delegations below `targets/`. The same folder always makes the
same request, so its digest is the folder's too. It has no server keys, and of each role
the newest version alone: what follows from that is for the ceremony. Its private keys
are never read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ceremony.core.plan_names import check_repository
from ceremony.core.request import INDEX, Repository, StoredFile, build_index, store
from ceremony.core.served_metadata import read_served
from ceremony.errors import PlanRefused, VerificationError

SERVER = "https://trust-folder.invalid"
"""What the index names in place of a server's address."""

_FILE = re.compile(r"tuf/(?P<gun>.+)/metadata/(?P<role>root|snapshot|timestamp|targets(?:/[-a-z0-9_]+)*)\.json")
_LEAVE_OUT = "name the repositories that you want beside --trust-folder, or let the stock client fetch this one again"


def repositories_in(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return GUN → role → path of what clients cached; `names` are paths relative to the trust folder.

    A repository without a root was never published, and is none.
    """
    found: dict[str, dict[str, str]] = {}
    for path in sorted(names):
        match = _FILE.fullmatch(path)
        if match:
            found.setdefault(match["gun"], {})[match["role"]] = path
    return {gun: paths for gun, paths in found.items() if "root" in paths}


def repository(gun: str, cached: Mapping[str, bytes]) -> tuple[Repository, dict[str, bytes]]:
    """Return a repository, given its metadata by role, and its files by digest.

    Raises VerificationError, naming repository and role, for what is no metadata, or a GUN that is not safe.
    """
    metadata: dict[str, tuple[StoredFile, ...]] = {}
    files: dict[str, bytes] = {}
    try:
        check_repository(gun, "GUN")
    except PlanRefused as error:
        raise VerificationError("trust folder", error.message, hint=_LEAVE_OUT) from error
    for role, data in cached.items():
        try:
            version = read_served(data, gun, role).version
        except VerificationError as error:
            what = error.message.removeprefix(f"{gun}, {role} of the server: ")
            raise VerificationError(f"trust folder, {gun}, {role}", what, hint=_LEAVE_OUT) from error
        file = store(gun, role, version, data)
        metadata[role] = (file,)
        files[file.sha256] = data
    return Repository({}, metadata), files


def request_of(repositories: Mapping[str, tuple[Repository, Mapping[str, bytes]]]) -> dict[str, bytes]:
    """Return the files of the request (path → bytes) that repositories of a trust folder make."""
    index = build_index(SERVER, {gun: found for gun, (found, _) in repositories.items()})
    files = {file.path: data[file.sha256] for found, data in repositories.values() for file in found.files()}
    return {INDEX: index, **files}
