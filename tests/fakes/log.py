# SPDX-License-Identifier: Apache-2.0
"""A log in memory that is mirrored as the real one, and fails when told to."""

from __future__ import annotations

from ceremony.core.ports import Volume
from ceremony.errors import StorageError, VolumesLost


class FakeLogWriter:
    """Keeps what was appended in `data`; every append counts as one sync in `syncs`."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = data
        self.syncs = 0
        self._mirrors: dict[str, tuple[Volume, str]] = {}
        self._fails_in = 0
        self._final = False

    def fail(self, nth: int = 1) -> None:
        """Let the `nth` next append fail, as where the work folder is full; every later one fails too."""
        self._fails_in = nth

    @property
    def lines(self) -> list[bytes]:
        """The lines so far, each with its newline."""
        return self.data.splitlines(keepends=True)

    def append(self, lines: bytes) -> None:
        if self._final:
            raise StorageError("log", "a write failed before; nothing more is written", hint="stop, and resume")
        if not lines.endswith(b"\n"):
            raise StorageError("log", "only whole lines are written", hint="end each record with a newline")
        self._fails_in -= 1
        if self._fails_in == 0:
            self._final = True
            raise StorageError("log", "could not be synced", hint="stop, and resume")
        self.data += lines
        self.syncs += 1
        lost: dict[str, StorageError] = {}
        for serial, (volume, path) in self._mirrors.items():
            try:
                volume.append(path, lines)
            except StorageError as error:
                lost[serial] = error
        for serial in lost:
            del self._mirrors[serial]
        if lost:
            raise VolumesLost(lost)

    def mirror(self, volume: Volume, path: str) -> None:
        there = volume.read(path) if volume.exists(path) else b""
        if not self.data.startswith(there):
            raise StorageError(volume.name, f"{path} is not the beginning of this log", hint="use the volume of this ceremony")
        volume.append(path, self.data[len(there) :])
        self._mirrors[volume.identity.serial] = (volume, path)

    def drop(self, volume: Volume) -> None:
        self._mirrors.pop(volume.identity.serial, None)
