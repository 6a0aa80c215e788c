# SPDX-License-Identifier: Apache-2.0
"""Folders, volumes and media in memory, with faults on demand.

They keep the promises of `ports.Folder`, `ports.Volume` and `ports.Media` and pass the
same port tests as the real ones. A test arms a fault with `fail` or `lie`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from ceremony.core.media_judge import unfit
from ceremony.core.media_rules import check_path
from ceremony.core.ports import MediumIdentity, Volume
from ceremony.errors import StorageError

Operation = Literal["write", "read", "append", "truncate", "remove", "set_aside"]


class FakeFolder:
    """A folder in memory; `files` is what is on it."""

    def __init__(self, name: str = "folder", files: Mapping[str, bytes] | None = None) -> None:
        self._name = name
        self.files: dict[str, bytes] = dict(files or {})
        self._faults: dict[Operation, tuple[int, str]] = {}
        self._lies = ""
        self._final = False

    def fail(self, operation: Operation, nth: int = 1, message: str = "is full") -> None:
        """Let the `nth` next `operation` fail once; for `write`, the `nth` next file."""
        self._faults[operation] = (nth, message)

    def lie(self, path: str) -> None:
        """Let the next write of `path` be read back with its last byte changed."""
        self._lies = path

    def opened(self) -> None:
        """Be opened anew: what failed before is looked at with fresh eyes."""
        self._final = False

    @property
    def name(self) -> str:
        return self._name

    def _reach(self) -> None:
        """Raise StorageError when nothing can be read or written now."""

    def write(self, files: Mapping[str, bytes]) -> None:
        self._writable()
        for path in files:
            check_path(self._name, path)
            if self.exists(path):
                raise StorageError(self._name, f"{path} exists already", hint="nothing is overwritten")
        written: dict[str, bytes] = {}
        for path, data in files.items():
            self._meet_fault("write")
            if path == self._lies:
                raise StorageError(self._name, f"{path} reads back otherwise than written", hint="use another medium")
            written[path] = bytes(data)
        self.files.update(written)

    def read(self, path: str) -> bytes:
        self._known(path)
        self._meet_fault("read")
        return self.files[path]

    def exists(self, path: str) -> bool:
        check_path(self._name, path)
        self._reach()
        return path in self.files or any(name.startswith(f"{path}/") for name in self.files)

    def names(self) -> Sequence[str]:
        self._reach()
        return sorted(self.files, key=str.encode)

    def size(self, path: str) -> int:
        self._known(path)
        return len(self.files[path])

    def append(self, path: str, data: bytes) -> None:
        check_path(self._name, path)
        self._writable()
        try:
            self._meet_fault("append")
        except StorageError:
            self._final = True
            raise
        self.files[path] = self.files.get(path, b"") + data

    def truncate(self, path: str, size: int) -> None:
        self._known(path)
        self._writable()
        self._meet_fault("truncate")
        if size > len(self.files[path]):
            raise StorageError(self._name, f"{path} has fewer than the {size} bytes to keep", hint="it changed since it was read")
        self.files[path] = self.files[path][:size]

    def remove(self, path: str) -> None:
        self._known(path)
        self._writable()
        self._meet_fault("remove")
        del self.files[path]

    def write_stream(self, path: str, chunks: Iterable[bytes]) -> str:
        data = b"".join(chunks)
        self.write({path: data})
        return hashlib.sha256(data).hexdigest()

    def set_aside(self, path: str, to: str) -> None:
        self._known(path)
        check_path(self._name, to)
        self._writable()
        self._meet_fault("set_aside")
        if self.exists(to):
            raise StorageError(self._name, f"{to} exists already", hint="nothing is overwritten")
        self.files[to] = self.files.pop(path)

    def _known(self, path: str) -> None:
        check_path(self._name, path)
        self._reach()
        if path not in self.files:
            raise StorageError(self._name, f"{path} is not there", hint="look whether it is the right medium")

    def _writable(self) -> None:
        self._reach()
        if self._final:
            raise StorageError(self._name, "failed before and is not written to any more", hint="resume with another medium")

    def _meet_fault(self, operation: Operation) -> None:
        if operation not in self._faults:
            return
        left, message = self._faults.pop(operation)
        if left > 1:
            self._faults[operation] = (left - 1, message)
            return
        raise StorageError(self._name, message, hint="use another medium")


def fake_identity(serial: str, *, device: str = "", folder: bool = True) -> MediumIdentity:
    """Return an identity of 1 GB, of which all is free."""
    return MediumIdentity(
        serial=serial, device=device or f"/media/{serial}", model="memory", size=10**9, free=10**9, folder=folder
    )


class FakeVolume(FakeFolder):
    """A medium in memory; `unplug` and `plug` take it out and put it back, `swap` puts another one in its place."""

    def __init__(self, identity: MediumIdentity, files: Mapping[str, bytes] | None = None) -> None:
        super().__init__(f"{identity.model} {identity.serial}", files)
        self._identity = identity
        self._present = identity
        self.reopened = 0
        self.plugged = True
        self.released = False
        """Whether it was let go, so that it can be pulled."""
        self.pulled = 0
        """How often it was taken out after it was let go."""

    @property
    def identity(self) -> MediumIdentity:
        return self._identity

    def opened(self) -> None:
        super().opened()
        self.released = False

    def swap(self, identity: MediumIdentity) -> None:
        """Put another medium in its place, seen by the next `reopen`."""
        self._present = identity

    def unplug(self) -> bool:
        """Be taken out; return that people did it."""
        self.plugged = False
        self.pulled += self.released
        return True

    def plug(self) -> bool:
        """Be put back; return that people did it."""
        self.plugged = True
        return True

    def present(self) -> bool:
        return self.plugged and self._present.serial == self._identity.serial

    def release(self) -> None:
        self.released = True

    def reopen(self) -> None:
        if not self.plugged:
            raise StorageError(self.name, "it is not plugged in", hint="plug this very medium in")
        if self._present.serial != self._identity.serial:
            raise StorageError(self.name, f"another medium came back: {self._present.serial}", hint="bring the first one again")
        self.released = False
        self.reopened += 1

    def _reach(self) -> None:
        if not self.plugged:
            raise StorageError(self.name, "the device is gone", hint="plug it in again")
        if self.released:
            raise StorageError(self.name, "was let go", hint="plug it in again, then open it")


class FakeMedia:
    """The media in the room: `volumes` holds those that have a role, `others` what else is plugged in."""

    def __init__(self, volumes: Mapping[str, FakeVolume] | None = None) -> None:
        roles = ("a", "b", "courier")
        self.volumes = dict(volumes) if volumes is not None else {role: FakeVolume(fake_identity(f"F{role}")) for role in roles}
        self.others: list[MediumIdentity] = []

    def look(self, role: str) -> Sequence[MediumIdentity]:
        """Return what can serve, and `others`, each with a reason why it cannot."""
        return [*self.candidates(role), *(unfit(other, "it is write-protected") for other in self.others)]

    def candidates(self, role: str) -> Sequence[MediumIdentity]:
        volume = self.volumes.get(role)
        return [volume.identity] if volume is not None and volume.plugged else []

    def open(self, role: str, identity: MediumIdentity) -> Volume:
        for volume in self.volumes.values():
            if volume.identity.serial == identity.serial:
                volume.opened()
                return volume
        raise StorageError(role, f"the medium {identity.serial} is gone", hint="plug it in again")

    def close(self) -> None:
        for volume in self.volumes.values():
            volume.release()
