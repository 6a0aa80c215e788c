# SPDX-License-Identifier: Apache-2.0
"""A trust folder from disk: as the request of a ceremony, or turned into a request folder to carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ceremony.cli.folder import FolderReader, open_folder
from ceremony.core import trust_folder
from ceremony.core.published import reading
from ceremony.core.request import INDEX, MAX_METADATA, Repository, Request, parse_index
from ceremony.errors import CeremonyError, StorageError

if TYPE_CHECKING:  # the network library is loaded when a command needs it
    from ceremony.online.fetch import Fetched, Judge

_HINT = "name the folder that holds `tuf/`, such as ~/.docker/trust or ~/.notary"


def is_trust_folder(folder: FolderReader) -> bool:
    """Tell whether a folder is a client's trust folder, and no request."""
    return INDEX not in folder.sizes and bool(trust_folder.repositories_in(folder.sizes))


def as_request(folder: FolderReader) -> tuple[Request, dict[str, bytes]]:
    """Return the request that a whole trust folder is, and its files (path → bytes); raises CeremonyError for any that is broken."""
    places = trust_folder.repositories_in(folder.sizes)
    files = trust_folder.request_of({gun: _read(folder, gun, places) for gun in places})
    return parse_index(files[INDEX]), files


def bring(path: Path, names: Sequence[str], out: Path, judge: Judge | None) -> Fetched:
    """Turn the repositories `names` of a trust folder, or all, into the new request folder `out`.

    With a `judge` each is verified. Those that fail are left out, and told in the answer.
    Raises CeremonyError for a folder that is none, StorageError when `out` cannot be written.
    """
    from ceremony.online.fetch import Fetched  # noqa: PLC0415  see above
    from ceremony.online.pool import Failure  # noqa: PLC0415  see above
    from ceremony.online.request_folder import RequestFolder  # noqa: PLC0415  see above

    failed: dict[str, CeremonyError] = {}
    done: dict[str, Repository] = {}
    files: dict[str, bytes] = {}
    try:
        with open_folder(path) as folder:
            places = trust_folder.repositories_in(folder.sizes)
            wanted = tuple(names or places)
            if not wanted:
                raise CeremonyError(f"{path} holds no metadata of a repository", hint=_HINT)
            for gun in wanted:
                try:
                    done[gun], found = _read(folder, gun, places)
                    files |= found
                except StorageError:
                    raise
                except CeremonyError as error:
                    failed[gun] = error
    except StorageError as error:
        raise CeremonyError(error.message, hint=_HINT) from error
    fleet = judge.read(done, files) if judge else {}
    failed |= reading.broken(fleet)
    done = {gun: repository for gun, repository in done.items() if gun not in failed}
    with RequestFolder(out) as request:
        for repository in done.values():
            request.keep(repository, files)
        digest = request.finish(trust_folder.SERVER, done) if done else ""
    notes = {gun: found.notes for gun, found in reading.usable(fleet).items() if found.notes}
    failures = tuple(Failure(gun, failed[gun]) for gun in wanted if gun in failed)
    return Fetched(digest, 0, len(done), failures, {}, notes)


def _read(folder: FolderReader, gun: str, places: Mapping[str, Mapping[str, str]]) -> tuple[Repository, dict[str, bytes]]:
    paths = places.get(gun)
    if paths is None:
        raise CeremonyError(
            f"{gun}: {folder.name} holds no root of it", hint="let the stock client fetch it there, or leave it out"
        )
    for path in paths.values():
        if folder.sizes[path] > MAX_METADATA:
            raise CeremonyError(
                f"{gun}: {path} is longer than the {MAX_METADATA} bytes that are read", hint="leave this repository out"
            )
    return trust_folder.repository(gun, {role: folder.read(path) for role, path in paths.items()})
