# SPDX-License-Identifier: Apache-2.0
"""Keep secrets out of swap and core dumps: for this process, from the moment of the call.

Locked pages and PR_SET_DUMPABLE end with the process and are not passed on to
programs that it starts; RLIMIT_CORE is. Nothing here raises: what did not work is
what `preflight` reports.
"""

from __future__ import annotations

import ctypes
import re
import resource
from dataclasses import dataclass
from pathlib import Path

_MCL_CURRENT = 1
_MCL_FUTURE = 2
_MCL_ONFAULT = 4
"""Lock pages when they are first used (Linux 4.4), so that stacks and arenas stay as small as they are."""
_PR_GET_DUMPABLE = 3
_PR_SET_DUMPABLE = 4
_CAP_IPC_LOCK = 14


@dataclass(frozen=True, slots=True)
class Protection:
    """What keeps this process's memory to itself."""

    locked: bool
    """Every page, now and later, stays out of swap."""
    not_dumpable: bool
    """The kernel writes no core of this process, to no file or pipe, and no other user's debugger may attach."""
    no_core_files: bool
    """RLIMIT_CORE is 0, here and in programs started from here."""


UNPROTECTED = Protection(locked=False, not_dumpable=False, no_core_files=False)


def protect() -> Protection:
    """Lock this process's memory and forbid core dumps; return what worked."""
    libc = ctypes.CDLL(None, use_errno=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    return Protection(
        locked=_may_lock_all() and libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT) == 0,
        not_dumpable=libc.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) == 0,
        no_core_files=resource.getrlimit(resource.RLIMIT_CORE) == (0, 0),
    )


def _may_lock_all(status: Path = Path("/proc/self/status")) -> bool:
    """Tell whether no limit holds: under a finite one, allocations after mlockall(2) would fail, so nothing is locked then."""
    unlimited = resource.RLIM_INFINITY
    try:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (unlimited, unlimited))
    except (ValueError, OSError):
        # The limit stays, and binds whoever lacks CAP_IPC_LOCK.
        return _capable(status)
    return True


def _capable(status: Path) -> bool:
    try:
        found = re.search(r"^CapEff:\s*([0-9a-f]+)$", status.read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        return False
    return found is not None and bool(int(found[1], 16) >> _CAP_IPC_LOCK & 1)
