# SPDX-License-Identifier: Apache-2.0
"""Is this machine fit for a ceremony? `ports.Host`: every check of design section 8, preflight.

A check never raises: what cannot be seen did not pass. What a failed check means is for
the step to say: a warning in practice, the end in production.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from ceremony.core.port_values import AIR_GAP
from ceremony.core.ports import Check, Clock, ToolFacts
from ceremony.host import machine, tool
from ceremony.host.machine import Seen
from ceremony.host.memory import Protection

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

HINTS = {
    "network": "unplug every cable and switch every interface off",
    "routes": "switch off what made the route",
    "radios": "switch every radio off: rfkill block all, or take it out",
    "swap": "switch swap off: swapoff -a",
    "core dumps": "write core dumps to no program: sysctl kernel.core_pattern=core",
    "memory": "run as root, or allow this user to lock memory: ulimit -l unlimited",
    "entropy": "wait a minute, then begin again",
    "clocks": "set both clocks by a watch that two people trust",
    "program": "install the release, or have two people compare this digest with the one that the release publishes",
    "spies": "unset these variables, then begin again",
    "room": "make room, or use a larger disk",
}
"""What to do, by the check's name; the order is that of the checks."""


class SystemHost:
    """`ports.Host` over this Linux machine.

    `work` is where the ceremony folder is or will be; `protection` is what
    `memory.protect` returned; `root` is the root of the machine, `environ` its environment (this
    process's own by default).
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
    ) -> None:
        self._work = work
        self._clock = clock
        self._protection = protection
        self._root = root
        self._environ = os.environ if environ is None else environ
        self._package = package

    def preflight(self, needed_bytes: int) -> Sequence[Check]:
        """Look at the machine; `needed_bytes` is the room that the ceremony needs. Never raises."""
        root = self._root
        looks: dict[str, Callable[[], Seen]] = {
            "network": partial(machine.interfaces, root),
            "routes": partial(machine.routes, root),
            "radios": partial(machine.radios, root),
            "swap": partial(machine.swap, root),
            "core dumps": self._core_dumps,
            "memory": self._memory,
            "entropy": partial(machine.entropy, root),
            "clocks": lambda: machine.clocks(root, self._clock.utc()),
            "program": self._program,
            "spies": partial(machine.spies, self._environ),
            "room": partial(machine.room, self._work, needed_bytes),
        }
        return [_check(name, looks[name]) for name in HINTS]

    def air_gap(self) -> Check:
        """Look whether the machine is cut off now: interfaces, routes, radios. Never raises."""
        looks = {"network": machine.interfaces, "routes": machine.routes, "radios": machine.radios}
        checks = [_check(name, partial(look, self._root)) for name, look in looks.items()]
        open_to = [check for check in checks if not check.passed]
        saw = ", ".join(check.saw for check in open_to) or "cut off from every network"
        return Check(AIR_GAP, not open_to, saw, open_to[0].hint if open_to else "")

    def tool(self) -> ToolFacts:
        """Return version and digest of the program."""
        return tool.tool(self._package)

    def _core_dumps(self) -> Seen:
        files, pattern = machine.core_pattern(self._root)
        mine = self._protection.not_dumpable and self._protection.no_core_files
        return files and mine, f"{'forbidden' if mine else 'not forbidden'} for this program, {pattern}"

    def _memory(self) -> Seen:
        some, kilobytes = machine.locked_kilobytes(self._root)
        return some and self._protection.locked, kilobytes

    def _program(self) -> Seen:
        digest = self.tool().sha256
        listed = tool.released()
        if not listed:
            return False, f"a checkout, which lists none of its files; sha256 {digest}"
        different = tool.differences(tool.digests(self._package), listed)
        if different:
            return False, f"not as released: {', '.join(different)}; sha256 {digest}"
        return True, f"as released; sha256 {digest}"


def _check(name: str, look: Callable[[], Seen]) -> Check:
    try:
        passed, saw = look()
    except (OSError, ValueError, IndexError) as error:
        passed, saw = False, f"cannot be seen ({error})"
    return Check(name=name, passed=passed, saw=_plain(saw), hint=HINTS[name])


def _plain(text: str) -> str:
    """Return text that a record takes: normal form C, no control characters."""
    return unicodedata.normalize("NFC", _CONTROL.sub("?", text))
