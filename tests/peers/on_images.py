# SPDX-License-Identifier: Apache-2.0
"""The program, rehearsing with its work folder and its media each on a file system of its own, in an image. Needs root.

    python tests/peers/on_images.py FOLDER [--vfat] [--look NAME KIND STEP]... -- ceremony-arguments...

FOLDER gets `ceremony.img`, `a.img`, `b.img` and `courier.img`; with `--vfat`, the media
are vfat, as sticks are. At each `--look`, once that record was written, every image in
FOLDER is copied as it is then, to FOLDER/NAME. Whoever starts this unmounts the
rehearsal's again: they lie over its folders.

Needs the packages mount, e2fsprogs, dosfstools and, for a kernel that does not know vfat, fusefat.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from ceremony.cli.main import main
from ceremony.cli.practice import Rehearsal
from tests.peers.dying import after

MIB = 1 << 20
SIZES = {"ext4": 24 * MIB, "vfat": 40 * MIB}
"""Of an image; the smallest for which mkfs.vfat is content with 32 bits, as on sticks."""
_MAKE = {"ext4": ["mkfs.ext4", "-q", "-O", "^resize_inode"], "vfat": ["mkfs.vfat", "-F", "32"]}
_SECONDS = 60


def mount(image: Path, place: Path, kind: str = "ext4") -> None:
    """Make a fresh file system in an image, of zeros until then, and mount it."""
    with image.open("xb") as file:
        file.truncate(SIZES[kind])
    _run(*_MAKE[kind], image)
    mount_again(image, place, kind)
    if kind == "ext4":
        (place / "lost+found").rmdir()


def mount_again(image: Path, place: Path, kind: str = "ext4", *, writable: bool = True) -> None:
    """Mount an image that was unmounted; vfat by a program where the kernel does not know it."""
    if kind == "vfat" and "vfat" not in Path("/proc/filesystems").read_text().split():
        # Its own process, which would keep our streams open, says only how the disk is laid out.
        _run("fusefat", image, place, "-o", "rw+" if writable else "ro", quiet=True)
        return
    _run("mount", "-o", "loop" if writable else "loop,ro", image, place)


def unmount(place: Path, image: Path) -> None:
    """Write everything to the image, and let it go: nobody has it open any more."""
    _run("umount", place)
    until = time.monotonic() + _SECONDS
    while _is_open(image):
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


def _is_open(image: Path) -> bool:
    """Tell whether a process has a file open: what serves a file system ends after it was unmounted."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if link.readlink() == image.resolve():
                return True
        except OSError:  # closed meanwhile, or its process ended
            continue
    return False


def _run(*command: object, quiet: bool = False) -> None:
    streams = subprocess.DEVNULL if quiet else None
    subprocess.run(
        list(map(str, command)), check=True, capture_output=not quiet, stdout=streams, stderr=streams, timeout=_SECONDS
    )


def on_images(images: Path, media: str) -> None:
    """Have the next rehearsal lie on images, its media on file systems of that kind."""
    make = Rehearsal.make

    def mounted(self: Rehearsal) -> None:
        make(self)
        mount(images / "ceremony.img", self.ceremony)
        for name, place in self.media().items():
            mount(images / f"{name}.img", place, media)

    Rehearsal.make = mounted
    if media == "vfat":
        tell_room()


def tell_room() -> None:
    """Have the room on a file system told by its size where what serves it tells nothing, as fusefat does."""
    statvfs = os.statvfs

    def told(path: os.PathLike[str] | str | int) -> os.statvfs_result:
        about = statvfs(path)
        if about.f_blocks:
            return about
        blocks = SIZES["vfat"] // about.f_bsize
        return os.statvfs_result((about.f_bsize, about.f_bsize, blocks, blocks, blocks, *about[5:]))

    os.statvfs = told


def look(images: Path, name: str) -> None:
    """Copy the images as they are now."""
    os.sync()
    (images / name).mkdir()
    for image in images.glob("*.img"):
        _run("cp", "--sparse=always", image, images / name / image.name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("images", type=Path)
    parser.add_argument("--vfat", dest="media", action="store_const", const="vfat", default="ext4")
    parser.add_argument("--look", dest="looks", nargs=3, action="append", default=[])
    parser.add_argument("arguments", nargs="+")
    given = parser.parse_args()
    on_images(given.images, given.media)
    for name, kind, step in given.looks:
        after(kind, step, 1, partial(look, given.images, name))
    sys.exit(main(given.arguments))
