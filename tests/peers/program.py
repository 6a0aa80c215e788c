# SPDX-License-Identifier: Apache-2.0
"""The program as people start it: `python -m ceremony` in a process of its own.

done = program("audit", folder)              # stdout, stderr, returncode; a passphrase's work is light
watched = watch("rehearse", "--auto", ...)   # and what every process showed of itself meanwhile
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DYING = Path(__file__).with_name("dying.py")
SECONDS = 120
_PAUSE = 0.005


def command(*arguments: object, die: tuple[str, str] | None = None, light: bool = False) -> list[str]:
    """Return how the program is started: by people; `light` (see `light_age`); or with `die`, to be killed after that record (see `dying`)."""
    start = ["-m", "tests.peers.light_age" if light else "ceremony"] if die is None else [str(DYING), *die]
    return [sys.executable, *start, *map(str, arguments)]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return ours, with the checkout where Python looks for modules, and `more`."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **(more or {})}


def program(
    *arguments: object, die: tuple[str, str] | None = None, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the program to its end, without a terminal, and light."""
    return subprocess.run(
        command(*arguments, die=die, light=True), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS,
        cwd=cwd, env=environment(env), check=False,
    )  # fmt: skip


@dataclass(frozen=True)
class Watched:
    """A run of the program, and what was to be seen of it."""

    returncode: int
    stdout: str
    stderr: str
    seen: frozenset[bytes]
    """Every command line and environment (proc(5)) of every process that began since."""


def watch(*arguments: object) -> Watched:
    """Run the program to its end, and look at every new process of this machine again and again meanwhile."""
    before = set(_processes())
    seen: set[bytes] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_PAUSE):
            for pid in set(_processes()) - before:
                seen.update(_shown(pid))

    looking = threading.Thread(target=look)
    with subprocess.Popen(
        command(*arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        looking.start()
        try:
            stdout, stderr = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
            ended.set()
            looking.join()
    return Watched(process.returncode, stdout, stderr, frozenset(seen))


def _processes() -> Sequence[str]:
    return [entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _shown(pid: str) -> list[bytes]:
    shown = []
    for name in ("cmdline", "environ"):
        try:
            shown.append(Path("/proc", pid, name).read_bytes())
        except OSError:  # it ended meanwhile, or is another user's
            continue
    return shown
