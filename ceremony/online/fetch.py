# SPDX-License-Identifier: Apache-2.0
"""Fetch: a server's public keys and metadata, whole histories included, into a request folder.

For each repository what `repository.bring` brings. With a trusted root, each that the
server knows is verified right away, as the room will do again; one that fails is left
out and named, and so are two that serve the very same root. The server makes keys for a
repository that it does not know, new ones at each asking (it keeps them all, so any of
them will do).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock

from ceremony.core.dialects.sequel import Sequel
from ceremony.core.plan_names import check_repository
from ceremony.core.published import reading
from ceremony.core.published.trusted import TrustedRoot
from ceremony.core.published.values import Note
from ceremony.core.request import Repository, Request
from ceremony.errors import VerificationError
from ceremony.online.pool import NEARBY, WORKERS, Failure, Progress, for_each
from ceremony.online.repository import Brought, Short, bring
from ceremony.online.request_folder import RequestFolder
from ceremony.online.session import Session


@dataclass(frozen=True, slots=True)
class Judge:
    """What published repositories are verified with."""

    trusted: TrustedRoot
    sequel: Sequel
    now: datetime
    """Aware UTC, for what expired."""

    def notes(self, name: str, brought: Brought) -> tuple[Note, ...]:
        """Return what is to be noted of a repository that the server knows; raises VerificationError when it does not verify."""
        found = self.read({name: brought.repository}, brought.files).get(name)
        if isinstance(found, VerificationError):
            raise found
        return found.notes if found else ()

    def read(self, repositories: Mapping[str, Repository], files: Mapping[str, bytes]) -> reading.Fleet:
        """Return what is published of repositories; `files` are bytes by digest."""
        return reading.read(Request("", repositories, ""), files, self.trusted, self.sequel, self.now)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came of fetching."""

    digest: str
    """Of the request; empty when every repository failed and there is no folder."""
    new: int
    """Repositories that the server does not know yet."""
    known: int
    failures: tuple[Failure, ...]
    short: Mapping[str, tuple[Short, ...]]
    """By repository: the histories that the server does not have from their beginning."""
    notes: Mapping[str, tuple[Note, ...]]
    """By repository: what clients refuse or warn of, where they were verified."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is remembered of a repository whose files are written."""

    repository: Repository
    short: tuple[Short, ...]
    notes: tuple[Note, ...]


def fetch(
    guns: Sequence[str],
    session: Session,
    out: Path,
    *,
    progress: Progress,
    judge: Judge | None = None,
    new_keys: Collection[str] = (),
    workers: int | None = None,
) -> Fetched:
    """Fetch each of `guns` into the new folder `out`.

    With a `judge` every known repository is verified; `new_keys` are the roles, of
    snapshot and timestamp, whose key the server is to make anew; `workers` is how many
    repositories are under way, by default what suits the server. Repositories that fail
    are left out of the request and told in the answer. Raises PlanRefused for an unsafe
    name, StorageError when `out` exists or cannot be written, CeremonyError when the
    server cannot be reached; then there is no folder.
    """
    for gun in guns:
        check_repository(gun, "GUN")
    names = tuple(dict.fromkeys(guns))
    # notary-server's own key service, which only a server for trials has, crashes when a key is asked for while one is made;
    # and it makes a snapshot key, whenever it is asked, for a repository whose client holds that key.
    turn: AbstractContextManager[object] = Lock() if session.server.loopback else nullcontext()
    with RequestFolder(out) as folder:
        session.check_reachable()

        def work(gun: str) -> _Kept:
            brought = bring(session.repository(gun), frozenset(new_keys), turn)
            notes = judge.notes(gun, brought) if judge else ()
            folder.keep(brought.repository, brought.files)
            return _Kept(brought.repository, brought.short, notes)

        outcome = for_each(names, work, progress, workers or (NEARBY if session.server.loopback else WORKERS))
        twins = _twins(outcome.done, judge, folder) if judge else {}
        done = {gun: kept for gun, kept in outcome.done.items() if gun not in twins}
        digest = folder.finish(session.server.url, {gun: kept.repository for gun, kept in done.items()}) if done else ""
    failed = {failure.gun: failure for failure in outcome.failures} | {gun: Failure(gun, twins[gun]) for gun in twins}
    return _fetched(digest, done, [failed[gun] for gun in names if gun in failed])


def _fetched(digest: str, done: Mapping[str, _Kept], failures: Sequence[Failure]) -> Fetched:
    known = sum(kept.repository.known for kept in done.values())
    return Fetched(
        digest=digest,
        new=len(done) - known,
        known=known,
        failures=tuple(failures),
        short={gun: kept.short for gun, kept in done.items() if kept.short},
        notes={gun: kept.notes for gun, kept in done.items() if kept.notes},
    )


def _twins(done: Mapping[str, _Kept], judge: Judge, folder: RequestFolder) -> Mapping[str, VerificationError]:
    """Return the repositories that serve a root of another's: each alone verified, which only all together can tell."""
    by_root: dict[str, dict[str, Repository]] = defaultdict(dict)
    for gun, kept in done.items():
        if kept.repository.known:
            by_root[kept.repository.metadata["root"][-1].sha256][gun] = kept.repository
    alike = {gun: repository for same in by_root.values() if len(same) > 1 for gun, repository in same.items()}
    files = {file.sha256: folder.read(file) for repository in alike.values() for file in repository.files()}
    return reading.broken(judge.read(alike, files))
