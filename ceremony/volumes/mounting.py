# SPDX-License-Identifier: Apache-2.0
"""Mount a medium for this program alone, let it go again, and tell whether it is still there.

A mount of ours is `ceremony-XXXXXXXX/medium` under /run, in a folder that was made for
it and that only root may enter; one that a killed program left behind is known by that
name and taken over. Nothing on a medium can be run, is a device, or changes whose rights
somebody has. What somebody else mounted is used where it is, and left to them.
"""

from __future__ import annotations

import ctypes
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ceremony.core import media_mounts
from ceremony.core.media_judge import FILE_SYSTEMS
from ceremony.core.media_mounts import Mount
from ceremony.core.ports import MediumIdentity
from ceremony.errors import StorageError
from ceremony.volumes.faults import told
from ceremony.volumes.programs import Programs, run

RUN: Final = Path("/run")
"""Where the mounts of ours are: gone after a restart, and nobody's but root's."""

_PREFIX = "ceremony-"
_POINT = "medium"
_OPTIONS = "nosuid,nodev,noexec,noatime"
_WITHOUT_JOURNAL = {"ext3": "ro,noload", "ext4": "ro,noload"}
"""How a file system is read whose journal cannot be played back: the medium is write-protected."""
_SECONDS = 120
"""A stick that was pulled while it was written to is put in order before it is mounted."""
_MOUNTS = Path("/proc/self/mountinfo")
_BLOCK_DEVICES = Path("/sys/dev/block")


@dataclass(frozen=True, slots=True)
class Held:
    """Where a medium is mounted."""

    point: Path
    number: str
    """Major and minor of its block device, as in `8:17`."""
    ours: bool
    """We mounted it, and unmount it."""


def mounts(store: str) -> tuple[Mount, ...]:
    """Return what is mounted now; raises StorageError."""
    with told(store):
        return media_mounts.parse(_MOUNTS.read_bytes())


def is_ours(point: Path, folder: Path = RUN) -> bool:
    """Tell whether `point` is a place where this program, and nobody else, mounts."""
    return point.name == _POINT and point.parent.name.startswith(_PREFIX) and point.parent.parent == folder and os.geteuid() == 0


def mount(programs: Programs, identity: MediumIdentity, store: str, folder: Path = RUN, *, only_read: bool = False) -> Path:
    """Mount the medium in a new folder under `folder` and return where; raises StorageError, and then leaves nothing.

    With `only_read` nothing can be written to it; what was synced to its journal and no further is put in its place first,
    unless the medium is write-protected.
    """
    with told(store):
        point = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder)) / _POINT
        point.mkdir(mode=0o700)
    failed: StorageError | None = None
    for way in _ways(identity.file_system, only_read=only_read):
        options = f"{way},{_OPTIONS},{FILE_SYSTEMS[identity.file_system]}"
        command = (*programs.mount, "-i", "-t", identity.file_system, "-o", options, identity.partition, str(point))
        try:
            run(command, seconds=_SECONDS)
        except StorageError as error:
            failed = failed or error
            with suppress(StorageError):
                unmount(programs, point, store, tidy=False)  # one that came too late would hold the medium
        else:
            return point
    _tidy(point)
    what = failed.message.replace(f"{point}: ", "") if failed else ""
    raise StorageError(store, f"could not be mounted: {what}", hint="use another medium") from failed


def _ways(file_system: str, *, only_read: bool) -> tuple[str, ...]:
    if not only_read:
        return ("rw",)
    return ("ro", _WITHOUT_JOURNAL[file_system]) if file_system in _WITHOUT_JOURNAL else ("ro",)


def unmount(programs: Programs, point: Path, store: str, *, tidy: bool = True) -> None:
    """Unmount a mount of ours and, with `tidy`, remove its folder; raises StorageError when it is in use, or the medium failed."""
    try:
        run((*programs.umount, "-i", str(point)), seconds=_SECONDS)
    except StorageError as error:
        # Somebody else, or the system after the medium was pulled, may have done it already.
        if any(mounted.point == str(point) for mounted in mounts(store)):
            what = error.message.replace(f"{point}: ", "")
            raise StorageError(
                store, f"could not be unmounted: {what}", hint="leave the folder in every terminal, then try again"
            ) from error
    if tidy:
        _tidy(point)


def sync(held: Held, store: str) -> None:
    """Write out everything that waits for the medium; raises StorageError when anything of it failed since it was mounted."""
    with told(store):
        folder = os.open(held.point, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            refuse_another(folder, held.number, store)
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.syncfs(folder) != 0:
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code))
        finally:
            os.close(folder)


def refuse_another(folder: int, number: str, store: str) -> None:
    """Refuse an open folder that is not on the device `number`, or whose device is gone; raises StorageError.

    When a medium is unmounted, its mount point is a plain folder again; when one with vfat is pulled, it looks empty.
    """
    if number_of(os.fstat(folder)) != number:
        raise StorageError(store, "is not mounted any more", hint="plug it in again; nothing was written in its place")
    if not (_BLOCK_DEVICES / number).exists():
        raise StorageError(store, "was pulled out", hint="plug it in again; what was synced before is on it")


def is_there(held: Held) -> bool:
    """Tell, without reading from it, whether the medium is plugged in and mounted where it was; never raises."""
    try:
        return (_BLOCK_DEVICES / held.number).exists() and number_of(held.point.stat()) == held.number
    except OSError:
        return False


def number_of(about: os.stat_result) -> str:
    """Return major and minor of the device that something is on."""
    return f"{os.major(about.st_dev)}:{os.minor(about.st_dev)}"


def _tidy(point: Path) -> None:
    for folder in (point, point.parent):
        with suppress(OSError):
            folder.rmdir()
