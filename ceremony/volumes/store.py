# SPDX-License-Identifier: Apache-2.0
"""A folder whose files are written once: created exclusively, synced, read back and compared.

`FolderStore` is `ports.Folder` over a folder of this machine, be it the work folder or
a mounted medium. A write is whole or leaves none of its files: what a failed call made
is removed again, best effort, and nothing else is ever removed by it. A success means
that each file and each folder on the way to it was synced, and that the bytes were read
back from behind the page cache.

A removable medium is believed less: it is read past the cache altogether, what is
appended to a file is read back too, and names are held to what vfat keeps as they are.

Many small files are synced side by side: while one waits for the device, others do
too, so the medium sees full queues instead of one file at a time. Which medium is
behind a folder is for `media` to know.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Self

from ceremony.core.media_names import check_portable, refuse_clashes
from ceremony.core.media_rules import check_path
from ceremony.errors import StorageError
from ceremony.volumes.faults import told
from ceremony.volumes.reading import blocks
from ceremony.volumes.tree import BATCH, Parts, Tree, batches, close_synced, regular, walk, write_whole

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND
_SYSTEMS = ("lost+found",)  # of ext4 itself, and root's alone
_SYNCS = 8
"""Files that wait for the device at the same time."""


class FolderStore:
    """`ports.Folder` over an existing folder, with `medium` a removable one; every method may raise StorageError, which names it."""

    def __init__(self, path: Path, name: str = "", *, medium: bool = False) -> None:
        self.path = path
        self._name = name or str(path)
        self._medium = medium
        self._failed = False

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make a new folder, sync the one that holds it, and return its store; refuses a path that is occupied."""
        with told(str(path)):
            path.mkdir(parents=False)
            with Tree(path.parent) as tree:
                os.fsync(tree.enter(()))
        return cls(path)

    @property
    def name(self) -> str:
        """How people know this folder: its path, or the name it was given."""
        return self._name

    # --- writing --------------------------------------------------------------

    def write(self, files: Mapping[str, bytes]) -> None:
        """Create each file exclusively, sync it and its folders, read it back and compare: all of them, or none is left."""
        self._refuse_after_failure()
        # Sorted, so that files of one folder follow one another.
        parts = sorted((self._new(path), path) for path in files)
        if self._medium:
            refuse_clashes(self._name, files)
        with told(self._name), self._tree() as tree, self._all_or_none(tree) as made:
            with ThreadPoolExecutor(_SYNCS) as pool:
                for batch in batches(parts, BATCH):
                    close_synced(self._create(tree, batch, files, made), pool)
                tree.sync_folders(pool)
            for batch in batches(parts, BATCH):
                self._compare(tree, batch, files)

    def write_stream(self, path: str, chunks: Iterable[bytes]) -> str:
        """Create one file of `chunks` as `write` does, and return its SHA-256, hex; an error of `chunks` is passed on."""
        self._refuse_after_failure()
        parts = self._new(path)
        digest = hashlib.sha256()
        with told(self._name, path), self._tree() as tree, self._all_or_none(tree) as made:
            fd = tree.open(parts, _CREATE)
            made.append(parts)
            try:
                for chunk in chunks:
                    digest.update(chunk)
                    write_whole(fd, chunk)
            finally:
                close_synced([fd])
            tree.sync_folders()
            again = hashlib.sha256()
            for block in self._blocks(tree, parts):
                again.update(block)
            if again.digest() != digest.digest():
                raise self._changed(path)
        return digest.hexdigest()

    def append(self, path: str, data: bytes) -> None:
        """Append to a file, made when missing, and sync it. After an error this store writes nothing any more."""
        parts = self._new(path)
        self._refuse_after_failure()
        try:
            with told(self._name, path), self._tree() as tree:
                made = not tree.lexists(parts)
                fd = regular(tree.open(parts, _APPEND))
                try:
                    start = os.fstat(fd).st_size
                    write_whole(fd, data)
                finally:
                    close_synced([fd])
                if made:
                    tree.sync_folders()
                if self._medium and not self._holds(tree, parts, data, start):
                    raise self._changed(path)
        except StorageError:
            # The kernel forgets a failed sync: a second one would succeed with the data lost.
            self._failed = True
            raise

    def open_append(self, path: str) -> int:
        """Return a descriptor that appends to an existing file; the caller closes it."""
        parts = check_path(self._name, path)
        with told(self._name, path), self._tree() as tree:
            return regular(tree.open(parts, os.O_WRONLY | os.O_APPEND))

    def truncate(self, path: str, size: int) -> None:
        """Cut a file to its first `size` bytes and sync it; refuses a file that is shorter."""
        parts = check_path(self._name, path)
        self._refuse_after_failure()
        with told(self._name, path), self._tree() as tree:
            fd = regular(tree.open(parts, os.O_WRONLY))
            try:
                there = os.fstat(fd).st_size
                if there < size:
                    raise StorageError(
                        self._name,
                        f"{path} has fewer than the {size} bytes to keep",
                        hint="it changed since it was read",
                    )
                os.ftruncate(fd, size)
            finally:
                close_synced([fd])

    def remove(self, path: str) -> None:
        """Remove one file and sync its folder."""
        parts = check_path(self._name, path)
        self._refuse_after_failure()
        with told(self._name, path), self._tree() as tree:
            tree.unlink(parts)
            tree.sync_folders()

    def set_aside(self, path: str, to: str) -> None:
        """Rename a file and sync the folders; refuses when anything stands at `to`. One ceremony is the only writer here."""
        parts, aside = check_path(self._name, path), self._new(to)
        self._refuse_after_failure()
        with told(self._name, path), self._tree() as tree:
            if tree.lexists(aside):
                raise StorageError(self._name, f"{to}: it exists already", hint="nothing is overwritten; use another name")
            source = os.dup(tree.enter(parts[:-1]))
            try:
                target = tree.enter(aside[:-1], make=True)
                os.rename(parts[-1], aside[-1], src_dir_fd=source, dst_dir_fd=target)
            finally:
                os.close(source)
            tree.touched |= {parts[:-1], aside[:-1]}
            tree.sync_folders()

    # --- reading --------------------------------------------------------------

    def read(self, path: str) -> bytes:
        """Return the bytes of a file; links are not followed."""
        parts = check_path(self._name, path)
        with told(self._name, path), self._tree() as tree:
            return b"".join(self._blocks(tree, parts))

    def exists(self, path: str) -> bool:
        """Tell whether a file, folder or link of this name is there."""
        parts = check_path(self._name, path)
        with told(self._name, path), self._tree() as tree:
            return tree.lexists(parts)

    def size(self, path: str) -> int:
        """Return the length of a file in bytes."""
        parts = check_path(self._name, path)
        with told(self._name, path), self._tree() as tree:
            fd = regular(tree.open(parts, os.O_RDONLY))
            try:
                return os.fstat(fd).st_size
            finally:
                os.close(fd)

    def names(self) -> Sequence[str]:
        """Return the paths of all files, and of links and whatever else is no folder, sorted bytewise."""
        with told(self._name), self._tree():
            names = list(walk(self.path, besides=_SYSTEMS if self._medium else ()))
        for name in names:
            check_path(self._name, name)
        return sorted(names, key=str.encode)

    # --- the pieces -----------------------------------------------------------

    def _tree(self) -> Tree:
        """Open the folder; raises OSError, or StorageError when it is not the one that it was."""
        return Tree(self.path, exact=self._medium)

    def _new(self, path: str) -> Parts:
        """Return the parts of a path at which something is to be made."""
        return check_portable(self._name, path) if self._medium else check_path(self._name, path)

    def _holds(self, tree: Tree, parts: Parts, data: bytes, start: int = 0) -> bool:
        """Tell whether a file reads `data` from `start` to its end."""
        at = 0
        for block in self._blocks(tree, parts, start):
            if not data.startswith(block, at):  # compares in place: a slice would copy the file once more
                return False
            at += len(block)
        return at == len(data)

    def _blocks(self, tree: Tree, parts: Parts, start: int = 0) -> Iterator[bytes]:
        return blocks(tree, parts, direct=self._medium, start=start)

    def _refuse_after_failure(self) -> None:
        if self._failed:
            raise StorageError(
                self._name, "failed before and is not written to any more", hint="stop, then resume with a medium that works"
            )

    @contextmanager
    def _all_or_none(self, tree: Tree) -> Iterator[list[Parts]]:
        made: list[Parts] = []
        with ExitStack() as stack:
            stack.callback(_undo, tree, made)
            yield made
            stack.pop_all()

    def _create(self, tree: Tree, batch: Sequence[tuple[Parts, str]], files: Mapping[str, bytes], made: list[Parts]) -> list[int]:
        with ExitStack() as opened:
            fds: list[int] = []
            for parts, path in batch:
                with told(self._name, path):
                    fd = tree.open(parts, _CREATE)
                    opened.callback(os.close, fd)
                    fds.append(fd)
                    made.append(parts)
                    write_whole(fd, files[path])
                    # Starts the writing now, without waiting, so that the sync finds little left to do.
                    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            opened.pop_all()
        return fds

    def _compare(self, tree: Tree, batch: Sequence[tuple[Parts, str]], files: Mapping[str, bytes]) -> None:
        for parts, path in batch:
            with told(self._name, path):
                if not self._holds(tree, parts, files[path]):
                    raise self._changed(path)

    def _changed(self, path: str) -> StorageError:
        return StorageError(
            self._name, f"{path} reads back otherwise than it was written", hint="the medium cannot be trusted; use another one"
        )


def _undo(tree: Tree, made: Sequence[Parts]) -> None:
    """Remove what a failed call made; what cannot be removed stays, and stops the next try."""
    for parts in made:
        with suppress(OSError):
            tree.unlink(parts)
