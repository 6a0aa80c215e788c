# SPDX-License-Identifier: Apache-2.0
"""A disk as slow as a plain USB 2 stick, for the benchmarks; and a hub whose faulty sticks are such disks. Needs root.

python bench_stick.py IMAGE FOLDER CONTROL      # as tests/peers/faulty_disk.py, by the hub
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))

from tests.peers import faulty_disk
from tests.peers.usb import Hub

WRITE, READ = 10_000_000, 30_000_000
"""Bytes a second."""
SYNC = 0.005
"""Seconds a sync."""


class SlowDisk(faulty_disk.Disk):
    """An image whose reads, writes and syncs take their time."""

    def read(self, offset: int, size: int) -> bytes:
        time.sleep(size / READ)
        return super().read(offset, size)

    def write(self, offset: int, data: bytes) -> None:
        time.sleep(len(data) / WRITE)
        super().write(offset, data)

    def sync(self) -> None:
        time.sleep(SYNC)
        super().sync()


class SlowHub(Hub):
    """A hub whose faulty sticks are slow instead."""

    disk = Path(__file__).resolve()


if __name__ == "__main__":
    faulty_disk.main(*sys.argv[1:], disk=SlowDisk)
