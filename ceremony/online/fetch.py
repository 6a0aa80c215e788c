# SPDX-License-Identifier: Apache-2.0
"""Fetch: a server's public keys and current metadata, into a request folder.

For each repository: `root.json`, and if the server has one, `targets.json`,
`snapshot.json` and `timestamp.json`; then `snapshot.key` and `timestamp.key`,
which the server makes for a repository that it does not know, new ones at each
asking (it keeps them all, so any of them will do). Everything is checked for form
before it is kept. The folder appears under its name when it is whole, and not
before: until then it is `<name>.part`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from ceremony.core.plan_names import check_repository
from ceremony.core.request import (
    INDEX,
    KEY_ROLES,
    MAX_KEY,
    MAX_METADATA,
    Repository,
    StoredFile,
    build_index,
    parse_index,
    store,
)
from ceremony.core.served import metadata_version, server_key
from ceremony.errors import CeremonyError, StorageError
from ceremony.online.pool import WORKERS, Failure, Progress, for_each
from ceremony.online.session import Remote, Session

_AFTER_ROOT = ("targets", "snapshot", "timestamp")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of fetching."""

    digest: str
    """Of the request; empty when every repository failed and there is no folder."""
    new: int
    """Repositories that the server does not know yet."""
    known: int
    failures: tuple[Failure, ...]


def fetch(guns: Sequence[str], session: Session, out: Path, *, progress: Progress, workers: int = WORKERS) -> Fetched:
    """Fetch each of `guns` into the new folder `out`.

    Repositories that fail are left out of the request and told in the answer. Raises
    PlanRefused for an unsafe name, StorageError when `out` exists or cannot be
    written, CeremonyError when the server cannot be reached; then there is no folder.
    """
    for gun in guns:
        check_repository(gun, "GUN")
    names = tuple(dict.fromkeys(guns))
    part = _begin(out)
    try:
        (part / "files").mkdir()
        session.check_reachable()
        # notary-server's own key service, which only a server for trials has, crashes when two keys are made at once.
        turn: AbstractContextManager[object] = Lock() if session.server.loopback else nullcontext()
        outcome = for_each(names, lambda gun: _fetch_one(session.repository(gun), part, turn), progress, workers)
        if not outcome.done:
            return Fetched("", 0, 0, outcome.failures)
        index = build_index(session.server.url, outcome.done)
        _write(part / INDEX, index)
        _finish(part, out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    known = sum(repository.known for repository in outcome.done.values())
    return Fetched(parse_index(index).digest, len(outcome.done) - known, known, outcome.failures)


def _fetch_one(remote: Remote, part: Path, turn: AbstractContextManager[object]) -> Repository:
    gun = remote.gun
    metadata: dict[str, tuple[StoredFile, ...]] = {}
    root = remote.get("root.json", MAX_METADATA)
    if root is not None:
        metadata["root"] = (_keep(part, gun, "root", metadata_version(root, gun, "root"), root),)
        for role in _AFTER_ROOT:
            data = remote.get(f"{role}.json", MAX_METADATA)
            if data is not None:
                metadata[role] = (_keep(part, gun, role, metadata_version(data, gun, role), data),)
    keys: dict[str, StoredFile] = {}
    for role in KEY_ROLES:
        with turn:
            data = remote.get(f"{role}.key", MAX_KEY)
        if data is None:
            raise CeremonyError(
                f"{gun}: the server has no {role} key (404)", hint="check that --server is the address of a Notary server"
            )
        server_key(data, gun, role)
        keys[role] = _keep(part, gun, role, 0, data)
    return Repository(keys, metadata)


def _keep(part: Path, gun: str, role: str, version: int, data: bytes) -> StoredFile:
    file = store(gun, role, version, data)
    _write(part / file.path, data)
    return file


def _begin(out: Path) -> Path:
    if os.path.lexists(out):
        raise StorageError(str(out), "exists already", hint="name a folder that does not exist; nothing is ever overwritten")
    part = out.with_name(out.name + ".part")
    try:
        part.mkdir()
    except FileExistsError as error:
        raise StorageError(
            str(part), "exists already", hint="another fetch is under way, or one was killed; if so, delete it and fetch again"
        ) from error
    except OSError as error:
        raise _unwritable(part, error) from error
    return part


def _write(path: Path, data: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        return  # named by its digest: the same bytes, of another repository
    except OSError as error:
        raise _unwritable(path, error) from error


def _finish(part: Path, out: Path) -> None:
    """Let the folder appear under its name, everything in it on the medium."""
    try:
        os.sync()  # once for all: a stick takes many small syncs badly
        part.rename(out)
        os.sync()
    except OSError as error:
        raise _unwritable(out, error) from error


def _unwritable(path: Path, error: OSError) -> StorageError:
    return StorageError(
        str(path), f"cannot be written ({error.strerror})", hint="look at the medium and its free space, and fetch again"
    )
