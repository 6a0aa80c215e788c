# SPDX-License-Identifier: Apache-2.0
"""A disk that fails on demand: a FUSE server (kernel's fuse.h, version 7.31) in a process of its own, without any library.

It shows one file, `disk`, whose bytes are those of an image; a loop device over it is a
block device with a real file system, whose reads and writes do what `control` says:

    good            as asked
    failing         every write says EIO
    full            every write says ENOSPC
    gone            every read and write says ENODEV
    lying           writes say yes, and are forgotten
    MODE after N    MODE from the N-th next write or sync on

    python faulty_disk.py IMAGE FOLDER CONTROL     # serves until FOLDER is unmounted
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from pathlib import Path

_LOOKUP, _FORGET, _GETATTR, _SETATTR, _OPEN, _READ, _WRITE, _STATFS, _RELEASE = 1, 2, 3, 4, 14, 15, 16, 17, 18
_FSYNC, _FLUSH, _INIT, _INTERRUPT, _DESTROY, _BATCH_FORGET = 20, 25, 26, 36, 38, 42
_SILENT = {_FORGET, _BATCH_FORGET, _INTERRUPT}
_DIRECT = 1  # FOPEN_DIRECT_IO: every read of the loop device comes here, none ends in the kernel's cache
_NOSUID_NODEV = 6
_ROOT, _DISK = 1, 2
_LARGEST = 128 * 1024
_FAILS = {"failing": errno.EIO, "full": errno.ENOSPC, "gone": errno.ENODEV}


class Disk:
    """The image, and what its reads and writes do now."""

    def __init__(self, image: Path, control: Path) -> None:
        self._fd = os.open(image, os.O_RDWR)
        self.size = os.fstat(self._fd).st_size
        self._control = control
        self._said = ""
        self._left = 0

    def _mode(self, *, counts: bool) -> str:
        said = self._control.read_text().strip()
        mode, _, after = said.partition(" after ")
        if said != self._said:
            self._said, self._left = said, int(after or "1")
        if counts and self._left > 0:
            self._left -= 1
        return "good" if self._left > 0 else mode

    def read(self, offset: int, size: int) -> bytes:
        if self._mode(counts=False) == "gone":
            raise OSError(errno.ENODEV, "gone")
        return os.pread(self._fd, size, offset)

    def write(self, offset: int, data: bytes) -> None:
        mode = self._mode(counts=True)
        if mode in _FAILS:
            raise OSError(_FAILS[mode], mode)
        if mode != "lying":
            os.pwrite(self._fd, data, offset)

    def sync(self) -> None:
        mode = self._mode(counts=True)
        if mode in _FAILS:
            raise OSError(_FAILS[mode], mode)


def main(image: str, folder: str, control: str, *, disk: type[Disk] = Disk) -> None:
    fuse = os.open("/dev/fuse", os.O_RDWR)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    if libc.mount(b"faulty", os.fsencode(folder), b"fuse", _NOSUID_NODEV, options) != 0:
        raise OSError(ctypes.get_errno(), "mount")
    served = disk(Path(image), Path(control))
    while True:
        try:
            request = os.read(fuse, _LARGEST + 4096)
        except OSError as error:
            if error.errno == errno.ENODEV:
                return  # unmounted
            if error.errno in {errno.EINTR, errno.ENOENT}:
                continue
            raise
        _, opcode, unique, node = struct.unpack_from("<IIQQ", request)
        try:
            code, answer = 0, _answer(served, opcode, node, request[40:])
        except OSError as error:
            code, answer = -(error.errno or errno.EIO), b""
        if opcode not in _SILENT:
            os.write(fuse, struct.pack("<IiQ", 16 + len(answer), code, unique) + answer)


def _answer(disk: Disk, opcode: int, node: int, body: bytes) -> bytes:
    if opcode not in _ANSWERS:
        raise OSError(errno.ENOSYS, "not needed")
    return _ANSWERS[opcode](disk, node, body)


def _init(disk: Disk, node: int, body: bytes) -> bytes:
    return struct.pack("<IIIIHHIIHHI28x", 7, 31, 0, 0, 16, 12, _LARGEST, 1, _LARGEST // 4096, 0, 0)


def _lookup(disk: Disk, node: int, body: bytes) -> bytes:
    if node != _ROOT or body.rstrip(b"\0") != b"disk":
        raise OSError(errno.ENOENT, "none")
    return struct.pack("<QQQQII", _DISK, 0, 3600, 3600, 0, 0) + _about(disk, _DISK)


def _attributes(disk: Disk, node: int, body: bytes) -> bytes:
    return struct.pack("<QII", 3600, 0, 0) + _about(disk, node)


def _open(disk: Disk, node: int, body: bytes) -> bytes:
    return struct.pack("<QII", 0, _DIRECT, 0)


def _read(disk: Disk, node: int, body: bytes) -> bytes:
    _, offset, size = struct.unpack_from("<QQI", body)
    return disk.read(offset, size)


def _write(disk: Disk, node: int, body: bytes) -> bytes:
    _, offset, size = struct.unpack_from("<QQI", body)
    disk.write(offset, body[40 : 40 + size])
    return struct.pack("<II", size, 0)


def _statfs(disk: Disk, node: int, body: bytes) -> bytes:
    return struct.pack("<QQQQQIIII24x", 0, 0, 0, 0, 0, 4096, 255, 4096, 0)


def _fsync(disk: Disk, node: int, body: bytes) -> bytes:
    disk.sync()
    return b""


def _nothing(disk: Disk, node: int, body: bytes) -> bytes:
    return b""


def _about(disk: Disk, node: int) -> bytes:
    mode, size = (0o100600, disk.size) if node == _DISK else (0o40700, 0)
    return struct.pack("<QQQQQQIIIIIIIIII", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


_ANSWERS = {
    _INIT: _init, _LOOKUP: _lookup, _GETATTR: _attributes, _SETATTR: _attributes, _OPEN: _open, _READ: _read,
    _WRITE: _write, _STATFS: _statfs, _FSYNC: _fsync,
} | dict.fromkeys((_FLUSH, _RELEASE, _DESTROY, *_SILENT), _nothing)  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
