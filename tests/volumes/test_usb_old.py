# SPDX-License-Identifier: Apache-2.0
"""An old volume, on real block devices: it is only read, so it may be full or write-protected, and not a byte of it changes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ceremony.errors import StorageError
from tests.peers.usb import Hub, Stick, mounts, open_first, run

FILES = {"ceremony-1/log": b"one\n", "ceremony-1/private/root-1.age": bytes(range(256)) * 40}


def _filled(hub: Hub, **kind: object) -> Stick:
    """Return a stick that a ceremony left years ago."""
    stick = hub.stick(**kind)  # type: ignore[arg-type]  # passed on
    with hub.media() as media:
        open_first(media).write(FILES)
    return stick


def _digest(stick: Stick) -> str:
    return hashlib.sha256(stick.image.read_bytes()).hexdigest()


def _reads(hub: Hub) -> None:
    with hub.media() as media:
        volume = open_first(media, "old")
        assert {name: volume.read(name) for name in volume.names()} == FILES
        volume.reopen()
        assert volume.read("ceremony-1/log") == b"one\n"
        (line,) = mounts(hub.run)
        assert {"ro", "nosuid", "nodev", "noexec"} <= set(line.split()[5].split(","))
        with pytest.raises(StorageError, match=f"{volume.name}: .*it is read-only"):
            volume.write({"new": b""})
    assert list(hub.run.iterdir()) == []


def test_an_old_volume_is_mounted_read_only_and_not_a_byte_of_it_changes(hub: Hub) -> None:
    stick = _filled(hub)
    before = _digest(stick)
    _reads(hub)
    assert _digest(stick) == before


def test_a_write_protected_stick_is_read(hub: Hub) -> None:
    stick = _filled(hub)
    hub.unplug(stick)
    stick.read_only, stick.says = True, stick.says | {"ro": True}
    hub.plug(stick)
    with hub.media() as media:
        assert [seen.trouble for seen in media.look("a")] == ["it is write-protected"]
    _reads(hub)


def test_a_write_protected_stick_that_was_pulled_while_it_was_mounted_is_read_all_the_same(hub: Hub) -> None:
    """Its journal cannot be played back: what it says is read as it lies there, and compared with the log's digests."""
    stick = _filled(hub)
    point = hub.mount(stick.device, b"stick")
    run("sync", "-f", point)
    dirty = hub._folder / "pulled.img"  # the bytes that a stick holds that is pulled now
    run("cp", "--sparse=always", stick.image, dirty)
    hub.unplug(stick)
    stick.image, stick.read_only, stick.says = dirty, True, stick.says | {"ro": True}
    hub.plug(stick)
    assert "needs_recovery" in run("dumpe2fs", "-h", stick.device)
    before = _digest(stick)
    _reads(hub)
    assert _digest(stick) == before


def test_a_full_stick_is_read(hub: Hub) -> None:
    stick = _filled(hub)
    point = hub.mount(stick.device, b"stick")
    with (point / "big").open("wb", buffering=0) as file:
        size = 1 << 20
        while size > 512:
            try:
                file.write(bytes(size))
            except OSError:
                size //= 2
    with hub.media() as media:
        assert [seen.trouble[:10] for seen in media.look("a")] == ["it is full"]
        assert open_first(media, "old").read("ceremony-1/log") == b"one\n"
    assert mounts(hub.places) != [], "what somebody else mounted is left to them"


def test_what_is_mounted_read_only_is_read_where_it_is(hub: Hub) -> None:
    stick = _filled(hub)
    hub.mount(stick.device, b"stick", "ro")
    with hub.media() as media:
        assert open_first(media, "old").read("ceremony-1/log") == b"one\n"
    assert len(mounts(hub.places)) == 1


def test_a_broken_file_system_is_said_of_an_old_volume_too(hub: Hub) -> None:
    stick = hub.stick()
    with Path(stick.device).open("r+b") as device:
        device.seek(1024 + 0x60)  # what the file system needs of the kernel: everything
        device.write(b"\xff\xff\xff\xff")
    with hub.media() as media, pytest.raises(StorageError, match=r"4C530001: (could not be mounted|cannot serve)"):
        media.open("old", media.look("old")[0])
    assert list(hub.run.iterdir()) == []


def test_the_old_volume_is_offered_for_nothing_else_though_it_was_let_go(hub: Hub) -> None:
    stick = _filled(hub)
    with hub.media() as media:
        old = open_first(media, "old")
        for _ in range(2):
            (seen,) = media.look("b")
            assert seen.trouble == f"it is on the same device as the old volume ({stick.device}, serial 4C530001)"
            old.release()
        assert mounts(hub.run) == []
        assert [seen.trouble for seen in media.look("old")] == [""]
