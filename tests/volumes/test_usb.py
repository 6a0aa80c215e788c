# SPDX-License-Identifier: Apache-2.0
"""USB sticks, on real block devices: found, mounted, let go and found again."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ceremony.core.media_judge import LEAST_FREE
from ceremony.errors import StorageError
from ceremony.volumes import mounting
from ceremony.volumes.usb import UsbMedia
from tests.peers.usb import Hub, mounts, open_first, run

FILES = {"ceremony-1/log": b"one\n", "ceremony-1/private/root-1.age": bytes(range(256)) * 40}


# --- those that can serve -----------------------------------------------------------


def test_tells_a_stick_as_it_is(hub: Hub) -> None:
    stick = hub.stick(label="BACKUP A", partitioned=True, serial=" 4C530001\x1b ")
    with hub.media() as media:
        (seen,) = media.look("a")
    assert (seen.serial, seen.model, seen.label, seen.file_system) == ("4C530001?", "SanDisk Ultra", "BACKUP A", "ext4")
    assert (seen.device, seen.partition) == (stick.device, stick.partitions[0])
    assert (seen.size, seen.free, seen.folder, seen.trouble) == (15 << 20, -1, False, "")


FORMATS = [
    pytest.param("ext4", True, id="a partition of ext4"),
    pytest.param("ext4", False, id="ext4 on the whole device"),
    pytest.param("exfat", True, id="a partition of exfat"),
]


@pytest.mark.parametrize(("file_system", "partitioned"), FORMATS)
def test_what_was_written_is_there_after_it_was_let_go(hub: Hub, file_system: str, partitioned: bool) -> None:
    hub.stick(file_systems=[file_system], partitioned=partitioned)
    with hub.media() as media:
        volume = open_first(media)
        assert volume.identity.free > LEAST_FREE
        volume.write(FILES)
        volume.append("ceremony-1/log", b"two\n")
        volume.reopen()
        assert {name: volume.read(name) for name in volume.names()} == FILES | {"ceremony-1/log": b"one\ntwo\n"}
        volume.append("ceremony-1/log", b"three\n")
        assert volume.read("ceremony-1/log") == b"one\ntwo\nthree\n"


def test_mounts_for_root_alone_and_leaves_nothing_behind(hub: Hub) -> None:
    hub.stick()
    with hub.media() as media:
        volume = open_first(media)
        (line,) = mounts(hub.run)
        assert {"rw", "nosuid", "nodev", "noexec", "noatime"} <= set(line.split()[5].split(","))
        assert volume.path.parent.stat().st_mode & 0o777 == 0o700
        assert volume.path.parent.parent == hub.run
        assert volume.name == "SanDisk Ultra 4C530001"
    assert mounts(hub.run) == []
    assert list(hub.run.iterdir()) == []


def test_can_be_pulled_and_put_back_elsewhere(hub: Hub) -> None:
    stick = hub.stick()
    with hub.media() as media:
        volume = open_first(media)
        volume.write(FILES)
        volume.release()
        assert volume.present()
        with pytest.raises(StorageError, match="SanDisk Ultra 4C530001: was let go"):
            volume.read("ceremony-1/log")
        hub.unplug(stick)
        assert not volume.present()
        with pytest.raises(StorageError, match="SanDisk Ultra 4C530001: it is not plugged in"):
            volume.reopen()
        hub.stick(serial="other")
        with pytest.raises(StorageError, match="it is not plugged in, but SanDisk Ultra other") as caught:
            volume.reopen()
        assert caught.value.hint == "plug this very medium in"
        hub.plug(stick)
        volume.reopen()
        assert volume.present()
        assert volume.identity.device == stick.device
        assert volume.read("ceremony-1/log") == b"one\n"


def test_coming_and_going_is_noticed_by_the_next_look(hub: Hub) -> None:
    stick = hub.stick()
    with hub.media() as media:
        volume = open_first(media)
        volume.release()
        for change, there in ((hub.unplug, False), (hub.plug, True)):
            change(stick)
            assert volume.present() is there
            assert [seen.serial for seen in media.candidates("a")] == ["4C530001"] * there


def test_the_machine_is_looked_at_in_far_less_than_a_second() -> None:
    with UsbMedia() as media:
        took = []
        for _ in range(5):
            began = time.monotonic()
            media.look("a")
            took.append(time.monotonic() - began)
    assert min(took) < 0.25


def test_takes_over_what_a_killed_program_left_mounted(hub: Hub) -> None:
    hub.stick()
    killed = hub.media()
    point = open_first(killed).path
    with hub.media() as media:
        volume = open_first(media)
        assert volume.path == point
        volume.reopen()
        volume.write(FILES)
    assert list(hub.run.iterdir()) == []


def test_opens_the_same_medium_again_for_the_same_role(hub: Hub) -> None:
    hub.stick()
    with hub.media() as media:
        first, second = open_first(media), open_first(media)
        assert first.path == second.path
        second.write(FILES)


def test_lets_the_first_medium_go_when_another_takes_its_role(hub: Hub) -> None:
    first, _ = hub.stick(), hub.stick(serial="4C530002")
    with hub.media() as media:
        one, two = media.candidates("a")
        media.open("a", one)
        media.open("a", two)
        assert len(mounts(hub.run)) == 1
        hub.unplug(first)


# --- mounted by somebody else --------------------------------------------------------

NAMES = [b"BACKUP A", b"new\nline\ttab", b"back\\slash \\040", b"\xff\xfe", "ü $(reboot) ; '\"".encode(), b"-o", b"rw - ext4 x"]


@pytest.mark.parametrize("name", NAMES)
def test_uses_what_is_mounted_whatever_the_name_and_leaves_it_mounted(hub: Hub, name: bytes) -> None:
    stick = hub.stick()
    point = hub.mount(stick.file_system, name)
    with hub.media() as media:
        volume = open_first(media)
        volume.write(FILES)
        volume.reopen()
        assert volume.read("ceremony-1/log") == b"one\n"
        assert volume.present()
        assert volume.name.isprintable()
        volume.release()
        assert volume.present()
    assert (point / "ceremony-1/log").read_bytes() == b"one\n"
    assert list(hub.run.iterdir()) == []


def test_the_disks_of_this_machine_are_no_media(hub: Hub) -> None:
    with hub.media() as media:
        assert list(media.look("a")) == []


def test_goes_on_with_its_own_mount_when_the_desktop_mounts_too(hub: Hub) -> None:
    stick = hub.stick()
    with hub.media() as media:
        volume = open_first(media)
        point = hub.mount(stick.device, b"stick")
        volume.reopen()
        assert volume.path == point
        volume.write(FILES)
    assert (point / "ceremony-1/log").exists()
    assert list(hub.run.iterdir()) == []


# --- what mount does -------------------------------------------------------------------


def test_a_broken_file_system_is_said_and_leaves_nothing(hub: Hub) -> None:
    stick = hub.stick()
    with Path(stick.device).open("r+b") as device:
        device.seek(4096)  # after the superblock: the descriptors of the groups, and the root folder
        device.write(bytes(1 << 20))
    with (
        hub.media() as media,
        pytest.raises(StorageError, match=r"SanDisk Ultra 4C530001: could not be mounted: .*corrupt") as caught,
    ):
        open_first(media)
    assert caught.value.hint == "use another medium"
    assert list(hub.run.iterdir()) == []


def test_takes_nothing_but_what_it_looked_at(hub: Hub, tmp_path: Path) -> None:
    hub.stick()
    other = hub.stick(serial="other")
    swapped = tmp_path / "mount"
    swapped.write_text(f'#!/bin/sh\nfor point; do :; done\nexec mount {other.device} "$point"\n')
    swapped.chmod(0o755)
    with hub.media(replace(hub.programs, mount=(str(swapped),))) as media:
        (seen,) = (one for one in media.candidates("a") if one.serial == "4C530001")
        with pytest.raises(StorageError, match="is not mounted there"):
            media.open("a", seen)
    assert mounts(hub.run) == []


def test_says_that_a_medium_is_in_use_when_it_should_go(hub: Hub) -> None:
    hub.stick()
    with hub.media() as media:
        volume = open_first(media)
        volume.write(FILES)
        with (volume.path / "ceremony-1/log").open(), pytest.raises(StorageError, match=r"could not be unmounted: .*busy"):
            volume.reopen()
        volume.reopen()
        assert volume.read("ceremony-1/log") == b"one\n"


def test_never_writes_where_a_medium_was(hub: Hub) -> None:
    hub.stick()
    with hub.media() as media:
        volume = open_first(media)
        run("umount", volume.path)
        assert not volume.present()
        for call in (
            lambda: volume.write(FILES),
            lambda: volume.write_stream("a", [b""]),
            lambda: volume.exists("a"),
            volume.names,
            lambda: volume.append("log", b""),
        ):
            with pytest.raises(StorageError, match="SanDisk Ultra 4C530001: is not mounted any more"):
                call()
        assert list(volume.path.iterdir()) == []
        volume.path.rmdir()
        volume.path.parent.rmdir()
        fresh = open_first(media)
        fresh.write(FILES)


def test_a_stick_that_was_pulled_is_never_taken_for_an_empty_one(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.stick()
    with hub.media() as media:
        volume = open_first(media)
        volume.write(FILES)
        with monkeypatch.context() as patched:
            # A loop device cannot be pulled: this is where the kernel no longer names what was.
            patched.setattr(mounting, "_BLOCK_DEVICES", tmp_path)
            calls: list[Callable[[], object]] = [volume.names, lambda: volume.exists("a"), lambda: volume.write({"a": b""})]
            for call in calls:
                with pytest.raises(StorageError, match="SanDisk Ultra 4C530001: was pulled out"):
                    call()
            assert not volume.present()
        assert volume.present()
