# SPDX-License-Identifier: Apache-2.0
"""The program, killed by SIGKILL right after it wrote a chosen record.

    python tests/peers/dying.py KIND STEP ceremony-arguments...

KIND may be `KIND:N` for the N-th such record, from 1.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from ceremony.cli.main import main
from ceremony.volumes.logfile import LogFiles


def die_after(kind: str, step: str, count: int) -> None:
    """Let this process be killed once it has written the `count`-th record of a kind in a step."""
    append = LogFiles.append
    left = count

    def dying(self: LogFiles, lines: bytes) -> None:
        nonlocal left
        append(self, lines)
        record = json.loads(lines)
        if (record["kind"], record["step"]) == (kind, step):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    LogFiles.append = dying


if __name__ == "__main__":
    kind, _, number = sys.argv[1].partition(":")
    die_after(kind, sys.argv[2], int(number or 1))
    sys.exit(main(sys.argv[3:]))
