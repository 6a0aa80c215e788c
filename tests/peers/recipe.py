# SPDX-License-Identifier: Apache-2.0
"""RECOVER.txt in the hands of whoever finds a volume: its own lines, typed at a shell that has only the programs it names.

    text = Recipe.read(volume / "RECOVER.txt")
    with Shell(folder, volume, programs=[*text.programs]) as shell:
        shell.type(text.lines[0])
        shell.type("age -d ...", {"Enter passphrase": passphrase})

The shell is `sh` at a terminal of its own, in a mount namespace whose /dev/shm is
fresh and goes with it. Needs root.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

SECONDS = 60
USUAL = ("cat", "chmod", "cp", "mkdir", "rm")
"""What every Linux computer has, and a recipe need not name."""
_PROMPT = re.compile(r"\[\[(\d+)\]\]$")
_MORE = re.compile(r"\n> $")
_STYLE = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Recipe:
    """A RECOVER.txt."""

    text: str

    @classmethod
    def read(cls, path: Path) -> Self:
        return cls(path.read_text(encoding="ascii"))

    @property
    def lines(self) -> Sequence[str]:
        """What is to be typed, in its order; a line that goes on in the next one ends in a backslash and a line end."""
        typed = [line.removeprefix(" " * 5) for line in self.text.splitlines() if line.startswith(" " * 5)]
        return "\n".join(typed).replace("\\\n", "\\\0").split("\n")

    @property
    def programs(self) -> Sequence[str]:
        """The programs that it says it needs."""
        (named,) = re.findall(r"the\s+programs\s(.*?)\.(?:\s+The\s|\n\n)", self.text, re.DOTALL)
        return re.split(r", | and ", re.sub(r"\s*\([^)]*\)", "", " ".join(named.split())))

    @property
    def placeholders(self) -> set[str]:
        """What a person has to fill in."""
        return set(re.findall("<[^>]*>", "".join(self.lines)))


class Shell:
    """A terminal with a shell that finds these programs and the usual ones, in a folder, while the block runs."""

    def __init__(self, folder: Path, where: Path, programs: Sequence[str]) -> None:
        self._bin = folder / "bin"
        self._bin.mkdir()
        (folder / "home").mkdir()
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        for name in (*programs, *USUAL):
            found = shutil.which(name, path=path)
            assert found is not None, f"{name} is not installed"
            (self._bin / name).symlink_to(found)
        self._where = where
        self._environment = {"PATH": str(self._bin), "HOME": str(folder / "home"), "PS1": "[[$?]]", "PS2": "> ", "TERM": "dumb"}

    def __enter__(self) -> Self:
        alone = 'mount -t tmpfs -o size=64m tmpfs /dev/shm && PATH="$1" exec /bin/sh -i'
        command = ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", alone, "sh", str(self._bin)]
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.chdir(self._where)
            os.execve("/usr/bin/unshare", command, self._environment | {"PATH": "/usr/bin:/bin"})
        self._until(_PROMPT)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        os.close(self._terminal)
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    def memory(self, path: str) -> Path:
        """Return where something under the shell's own /dev/shm is to be found from here."""
        return Path(f"/proc/{self._pid}/root") / "dev" / "shm" / path

    def type(self, line: str, answers: Sequence[tuple[str, str]] = ()) -> str:
        """Type a line, and each answer when its question is asked; return what was shown, once it ended well."""
        first, *more = line.split("\0")
        self._send(first)
        for part in more:
            self._until(_MORE)
            self._send(part)
        shown = ""
        for question, answer in answers:
            shown += self._until(re.compile(re.escape(question) + r"[^\n]*: ?$"))
            self._send(answer)
        shown += self._until(_PROMPT)
        code = _PROMPT.findall(shown)
        assert code == ["0"], f"{line}: {shown}"
        return _PROMPT.sub("", shown).partition("\n")[2]

    def _send(self, line: str) -> None:
        os.write(self._terminal, line.encode() + b"\n")

    def _until(self, pattern: re.Pattern[str]) -> str:
        """Return what is shown until it ends so."""
        shown, until = b"", time.monotonic() + SECONDS
        while time.monotonic() < until:
            if select.select([self._terminal], [], [], 1)[0]:
                shown += os.read(self._terminal, 4096)
            text = _STYLE.sub("", shown.decode(errors="replace").replace("\r", ""))
            if pattern.search(text):
                return text
        raise AssertionError(f"{pattern.pattern} was not shown, but {text!r}")


def filled(line: str, values: Mapping[str, str]) -> str:
    """Return a line with its placeholders filled in."""
    for placeholder, value in values.items():
        line = line.replace(placeholder, value)
    assert not re.search("<[^>]*>", line), line
    return line


@dataclass(frozen=True)
class Known:
    """What a finder of a volume knows, or makes up."""

    passphrase: str = ""
    shares: Sequence[str] = ()
    """As many as are needed."""
    new: str = "correct-horse-battery"
    """The passphrase for what notary imports."""


def follow(shell: Shell, recipe: Recipe, known: Known) -> Mapping[str, str]:
    """Type every line but those of the last section, as a person would; return what was shown for each <serial>."""
    lines = list(recipe.lines)
    del lines[lines.index("cd /") :]
    shown: dict[str, str] = {}
    passphrase, roots = known.passphrase, lines[lines.index("cd root-<serial>") : lines.index("cd ..") + 1]
    while lines:
        line = lines.pop(0)
        if line == roots[0]:
            serials = sorted(path.name.removeprefix("root-") for path in shell.memory("recover").glob("root-*"))
            shown = {
                serial: "".join(shell.type(filled(one, {"<serial>": serial})) for one in roots) for serial in serials
            }  # fmt: skip
            del lines[: len(roots) - 1]
        elif line.startswith("shamir "):
            told = shell.type(line, [("Enter a recovery share", share) for share in known.shares])
            (passphrase,) = re.findall(r"^Your master secret is: ([0-9a-f]{32})$", told, re.MULTILINE)
        elif line.startswith("age "):
            shell.type(line, [("Enter passphrase", passphrase)])
        elif line.startswith("notary "):
            manifest = json.loads(shell.memory("recover/repositories/manifest.json").read_bytes())
            for key in sorted({entry["key"].removesuffix(".key") for entry in manifest["repositories"].values()}):
                asks = [("Enter passphrase for new targets key", known.new), ("Repeat passphrase", known.new)]
                shell.type(filled(line, {"<key id>": key}), asks)
        else:
            shell.type(filled(line, {}))
    return shown


def remove(shell: Shell, recipe: Recipe) -> None:
    """Type the lines of the last section."""
    lines = list(recipe.lines)
    for line in lines[lines.index("cd /") :]:
        shell.type(line)
