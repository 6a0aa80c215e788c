# SPDX-License-Identifier: Apache-2.0
"""What Linux tells of this machine through /proc and /sys, one question a function.

Each returns whether the answer is good and what was seen, and raises OSError, ValueError
or IndexError when it could not be seen; what to think of that is for `preflight`. `root`
is the root of the machine, another folder in tests.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

Seen = tuple[bool, str]

CLOCK_TOLERANCE = 5.0
"""Seconds that the hardware clock and the system clock may differ: the first ticks in whole ones."""

SPIES = (
    "PKCS11SPY",  # OpenSC's spy module, which logs PINs
    "PKCS11SPY_OUTPUT",
    "PKCS11_LOGGER_LIBRARY_PATH",  # pkcs11-logger
    "PKCS11_LOGGER_LOG_FILE_PATH",
    "PKCS11_LOGGER_FLAGS",
    "PKCS11_PROXY_SOCKET",
    "P11_KIT_DEBUG",
    "OPENSC_DEBUG",
    "YKCS11_DBG",
    "YKPIV_DBG",
    "LIBCCID_ifdLogLevel",  # the card reader's driver logs every command
    "LD_PRELOAD",  # any library may be put between
    "LD_AUDIT",
)
"""Variables that let a library beside or below a token's module see or log PINs."""

_IFF_UP = 1
_DOWN = ("down", "notpresent", "lowerlayerdown")


def interfaces(root: Path) -> Seen:
    """See whether any network interface but `lo` is up."""
    up = []
    for interface in sorted((root / "sys/class/net").iterdir()):
        if interface.name == "lo" or not interface.is_dir():
            continue
        flags = int(_text(interface / "flags"), 16)
        state = _text(interface / "operstate")
        if flags & _IFF_UP or state not in (*_DOWN, "unknown"):
            up.append(f"{interface.name} ({state})")
    return not up, f"up: {', '.join(up)}" if up else "no interface is up but lo"


def routes(root: Path) -> Seen:
    """See whether there is any route but through `lo`."""
    found = {line.split()[0] for line in _lines(root / "proc/net/route")[1:]}
    # A kernel without IPv6 has no such file, and no such routes.
    ipv6 = root / "proc/net/ipv6_route"
    found |= {line.split()[-1] for line in _lines(ipv6)} if ipv6.exists() else set()
    found.discard("lo")
    return not found, f"routes through {', '.join(sorted(found))}" if found else "no route but through lo"


def radios(root: Path) -> Seen:
    """See whether every radio is blocked; radios that nobody can block count as on."""
    classes = {entry.name for entry in (root / "sys/class").iterdir()}
    radios = sorted((root / "sys/class/rfkill").iterdir()) if "rfkill" in classes else []
    on = [
        f"{_text(radio / 'type')} {_text(radio / 'name')}"
        for radio in radios
        if "1" not in (_text(radio / "soft"), _text(radio / "hard"))
    ]
    if not radios:
        unblockable = ("ieee80211", "bluetooth")
        on = [name for kind in unblockable if kind in classes for name in _listed(root / "sys/class" / kind)]
    if on:
        return False, f"on: {', '.join(on)}"
    return True, f"{len(radios)} radios, all blocked" if radios else "no radio"


def swap(root: Path) -> Seen:
    """See whether nothing is swapped to."""
    used = [line.split()[0] for line in _lines(root / "proc/swaps")[1:]]
    return not used, f"swap on {', '.join(used)}" if used else "no swap"


def core_pattern(root: Path) -> Seen:
    """See whether core dumps go to files, which RLIMIT_CORE forbids, and not to a program, which it does not."""
    pattern = _text(root / "proc/sys/kernel/core_pattern")
    return not pattern.startswith("|"), f"pattern {pattern}"


def locked_kilobytes(root: Path) -> Seen:
    """See how much of this process's memory is locked."""
    for line in _lines(root / "proc/self/status"):
        if line.startswith("VmLck:"):
            kilobytes = int(line.split()[1])
            return kilobytes > 0, f"{kilobytes} kB locked"
    raise ValueError("no line VmLck")


def entropy(root: Path) -> Seen:
    """See whether the kernel's generator was seeded: whether it gives without waiting (getrandom(2))."""
    estimate = _text(root / "proc/sys/kernel/random/entropy_avail")
    try:
        os.getrandom(1, os.GRND_NONBLOCK)
    except BlockingIOError:
        return False, f"not seeded yet, {estimate} bits"
    return True, f"seeded, {estimate} bits"


def clocks(root: Path, now: datetime) -> Seen:
    """See whether the hardware clock agrees with `now`, which the system clock says."""
    hardware = int(_text(root / "sys/class/rtc/rtc0/since_epoch"))
    apart = abs(hardware - now.timestamp())
    return apart <= CLOCK_TOLERANCE, f"the hardware clock is {apart:.0f} seconds apart from {now:%Y-%m-%d %H:%M:%S} UTC"


def spies(environ: Mapping[str, str]) -> Seen:
    """See whether none of `SPIES` is set; values are not shown."""
    found = [name for name in SPIES if name in environ]
    return not found, f"set: {', '.join(found)}" if found else "none is set"


def room(folder: Path, needed_bytes: int) -> Seen:
    """See whether `folder`, or the one it will be made in, has `needed_bytes` free."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    space = os.statvfs(there)
    free = space.f_frsize * space.f_bavail
    return free >= needed_bytes, f"{free} bytes are free, {needed_bytes} are needed"


def _listed(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def _text(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()
