# SPDX-License-Identifier: Apache-2.0
"""The program, rehearsing with its work folder and its media each on a file system of its own, in an image. Needs root.

    python tests/peers/on_images.py FOLDER [--exfat] [--look NAME KIND STEP]... -- ceremony-arguments...

FOLDER gets `ceremony.img`, `a.img`, `b.img` and `courier.img`; with `--exfat`, the media
are exfat, as large sticks are. At each `--look`, once that record was written, every image
in FOLDER is copied as it is then, to FOLDER/NAME. Whoever starts this unmounts the
rehearsal's again: they lie over its folders.

A vfat stick is filled by mtools and only read here: outside a kernel nothing mounts vfat
well. (fusefat refuses to append to a short file, loses what is appended to one that ends
with a cluster, and knows no name in two cases.)

Needs the packages mount, e2fsprogs, dosfstools, exfatprogs, mtools and, for a kernel that
does not know exfat, exfat-fuse.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ceremony.cli.main import main
from ceremony.cli.practice import Rehearsal
from tests.peers.dying import after

MIB = 1 << 20
SIZES = {"ext4": 24 * MIB, "exfat": 24 * MIB, "vfat": 40 * MIB}
"""Of an image; that of vfat is the smallest for which mkfs.vfat is content with 32 bits, as on sticks."""
_MAKE = {"ext4": ["mkfs.ext4", "-q", "-O", "^resize_inode"], "exfat": ["mkfs.exfat"], "vfat": ["mkfs.vfat", "-F", "32"]}
_SECONDS = 60


def mount(image: Path, place: Path, kind: str = "ext4") -> None:
    """Make a fresh file system in an image, of zeros until then, and mount it."""
    make(image, kind)
    mount_again(image, place, kind)
    if kind == "ext4":
        (place / "lost+found").rmdir()


def make(image: Path, kind: str) -> None:
    """Make a fresh file system in an image, of zeros until then."""
    with image.open("xb") as file:
        file.truncate(SIZES[kind])
    _run(*_MAKE[kind], image)


def fill_vfat(image: Path, folder: Path) -> None:
    """Make a vfat stick that holds what a folder holds, written by mtools."""
    make(image, "vfat")
    _run("mcopy", "-s", "-i", image, *folder.iterdir(), "::/")


def mount_again(image: Path, place: Path, kind: str = "ext4", *, writable: bool = True) -> None:
    """Mount an image that was unmounted, by a program where the kernel does not know its kind; vfat only to be read."""
    assert kind != "vfat" or not writable
    if kind in Path("/proc/filesystems").read_text().split():
        _run("mount", "-t", kind, "-o", "loop" if writable else "loop,ro", image, place)
    elif kind == "vfat":
        there = image.with_suffix(".read")
        there.mkdir()
        _run("mcopy", "-s", "-i", image, "::/", there)
        _run("mount", "--bind", there, place)
        _run("mount", "-o", "remount,bind,ro", place)
    else:
        device = _run("losetup", "--find", "--show", *([] if writable else ["--read-only"]), image).strip()
        _run("mount.exfat-fuse", "-o", "noatime" if writable else "noatime,ro", device, place)


def unmount(place: Path, image: Path) -> None:
    """Write everything to the image, and let it go: nobody has it open any more."""
    _run("umount", place)
    until = time.monotonic() + _SECONDS
    while (devices := _devices(image)) or _is_open(image):
        if devices:
            _run("losetup", "--detach", *devices)  # done once whoever serves the file system let go, too
        assert time.monotonic() < until, f"{image} is still in use"
        time.sleep(0.01)


def unmount_rehearsal(images: Path, root: Path) -> int:
    """Unmount whatever of a rehearsal lies on images; return how much that was."""
    places = {
        "ceremony": root / "ceremony",
        "a": root / "volumes" / "a",
        "b": root / "volumes" / "b",
        "courier": root / "courier",
    }
    mounted = [name for name, place in places.items() if place.is_mount()]
    for name in mounted:
        unmount(places[name], images / f"{name}.img")
    return len(mounted)


def _devices(image: Path) -> Sequence[str]:
    """Return the loop devices over an image that do not go by themselves."""
    return _run("losetup", "--noheadings", "--output", "NAME", "--associated", image).split()


def _is_open(image: Path) -> bool:
    """Tell whether a process has a file open: what serves a file system ends after it was unmounted."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if link.readlink() == image.resolve():
                return True
        except OSError:  # closed meanwhile, or its process ended
            continue
    return False


def _run(*command: object) -> str:
    return subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True, timeout=_SECONDS).stdout


def on_images(images: Path, media: str) -> None:
    """Have the next rehearsal lie on images, its media on file systems of that kind."""
    make = Rehearsal.make

    def mounted(self: Rehearsal) -> None:
        make(self)
        mount(images / "ceremony.img", self.ceremony)
        for name, place in self.media().items():
            mount(images / f"{name}.img", place, media)

    Rehearsal.make = mounted


def look(images: Path, name: str) -> None:
    """Copy the images as they are now."""
    os.sync()
    (images / name).mkdir()
    for image in images.glob("*.img"):
        _run("cp", "--sparse=always", image, images / name / image.name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("images", type=Path)
    parser.add_argument("--exfat", dest="media", action="store_const", const="exfat", default="ext4")
    parser.add_argument("--look", dest="looks", nargs=3, action="append", default=[])
    parser.add_argument("arguments", nargs="+")
    given = parser.parse_args()
    on_images(given.images, given.media)
    for name, kind, step in given.looks:
        after(kind, step, 1, partial(look, given.images, name))
    sys.exit(main(given.arguments))
