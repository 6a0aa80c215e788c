# SPDX-License-Identifier: Apache-2.0
"""The same work for many repositories, a few at a time; one failure does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Generic, TypeVar

from ceremony.errors import CeremonyError, StorageError
from ceremony.online.replies import Passing

WORKERS = 8
NEARBY = 4
"""Workers for a server on this machine, which answers at once: more would only wait for one another (measured)."""
_PATIENCE = 3
"""How often in a row each worker may meet a server that does not answer."""
_AGAIN = "run the command again when the server answers"

T = TypeVar("T")
Progress = Callable[[str, int, int], None]
"""Called in the caller's thread: the repository that is done, how many are, of how many."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A repository that could not be dealt with, and why."""

    gun: str
    error: CeremonyError


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What became of each repository, in the order that they were named."""

    done: dict[str, T]
    failures: tuple[Failure, ...]


def for_each(guns: Sequence[str], work: Callable[[str], T], progress: Progress, workers: int = WORKERS) -> Outcome[T]:
    """Do `work` for each of `guns`, `workers` at a time.

    A CeremonyError is that repository's failure. Anything else, and a StorageError,
    would befall the others too: what has not begun is dropped, and it is raised. When
    a server stops answering, what has not begun fails at once.
    """
    done: dict[str, T] = {}
    failed: dict[str, CeremonyError] = {}
    silent = 0
    pool = ThreadPoolExecutor(workers, thread_name_prefix="repository")
    try:
        futures = {pool.submit(work, gun): gun for gun in guns}
        for count, future in enumerate(as_completed(futures), 1):
            gun = futures[future]
            try:
                done[gun] = future.result()
                silent = 0
            except StorageError:
                raise
            except CancelledError:
                failed[gun] = CeremonyError(f"{gun}: not tried, because the server stopped answering", hint=_AGAIN)
            except CeremonyError as error:
                failed[gun] = error
                silent = silent + 1 if isinstance(error, Passing) else 0
                if silent == _PATIENCE * workers:
                    for waiting in futures:
                        waiting.cancel()
            progress(gun, count, len(guns))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return Outcome({gun: done[gun] for gun in guns if gun in done}, tuple(Failure(g, failed[g]) for g in guns if g in failed))
