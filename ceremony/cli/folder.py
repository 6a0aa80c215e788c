# SPDX-License-Identifier: Apache-2.0
"""Read a ceremony folder, or the tar of one that the courier carries, without trusting it.

Both give names and bytes, and nothing else: links, devices, absolute names, `..`,
a name twice, a file cut short are refused when it is opened. A tar's members are
the folder's files by their names in it. Nothing is unpacked, nothing written.
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ceremony.errors import StorageError

MAX_FILE = 1024 * 1024 * 1024
"""Bytes of one file: a log of 50,000 repositories is well below."""
MAX_FILES = 1_000_000

_END = 1024


@dataclass(frozen=True, slots=True)
class FolderReader:
    """The files of a ceremony folder; safe to read from several threads while it is open."""

    name: str
    """Where it is, as messages name it."""
    sizes: Mapping[str, int]
    """Bytes of each file when the folder was opened."""
    _read: Callable[[str, int], bytes]

    def names(self) -> Sequence[str]:
        """Return the paths of all files, sorted bytewise."""
        return sorted(self.sizes, key=str.encode)

    def read(self, path: str) -> bytes:
        """Return the bytes of a file; raises StorageError when it is missing, unreadable, or not as long as it was."""
        size = self.sizes.get(path)
        if size is None:
            raise _refused(self.name, f"holds no {path}")
        try:
            data = self._read(path, size)
        except OSError as error:
            raise _refused(self.name, f"{path} cannot be read ({error.strerror})") from error
        if len(data) != size:
            raise _refused(self.name, f"{path} changed while it was read")
        return data


@contextmanager
def open_folder(path: Path) -> Iterator[FolderReader]:
    """Open a ceremony folder, or its tar, for reading; raises StorageError for what is neither, or not safe."""
    try:
        kind = path.stat().st_mode
        flags = os.O_RDONLY | (os.O_DIRECTORY if stat.S_ISDIR(kind) else 0)
        handle = os.open(path, flags) if stat.S_ISDIR(kind) or stat.S_ISREG(kind) else None
    except OSError as error:
        raise _refused(str(path), f"cannot be opened ({error.strerror})") from error
    if handle is None:
        raise _refused(str(path), "is neither a folder nor a tar")
    try:
        yield _directory(path, handle) if stat.S_ISDIR(kind) else _tar(path, handle)
    finally:
        os.close(handle)


def _directory(path: Path, handle: int) -> FolderReader:
    name = str(path)
    sizes: dict[str, int] = {}
    try:
        for folder, folders, files, at in os.fwalk(".", dir_fd=handle, onerror=_raise, follow_symlinks=False):
            for entry in folders + files:
                found = os.path.normpath(f"{folder}/{entry}")
                state = os.stat(entry, dir_fd=at, follow_symlinks=False)
                if stat.S_ISREG(state.st_mode):
                    _add(name, sizes, found, state.st_size)
                elif not stat.S_ISDIR(state.st_mode):
                    raise _refused(name, f"{found!r} is a link or a device, and only plain files are read")
    except OSError as error:
        raise _refused(name, f"cannot be read ({error.strerror})") from error
    return FolderReader(name, sizes, lambda found, size: _read_file(handle, found, size))


def _raise(error: OSError) -> None:
    raise error


def _read_file(handle: int, path: str, size: int) -> bytes:
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, dir_fd=handle)) as file:
        return file.read(size + 1)


def _tar(path: Path, handle: int) -> FolderReader:
    name = str(path)
    whole = os.fstat(handle).st_size
    sizes: dict[str, int] = {}
    offsets: dict[str, int] = {}
    try:
        with open(handle, "rb", closefd=False) as file, tarfile.open(fileobj=file, mode="r:") as archive:
            for member in archive:
                if member.isdir():
                    continue
                if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse():
                    raise _refused(name, f"{member.name!r} is a link or a device, and only plain files are read")
                if member.offset_data + member.size > whole:
                    raise _refused(name, f"{member.name!r} is cut off")
                _add(name, sizes, member.name, member.size)
                offsets[member.name] = member.offset_data
            # tarfile takes a damaged header for the end; POSIX ends an archive with two blocks of zeros.
            if os.pread(handle, _END, archive.offset) != bytes(_END):
                raise _refused(name, "ends in the middle")
    except (tarfile.TarError, OSError, UnicodeError, ValueError) as error:
        raise _refused(name, "is not a whole tar") from error
    return FolderReader(name, sizes, lambda found, size: os.pread(handle, size, offsets[found]))


def _add(name: str, sizes: dict[str, int], path: str, size: int) -> None:
    parts = path.split("/")
    if not path.isprintable() or "\\" in path or {"", ".", ".."} & set(parts):
        raise _refused(name, f"the name {path[:200]!r} is not a plain path")
    if path in sizes:
        raise _refused(name, f"{path!r} is in it twice")
    if size > MAX_FILE or len(sizes) >= MAX_FILES:
        raise _refused(name, f"{path!r} is more than can be read")
    sizes[path] = size


def _refused(name: str, what: str) -> StorageError:
    return StorageError(name, what, hint="give the ceremony folder as it was left, or the tar that the courier carries")
