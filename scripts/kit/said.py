# SPDX-License-Identifier: Apache-2.0
"""What the makers of the kit have in common: one kind of error, one way to run a program, one way to narrate."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


class KitError(Exception):
    """The kit cannot be made; the message says why and what to do."""


def say(text: str) -> None:
    """Say on standard error what is being done."""
    print(f"make-kit: {text}", file=sys.stderr, flush=True)


def run(command: list[str], changed: Mapping[str, str] | None = None) -> str:
    """Return what a program prints, without the last newline; raises KitError with the last lines of its complaint."""
    environment = os.environ | {"LC_ALL": "C", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"} | dict(changed or {})
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment, check=False)
    if done.returncode:
        complaint = "\n  ".join((done.stderr or done.stdout).strip().splitlines()[-12:])
        raise KitError(f"{Path(command[0]).name} failed with {done.returncode}; nothing was made:\n  {complaint}")
    return done.stdout.rstrip("\n")
