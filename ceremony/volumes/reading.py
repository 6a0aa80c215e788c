# SPDX-License-Identifier: Apache-2.0
"""Read a file's bytes from the device, not from what the kernel remembers of them.

The page cache is told to forget them first (posix_fadvise). Where `direct` is asked
for and the file system can, they are read past it altogether (O_DIRECT, open(2)):
pages that another mount or program holds are not forgotten.
"""

from __future__ import annotations

import errno
import mmap
import os
from collections.abc import Iterator

from ceremony.volumes.tree import Parts, Tree, regular

_BLOCK = 1 << 20


def blocks(tree: Tree, parts: Parts, *, direct: bool = False, start: int = 0) -> Iterator[bytes]:
    """Yield the bytes of a file from `start` to its end; raises OSError."""
    if direct:
        try:
            yield from _past_the_cache(tree, parts, start)
        except OSError as error:
            # A file system that cannot says so when the file is opened, or at the first read: nothing was yielded yet.
            if error.errno != errno.EINVAL:
                raise
        else:
            return
    yield from _after_forgetting(tree, parts, start)


def _past_the_cache(tree: Tree, parts: Parts, start: int) -> Iterator[bytes]:
    fd = regular(tree.open(parts, os.O_RDONLY | os.O_DIRECT))
    try:
        size, at = os.fstat(fd).st_size, _down(start)
        with mmap.mmap(-1, min(_BLOCK, _down(size - at) + mmap.PAGESIZE)) as buffer:
            while at < size and (count := os.preadv(fd, [buffer], at)):
                yield buffer[max(start - at, 0) : count]
                at += count
    finally:
        os.close(fd)


def _after_forgetting(tree: Tree, parts: Parts, start: int) -> Iterator[bytes]:
    fd = regular(tree.open(parts, os.O_RDONLY))
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        left = os.fstat(fd).st_size - os.lseek(fd, start, os.SEEK_SET)
        # Not more than is there: what is left over of a buffer that was too large leaves the memory in splinters.
        while block := os.read(fd, min(max(left, 0) + 1, _BLOCK)):
            yield block
    finally:
        os.close(fd)


def _down(length: int) -> int:
    """Return the multiple of a page at or below `length`: O_DIRECT takes no other offsets and sizes."""
    return max(length, 0) // mmap.PAGESIZE * mmap.PAGESIZE
