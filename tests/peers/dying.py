# SPDX-License-Identifier: Apache-2.0
"""The program, a passphrase's work made light, killed by SIGKILL right after it wrote a chosen record.

    python tests/peers/dying.py KIND STEP ceremony-arguments...

KIND may be `KIND:N` for the N-th such record, from 1; with `KIND!`, it is the
processes of the tokens' modules that crash (SIGSEGV), and the program lives.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from ceremony.cli.main import main
from ceremony.volumes.logfile import LogFiles
from tests.peers import light_age


def after(kind: str, step: str, count: int, act: Callable[[], None]) -> None:
    """Act once this process has written the `count`-th record of a kind in a step."""
    append = LogFiles.append
    left = count

    def acting(self: LogFiles, lines: bytes) -> None:
        nonlocal left
        append(self, lines)
        record = json.loads(lines)
        if (record["kind"], record["step"]) == (kind, step):
            left -= 1
            if left == 0:
                act()

    LogFiles.append = acting


def die() -> None:
    """Be killed."""
    os.kill(os.getpid(), signal.SIGKILL)


def crash_modules() -> None:
    """Let every module crash that this process runs."""
    for task in Path("/proc/self/task").iterdir():
        for child in (task / "children").read_text().split():
            os.kill(int(child), signal.SIGSEGV)


if __name__ == "__main__":
    kind, _, number = sys.argv[1].removesuffix("!").partition(":")
    after(kind, sys.argv[2], int(number or 1), crash_modules if sys.argv[1].endswith("!") else die)
    light_age.install()
    sys.exit(main(sys.argv[3:]))
