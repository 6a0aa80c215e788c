# SPDX-License-Identifier: Apache-2.0
"""Which names a file on a removable medium may have: those that every usual file system keeps as they are.

A volume is read years later, perhaps copied to a stick of another kind, perhaps on
Windows. So one rule holds for every medium, whatever it is formatted with: that of
vfat with long names (Microsoft, "Naming Files, Paths, and Namespaces"), where letters of
either case are one name; and printable ASCII alone, for what other letters become
depends on the code page of the one who reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ceremony.core.media_rules import check_path
from ceremony.errors import StorageError

_KEPT = re.compile(r"""[A-Za-z0-9 !#$%&'()+,\-.;=@\[\]^_`{}~]{0,254}[A-Za-z0-9!#$%&'()+,\-;=@\[\]^_`{}~]""")
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9])( *\..*)?", re.IGNORECASE)


def check_portable(store: str, path: str) -> tuple[str, ...]:
    """Return the parts of a relative path as `check_path` does; raises StorageError also for what vfat cannot hold."""
    parts = check_path(store, path)
    for part in parts:
        if not _KEPT.fullmatch(part) or _DEVICES.fullmatch(part):
            raise StorageError(
                store,
                f"{path!r} is a name that vfat cannot hold",
                hint='use at most 255 letters, digits and signs of ASCII without < > : " | ? *, not ending in a dot or space, '
                "and no name of a Windows device",
            )
    return parts


def refuse_clashes(store: str, paths: Iterable[str]) -> None:
    """Refuse paths of which two are one on vfat, whole or in a folder's name; raises StorageError that names both."""
    seen: dict[tuple[str, ...], tuple[str, ...]] = {}
    for path in paths:
        parts = tuple(path.split("/"))
        for depth in range(1, len(parts) + 1):
            here = parts[:depth]
            there = seen.setdefault(tuple(part.upper() for part in here), here)
            if there != here:
                raise StorageError(
                    store,
                    f"{'/'.join(here)!r} and {'/'.join(there)!r} are one name on vfat",
                    hint="use names that differ in more than the case of their letters",
                )
