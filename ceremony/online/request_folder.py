# SPDX-License-Identifier: Apache-2.0
"""A request folder while it is made: it appears under its name when it is whole, and not before.

Until then it is `<name>.part`. What is left of repositories that are not in the index
is taken out again, since the room refuses a file that nothing names.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from ceremony.core.request import INDEX, Repository, StoredFile, build_index, digest_of
from ceremony.errors import StorageError


class RequestFolder(AbstractContextManager["RequestFolder"]):
    """A folder `out` that must not exist; raises StorageError, as do all its methods. Safe to use from several threads."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._part = out.with_name(out.name + ".part")
        self._written: set[str] = set()

    def __enter__(self) -> Self:
        if os.path.lexists(self._out):
            raise StorageError(
                str(self._out), "exists already", hint="name a folder that does not exist; nothing is ever overwritten"
            )
        try:
            self._part.mkdir()
            (self._part / "files").mkdir()
        except FileExistsError as error:
            raise StorageError(
                str(self._part),
                "exists already",
                hint="another fetch is under way, or one was killed; if so, delete it and fetch again",
            ) from error
        except OSError as error:
            raise _unwritable(self._part, error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        shutil.rmtree(self._part, ignore_errors=True)

    def keep(self, repository: Repository, files: Mapping[str, bytes]) -> None:
        """Write the files of a repository, bytes by digest."""
        for file in repository.files():
            self._write(file.path, files[file.sha256])

    def read(self, file: StoredFile) -> bytes:
        """Return the bytes of a file that was kept."""
        try:
            return (self._part / file.path).read_bytes()
        except OSError as error:
            raise _unwritable(self._part / file.path, error) from error

    def finish(self, server: str, repositories: Mapping[str, Repository]) -> str:
        """Let the folder appear under its name, everything in it on the medium; returns the request's digest."""
        index = build_index(server, repositories)
        wanted = {file.path for repository in repositories.values() for file in repository.files()}
        self._write(INDEX, index)
        try:
            for path in self._written - wanted - {INDEX}:
                (self._part / path).unlink()
            os.sync()  # once for all: a stick takes many small syncs badly
            self._part.rename(self._out)
            _sync(self._out.parent)
        except OSError as error:
            raise _unwritable(self._out, error) from error
        return digest_of(index)

    def _write(self, path: str, data: bytes) -> None:
        if path in self._written:
            return  # named by its digest: the same bytes, of another repository
        try:
            with (self._part / path).open("xb") as file:
                file.write(data)
        except FileExistsError:
            pass  # another thread was faster, with the same bytes
        except OSError as error:
            raise _unwritable(self._part / path, error) from error
        self._written.add(path)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unwritable(path: Path, error: OSError) -> StorageError:
    return StorageError(
        str(path), f"cannot be written ({error.strerror})", hint="look at the medium and its free space, and fetch again"
    )
