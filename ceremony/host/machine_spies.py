# SPDX-License-Identifier: Apache-2.0
"""Whether anything logs what passes between this program and a card. See `machine` for what each function returns and raises.

The variables of this program are its own to see. The card reader's driver runs in pcscd, and
logs by what pcscd was started with; only root can see its variables, and production wants root
anyway (`machine_namespaces`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from ceremony.core.machine_checks import SPIES
from ceremony.host.machine import Seen, command, processes
from ceremony.host.machine_readers import PCSCD

_LOGS = ("--apdu", "--debug")
_LOGS_SHORT = re.compile("-[^-ctsr]*[ad]")
"""-a or -d among others; what follows c, t, s or r is the value of that one."""


def spies(root: Path, environ: Mapping[str, str]) -> Seen:
    """See whether none of `SPIES` is set, here or in pcscd, and pcscd does not log what passes; values are not shown."""
    here = [name for name in SPIES if name in environ]
    there = list(dict.fromkeys(found for one in processes(root) if command(one) == PCSCD for found in _of_pcscd(one)))
    told = [f"set: {', '.join(here)}"] if here else []
    told += [f"pcscd was started with {', '.join(there)}"] if there else []
    return not told, "; ".join(told) or "none is set"


def _of_pcscd(process: Path) -> Iterator[str]:
    """Yield the variables and options by which a pcscd logs, as far as they can be read."""
    names = {entry.partition("=")[0] for entry in _entries(process / "environ")}
    yield from (name for name in SPIES if name in names)
    yield from filter(_logs, _entries(process / "cmdline")[1:])


def _entries(file: Path) -> list[str]:
    try:
        return file.read_bytes().decode("utf-8", "replace").split("\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return []


def _logs(argument: str) -> bool:
    # Programs take the beginning of a long option for the whole.
    if argument.startswith("--"):
        return len(argument) > len("--") and any(option.startswith(argument) for option in _LOGS)
    return bool(_LOGS_SHORT.match(argument))
