# SPDX-License-Identifier: Apache-2.0
"""The log's files: the one in the work folder, and its live copies on the volumes.

`LogFiles` is `ports.LogWriter`. Every append is written whole and synced in the work
folder first, then on each volume, so a volume never holds what the work folder lacks.
A failure is final for the place where it happens: the kernel forgets a failed sync, and
a log that went on after one would have a hole that nobody sees. When the work folder
fails, nothing is written any more; when a volume fails, it is left, every other place
still gets the lines, and the caller is told which one. What a line says, and what to do
with a torn tail, belongs to `core.log`; what takes a volume's place, to the steps.
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import Self

from ceremony.core.ports import Volume
from ceremony.errors import StorageError, VolumesLost
from ceremony.volumes.faults import told
from ceremony.volumes.store import FolderStore
from ceremony.volumes.tree import write_whole


class LogFiles:
    """The log `path` in a work folder, made when missing, and its mirrors; use as a context manager, or close it."""

    def __init__(self, workspace: FolderStore, path: str) -> None:
        self._workspace = workspace
        self._path = path
        self._mirrors: dict[str, _Mirror] = {}
        self._failed = False
        if not workspace.exists(path):
            workspace.append(path, b"")
        self._fd = workspace.open_append(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def append(self, lines: bytes) -> None:
        """Write whole lines to every place and sync each.

        Raises StorageError when the work folder did not take them, and then never writes again; VolumesLost when a volume did
        not, which is then written to no more.
        """
        if self._failed or self._fd < 0:
            raise StorageError(
                self._workspace.name, f"{self._path} is not written to any more", hint="stop; resume goes on with what was synced"
            )
        if not lines.endswith(b"\n"):
            raise StorageError(
                self._workspace.name, f"{self._path} takes whole lines only", hint="end each record with a newline"
            )
        self._failed = True
        with told(self._workspace.name, self._path):
            write_whole(self._fd, lines)
            os.fdatasync(self._fd)
        lost: dict[str, StorageError] = {}
        for serial, mirror in self._mirrors.items():
            try:
                mirror.append(lines)
            except StorageError as error:
                lost[serial] = error
        for serial in lost:
            del self._mirrors[serial]
        self._failed = False  # not before: whoever is interrupted here does not know that the lines stand
        if lost:
            raise VolumesLost(lost)

    def mirror(self, volume: Volume, path: str) -> None:
        """Bring the log on `volume` up to date, byte for byte, and write to it from now on.

        Raises StorageError when what is there is not the beginning of this log.
        """
        ours = self._workspace.read(self._path)
        there = volume.read(path) if volume.exists(path) else b""
        if not ours.startswith(there):
            raise StorageError(
                volume.name, f"{path} is not the beginning of this ceremony's log", hint="use the volume of this ceremony"
            )
        volume.append(path, ours[len(there) :])
        self._mirrors[volume.identity.serial] = _Mirror(volume, path, len(ours))

    def drop(self, volume: Volume) -> None:
        """Write to `volume` no more; nothing happens when it is no mirror."""
        self._mirrors.pop(volume.identity.serial, None)

    def close(self) -> None:
        """Let the file go; nothing can be appended afterwards."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class _Mirror:
    """A copy on a volume that is known to be `size` bytes long."""

    def __init__(self, volume: Volume, path: str, size: int) -> None:
        self._volume = volume
        self._path = path
        self._size = size

    def append(self, lines: bytes) -> None:
        # Another medium at the same place would take the lines as happily.
        if self._volume.size(self._path) != self._size:
            raise StorageError(
                self._volume.name, f"{self._path} is not as long as it was left", hint="the volume was changed; use the first one"
            )
        self._volume.append(self._path, lines)
        self._size += len(lines)
