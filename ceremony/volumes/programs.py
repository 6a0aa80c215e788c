# SPDX-License-Identifier: Apache-2.0
"""The programs of the system that find and mount media: which ones, and how they are run.

They are looked up in a fixed list of folders, never on the caller's PATH, and run
without a shell, with an empty environment, no input, a limit of time and one of output.
"""

from __future__ import annotations

import selectors
import shutil
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Final, Self

from ceremony.core.media_lsblk import LIMIT, shown
from ceremony.errors import StorageError

FOLDERS: Final = "/usr/bin:/usr/sbin:/bin:/sbin"
_ENVIRONMENT = {"PATH": FOLDERS, "LC_ALL": "C.UTF-8"}
_LONGEST = 400
_PATIENCE = 2.0
"""Seconds that a killed program gets to end; one that waits for a dead device cannot."""


@dataclass(frozen=True, slots=True)
class Programs:
    """How each program is started: its path, and what stands before its own arguments."""

    lsblk: tuple[str, ...]
    mount: tuple[str, ...]
    umount: tuple[str, ...]

    @classmethod
    def of_the_system(cls) -> Self:
        """Return those of util-linux; raises StorageError for one that is not installed."""
        return cls(*((_find(name),) for name in ("lsblk", "mount", "umount")))


def _find(name: str) -> str:
    path = shutil.which(name, path=FOLDERS)
    if path is None:
        raise StorageError(name, f"is in none of {FOLDERS}", hint="install util-linux and mount")
    return path


def run(command: Sequence[str], *, seconds: float) -> bytes:
    """Return what a program wrote to its standard output.

    Raises StorageError, with the first line that it wrote to standard error, when it fails,
    takes longer than `seconds` or writes more than 1 MiB.
    """
    name = command[0].rpartition("/")[2]
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_ENVIRONMENT, close_fds=True
        )
    except OSError as error:
        raise StorageError(name, f"cannot be started: {error.strerror}", hint="install util-linux and mount") from error
    deadline = time.monotonic() + seconds
    try:
        out, err = _outputs(process, name, deadline)
        code = process.wait(max(deadline - time.monotonic(), _PATIENCE))
    except subprocess.TimeoutExpired as error:
        raise _late(name) from error
    finally:
        _end(process)
    if code != 0:
        line = err.decode(errors="replace").strip().partition("\n")[0].removeprefix(f"{name}: ")
        raise StorageError(
            name, shown(line, _LONGEST) or f"it ended with {code}", hint="look at the medium and at the kernel's messages (dmesg)"
        )
    return out


def _outputs(process: subprocess.Popen[bytes], name: str, deadline: float) -> tuple[bytes, bytes]:
    """Read both outputs to their ends."""
    parts: dict[IO[bytes], bytearray] = {pipe: bytearray() for pipe in (process.stdout, process.stderr) if pipe}
    with selectors.DefaultSelector() as ready:
        for pipe in parts:
            ready.register(pipe, selectors.EVENT_READ, pipe)
        while ready.get_map():
            left = deadline - time.monotonic()
            events = ready.select(max(left, 0))
            if not events and left <= 0:
                raise _late(name)
            for key, _ in events:
                pipe = key.data
                block = pipe.read1(1 << 16)
                parts[pipe] += block
                if not block:
                    ready.unregister(pipe)
                if len(parts[pipe]) > LIMIT:
                    raise StorageError(name, f"wrote more than {LIMIT} bytes", hint="it is not the program that was asked for")
    out, err = (bytes(part) for part in parts.values())
    return out, err


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let the program go, whatever became of it."""
    process.kill()
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()
    # One that waits for a dead device cannot end; waiting for it would only make two of them.
    with suppress(subprocess.TimeoutExpired):
        process.wait(_PATIENCE)


def _late(name: str) -> StorageError:
    return StorageError(name, "did not end in time", hint="the medium may be failing: use another one")
