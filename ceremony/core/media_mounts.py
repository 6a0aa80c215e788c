# SPDX-License-Identifier: Apache-2.0
"""What is mounted where: `/proc/self/mountinfo` (proc(5)) as values.

The kernel writes a line for each mount; space, tab, newline and backslash within a name
are written in octal, everything else as it is, UTF-8 or not. So a mount point is any
bytes but NUL, and is kept as Python keeps the names of files (PEP 383).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ceremony.errors import StorageError

_OCTAL = re.compile(rb"\\([0-3][0-7]{2})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount of a block device."""

    number: str
    """Major and minor of the device, as in `8:17`."""
    root: str
    """Which folder of the file system is seen there; `/` is all of it."""
    point: str
    """The folder where it is mounted; surrogates stand for bytes that are not UTF-8."""
    read_only: bool
    """This mount, or the whole file system."""


def parse(mountinfo: bytes) -> tuple[Mount, ...]:
    """Return all mounts, in the kernel's order; raises StorageError for a line of another form."""
    return tuple(_mount(line) for line in mountinfo.split(b"\n") if line)


def _mount(line: bytes) -> Mount:
    fields, dash, rest = line.partition(b" - ")
    head, tail = fields.split(b" "), rest.split(b" ")
    if not dash or len(head) < 6 or len(tail) < 3:
        raise StorageError("mountinfo", "has a line that is not understood", hint="this needs Linux, with /proc mounted")
    flags = head[5].split(b",") + tail[2].split(b",")
    return Mount(head[2].decode("ascii", "replace"), _name(head[3]), _name(head[4]), b"ro" in flags)


def _name(field: bytes) -> str:
    plain = _OCTAL.sub(lambda found: bytes([int(found[1], 8)]), field)
    return plain.decode("utf-8", "surrogateescape")
