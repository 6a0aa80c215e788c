# SPDX-License-Identifier: Apache-2.0
"""One device for two of the three media: refused by the step that asks for them, with a faked `lsblk` and with real block devices."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ceremony.core.plan import Mode
from ceremony.core.ports import Media, Option
from ceremony.errors import StorageError
from ceremony.steps import volumes
from ceremony.volumes.media import FolderMedia
from ceremony.volumes.programs import Programs
from ceremony.volumes.usb import UsbMedia
from tests.fakes.room import Ceremony
from tests.fakes.token import fake_rack
from tests.peers.usb import Hub, mounts

FACTS: dict[str, Any] = {
    "name": "x", "rm": True, "ro": False, "hotplug": True, "tran": None, "vendor": None, "model": None, "serial": None,
    "fstype": None, "uuid": None, "label": None, "mountpoint": None,
}  # fmt: skip


def stick(letter: str, serial: str, *partitions: str) -> dict[str, Any]:
    """Return a stick as lsblk tells it, with these file systems on a partition each."""
    minor = (ord(letter) - ord("a")) * 16
    children = [
        {**FACTS, "path": f"/dev/sd{letter}{n}", "maj:min": f"8:{minor + n}", "type": "part", "size": 15 << 30}
        | {"fstype": kind, "uuid": f"{serial}-{n}", "label": f"PART {n}"}
        for n, kind in enumerate(partitions, start=1)
    ]
    about = {"path": f"/dev/sd{letter}", "maj:min": f"8:{minor}", "type": "disk", "size": 32 << 30, "children": children}
    return {**FACTS, **about, "tran": "usb", "vendor": "SanDisk ", "model": "Ultra", "serial": serial}


def faked(folder: Path, *sticks: dict[str, Any]) -> UsbMedia:
    """Return media over a machine with these sticks; nothing can be mounted, and that is never tried."""
    answer = folder / "lsblk.json"
    answer.write_text(json.dumps({"blockdevices": list(sticks)}))
    return UsbMedia(Programs(lsblk=("/bin/sh", "-c", f"cat '{answer}'"), mount=("/bin/false",), umount=("/bin/false",)))


def asked(
    media: Media, monkeypatch: pytest.MonkeyPatch, mode: Mode = Mode.PRODUCTION, **answers: str
) -> tuple[str, Sequence[Option]]:
    """Hold the step; return why it failed, and what stood on the screen when people were last asked to put something in."""
    monkeypatch.setattr("os.geteuid", lambda: 0)
    ceremony = Ceremony(mode=mode, media=media, rack=fake_rack("root-a", software=mode is Mode.PRACTICE))
    ceremony.operator.answers |= {f"medium:{role}": key for role, key in answers.items()}
    room = ceremony.begin()
    with pytest.raises(StorageError) as caught:
        volumes.run(room)
    assert room.volumes == {}
    waits = [asked for asked in ceremony.operator.asked if asked.method == "until"]
    return str(caught.value.message), waits[-1].options if waits else ()


# --- with a faked lsblk ---------------------------------------------------------------


def test_two_partitions_of_one_device_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    media = faked(tmp_path, stick("b", "4C530001", "vfat", "ext4"))
    why, shown = asked(media, monkeypatch, a="4C530001//dev/sdb2")
    assert why == "volume b: no medium that could serve is here"
    trouble = "it is on the same device as volume a (/dev/sdb, serial 4C530001)"
    assert [(option.label, option.trouble) for option in shown] == [("SanDisk Ultra, serial 4C530001", trouble)] * 2
    assert [option.detail for option in shown] == [
        "16.1 GB, vfat, label 'PART 1', /dev/sdb1",
        "16.1 GB, ext4, label 'PART 2', /dev/sdb2",
    ]


@pytest.mark.parametrize(("number", "other"), [(1, "volume b"), (2, "volume a")])
def test_the_courier_is_no_partition_of_a_volume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, other: str
) -> None:
    two, one = ("vfat", "vfat"), ("vfat",)
    first, second = (two, one) if number == 2 else (one, two)
    media = faked(tmp_path, stick("b", "4C530001", *first), stick("c", "4C530002", *second))
    answers = {"a": "4C530001//dev/sdb1", "b": "4C530002//dev/sdc1"}
    why, shown = asked(media, monkeypatch, **answers)
    assert why == "the courier: no medium that could serve is here"
    assert sorted(option.trouble.partition(" (")[0] for option in shown) == sorted(
        ["it is on the same device as volume a", "it is on the same device as volume b", f"it is on the same device as {other}"]
    )


def test_two_sticks_that_tell_one_serial_are_one_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    media = faked(tmp_path, stick("b", "0123456789ABCDEF", "vfat"), stick("c", "0123456789ABCDEF", "vfat"))
    why, _ = asked(media, monkeypatch, a="0123456789ABCDEF//dev/sdb1")
    assert why == "volume b: no medium that could serve is here"


# --- with real block devices ------------------------------------------------------------


def test_two_partitions_of_a_real_device_are_refused_and_nothing_is_mounted(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    one = hub.stick(file_systems=["ext4", "ext4"], mib=32)
    with hub.media() as media:
        why, shown = asked(media, monkeypatch, a=f"4C530001/{one.partitions[0]}")
    assert why == "volume b: no medium that could serve is here"
    assert [option.trouble for option in shown] == [f"it is on the same device as volume a ({one.device}, serial 4C530001)"] * 2
    assert mounts(hub.run) == []


def test_the_courier_is_no_real_device_that_is_a_volume(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = hub.stick(), hub.stick(serial="4C530002", file_systems=["ext4", "ext4"], mib=32)
    with hub.media() as media:
        answers = {"a": f"4C530001/{one.device}", "b": f"4C530002/{two.partitions[0]}"}
        why, shown = asked(media, monkeypatch, **answers)
        assert why == "the courier: no medium that could serve is here"
        assert {option.trouble for option in shown} == {
            f"it is on the same device as volume a ({one.device}, serial 4C530001)",
            f"it is on the same device as volume b ({two.device}, serial 4C530002)",
        }
        identity = next(seen for seen in media.look("b") if seen.partition == two.partitions[0])
        media.open("b", identity)
        for role in ("a", "courier"):
            with pytest.raises(StorageError, match="cannot serve: it is on the same device as volume b"):
                media.open(role, replace(identity, partition=two.partitions[1]))


def test_a_volume_is_not_offered_what_is_the_courier(hub: Hub) -> None:
    stick = hub.stick()
    with hub.media() as media:
        media.open("courier", media.candidates("courier")[0])
        (seen,) = media.look("a")
        assert seen.trouble == f"it is on the same device as the courier ({stick.device}, serial 4C530001)"


# --- folders ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "other", "place"), [("b", "a", "a"), ("courier", "a", "a"), ("courier", "b", "b"), ("b", "a", "a/inside")]
)
def test_one_folder_twice_is_refused_under_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str, other: str, place: str
) -> None:
    folders = {name: tmp_path / name for name in ("a", "b", "courier")}
    for folder in folders.values():
        (folder / "inside").mkdir(parents=True)
    (tmp_path / "another name").symlink_to(tmp_path / place)
    media = FolderMedia(folders | {role: tmp_path / "another name"})
    why, _ = asked(media, monkeypatch, mode=Mode.PRACTICE)
    assert why.startswith(f"{role}: is on the same device as {other} (")
