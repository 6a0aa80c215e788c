# SPDX-License-Identifier: Apache-2.0
"""What Linux tells of this machine through /proc, /sys and /run, one question a function.

Each returns whether the answer is good and what was seen, and raises OSError, ValueError
or IndexError when it could not be seen; what to think of that is for `preflight`. `root`
is the root of the machine, another folder in tests. Here is what stands alone; by theme:
`machine_namespaces`, `machine_network`, `machine_memory`, `machine_time`, `machine_people`,
`machine_readers`, `machine_spies`, `machine_disk`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

Seen = tuple[bool, str]

_SECURE_BOOT = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_DMI = ("sys_vendor", "product_name", "bios_vendor", "bios_version", "bios_date")


def entropy(root: Path) -> Seen:
    """See whether the kernel's generator was seeded: whether it gives without waiting (getrandom(2))."""
    estimate = text(root / "proc/sys/kernel/random/entropy_avail")
    try:
        os.getrandom(1, os.GRND_NONBLOCK)
    except BlockingIOError:
        return False, f"not seeded yet, {estimate} bits"
    return True, f"seeded, {estimate} bits"


def kernel(root: Path) -> Seen:
    """See which kernel runs, and whether it is locked down, where it tells."""
    lockdown = root / "sys/kernel/security/lockdown"
    chosen = [word.strip("[]") for word in text(lockdown).split() if word.startswith("[")] if lockdown.is_file() else []
    return True, text(root / "proc/version") + (f"; lockdown: {chosen[0]}" if chosen else "")


def firmware(root: Path) -> Seen:
    """See maker, model and firmware, and whether secure boot is on, where it tells."""
    folder, board = root / "sys/class/dmi/id", root / "sys/firmware/devicetree/base/model"
    if not folder.is_dir() and board.is_file():
        return True, text(board).rstrip("\0")
    known = [told for name in _DMI if (folder / name).is_file() and (told := text(folder / name))]
    if not known:
        raise ValueError("the firmware tells neither maker nor version")
    variable = root / _SECURE_BOOT
    # Four bytes of attributes come before the value.
    on = {b"\1": "on", b"\0": "off"}.get(variable.read_bytes()[4:], "not known") if variable.is_file() else "not known"
    return True, f"{', '.join(known)}; secure boot: {on}"


def processes(root: Path) -> Iterator[Path]:
    """Yield the folder of every process below `root`/proc; raises ValueError where those of other people are hidden."""
    if not (root / "proc/1").is_dir():
        raise ValueError("the processes of others are hidden")
    yield from (folder for folder in sorted((root / "proc").iterdir()) if folder.name.isdecimal())


def command(process: Path) -> str:
    """Return the name of a process's program, at most 15 characters; empty for one that has ended."""
    try:
        return text(process / "comm")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def listed(folder: Path) -> list[str]:
    """Return the names in a folder, sorted."""
    return sorted(entry.name for entry in folder.iterdir())


def text(path: Path) -> str:
    """Return what a small file says, without the white space around it; bytes that are no UTF-8 are replaced."""
    return path.read_text(encoding="utf-8", errors="replace").strip()


def lines(path: Path) -> list[str]:
    """Return the lines of a file."""
    return path.read_text(encoding="utf-8", errors="replace").splitlines()
