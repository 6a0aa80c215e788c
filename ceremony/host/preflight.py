# SPDX-License-Identifier: Apache-2.0
"""Is this machine fit for a ceremony? `ports.Host`: every check of `core.machine_checks`, in that order.

A check never raises: what cannot be seen did not pass. What a failed check means is for
the step to say: a warning in practice; in production the end, unless the plan waives it.
"""

from __future__ import annotations

import os
import re
import struct
import sys
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from ceremony.core.machine_checks import MATTERS
from ceremony.core.port_values import AIR_GAP
from ceremony.core.ports import Check, Clock, ToolFacts
from ceremony.errors import CeremonyError
from ceremony.host import (
    machine,
    machine_disk,
    machine_memory,
    machine_namespaces,
    machine_network,
    machine_people,
    machine_readers,
    machine_spies,
    machine_time,
    tool,
)
from ceremony.host.machine import Seen
from ceremony.host.memory import Protection

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_LONGEST = 400
"""Characters of what was seen that a record keeps."""

_GAPS: Mapping[str, Callable[[Path], Seen]] = {
    "network": machine_network.interfaces,
    "routes": machine_network.routes,
    "radios": machine_network.radios,
    "bluetooth": machine_network.bluetooth,
}
"""The ways out of this machine: what the air gap is made of."""
_WHOLE: Mapping[str, Callable[[Path], None]] = {
    **dict.fromkeys((*_GAPS, "readers"), machine_namespaces.network_is_whole),
    **dict.fromkeys(("sessions", "debugger"), machine_namespaces.processes_are_all),
}
"""What has to hold before a check means anything: inside a container all of these would pass."""


class SystemHost:
    """`ports.Host` over this Linux machine.

    `work` is where the ceremony folder is or will be; `protection` is what
    `memory.protect` returned; `root` is the root of the machine, `environ` its environment (this
    process's own by default), `uid` the user who runs this.
    """

    def __init__(
        self,
        work: Path,
        *,
        clock: Clock,
        protection: Protection,
        root: Path = Path("/"),
        environ: Mapping[str, str] | None = None,
        package: Path = tool.PACKAGE,
        uid: int | None = None,
    ) -> None:
        self._work = work
        self._clock = clock
        self._protection = protection
        self._root = root
        self._environ = os.environ if environ is None else environ
        self._package = package
        self._uid = os.getuid() if uid is None else uid

    def preflight(self, needed_bytes: int) -> Sequence[Check]:
        """Look at the machine; `needed_bytes` is the room that the ceremony needs. Never raises."""
        root = self._root
        looks: dict[str, Callable[[], Seen]] = {
            **{name: partial(look, root) for name, look in _GAPS.items()},
            "swap": partial(machine_memory.swap, root),
            "hibernation": partial(machine_memory.hibernation, root),
            "sleep": partial(machine_memory.sleep, root),
            "core dumps": self._core_dumps,
            "ptrace": partial(machine_memory.ptrace, root),
            "debugger": partial(machine_memory.debugger, root),
            "memory": self._memory,
            "entropy": partial(machine.entropy, root),
            "clocks": lambda: machine_time.clocks(root, self._clock.utc()),
            "time": lambda: machine_time.time(self._clock.utc()),
            "time zone": lambda: machine_time.zone(root, self._environ, self._clock.utc()),
            "sessions": partial(machine_people.sessions, root, self._uid),
            "readers": partial(machine_readers.readers, root),
            "program": self._program,
            "spies": partial(machine_spies.spies, root, self._environ),
            "kernel": partial(machine.kernel, root),
            "firmware": partial(machine.firmware, root),
            "boot medium": partial(machine_disk.boot_medium, root, self._work, Path(sys.prefix)),
            "work folder": partial(machine_disk.work_folder, root, self._work),
            "room": partial(machine_disk.room, self._work, needed_bytes),
        }
        return [_check(root, name, looks[name]) for name in MATTERS]

    def air_gap(self) -> Check:
        """Look whether the machine is cut off now: interfaces, routes, radios, Bluetooth. Never raises."""
        checks = [_check(self._root, name, partial(look, self._root)) for name, look in _GAPS.items()]
        open_to = [check for check in checks if not check.passed]
        saw = ", ".join(dict.fromkeys(check.saw for check in open_to)) or "cut off from every network"
        first = open_to[0] if open_to else Check(AIR_GAP, passed=True, saw=saw, hint="")
        return Check(AIR_GAP, not open_to, saw, first.hint, first.why)

    def tool(self) -> ToolFacts:
        """Return version and digest of the program."""
        return tool.tool(self._package)

    def _core_dumps(self) -> Seen:
        files, pattern = machine_memory.core_pattern(self._root)
        mine = self._protection.not_dumpable and self._protection.no_core_files
        return files and mine, f"{'forbidden' if mine else 'not forbidden'} for this program, {pattern}"

    def _memory(self) -> Seen:
        some, kilobytes = machine_memory.locked_kilobytes(self._root)
        return some and self._protection.locked, kilobytes

    def _program(self) -> Seen:
        digest = self.tool().sha256
        listed = tool.released()
        if not listed:
            return False, f"sha256 {digest}; a checkout, which lists none of its files"
        different = tool.differences(tool.digests(self._package), listed)
        if different:
            return False, f"sha256 {digest}; not as released: {', '.join(different)}"
        return True, f"as released; sha256 {digest}"


def _check(root: Path, name: str, look: Callable[[], Seen]) -> Check:
    matter = MATTERS[name]
    hint = matter.hint
    try:
        if name in _WHOLE:
            _WHOLE[name](root)
        passed, saw = look()
    except CeremonyError as error:
        passed, saw, hint = False, f"cannot be seen ({error.message})", error.hint
    except OSError as error:
        passed, saw = False, f"cannot be seen ({error.filename}: {error.strerror})"
    except (ValueError, IndexError, struct.error) as error:
        passed, saw = False, f"cannot be seen ({error})"
    return Check(name=name, passed=passed, saw=_plain(saw), hint=hint, why=matter.why)


def _plain(text: str) -> str:
    """Return text that a record takes: normal form C, no control characters, not too long."""
    plain = unicodedata.normalize("NFC", _CONTROL.sub("?", text))
    return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}…"
