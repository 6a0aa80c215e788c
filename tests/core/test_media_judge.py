# SPDX-License-Identifier: Apache-2.0
"""Which devices can serve as media, and the sentence for each that cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ceremony.core.media_judge import LEAST_FREE, Found, Machine, Space, matches, media, unfit
from ceremony.core.media_lsblk import Node
from ceremony.core.media_mounts import Mount
from ceremony.core.ports import MediumIdentity

DISK = Node(
    path="/dev/sdb", number="8:16", kind="disk", size=32 << 20, removable=True, hotplug=True, read_only=False,
    transport="usb", model="SanDisk Ultra", serial="4C53", file_system="", uuid="", label="", swap=False, children=(),
)  # fmt: skip
PART = replace(
    DISK, path="/dev/sdb1", number="8:17", kind="part", size=30 << 20, transport="", model="", serial="",
    file_system="ext4", uuid="1b7f", label="BACKUP A",
)  # fmt: skip
STICK = replace(DISK, children=(PART,))
AT = Mount("8:17", "/", "/media/ada/BACKUP A", read_only=False)
ROOMY = Space(free=LEAST_FREE, writable=True)


def look(disk: Node, *mounts: Mount, space: Space | None = ROOMY, root: bool = True, only_read: bool = False) -> Sequence[Found]:
    machine = Machine([disk], mounts, ("/media", "/mnt"), lambda mount: space, may_mount=root, only_read=only_read)
    return media(machine)


def test_tells_a_stick_that_can_serve() -> None:
    ((found,), (mounted,)) = look(STICK), look(STICK, AT)
    assert found.identity == MediumIdentity(
        serial="4C53", device="/dev/sdb", model="SanDisk Ultra", size=30 << 20, free=-1, folder=False,
        partition="/dev/sdb1", file_system="ext4", uuid="1b7f", label="BACKUP A",
    )  # fmt: skip
    assert (found.number, found.mounts) == ("8:17", ())
    assert (mounted.identity.free, mounted.identity.trouble, mounted.mounts) == (LEAST_FREE, "", (AT,))


def test_a_whole_device_can_hold_the_file_system() -> None:
    (found,) = look(replace(DISK, file_system="vfat", uuid="ABCD-1234"))
    assert (found.identity.partition, found.identity.device, found.identity.trouble) == ("/dev/sdb", "/dev/sdb", "")


def test_a_disk_on_usb_that_says_it_is_fixed_can_serve() -> None:
    (found,) = look(replace(STICK, removable=False))
    assert not found.identity.trouble


def test_every_partition_is_told_with_its_device() -> None:
    box = replace(PART, path="/dev/sdb2", number="8:18", size=1024, file_system="")
    second = replace(PART, path="/dev/sdb5", number="8:21", uuid="2c8a")
    found = look(replace(DISK, children=(PART, box, second)))
    assert [(one.identity.partition, one.identity.device, one.identity.serial) for one in found] == [
        ("/dev/sdb1", "/dev/sdb", "4C53"),
        ("/dev/sdb5", "/dev/sdb", "4C53"),
    ]


NO_MEDIA = [
    pytest.param(replace(STICK, transport="nvme", removable=False, hotplug=False), id="a fixed disk"),
    pytest.param(replace(STICK, kind="loop"), id="a loop device"),
    pytest.param(replace(DISK, size=0), id="a card reader with nothing in it"),
    pytest.param(replace(DISK, kind="rom", transport="usb"), id="a drive for compact discs"),
]


@pytest.mark.parametrize("disk", NO_MEDIA)
def test_leaves_out_what_nobody_calls_a_medium(disk: Node) -> None:
    assert not look(disk)


def _on(part: Node) -> Node:
    return replace(DISK, children=(part,))


CRYPT = replace(PART, path="/dev/mapper/home", number="254:0", kind="crypt")
UNFIT = [
    pytest.param(replace(STICK, transport="sata"), (), "it is not plugged in by USB, but by sata", id="not on USB"),
    pytest.param(replace(STICK, transport=""), (), "it is not plugged in by USB", id="on a bus without a name"),
    pytest.param(_on(replace(PART, read_only=True)), (), "it is write-protected", id="write-protected"),
    pytest.param(DISK, (), "no file system is on it: format it", id="an empty device"),
    pytest.param(_on(replace(PART, file_system="")), (), "no file system is on it: format it", id="an empty partition"),
    pytest.param(
        _on(replace(PART, file_system="ntfs")), (), "its file system is ntfs; use one of exfat, ext2", id="a foreign file system"
    ),
    pytest.param(
        _on(replace(PART, file_system="crypto_LUKS", children=(CRYPT,))),
        (),
        "it is in use by /dev/mapper/home (crypt)",
        id="opened",
    ),
    pytest.param(replace(DISK, children=(CRYPT,)), (), "it is in use by /dev/mapper/home (crypt)", id="opened as a whole"),
    pytest.param(_on(replace(PART, swap=True)), (), "the running system swaps to it (/dev/sdb1)", id="swapped to"),
    pytest.param(STICK, (replace(AT, point="/"),), "the running system uses it: /dev/sdb1 is mounted at /, no", id="/"),
    pytest.param(
        STICK, (AT, replace(AT, point="/boot")), "the running system uses it: /dev/sdb1 is mounted at /boot", id="/boot"
    ),
    pytest.param(STICK, (replace(AT, point="/run/live/medium"),), "mounted at /run/live/medium", id="the stick of a live system"),
    pytest.param(
        _on(replace(PART, children=(CRYPT,))),
        (replace(AT, number="254:0", point="/home"),),
        "/dev/mapper/home is mounted at /home",
        id="deep",
    ),
    pytest.param(STICK, (replace(AT, point="/mediaeval"),), "is mounted at /mediaeval", id="a name that begins alike"),
    pytest.param(STICK, (replace(AT, point="/\x1b[2J\udcff"),), "is mounted at /?[2J?, no", id="a mount point of any bytes"),
    pytest.param(STICK, (replace(AT, read_only=True),), "it is mounted read-only at /media/ada/BACKUP A", id="read-only"),
    pytest.param(STICK, (replace(AT, root="/sub"),), "only a part of it is mounted: unmount it", id="a part of it"),
    pytest.param(replace(DISK, serial="", children=(replace(PART, uuid=""),)), (), "neither a serial nor a UUID", id="no name"),
]


@pytest.mark.parametrize(("disk", "mounts", "says"), UNFIT)
def test_says_why_a_medium_cannot_serve(disk: Node, mounts: Sequence[Mount], says: str) -> None:
    (found,) = look(disk, *mounts)
    assert says in found.identity.trouble
    assert found.identity.free == -1


def test_the_system_s_disk_is_refused_with_all_its_partitions() -> None:
    second = replace(PART, path="/dev/sdb2", number="8:18", uuid="2c8a")
    found = look(replace(DISK, children=(PART, second)), replace(AT, point="/"))
    assert ["the running system uses it" in one.identity.trouble for one in found] == [True, True]


SPACES = [
    pytest.param(Space(free=LEAST_FREE - 1, writable=True), "it is full: 262143 bytes are free", id="full"),
    pytest.param(Space(free=LEAST_FREE, writable=False), "this user may not write on it", id="no right to it"),
    pytest.param(None, "it is mounted, but does not answer", id="dead"),
]


@pytest.mark.parametrize(("space", "says"), SPACES)
def test_asks_a_mounted_medium_for_its_room(space: Space | None, says: str) -> None:
    (found,) = look(STICK, AT, space=space)
    assert says in found.identity.trouble


def test_one_who_is_not_root_is_told_how_to_mount_it() -> None:
    (found,), (mounted,) = look(STICK, root=False), look(STICK, AT, root=False)
    assert found.identity.trouble.endswith("only root can do that here: run udisksctl mount -b /dev/sdb1")
    assert not mounted.identity.trouble


def test_a_stick_without_a_serial_is_known_by_its_file_system() -> None:
    (found,) = look(replace(STICK, serial="", model=""))
    assert (found.identity.serial, found.identity.model) == ("uuid-1b7f-31457280", "USB medium")
    assert "tells no serial" in found.identity.note
    assert not found.identity.trouble


def test_a_medium_is_the_same_wherever_it_is_plugged_in() -> None:
    (first,) = look(STICK, AT)
    (again,) = look(replace(DISK, path="/dev/sdc", children=(replace(PART, path="/dev/sdc1", number="8:33"),)))
    assert matches(again.identity, first.identity)
    for other in (replace(first.identity, serial="4C54"), replace(first.identity, uuid="2c8a"), replace(first.identity, size=1)):
        assert not matches(other, first.identity)


def test_the_first_reason_stays() -> None:
    (found,) = look(replace(STICK, transport="sata"))
    assert unfit(found.identity, "another") == found.identity
    assert unfit(replace(found.identity, trouble=""), "another").trouble == "another"


# --- what is only read -----------------------------------------------------------------

READABLE = [
    pytest.param(_on(replace(PART, read_only=True)), (), ROOMY, id="write-protected"),
    pytest.param(STICK, (replace(AT, read_only=True),), Space(0, writable=False), id="mounted read-only"),
    pytest.param(STICK, (AT,), Space(0, writable=True), id="full"),
    pytest.param(STICK, (AT,), Space(LEAST_FREE, writable=False), id="no right to write it"),
]


@pytest.mark.parametrize(("disk", "mounts", "space"), READABLE)
def test_what_is_only_read_may_be_full_or_write_protected(disk: Node, mounts: Sequence[Mount], space: Space) -> None:
    (found,) = look(disk, *mounts, space=space, only_read=True)
    assert found.identity.trouble == ""
    (written,) = look(disk, *mounts, space=space)
    assert written.identity.trouble


def test_what_is_only_read_is_held_to_everything_else() -> None:
    (dead,) = look(STICK, AT, space=None, only_read=True)
    assert "does not answer" in dead.identity.trouble
    for disk in (replace(STICK, transport="sata"), DISK, _on(replace(PART, file_system="ntfs"))):
        (found,) = look(disk, only_read=True)
        assert found.identity.trouble
