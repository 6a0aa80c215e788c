# SPDX-License-Identifier: Apache-2.0
"""The program, rehearsing with its work folder and its media each on a file system of its own, in an image. Needs root.

    python tests/peers/on_images.py FOLDER ceremony-arguments...

FOLDER gets `ceremony.img`, `a.img`, `b.img` and `courier.img`. Whoever starts this
unmounts them again: they lie over the folders of the rehearsal.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ceremony.cli.main import main
from ceremony.cli.practice import Rehearsal

MIB = 1 << 20
SIZE = 24 * MIB
_EXT4 = ["mkfs.ext4", "-q", "-O", "^resize_inode"]


def mount(image: Path, place: Path) -> None:
    """Make a fresh file system in an image, of zeros until then, and mount it."""
    with image.open("xb") as file:
        file.truncate(SIZE)
    for command in ([*_EXT4, image], ["mount", "-o", "loop", image, place]):
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    (place / "lost+found").rmdir()


def unmount(place: Path) -> None:
    """Write everything to the image, and let it go."""
    subprocess.run(["umount", place], check=True, capture_output=True, timeout=60)


def on_images(images: Path) -> None:
    """Have the next rehearsal lie on images."""
    make = Rehearsal.make

    def mounted(self: Rehearsal) -> None:
        make(self)
        for name, place in {"ceremony": self.ceremony, **self.media()}.items():
            mount(images / f"{name}.img", place)

    Rehearsal.make = mounted


if __name__ == "__main__":
    on_images(Path(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
