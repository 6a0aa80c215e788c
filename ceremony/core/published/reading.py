# SPDX-License-Identifier: Apache-2.0
"""A whole request → what is published of each repository, or what is wrong with it.

One broken repository of a thousand is named, and the others are read: the caller goes
on with those. Bytes are compared with the index again here. Two repositories with the
very same root are both refused, unless the trusted root says whose it is: certificates
for a prefix do not, and a server that exchanges two repositories must not get away with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from ceremony.core.dialects.sequel import Sequel
from ceremony.core.published.trusted import TrustedRoot
from ceremony.core.published.values import Published, Served
from ceremony.core.request import AGAIN, KEY_ROLES, Repository, Request, StoredFile, check_file
from ceremony.core.served import ServerKeys, server_key
from ceremony.errors import VerificationError

Fleet = Mapping[str, Published | VerificationError]
"""Repository → what is published of it, or why that cannot be told; in the request's order."""

Progress = Callable[[int, int], None]
"""Told how many repositories were read, of how many."""

_Known = tuple[str, Repository]
_Brought = Served | VerificationError
Each = Callable[[Callable[[_Known], _Brought], Iterable[_Known]], Iterable[_Brought]]
"""`map`, or something like it that gets the files of several repositories at a time: the results are in order."""


def read(
    request: Request,
    files: Mapping[str, bytes],
    trusted: TrustedRoot,
    sequel: Sequel,
    now: datetime,
    progress: Progress = lambda _done, _total: None,
    each: Each = map,
) -> Fleet:
    """Return what is published of every repository that the server knows; others are left out.

    `files` gives the bytes of a file by its digest, hex; it is asked for each once. `now`
    is aware UTC, for the notes about what expired. Raises nothing for a broken
    repository: its VerificationError is the value.
    """

    def brought(known: _Known) -> _Brought:
        try:
            return _served(*known, files)
        except VerificationError as error:
            return error

    found: dict[str, Published | VerificationError] = {}
    known = [(name, repository) for name, repository in request.repositories.items() if repository.known]
    for (name, _), served in zip(known, each(brought, known), strict=True):
        try:
            found[name] = served if isinstance(served, VerificationError) else sequel.read(served, trusted, now)
        except VerificationError as error:
            found[name] = error
        progress(len(found), len(known))
    found.update(_twins(found, trusted))
    return found


def usable(fleet: Fleet) -> dict[str, Published]:
    """Return the repositories that were read."""
    return {name: found for name, found in fleet.items() if isinstance(found, Published)}


def broken(fleet: Fleet) -> dict[str, VerificationError]:
    """Return the repositories that were not, and why."""
    return {name: found for name, found in fleet.items() if isinstance(found, VerificationError)}


def _served(name: str, repository: Repository, files: Mapping[str, bytes]) -> Served:
    metadata = {
        role: [(file.version, _bytes(files, file)) for file in versions] for role, versions in repository.metadata.items()
    }
    keys = {role: server_key(_bytes(files, file), name, role) for role, file in repository.keys.items()}
    return Served(name, metadata, ServerKeys(**keys) if len(keys) == len(KEY_ROLES) else None)


def _bytes(files: Mapping[str, bytes], file: StoredFile) -> bytes:
    data = files.get(file.sha256)
    if data is None:
        raise VerificationError(file.subject, "is missing", hint=AGAIN)
    check_file(file, data)
    return data


def _twins(found: Fleet, trusted: TrustedRoot) -> Iterator[tuple[str, VerificationError]]:
    first: dict[str, str] = {}
    for name, published in usable(found).items():
        digest = hashlib.sha256(published.files["root"]).hexdigest()
        other = first.setdefault(digest, name)
        if other != name:
            for one, another in ((name, other), (other, name)):
                if one not in trusted.exact:
                    what = f"is the root of {another} too, and whose it is cannot be told"
                    subject = f"{one} root version {published.root.version}"
                    yield one, VerificationError(subject, what, hint="do not sign over it; bring a trusted root that names both")
