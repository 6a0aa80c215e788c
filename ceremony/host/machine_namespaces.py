# SPDX-License-Identifier: Apache-2.0
"""Whether this program sees the machine itself, and not the inside of a container, which shows no network that the machine is on.

Linux gives processes and networks in namespaces. The first one of processes bears a number
that the kernel fixes; the first one of networks is that of process 1, which only root may ask.
"""

from __future__ import annotations

from pathlib import Path

from ceremony.errors import CeremonyError

_FIRST_OF_PROCESSES = "pid:[4026531836]"
"""PROC_PID_INIT_INO in linux/proc_ns.h: the same on every machine."""
_HINT = "begin again as root, outside of every container, on the machine itself"


def processes_are_all(root: Path) -> None:
    """Hold that every process of the machine can be seen; raises CeremonyError in a container, OSError where it cannot be told."""
    if str((root / "proc/self/ns/pid").readlink()) != _FIRST_OF_PROCESSES:
        raise CeremonyError("a container shows not every process of this machine", hint=_HINT)


def network_is_whole(root: Path) -> None:
    """Hold that the network seen is the machine's; raises CeremonyError when it is a container's, or nobody but root can tell."""
    processes_are_all(root)
    mine = (root / "proc/self/ns/net").readlink()
    try:
        first = (root / "proc/1/ns/net").readlink()
    except OSError:
        raise CeremonyError("nobody but root is told whether this is the whole network of this machine", hint=_HINT) from None
    if mine != first:
        raise CeremonyError("a container shows not every network of this machine", hint=_HINT)
