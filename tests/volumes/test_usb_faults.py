# SPDX-License-Identifier: Apache-2.0
"""USB sticks that fail, lie or go while they are written: never believed, and nothing lost that was good before."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

import pytest

from ceremony.errors import StorageError
from ceremony.volumes.usb import UsbMedia, UsbVolume
from tests.peers.usb import Hub, Stick, mounts, open_first, run

FILES = {"ceremony-1/log": b"one\n", "ceremony-1/private/root-1.age": bytes(range(256)) * 40}


# --- sticks that fail -------------------------------------------------------------------


def _faulty(hub: Hub, media: UsbMedia, mode: str) -> tuple[Stick, UsbVolume]:
    stick = hub.stick(faulty=True)
    volume = open_first(media)
    volume.write(FILES)
    volume.append("ceremony-1/log", b"two\n")
    volume.reopen()
    stick.turn(mode)
    return stick, volume


MODES = [
    pytest.param("failing", r"the device failed|it is read-only", id="every write fails"),
    pytest.param("full", r"no room left|the device failed|it is read-only", id="full"),
    pytest.param("gone", r"the device (is gone|failed)|it is read-only", id="pulled"),
    pytest.param("lying", r"reads back otherwise than it was written", id="a device that lies"),
    *(pytest.param(f"failing after {n}", r"the device failed|it is read-only", id=f"write {n + 1} fails") for n in range(1, 7)),
]


@pytest.mark.parametrize(("mode", "says"), MODES)
def test_a_bad_device_is_never_believed(hub: Hub, mode: str, says: str) -> None:
    with hub.media() as media:
        stick, volume = _faulty(hub, media, mode)
        new = {f"new/{number}": os.urandom(5000) for number in range(4)}
        with pytest.raises(StorageError, match=says) as caught:
            volume.write(new)
        assert caught.value.store == volume.name
        stick.turn("good")
        _let_go(volume)
        again = open_first(media)
        there = {name: again.read(name) for name in again.names() if not name.startswith("new/")}
        assert there == FILES | {"ceremony-1/log": b"one\ntwo\n"}, "what was good before stays good"


@pytest.mark.parametrize(("mode", "says"), MODES[:5])
def test_a_line_that_did_not_reach_the_device_is_the_last(hub: Hub, mode: str, says: str) -> None:
    with hub.media() as media:
        stick, volume = _faulty(hub, media, mode)
        with pytest.raises(StorageError, match=says):
            volume.append("ceremony-1/log", b"three\n" * 1000)
        with pytest.raises(StorageError, match="failed before and is not written to any more"):
            volume.append("ceremony-1/log", b"four\n")
        stick.turn("good")
        _let_go(volume)
        assert open_first(media).read("ceremony-1/log").startswith(b"one\ntwo\n")


def test_a_stick_that_was_pulled_is_not_there(hub: Hub) -> None:
    with hub.media() as media:
        stick, volume = _faulty(hub, media, "gone")
        with pytest.raises(StorageError):
            volume.write({"new": b"1"})
        _let_go(volume)
        hub.unplug(stick)
        assert not volume.present()
        with pytest.raises(StorageError, match="it is not plugged in"):
            volume.reopen()
        assert list(hub.run.iterdir()) == []


def _let_go(volume: UsbVolume) -> None:
    """Let a medium go that may say once more that something was lost."""
    with suppress(StorageError):
        volume.release()


def test_lets_all_go_and_then_says_what_failed(hub: Hub) -> None:
    media = hub.media()
    stick, volume = _faulty(hub, media, "good")
    hub.stick(serial="4C530002")
    other = media.open("b", media.candidates("b")[0])
    with (volume.path / "late").open("wb") as file:
        file.write(b"1" * 5000)
    stick.turn("failing")
    with pytest.raises(StorageError, match="SanDisk Ultra 4C530001: the device failed"):
        media.close()
    assert mounts(hub.run) == []
    for gone in (volume, other):
        with pytest.raises(StorageError, match="was let go"):
            gone.names()
    media.close()


def test_a_medium_that_cannot_be_looked_for_is_not_present(hub: Hub, tmp_path: Path) -> None:
    hub.stick()
    with hub.media() as media:
        volume = open_first(media)
        volume.release()
        (tmp_path / "plugged.json").write_text("junk")
        assert not volume.present()


def test_a_mount_that_is_gone_or_does_not_answer_is_no_medium(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    stick = hub.stick()
    point = hub.mount(stick.device, b"stick")
    with hub.media() as media:
        volume = open_first(media)
        real = os.statvfs

        def silent(path: str) -> os.statvfs_result:
            if str(path) == str(point):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return real(path)

        monkeypatch.setattr(os, "statvfs", silent)
        (seen,) = media.look("a")
        assert seen.trouble.startswith("it is mounted, but does not answer")
        run("umount", point)
        point.rmdir()
        assert not volume.present()
        with pytest.raises(StorageError, match="SanDisk Ultra 4C530001: it is not there"):
            volume.names()
