# SPDX-License-Identifier: Apache-2.0
"""The kit's MANIFEST: what it is for, and each file of it with digest and size (docs/formats.md, The kit).

Lines of `name: value`, then for each file `sha256  size  path`, sorted bytewise by path.
Modes and times are not in it: media do not keep them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from said import KitError

NAME = "MANIFEST"
HEADER = ("format", "version", "commit", "release", "architecture", "python", "packages", "room")
_PATH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]*(/[A-Za-z0-9_][A-Za-z0-9._+~-]*)*")


def write(kit: Path, facts: Mapping[str, str]) -> str:
    """Write the manifest of every file in the kit, and return its SHA-256 in hex.

    Raises KitError for a name that not every medium takes, or two that one medium would take for one.
    """
    files = sorted(path.relative_to(kit).as_posix() for path in kit.rglob("*") if path.is_file())
    if bad := [name for name in files if not _PATH.fullmatch(name)]:
        raise KitError(f"{bad[0]!r} is no name for every medium; rename it: letters, digits, . _ + ~ -")
    if len({name.lower() for name in files}) < len(files):
        raise KitError("two files differ in nothing but capital letters; rename one")
    lines = [f"{name}: {facts[name]}" for name in HEADER]
    lines += [f"{hashlib.sha256((kit / name).read_bytes()).hexdigest()}  {size(kit / name)}  {name}" for name in files]
    text = "\n".join(lines).encode() + b"\n"
    (kit / NAME).write_bytes(text)
    return hashlib.sha256(text).hexdigest()


def size(path: Path) -> int:
    """Return how many bytes a file has."""
    return path.stat().st_size
