# SPDX-License-Identifier: Apache-2.0
"""Where things are written: the boot medium, the work folder, room. See `machine` for what each function returns and raises.

Wanted is a system that can write nowhere but in memory. The work folder may be there too:
nothing secret is ever in the clear in it, volumes and courier hold what counts, and a power
cut then costs the time of the ceremony, never a key. On a disk it is resumed from. Which
it is people are told, and decide.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ceremony.host.machine import Seen, lines

_MEMORY = frozenset(["tmpfs", "ramfs", "rootfs", "devtmpfs"])
_RAM_DISK = ("/dev/ram", "/dev/zram")
_READ_ONLY = frozenset(["squashfs", "erofs", "iso9660", "cramfs"])
"""File systems that cannot be written, whatever their options say."""
_ELSEWHERE = frozenset(["nfs", "nfs4", "cifs", "smb3", "9p", "virtiofs", "ceph", "afs", "fuse.sshfs", "fuse.rclone"])
_NO_FILES = frozenset(
    ["autofs", "binfmt_misc", "cgroup", "cgroup2", "devpts", "fusectl", "mqueue", "nsfs", "proc", "rpc_pipefs", "sysfs"]
)
"""File systems that show what the kernel knows, and keep nothing."""
_SYSTEM = (
    *("/boot", "/etc", "/home", "/opt", "/root", "/usr", "/var"),
    *("/run/live/medium", "/run/live/persistence", "/lib/live/mount/medium", "/lib/live/mount/persistence"),
)
"""Where a system keeps what it runs, and what it remembers; at the last, what a live system began from."""
_OVERLAYS = frozenset(["overlay", "aufs"])
_OCTAL = re.compile(r"\\([0-3][0-7]{2})")


@dataclass(frozen=True, slots=True)
class _Mount:
    source: str
    point: str
    kind: str
    options: Mapping[str, str]

    @property
    def in_memory(self) -> bool:
        return self.kind in _MEMORY or self.source.startswith(_RAM_DISK)

    @property
    def read_only(self) -> bool:
        return self.kind in _READ_ONLY or "ro" in self.options

    def __str__(self) -> str:
        return self.kind if self.source in (self.kind, "none") else f"{self.kind} on {self.source}"


def boot_medium(root: Path, folder: Path, prefix: Path) -> Seen:
    """See whether the medium that this system runs from cannot be written: read-only, or beneath an overlay in memory.

    Nor may what is mounted over folders of the system, or hold this program (below `prefix`), but for the mount of the work folder.
    """
    mounts = _mounts(root)
    passed, saw = _system(mounts)
    work = _over(mounts, os.path.realpath(folder))
    judged = {mount.point: mount for mount in mounts if _of_system(mount.point)}  # of several, the last one is seen
    program = _over(mounts, os.path.realpath(prefix))
    if program.point != "/":
        judged[program.point] = program
    written = [f"{mount.point} is {mount}" for mount in judged.values() if mount != work and _written(mounts, mount)]
    if passed and written:
        return False, f"{saw}; but {', '.join(written)}, which can be written"
    return passed, saw


def _of_system(point: str) -> bool:
    return any(point == folder or point.startswith(f"{folder}/") for folder in _SYSTEM)


def _written(mounts: Sequence[_Mount], mount: _Mount) -> bool:
    """Return whether what is written there stays on a disk."""
    if mount.kind in _OVERLAYS and not mount.read_only:
        upper = _layer(mounts, mount.options["upperdir"]) if "upperdir" in mount.options else None
        return upper is None or not upper.in_memory
    return not (mount.read_only or mount.in_memory or mount.kind in _NO_FILES)


def _system(mounts: Sequence[_Mount]) -> Seen:
    here = _over(mounts, "/")
    if here.kind not in _OVERLAYS:
        if here.in_memory:
            return True, f"the whole system is in memory ({here})"
        return here.read_only, f"{here}, {'read-only' if here.read_only else 'which can be written'}"
    beneath = [_layer(mounts, path) for path in _lower(here)]
    upper = _layer(mounts, here.options["upperdir"]) if "upperdir" in here.options else None
    if not beneath or None in beneath or ("upperdir" in here.options and upper is None):
        raise ValueError("what is beneath the overlay is hidden")
    written = next((layer for layer in beneath if layer and not layer.read_only), None)
    shown = ", ".join(dict.fromkeys(map(str, beneath)))
    if written is not None:
        return False, f"an overlay over {written}, which can be written"
    if upper is not None and not upper.in_memory:
        return False, f"an overlay over {shown}, and what changes is kept: {upper}"
    return True, f"a live system: {shown}, read-only, and what changes is in memory"


def work_folder(root: Path, folder: Path) -> Seen:
    """See whether what is written to `folder`, or to the one that it will be made in, stays in this machine, and after a power cut."""
    mounts = _mounts(root)
    here: _Mount | None = _over(mounts, os.path.realpath(folder))
    if here and here.kind in _OVERLAYS:
        here = _layer(mounts, here.options["upperdir"]) if "upperdir" in here.options else None
    if here is None:
        raise ValueError("where the overlay writes is hidden")
    if here.in_memory:
        return True, f"in memory ({here}): nothing of it stays here, and after a power cut the ceremony is begun anew"
    if here.kind in _ELSEWHERE:
        return False, f"on another machine ({here})"
    return True, f"{here}: it stays there, and a power cut is resumed from"


def room(folder: Path, needed_bytes: int) -> Seen:
    """See whether `folder`, or the one it will be made in, has `needed_bytes` free."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    space = os.statvfs(there)
    free = space.f_frsize * space.f_bavail
    return free >= needed_bytes, f"{free} bytes are free, {needed_bytes} are needed"


def _mounts(root: Path) -> Sequence[_Mount]:
    found = []
    for line in lines(root / "proc/mounts"):
        source, point, kind, options = (_plain(field) for field in line.split(" ")[:4])
        found.append(_Mount(source, point, kind, dict(_option(option) for option in options.split(","))))
    return found


def _option(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _over(mounts: Sequence[_Mount], path: str) -> _Mount:
    """Return the mount that a path is on: of the longest mount points, the last one."""
    on = [mount for mount in mounts if path == mount.point or path.startswith(f"{mount.point.rstrip('/')}/")]
    if not on:
        raise ValueError("nothing is mounted there")
    return max(reversed(on), key=lambda mount: len(mount.point))


def _layer(mounts: Sequence[_Mount], path: str) -> _Mount | None:
    """Return the mount that a layer of an overlay is on; None where it is hidden, beneath that overlay or from here."""
    mount = _over(mounts, path)
    return None if mount.kind in _OVERLAYS else mount


def _lower(overlay: _Mount) -> list[str]:
    """Return the folders beneath an overlay; newer kernels name each by itself."""
    return [path for name in ("lowerdir", "lowerdir+") for path in overlay.options.get(name, "").split(":") if path]


def _plain(field: str) -> str:
    return _OCTAL.sub(lambda found: chr(int(found[1], 8)), field)
