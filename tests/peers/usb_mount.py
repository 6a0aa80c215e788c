# SPDX-License-Identifier: Apache-2.0
"""`mount` on a machine whose kernel knows exfat: where this one does not, exfat-fuse does, on the same block device.

exfat stands for its older sister vfat, which nothing outside a kernel writes well: the same
rules for names, no case, no journal, no owners.

    python usb_mount.py -i -t TYPE -o OPTIONS DEVICE FOLDER
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main(arguments: list[str]) -> None:
    device, folder = arguments[-2:]
    known = {line.split()[-1] for line in Path("/proc/filesystems").read_text().splitlines()}
    if "exfat" in known or arguments[arguments.index("-t") + 1] != "exfat":
        os.execvp("mount", ["mount", *arguments])
    os.execvp("mount.exfat-fuse", ["mount.exfat-fuse", "-o", "nosuid,nodev,noexec,noatime", device, folder])


if __name__ == "__main__":
    main(sys.argv[1:])
