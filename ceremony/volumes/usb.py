# SPDX-License-Identifier: Apache-2.0
"""USB sticks as media: found by lsblk, mounted by us when root, let go and found again.

`UsbMedia` is `ports.Media` for a production ceremony. Every question looks at the
machine anew, so what is plugged in or pulled is seen by the next one. A medium is
opened by its identity, wherever it is plugged in then; after it was mounted the machine
is looked at once more, and only the same medium, at that place, is taken. Nothing that
could not be opened stays mounted.

    with UsbMedia() as media:
        seen = media.look("a")                      # those that cannot serve too, with the reason
        volume = media.open("a", seen[0])
        volume.write({...})
        volume.release()                            # it can be pulled
        volume.reopen()                             # the same one again, past every cache

What can serve is for `core.media_judge` to say; which media may stand side by side, for
`core.media_rules`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from ceremony.core import media_judge, media_lsblk, media_rules
from ceremony.core.media_judge import PLACES, Found, Machine, Space
from ceremony.core.media_mounts import Mount
from ceremony.core.ports import MediumIdentity
from ceremony.errors import StorageError
from ceremony.volumes import mounting
from ceremony.volumes.media import OLD
from ceremony.volumes.mounting import Held
from ceremony.volumes.programs import Programs, run
from ceremony.volumes.store import FolderStore
from ceremony.volumes.tree import Tree

_LSBLK = ("--json", "--bytes", "--output", ",".join(media_lsblk.COLUMNS))
_SECONDS = 10


class UsbMedia:
    """`ports.Media` over what is plugged in by USB; use as a context manager, or close it.

    `places` are the folders where the system mounts removable media, `folder` is where ours are mounted.
    """

    def __init__(self, programs: Programs | None = None, *, places: Sequence[str] = PLACES, folder: Path = mounting.RUN) -> None:
        self._programs = programs or Programs.of_the_system()
        self._places = tuple(places)
        self._folder = folder
        self._open: dict[str, UsbVolume] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def look(self, role: str) -> Sequence[MediumIdentity]:
        """Return every medium that is plugged in now; `trouble` says why one cannot serve as `role`. Raises StorageError."""
        others = self._others(role)
        return [_free_of(found.identity, others) for found in self._found(only_read=role == OLD)]

    def candidates(self, role: str) -> Sequence[MediumIdentity]:
        """Return what could serve as `role` now; raises StorageError when lsblk cannot be asked."""
        return [identity for identity in self.look(role) if not identity.trouble]

    def open(self, role: str, identity: MediumIdentity) -> UsbVolume:
        """Open the medium that `look` showed, mounted when it is not; raises StorageError when it cannot serve as `role`.

        One that is only read (`old`) is mounted so that nothing can be written to it.
        """
        earlier = self._open.get(role)
        if earlier is not None and not media_judge.matches(earlier.identity, identity):
            # It was given up: what it says now changes nothing.
            with suppress(StorageError):
                earlier.release()
            del self._open[role]
        only_read = role == OLD
        found = _only(identity, self._found(only_read=only_read))
        _refuse_unfit(_free_of(found.identity, self._others(role)))
        held, there = self._hold(found, only_read=only_read)
        volume = UsbVolume(self, there, held, only_read=only_read)
        self._open[role] = volume
        return volume

    def close(self) -> None:
        """Let every medium go, so that they can be pulled; raises the first StorageError, after all were tried."""
        failed: list[StorageError] = []
        while self._open:
            _, volume = self._open.popitem()
            try:
                volume.release()
            except StorageError as error:
                failed.append(error)
        if failed:
            raise failed[0]

    # --- for the volumes ----------------------------------------------------------

    def hold(self, identity: MediumIdentity, *, only_read: bool) -> tuple[Held, MediumIdentity]:
        """Return where the medium is mounted now, mounted by this call if need be, and what it is now; raises StorageError."""
        return self._hold(_only(identity, self._found(only_read=only_read)), only_read=only_read)

    def let_go(self, held: Held, store: str) -> None:
        """Unmount it if we mounted it; raises StorageError."""
        if held.ours:
            mounting.unmount(self._programs, held.point, store)

    def sees(self, identity: MediumIdentity) -> bool:
        """Tell whether the medium is plugged in; never raises."""
        try:
            return any(media_judge.matches(found.identity, identity) for found in self._found())
        except StorageError:
            return False

    def _hold(self, found: Found, *, only_read: bool) -> tuple[Held, MediumIdentity]:
        identity = found.identity
        _refuse_unfit(identity)
        if found.mounts:
            points = [Path(mount.point) for mount in found.mounts]
            ours = next((point for point in points if mounting.is_ours(point, self._folder)), points[0])
            return self._held(found, ours), identity
        point = mounting.mount(self._programs, identity, name_of(identity), self._folder, only_read=only_read)
        try:
            # What was looked at before need not be what was mounted.
            found = _only(identity, self._found(only_read=only_read))
            _refuse_unfit(found.identity)
            return self._held(found, point), found.identity
        except StorageError:
            mounting.unmount(self._programs, point, name_of(identity))
            raise

    def _held(self, found: Found, point: Path) -> Held:
        held = Held(point, found.number, mounting.is_ours(point, self._folder))
        if str(point) not in {mount.point for mount in found.mounts} or not mounting.is_there(held):
            raise StorageError(name_of(found.identity), "is not mounted there any more", hint="plug it in again, then try again")
        return held

    def _others(self, role: str) -> dict[str, MediumIdentity]:
        return {_called(other): volume.identity for other, volume in self._open.items() if other != role}

    def _found(self, *, only_read: bool = False) -> Sequence[Found]:
        devices = media_lsblk.parse(run((*self._programs.lsblk, *_LSBLK), seconds=_SECONDS))
        mounts = mounting.mounts("mountinfo")
        ours = tuple(mount.point for mount in mounts if mounting.is_ours(Path(mount.point), self._folder))
        may_mount = os.geteuid() == 0
        machine = Machine(devices, mounts, (*self._places, *ours), _space, may_mount=may_mount, only_read=only_read)
        return media_judge.media(machine)


class UsbVolume(FolderStore):
    """`ports.Volume` over a mounted USB medium; made by `UsbMedia.open`."""

    def __init__(self, media: UsbMedia, identity: MediumIdentity, held: Held, *, only_read: bool = False) -> None:
        super().__init__(held.point, name_of(identity), medium=True)
        self._media = media
        self._only_read = only_read
        self._identity = identity
        self._held: Held | None = held

    @property
    def identity(self) -> MediumIdentity:
        """What tells this medium from another; as it was when it was opened."""
        return self._identity

    def present(self) -> bool:
        """Tell whether this very medium is there now, without reading from it; after `release`, whether it is plugged in."""
        held = self._held
        return mounting.is_there(held) if held is not None else self._media.sees(self._identity)

    def release(self) -> None:
        """Sync and unmount, so that it can be pulled; nothing can be read or written until `reopen`.

        Raises StorageError when anything that was written may be lost, and it is unmounted all the same; or when
        another program uses it, and it stays as it was.
        """
        held = self._held
        if held is None:
            return
        try:
            if mounting.is_there(held):
                mounting.sync(held, self.name)
        except StorageError:
            self._failed = True
            raise
        finally:
            self._media.let_go(held, self.name)
            self._held = None

    def reopen(self) -> None:
        """Let the medium go and find and mount it again, past every cache; raises StorageError when another one came."""
        self.release()
        held, self._identity = self._media.hold(self._identity, only_read=self._only_read)
        self.path, self._held = held.point, held

    def exists(self, path: str) -> bool:
        """Tell whether a file, folder or link of this name is there."""
        found = super().exists(path)
        self._tree().close()  # a medium that was pulled meanwhile has no files either
        return found

    def names(self) -> Sequence[str]:
        """Return the paths of all files, and of links and whatever else is no folder, sorted bytewise."""
        names = super().names()
        self._tree().close()
        return names

    def _tree(self) -> Tree:
        """Open the medium's first folder; refuses the folder that is left when the medium is gone."""
        held = self._held
        if held is None:
            raise StorageError(self.name, "was let go", hint="plug it in again, then open it")
        tree = Tree(held.point, exact=True)
        try:
            mounting.refuse_another(tree.enter(()), held.number, self.name)
        except StorageError:
            tree.close()
            raise
        return tree


def name_of(identity: MediumIdentity) -> str:
    """Return how people know the medium: model and serial, and the label that they may have given it."""
    return " ".join(part for part in (identity.model, identity.serial, identity.label and f"'{identity.label}'") if part)


def _only(identity: MediumIdentity, seen: Sequence[Found]) -> Found:
    """Return the one medium that is `identity`; raises StorageError when none or more are there."""
    matching = [found for found in seen if media_judge.matches(found.identity, identity)]
    if not matching:
        others = ", ".join(sorted({name_of(found.identity) for found in seen}))
        what = f"it is not plugged in, but {others}" if others else "it is not plugged in"
        raise StorageError(name_of(identity), what, hint="plug this very medium in")
    if len(matching) > 1:
        both = " and ".join(sorted(found.identity.partition for found in matching))
        raise StorageError(name_of(identity), f"{both} cannot be told apart", hint="take all of them but one out")
    return matching[0]


def _refuse_unfit(identity: MediumIdentity) -> None:
    if identity.trouble:
        raise StorageError(name_of(identity), f"cannot serve: {identity.trouble}", hint="choose another medium")


def _called(role: str) -> str:
    return {"courier": "the courier", OLD: "the old volume"}.get(role, f"volume {role}")


def _free_of(identity: MediumIdentity, others: dict[str, MediumIdentity]) -> MediumIdentity:
    shared = media_rules.shares_device(identity, others)
    # It has a role: that says more than what follows from it, such as that it is mounted read-only.
    return replace(identity, trouble=f"it {shared}") if shared else identity


def _space(mount: Mount) -> Space | None:
    try:
        about = os.statvfs(mount.point)
        return Space(about.f_frsize * about.f_bavail, os.access(mount.point, os.W_OK | os.X_OK))
    except OSError:
        return None
