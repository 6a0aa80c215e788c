# SPDX-License-Identifier: Apache-2.0
"""A ceremony folder → its repositories: what was signed, and what the ceremony's request held of each.

The folder was audited; the request is the one that the ceremony was held with, and
each of its files is compared with its index again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ceremony.core.bundle import REQUEST
from ceremony.core.dialects.notary_standing import Case
from ceremony.core.plan_names import check_repository
from ceremony.core.request import INDEX, Request, check_file, parse_index
from ceremony.core.served import check_encoding
from ceremony.errors import CeremonyError, VerificationError

_TUF = "bundle/tuf/"
_METADATA = re.compile(r"bundle/tuf/(.+)/metadata/([^/]+)\.json")
_ROLES = frozenset({"root", "targets"})

Read = Callable[[str], bytes]
"""Gives the bytes of a file of the ceremony folder; called from several threads."""


def repositories(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return repository → role → path of all metadata in a bundle; raises VerificationError for other files in it, PlanRefused for an unsafe name."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted(names):
        if not path.startswith(_TUF):
            continue
        match = _METADATA.fullmatch(path)
        if match is None:
            raise VerificationError(path, "is not metadata of a repository", hint="use the folder as the ceremony left it")
        check_repository(match[1], path)
        found.setdefault(match[1], {})[match[2]] = path
    return found


@dataclass(frozen=True, slots=True)
class Cases:
    """The repositories of a ceremony folder; each is read when it is asked for."""

    paths: Mapping[str, Mapping[str, str]]
    """By repository and role."""
    request: Request | None
    read: Read

    def case(self, gun: str) -> Case:
        """Return one repository; raises CeremonyError for what cannot be published, StorageError for a file that cannot be read."""
        paths = self.paths[gun]
        if "root" not in paths or not set(paths) <= _ROLES:
            raise CeremonyError(
                f"{gun}: the bundle holds {', '.join(sorted(paths))}, and a root, alone or with targets, is what can be published",
                hint="use the program of the release that held the ceremony",
            )
        ours = {role: self.read(path) for role, path in paths.items()}
        for role, data in ours.items():
            check_encoding(data, gun, role)
        return Case(gun, ours, self._before(gun))

    def _before(self, gun: str) -> Mapping[str, bytes]:
        repository = self.request.repositories.get(gun) if self.request is not None else None
        if repository is None or not repository.known:
            return {}
        before = {}
        for role in sorted(_ROLES):
            if role not in repository.metadata:
                hint = "fetch it again, and hold a small ceremony"
                raise VerificationError("request", f"holds no {role} of {gun}, which the server knew", hint=hint)
            file = repository.metadata[role][-1]
            before[role] = self.read(REQUEST + file.path)
            check_file(file, before[role])
        return before


def cases(names: Iterable[str], read: Read) -> Cases:
    """Return the repositories of a ceremony folder that holds files called `names`.

    Raises CeremonyError for a bundle with nothing or something strange in it, and for a request that is damaged.
    """
    listed = list(names)
    paths = repositories(listed)
    if not paths:
        raise CeremonyError("the bundle holds no repository to publish", hint="give the folder of a ceremony that signed some")
    return Cases(paths, parse_index(read(REQUEST + INDEX)) if REQUEST + INDEX in listed else None, read)
