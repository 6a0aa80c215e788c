# SPDX-License-Identifier: Apache-2.0
"""USB sticks that cannot serve, or not side by side, each with the reason; on real block devices."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ceremony.core.media_rules import refuse_shared_devices
from ceremony.errors import StorageError
from tests.peers.usb import Hub, open_first, run

FILES = {"ceremony-1/log": b"one\n", "ceremony-1/private/root-1.age": bytes(range(256)) * 40}


def _trouble(hub: Hub, role: str = "a") -> str:
    with hub.media() as media:
        (seen,) = media.look(role)
        assert list(media.candidates(role)) == ([] if seen.trouble else [seen])
        return seen.trouble


# --- those that cannot ----------------------------------------------------------------


def _full(hub: Hub) -> None:
    point = hub.mount(hub.stick().file_system, b"stick")
    with (point / "big").open("wb", buffering=0) as file:
        size = 1 << 20
        while size > 512:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2


REFUSED: list[object] = [
    pytest.param(lambda hub: hub.stick(read_only=True, ro=True), "it is write-protected", id="write-protected"),
    pytest.param(lambda hub: hub.mount(hub.stick().device, b"x", "ro"), "it is mounted read-only at ", id="mounted read-only"),
    pytest.param(_full, r"it is full: \d+ bytes are free", id="full"),
    pytest.param(lambda hub: hub.stick(file_systems=[]), "no file system is on it", id="no file system"),
    pytest.param(lambda hub: hub.stick(file_systems=["swap"]), "its file system is swap; use one of", id="swap space"),
    pytest.param(lambda hub: hub.stick(tran="sata"), "it is not plugged in by USB, but by sata", id="a disk inside"),
]


@pytest.mark.parametrize(("make", "says"), REFUSED)
def test_says_beside_it_why_a_medium_cannot_serve(hub: Hub, make: Callable[[Hub], object], says: str) -> None:
    make(hub)
    with hub.media() as media:
        (seen,) = media.look("a")
        with pytest.raises(StorageError, match=f"SanDisk Ultra 4C530001: cannot serve: {says}") as caught:
            media.open("a", seen)
    assert caught.value.store == "SanDisk Ultra 4C530001"
    assert list(hub.run.iterdir()) == []


def test_a_medium_of_the_running_system_is_refused(hub: Hub, tmp_path: Path) -> None:
    stick = hub.stick()
    (tmp_path / "boot").mkdir()
    run("mount", stick.file_system, tmp_path / "boot")
    assert f"the running system uses it: {stick.device} is mounted at {tmp_path}/boot" in _trouble(hub)


def test_who_is_not_root_is_told_how_to_mount_it(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    stick = hub.stick()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert _trouble(hub).endswith(f"run udisksctl mount -b {stick.device}")
    hub.mount(stick.file_system, b"stick")
    assert _trouble(hub) == ""


def test_refuses_two_partitions_of_one_device(hub: Hub) -> None:
    stick = hub.stick(file_systems=["ext4", "ext4"], mib=32)
    with hub.media() as media:
        one, two = media.candidates("a")
        assert (one.device, one.serial) == (two.device, two.serial) == (stick.device, "4C530001")
        with pytest.raises(StorageError, match="b: is on the same device as a"):
            refuse_shared_devices({"a": one, "b": two})
        media.open("a", one)
        for seen in media.look("b"):
            assert seen.trouble == f"it is on the same device as volume a ({stick.device}, serial 4C530001)"
        with pytest.raises(StorageError, match="cannot serve: it is on the same device as volume a"):
            media.open("b", two)


def test_refuses_the_same_stick_twice(hub: Hub) -> None:
    hub.stick()
    with hub.media() as media:
        volume = open_first(media)
        with pytest.raises(StorageError, match="cannot serve: it is on the same device as volume a"):
            media.open("b", volume.identity)
        volume.write(FILES)


def test_two_sticks_that_tell_one_serial_are_taken_for_one(hub: Hub) -> None:
    hub.stick(serial="0123456789ABCDEF")
    hub.stick(serial="0123456789ABCDEF")
    with hub.media() as media:
        open_first(media)
        assert list(media.candidates("b")) == []


def test_refuses_to_guess_between_copies(hub: Hub) -> None:
    stick = hub.stick(serial=None)
    with hub.media() as media:
        (seen,) = media.candidates("a")
        assert seen.serial == f"uuid-{seen.uuid}-{16 << 20}"
        assert "tells no serial" in seen.note
        twin = hub.clone(stick)
        with pytest.raises(StorageError, match=f"{stick.device} and {twin.device} cannot be told apart"):
            media.open("a", seen)
        hub.unplug(twin)
        media.open("a", seen).write(FILES)


def test_refuses_a_medium_that_went_before_it_was_opened(hub: Hub) -> None:
    stick = hub.stick()
    with hub.media() as media:
        (seen,) = media.candidates("a")
        hub.unplug(stick)
        with pytest.raises(StorageError, match="it is not plugged in"):
            media.open("a", seen)


# --- names that vfat would change -----------------------------------------------------------


def test_notices_that_a_name_stands_there_in_other_letters(hub: Hub) -> None:
    hub.stick(file_systems=["exfat"])
    with hub.media() as media:
        volume = open_first(media)
        volume.write({"Folder/File": b"1"})
        calls: list[Callable[[], object]] = [
            lambda: volume.write({"folder/other": b"2"}),
            lambda: volume.set_aside("Folder/File", "FOLDER/aside"),
        ]
        for call in calls:
            with pytest.raises(StorageError, match="its name stands there in other letters"):
                call()
        with pytest.raises(StorageError, match="its name stands there in other letters"):
            volume.append("Folder/FILE", b"2")
        assert list(volume.names()) == ["Folder/File"]
        fresh = media.open("a", volume.identity)
        with pytest.raises(StorageError, match="it exists already"):
            fresh.write({"Folder/FILE": b"2"})
        fresh.append("Folder/File", b"2")
        assert fresh.read("Folder/File") == b"12"


def test_refuses_names_that_vfat_cannot_hold_before_anything_is_written(hub: Hub) -> None:
    hub.stick()
    with hub.media() as media:
        volume = open_first(media)
        calls: list[Callable[[], object]] = [
            lambda: volume.write({"a": b"", "reg.example:5000/app": b""}),
            lambda: volume.write_stream("a?", [b""]),
            lambda: volume.append("nul", b""),
        ]
        for call in calls:
            with pytest.raises(StorageError, match="is a name that vfat cannot hold"):
                call()
        with pytest.raises(StorageError, match="'A' and 'a' are one name on vfat"):
            volume.write({"a": b"", "A": b""})
        assert list(volume.names()) == []
