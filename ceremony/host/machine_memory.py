# SPDX-License-Identifier: Apache-2.0
"""Whether what is in memory stays there: swap, hibernation, sleep, core dumps, debuggers. See `machine` for what each function returns and raises."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ceremony.host.machine import Seen, command, lines, text

_NO_DEVICE = "0:0"
_UNITS = ("etc/systemd/system", "run/systemd/system")
_ASLEEP = ("sleep.target", "suspend.target")
"""Masking the first forbids every kind of sleep; masking the second, suspending alone."""


def swap(root: Path) -> Seen:
    """See whether nothing is swapped to."""
    used = _swapped_to(root)
    return not used, f"swap on {', '.join(used)}" if used else "no swap"


def hibernation(root: Path) -> Seen:
    """See whether memory cannot be written to a disk to sleep there: the kernel refuses, or has nowhere to write it."""
    if "disk" not in text(root / "sys/power/state").split():
        return True, "this kernel does not hibernate"
    if text(root / "sys/power/disk") == "[disabled]":
        return True, "the kernel forbids it"
    resume = text(root / "sys/power/resume")
    places = _swapped_to(root) + ([f"device {resume}"] if resume != _NO_DEVICE else [])
    return not places, f"it can be written to {', '.join(places)}" if places else "there is no place to write it to"


def sleep(root: Path) -> Seen:
    """See whether this machine cannot be suspended: the kernel cannot, or systemd's units for it are masked."""
    kinds = [kind for kind in text(root / "sys/power/state").split() if kind != "disk"]
    if not kinds:
        return True, "this kernel does not suspend"
    masked = [unit for unit in _ASLEEP for folder in _UNITS if _masked(root / folder / unit)]
    return bool(masked), f"forbidden: {masked[0]} is masked" if masked else f"it can be suspended: {', '.join(kinds)}"


def core_pattern(root: Path) -> Seen:
    """See whether core dumps go to files, which RLIMIT_CORE forbids, and not to a program, which it does not."""
    pattern = text(root / "proc/sys/kernel/core_pattern")
    return not pattern.startswith("|"), f"pattern {pattern}"


def locked_kilobytes(root: Path) -> Seen:
    """See how much of this process's memory is locked."""
    kilobytes = int(_status(root, "VmLck").split()[0])
    return kilobytes > 0, f"{kilobytes} kB locked"


def ptrace(root: Path) -> Seen:
    """See whether programs of one user may not attach to one another (Yama); a kernel without Yama lets them."""
    if not (root / "proc/sys/kernel/yama").is_dir() and (root / "proc/sys/kernel").is_dir():
        return False, "this kernel has no Yama, which forbids it"
    scope = int(text(root / "proc/sys/kernel/yama/ptrace_scope"))
    return scope > 0, f"ptrace_scope is {scope}"


def debugger(root: Path) -> Seen:
    """See whether nothing is attached to this program, to none of its threads."""
    tracer = next(filter(None, _tracers(root)), 0)
    if not tracer:
        return True, "none is attached"
    return False, f"attached: {command(root / 'proc' / str(tracer)) or 'a program'}, process {tracer}"


def _tracers(root: Path) -> Iterator[int]:
    """Yield which process is attached to each thread of this program; 0 is none."""
    yield int(_status(root, "TracerPid"))
    for thread in sorted((root / "proc/self/task").iterdir()):
        try:
            yield int(_status(root, "TracerPid", f"task/{thread.name}/"))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile


def _swapped_to(root: Path) -> list[str]:
    return [line.split()[0] for line in lines(root / "proc/swaps")[1:]]


def _masked(unit: Path) -> bool:
    return unit.is_symlink() and str(unit.readlink()) == os.devnull


def _status(root: Path, name: str, of: str = "") -> str:
    for line in lines(root / f"proc/self/{of}status"):
        field, _, value = line.partition(":")
        if field == name:
            return value.strip()
    raise ValueError(f"no line {name}")
