# SPDX-License-Identifier: Apache-2.0
"""Which of a machine's block devices can serve as a medium, and why the others cannot.

A medium is one file system on a device that is plugged in by USB: a partition, or the
whole device where it has none. Nothing that the running system lies on is ever one:
a device is the system's when any part of it is mounted elsewhere than where removable
media are (a live system's own stick is mounted at /run/live/medium), or is swapped to.

A device is known by its serial. Cheap sticks tell none, or all the same: without one,
the file system's UUID and its size stand in; two media that share a serial count as
one device, so that at worst a good stick is refused, never one stick taken for two.

Pure: what `media_lsblk` and `media_mounts` read goes in; opening is for `ceremony.volumes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ceremony.core.media_lsblk import Node, shown
from ceremony.core.media_mounts import Mount
from ceremony.core.ports import MediumIdentity

LEAST_FREE: Final = 256 * 1024
"""Bytes that a medium has free at the very least: a log with its first records fits."""

PLACES: Final = ("/media", "/run/media", "/mnt")
"""The folders in or at which removable media are mounted (FHS 3.0, sections 3.11 and 3.12; udisks)."""

FILE_SYSTEMS: Final = {
    "vfat": "utf8,umask=0077,errors=remount-ro",
    "exfat": "iocharset=utf8,umask=0077,errors=remount-ro",
    "ext2": "errors=remount-ro",
    "ext3": "errors=remount-ro",
    "ext4": "errors=remount-ro",
}
"""The file systems that can serve, and the options of mount(8) that are theirs: names in UTF-8, nothing written after an error."""


@dataclass(frozen=True, slots=True)
class Space:
    """What a mounted file system says of itself to this user."""

    free: int
    """Bytes that this user may still write."""
    writable: bool
    """This user may write in its first folder."""


@dataclass(frozen=True, slots=True)
class Found:
    """A medium that is plugged in, and where all of it is mounted: nowhere, or, with a desktop that is quick, at two places."""

    identity: MediumIdentity
    number: str
    mounts: tuple[Mount, ...]


@dataclass(frozen=True, slots=True)
class Machine:
    """What a judgement is made from."""

    devices: Sequence[Node]
    mounts: Sequence[Mount]
    places: Sequence[str]
    """Where removable media are mounted; what is mounted elsewhere is the system's."""
    space: Callable[[Mount], Space | None]
    """How to ask a mounted file system for its room, None when it does not answer; asked only of what could serve."""
    may_mount: bool
    """We are root, and mount what is not mounted."""
    only_read: bool = False
    """What is sought is only read: one that is full or write-protected serves as well."""


def media(machine: Machine) -> tuple[Found, ...]:
    """Return every file system, or device without one, that looks removable, each with the reason why it cannot serve."""
    return tuple(found for disk in machine.devices if _looks_removable(disk) for found in _of_disk(machine, disk))


def matches(found: MediumIdentity, wanted: MediumIdentity) -> bool:
    """Tell whether `found` is the very medium `wanted`, wherever it is plugged in now."""
    return (found.serial, found.uuid, found.size) == (wanted.serial, wanted.uuid, wanted.size)


def _looks_removable(disk: Node) -> bool:
    """Leave out what nobody would call a medium: fixed disks, loops, and card readers with nothing in them."""
    return disk.kind == "disk" and disk.size > 0 and (disk.transport == "usb" or disk.removable or disk.hotplug)


def _of_disk(machine: Machine, disk: Node) -> Iterator[Found]:
    by_number: dict[str, list[Mount]] = {}
    for one in machine.mounts:
        by_number.setdefault(one.number, []).append(one)
    common = _why_not_disk(machine, disk, by_number)
    for node in _file_systems(disk):
        mounts = by_number.get(node.number, [])
        whole = tuple(mount for mount in mounts if mount.root == "/")
        trouble = common or _why_not_node(machine, node) or _why_not_mounts(machine, node, mounts)
        free = -1
        if whole and not trouble:
            space = machine.space(whole[0])
            free, trouble = space.free if space else -1, _why_not_space(machine, space)
        yield Found(_identity(disk, node, free, trouble), node.number, whole)


def _file_systems(disk: Node) -> Sequence[Node]:
    """The partitions that could hold files; the device itself when it has no partitions."""
    parts = [node for node in disk.children if node.kind == "part"]
    # An extended partition of the old kind is a box of 1 KiB for others.
    return [node for node in parts if node.size > 1024] or [disk]


def _identity(disk: Node, node: Node, free: int, trouble: str) -> MediumIdentity:
    serial, note = disk.serial, ""
    if not serial and node.uuid:
        serial = f"uuid-{node.uuid}-{node.size}"
        note = "it tells no serial: it is known by the UUID and size of its file system, which a copy would share"
    elif not serial and not trouble:
        trouble = "it tells neither a serial nor a UUID, so it could not be told from another"
    return MediumIdentity(
        serial=serial, device=disk.path, model=disk.model or "USB medium", size=node.size, free=free, folder=False,
        partition=node.path, file_system=node.file_system, uuid=node.uuid, label=node.label, note=note, trouble=trouble,
    )  # fmt: skip


# --- why not ------------------------------------------------------------------


def _why_not_disk(machine: Machine, disk: Node, by_number: Mapping[str, Sequence[Mount]]) -> str:
    for node in disk.family():
        if node.swap:
            return f"the running system swaps to it ({node.path})"
        for mount in by_number.get(node.number, []):
            if not _in_place(mount.point, machine.places):
                return f"the running system uses it: {node.path} is mounted at {shown(mount.point)}, no place for removable media"
    if disk.transport != "usb":
        return "it is not plugged in by USB" + (f", but by {disk.transport}" if disk.transport else "")
    return ""


def _in_place(point: str, places: Sequence[str]) -> bool:
    return any(point == place or point.startswith(f"{place}/") for place in places)


def _why_not_node(machine: Machine, node: Node) -> str:
    if node.read_only and not machine.only_read:
        return "it is write-protected"
    # The partitions of a whole device are no users of it; they would have been judged instead of it.
    users = [child for child in node.children if child.kind != "part"]
    if users:
        return f"it is in use by {users[0].path} ({users[0].kind})"
    if not node.file_system:
        return "no file system is on it: format it as ext4 or FAT32 first"
    if node.file_system not in FILE_SYSTEMS:
        return f"its file system is {node.file_system}; use one of {', '.join(sorted(FILE_SYSTEMS))}"
    return ""


def _why_not_mounts(machine: Machine, node: Node, mounts: Sequence[Mount]) -> str:
    if not mounts:
        how = f"it is not mounted, and only root can do that here: run udisksctl mount -b {node.path}"
        return "" if machine.may_mount else how
    if all(mount.root != "/" for mount in mounts):
        return "only a part of it is mounted: unmount it"
    if any(mount.read_only for mount in mounts) and not machine.only_read:
        return f"it is mounted read-only at {shown(mounts[0].point)}"
    return ""


def _why_not_space(machine: Machine, space: Space | None) -> str:
    if space is None:
        return "it is mounted, but does not answer: unmount it, and plug it in again"
    if machine.only_read:
        return ""
    if not space.writable:
        return "this user may not write on it"
    if space.free < LEAST_FREE:
        return f"it is full: {space.free} bytes are free"
    return ""


def unfit(identity: MediumIdentity, trouble: str) -> MediumIdentity:
    """Return `identity` with a reason why it cannot serve, unless it has one already."""
    return identity if identity.trouble else replace(identity, trouble=trouble)
