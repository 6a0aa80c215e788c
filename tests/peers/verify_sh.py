# SPDX-License-Identifier: Apache-2.0
"""verify.sh as an auditor runs it: a shell, a folder on disk, and a path that holds what it may call and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "ceremony" / "report" / "verify.sh"
COREUTILS = ("base64", "cat", "head", "mkdir", "mktemp", "mv", "od", "rm", "sha256sum", "sort", "split", "tail", "tr", "wc")
PROGRAMS = (*COREUTILS, "awk", "sed", "jq", "openssl", "ssh-keygen")
SHELLS = {"dash": ("dash",), "bash": ("bash", "--posix"), "busybox": ("busybox", "sh")}
AWKS = ("mawk", "gawk", "busybox")
SECONDS = 250

_LINE = re.compile(r"(?:FAILED|INCOMPLETE|OK) *  [ -~]+: [ -~]+|(?:VERIFIED|FAILED|INCOMPLETE)(?: \((?:PRACTICE|PRODUCTION)\))?")


@dataclass(frozen=True)
class Verdict:
    """What it said."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    def having(self, level: str) -> list[str]:
        """Return the lines of a level, without it."""
        return [line[12:] for line in self.lines[:-1] if line.startswith(f"{level} ")]


def real(program: str) -> str:
    """Return where a program is; fails when it is not installed."""
    found = shutil.which(program)
    assert found, f"{program} is not installed; these tests need it"
    return found


@lru_cache(maxsize=64)
def path_with(awk: str = "mawk", missing: str = "") -> str:
    """Return a folder of links to what verify.sh may call, and to nothing else."""
    place = Path(tempfile.mkdtemp(prefix="verify-path-"))
    for program in PROGRAMS:
        if program != missing:
            (place / program).symlink_to(real(awk if program == "awk" else program))
    return str(place)


def verify(
    folder: Path | str,
    *arguments: str | Path,
    shell: Sequence[str] = SHELLS["dash"],
    path: str | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Verdict:
    """Run the script over a folder; what it prints must be lines of verdicts, and nothing else."""
    command = [real(shell[0]), *shell[1:], str(SCRIPT), *map(str, arguments), str(folder)]
    given = {"PATH": path or path_with(), **(env or {})}
    done = subprocess.run(
        command, cwd=cwd or "/", env=given, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
    )
    found = Verdict(done.returncode, done.stdout.decode("ascii"), done.stderr.decode("ascii"))
    odd = [line for line in found.lines if not _LINE.fullmatch(line)]
    assert not odd, odd
    return found


def written(files: Mapping[str, bytes], place: Path) -> Path:
    """Write a folder (path → bytes), and return it."""
    for path, data in files.items():
        if path:
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_bytes(data)
    return place


def verdict(files: Mapping[str, bytes], signers: bytes | None = None) -> Verdict:
    """Judge a folder (path → bytes) in a place of its own; nothing may be said on standard error."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        folder = written(files, place / "ceremony")
        folder.mkdir(exist_ok=True)
        options: list[str | Path] = []
        if signers is not None:
            (place / "signers").write_bytes(signers)
            options = ["-s", place / "signers"]
        found = verify(folder, *options)
    assert found.err == ""
    return found


def snapshot(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Return what is in a folder, down to modes and times."""
    found = {}
    for at, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(at, name)
            state = path.lstat()
            data = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            found[str(path.relative_to(folder))] = (state.st_mode, state.st_size, state.st_mtime_ns, data)
    return found
