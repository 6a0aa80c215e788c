# SPDX-License-Identifier: Apache-2.0
"""Folders held open while files in them are made: no link is followed, every touched folder is known.

A path is walked part by part from one open folder, each part opened without
following a link, so that nothing that stands on a medium can lead out of it. Paths
that come sorted share the folders that they have in common.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

Parts = tuple[str, ...]
_T = TypeVar("_T")

BATCH = 256
"""Files held open at once: well below the usual limit of 1,024."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe in a file's place must not block


class Tree:
    """An open folder and the way down to the folder in use; methods raise OSError.

    With `exact`, what is to be made and is there already must be there in the very same letters: on vfat, `A` is `a`.
    """

    def __init__(self, root: Path, *, exact: bool = False) -> None:
        self._exact = exact
        self._fds = [os.open(root, _FOLDER)]
        self._way: Parts = ()
        self.touched: set[Parts] = set()
        """Folders, relative to the root, in which something was made, renamed or removed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let all folders go."""
        self._leave_to(-1)

    def enter(self, parts: Parts, *, make: bool = False) -> int:
        """Return the open folder `parts`, valid until the next call; with `make`, make what is missing of it."""
        common = 0
        while common < min(len(parts), len(self._way)) and parts[common] == self._way[common]:
            common += 1
        self._leave_to(common)
        for depth in range(common, len(parts)):
            self._fds.append(self._step(parts, depth, make=make))
            self._way = parts[: depth + 1]
        return self._fds[-1]

    def open(self, parts: Parts, flags: int, mode: int = 0o644) -> int:
        """Open a file; what it is, is for the caller to look at. With O_CREAT, its folders are made."""
        folder, name = parts[:-1], parts[-1]
        make = bool(flags & os.O_CREAT)
        within = self.enter(folder, make=make)
        fd = os.open(name, flags | _FILE, mode, dir_fd=within)
        if make and not flags & os.O_EXCL:
            try:
                self._same_letters(name, within)
            except OSError:
                os.close(fd)
                raise
        if make:
            self.touched.add(folder)
        return fd

    def unlink(self, parts: Parts) -> None:
        """Remove a file."""
        os.unlink(parts[-1], dir_fd=self.enter(parts[:-1]))
        self.touched.add(parts[:-1])

    def lexists(self, parts: Parts) -> bool:
        """Tell whether anything stands at `parts`, be it a link that leads nowhere."""
        try:
            os.stat(parts[-1], dir_fd=self.enter(parts[:-1]), follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def sync_folders(self, pool: Executor | None = None) -> None:
        """Sync every touched folder, once."""
        for batch in batches(sorted(self.touched), BATCH):
            close_synced([os.dup(self.enter(parts)) for parts in batch], pool)
        self.touched.clear()

    def _step(self, parts: Parts, depth: int, *, make: bool) -> int:
        name, parent = parts[depth], self._fds[-1]
        if make:
            try:
                os.mkdir(name, 0o755, dir_fd=parent)
            except FileExistsError:
                self._same_letters(name, parent)
            else:
                self.touched.add(parts[:depth])
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=parent)

    def _same_letters(self, name: str, folder: int) -> None:
        if self._exact and name not in os.listdir(folder):
            raise OSError(errno.ENOTUNIQ, os.strerror(errno.ENOTUNIQ))

    def _leave_to(self, depth: int) -> None:
        while len(self._fds) > depth + 1:
            os.close(self._fds.pop())
        self._way = self._way[: max(depth, 0)]


def regular(fd: int) -> int:
    """Return `fd` when it is a plain file's; close it and raise OSError for a folder, pipe or device."""
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return fd
    os.close(fd)
    code = errno.EISDIR if stat.S_ISDIR(mode) else errno.ENXIO
    raise OSError(code, os.strerror(code))


def write_whole(fd: int, data: bytes) -> None:
    """Write all of `data`; raises OSError, also for a device that takes nothing more without saying why."""
    left = memoryview(data)
    while left:
        written = os.write(fd, left)
        if written == 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        left = left[written:]


def walk(root: Path, *, besides: Sequence[str] = ()) -> Iterator[str]:
    """Yield the path, relative to `root`, of everything below it that is no folder; links are not followed.

    Folders right below `root` whose name is in `besides` are left out.
    """
    ahead = [""]
    while ahead:
        prefix = ahead.pop()
        with os.scandir(root / prefix) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if not prefix and entry.name in besides:
                        continue
                    ahead.append(f"{prefix}{entry.name}/")
                else:
                    yield prefix + entry.name


def close_synced(fds: list[int], pool: Executor | None = None) -> None:
    """Sync and close every descriptor, whatever becomes of the others; raises the first OSError."""
    # One alone has nothing to wait beside, and a thread takes longer to start than a small file to sync.
    outcomes = (pool.map if pool and len(fds) > 1 else map)(_sync_and_close, fds)
    failed = [error for error in outcomes if error is not None]
    if failed:
        raise failed[0]


def _sync_and_close(fd: int) -> OSError | None:
    failed: OSError | None = None
    for act in (os.fsync, os.close):
        try:
            act(fd)
        except OSError as error:
            failed = failed or error
    return failed


def batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Yield `items` in lists of `size`, the last one shorter."""
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
