# SPDX-License-Identifier: Apache-2.0
"""Media: plain folders in the place of removable ones, for practice; the real ones are in `usb`.

`FolderMedia` is `ports.Media` over one folder for each role. A folder's serial comes
from its file system and inode, so it is the same however it is named; its device is
its real path. Whether two media may stand side by side is for
`core.media_rules.refuse_shared_devices` to say.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from ceremony.core.media_judge import LEAST_FREE
from ceremony.core.ports import MediumIdentity
from ceremony.errors import StorageError
from ceremony.volumes.faults import told
from ceremony.volumes.store import FolderStore
from ceremony.volumes.tree import Tree

OLD = "old"
"""The role of a medium that a recovery reads, and never writes to."""


class FolderVolume(FolderStore):
    """`ports.Volume` over a folder that stands for a removable medium."""

    def __init__(self, path: Path, identity: MediumIdentity) -> None:
        super().__init__(path, f"{identity.model} {path}", medium=True)
        self._identity = identity
        self._released = False

    @property
    def identity(self) -> MediumIdentity:
        """What tells this folder from another; as it was when it was opened."""
        return self._identity

    def present(self) -> bool:
        """Tell whether this very folder is there now."""
        try:
            there = identify(self.path)
        except StorageError:
            return False
        return (there.serial, there.device) == (self._identity.serial, self._identity.device)

    def release(self) -> None:
        """Let the folder go: nothing is read or written until `reopen`. Every write was synced, and there is nothing to pull."""
        self._released = True

    def reopen(self) -> None:
        """Look again which folder is there; raises StorageError when it is another. Reads always go past the page cache."""
        there = identify(self.path)
        if (there.serial, there.device) != (self._identity.serial, self._identity.device):
            raise StorageError(self.name, f"another folder came back ({there.serial})", hint="bring the first one again")
        self._released = False

    def _tree(self) -> Tree:
        if self._released:
            raise StorageError(self.name, "was let go", hint="open it again")
        return super()._tree()


class FolderMedia:
    """`ports.Media` over one existing folder for each role: `a`, `b` and `courier`; `old` are those that a recovery reads."""

    def __init__(self, folders: Mapping[str, Path], old: Sequence[Path] = ()) -> None:
        self._folders = dict(folders)
        self._old = tuple(old)
        self._open: list[FolderVolume] = []

    def look(self, role: str) -> Sequence[MediumIdentity]:
        """Return what `candidates` does: a folder that could not serve is said when it is opened."""
        return self.candidates(role)

    def candidates(self, role: str) -> Sequence[MediumIdentity]:
        """Return the one folder of `role`, of `old` all; none for a role that has no folder. Raises StorageError when it is missing."""
        if role == OLD:
            return [identify(path) for path in self._old]
        return [identify(self._folders[role])] if role in self._folders else []

    def open(self, role: str, identity: MediumIdentity) -> FolderVolume:
        """Return the folder that `look` showed; raises StorageError when it is another one, read-only or full."""
        volume = self._open_old(identity) if role == OLD else self._open_new(role, identity)
        self._open.append(volume)
        return volume

    def _open_new(self, role: str, identity: MediumIdentity) -> FolderVolume:
        path = self._folders.get(role)
        if path is None:
            raise StorageError(role, "has no folder", hint="name a folder for each of a, b and courier")
        there = identify(path)
        if there.serial != identity.serial:
            raise StorageError(str(path), f"is not the folder {identity.serial} any more", hint="choose again")
        if os.statvfs(path).f_flag & os.ST_RDONLY or not os.access(path, os.W_OK | os.X_OK):
            raise StorageError(str(path), "is read-only", hint="remount it, or use another folder")
        if there.free < LEAST_FREE:
            raise StorageError(str(path), f"is full: {there.free} bytes are free", hint="make room, or use another folder")
        return FolderVolume(path, there)

    def _open_old(self, identity: MediumIdentity) -> FolderVolume:
        """Return an old folder, which is only read: it may be full, or write-protected."""
        for path in self._old:
            there = identify(path)
            if there.serial == identity.serial:
                return FolderVolume(path, there)
        raise StorageError(OLD, f"the folder {identity.serial} is not there any more", hint="choose again")

    def close(self) -> None:
        """Let every folder go that was opened."""
        while self._open:
            self._open.pop().release()


def identify(path: Path) -> MediumIdentity:
    """Return what tells the folder at `path` from another; raises StorageError when there is none."""
    with told(str(path)):
        about = path.stat()
        space = os.statvfs(path)
        os.close(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    return MediumIdentity(
        serial=f"folder-{about.st_dev:x}-{about.st_ino:x}",
        device=str(path.resolve()),
        model="folder",
        size=space.f_frsize * space.f_blocks,
        free=space.f_frsize * space.f_bavail,
        folder=True,
    )
