# SPDX-License-Identifier: Apache-2.0
"""One repository, brought whole: what the server serves now, the histories behind it, and the server's keys.

The newest root, timestamp, snapshot and targets, and every delegation that the
snapshot lists, must belong together: after a push in the middle all are asked for
again. Then every older version of root, targets and delegations that the server still
has; it keeps them for good, but may have been moved or cleared. A stock client's first
targets are version 2, so a missing version 1 of those is nothing to tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from ceremony.core.request import KEY_ROLES, MAX_KEY, Repository, StoredFile, store
from ceremony.core.served import server_key
from ceremony.core.served_metadata import ServedFile, Torn, check_together, read_served, torn
from ceremony.errors import CeremonyError, VerificationError
from ceremony.online.session import Remote

_NOW = ("timestamp", "snapshot", "targets")
_WITHOUT_HISTORY = ("timestamp", "snapshot")
_GAP = 8
"""Versions in a row that the server lacks, before older ones are not asked for."""
_MOST_VERSIONS = 20_000
_MOST_ROLES = 1_000


@dataclass(frozen=True, slots=True)
class Short:
    """A history that is not whole."""

    role: str
    oldest: int
    """The oldest version that the server has."""
    holes: int
    """Versions missing after that."""

    def __str__(self) -> str:
        return f"{self.role} begins at version {self.oldest}" + (
            f", and {self.holes} later ones are missing" if self.holes else ""
        )


@dataclass(frozen=True, slots=True)
class Brought:
    """What was brought of a repository."""

    repository: Repository
    files: Mapping[str, bytes]
    """By digest."""
    short: tuple[Short, ...]


def bring(remote: Remote, new_keys: frozenset[str], turn: AbstractContextManager[object]) -> Brought:
    """Bring a repository; one that the server does not know has keys and nothing else.

    `new_keys` are the roles whose key the server is to make anew; `turn` is held while
    it is asked for one. Raises CeremonyError, naming the repository.
    """
    gun = remote.gun
    files: dict[str, bytes] = {}

    def kept(role: str, version: int, data: bytes) -> StoredFile:
        file = store(gun, role, version, data)
        files[file.sha256] = data
        return file

    metadata: dict[str, tuple[StoredFile, ...]] = {}
    short: list[Short] = []
    for role, newest in _current(remote).items():
        older = [] if role in _WITHOUT_HISTORY else _older(remote, newest)
        history = [*reversed(older), newest]
        metadata[role] = tuple([kept(role, file.version, file.data) for file in history])
        if role not in _WITHOUT_HISTORY:
            short += _short(role, history)
    keys: dict[str, StoredFile] = {}
    for role in KEY_ROLES:
        with turn:
            data = _key(remote, role, new=role in new_keys)
        keys[role] = kept(role, 0, data)
    return Brought(Repository(keys, metadata), files, tuple(short))


def _current(remote: Remote) -> dict[str, ServedFile]:
    for last in remote.tries():
        try:
            found = _look(remote)
            check_together(remote.gun, found)
        except Torn:
            if last:
                raise
        else:
            return found
    raise AssertionError("a last try returns or raises")


def _look(remote: Remote) -> dict[str, ServedFile]:
    root = _served(remote, "root")
    if root is None:
        return {}
    found = {"root": root}
    for role in _NOW:
        file = _served(remote, role)
        if file is not None:
            found[role] = file
    snapshot = found.get("snapshot")
    waiting = list(found["targets"].delegations()) if "targets" in found else []
    while waiting:
        role = waiting.pop(0)
        if role in found or (snapshot is not None and not snapshot.names(role)):
            continue  # a signer who never signed
        file = _served(remote, role)
        if file is None and snapshot is not None:
            raise torn(remote.gun, role)
        if file is not None:
            found[role] = file
            waiting += file.delegations()
        if len(found) > _MOST_ROLES:
            raise VerificationError(
                f"{remote.gun}, targets of the server",
                f"delegate to more than {_MOST_ROLES} roles",
                hint="ask whoever looks after the repository",
            )
    return found


def _served(remote: Remote, role: str) -> ServedFile | None:
    data = remote.get(f"{role}.json")
    return None if data is None else read_served(data, remote.gun, role)


def _older(remote: Remote, newest: ServedFile) -> list[ServedFile]:
    """Return the versions before the newest that the server has, the newest first."""
    found: list[ServedFile] = []
    gap = 0
    for version in range(newest.version - 1, 0, -1):
        data = remote.get(f"{version}.{newest.role}.json")
        gap = gap + 1 if data is None else 0
        if data is not None:
            found.append(read_served(data, remote.gun, newest.role, version))
        if gap == _GAP or len(found) == _MOST_VERSIONS:
            break
    return found


def _short(role: str, history: list[ServedFile]) -> list[Short]:
    oldest = history[0].version
    holes = history[-1].version - oldest + 1 - len(history)
    return [Short(role, oldest, holes)] if holes or oldest > (2 if role == "targets" else 1) else []


def _key(remote: Remote, role: str, *, new: bool) -> bytes:
    data = remote.new_key(role) if new else remote.get(f"{role}.key", MAX_KEY)
    if data is None:
        raise CeremonyError(
            f"{remote.gun}: the server has no {role} key (404)", hint="check that --server is the address of a Notary server"
        )
    server_key(data, remote.gun, role)
    return data
