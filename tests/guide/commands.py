# SPDX-License-Identifier: Apache-2.0
"""The commands of the guide, and a shell that types them as they stand there.

`lines(page)` are those of the blocks marked `sh`. A `Walk` types one in its folder, with what
the guide leaves open put in by a table (`https://notary.example` is a server on loopback);
a line that the guide does not have is refused, so no test goes on with an old one.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.peers.program import ROOT, environment
from tests.peers.terminal import Terminal

GUIDE = ROOT / "docs" / "ceremony-guide.md"
SECONDS = 120
_BLOCK = re.compile(r"^(?P<indent> *)```sh\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_REMARK = re.compile(r"\s{2,}# .*$")


def lines(page: str) -> list[str]:
    """Return what a page tells to type: the lines of its blocks of shell, remarks left away, those that go on in the next joined."""
    typed: list[str] = []
    for block in _BLOCK.finditer(page):
        joined = re.sub(r"\\\n\s*", "", block["text"])
        typed += [_REMARK.sub("", line.strip()) for line in joined.splitlines() if line.strip()]
    return typed


@dataclass
class Walk:
    """A person with the guide, in a folder; `puts` is what they put in the place of what the guide leaves open."""

    folder: Path
    home: Path
    """Where `~` is."""
    puts: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    """More of the environment."""

    def into(self, folder: Path, puts: Mapping[str, str]) -> Walk:
        """Return the same person in another folder, who puts in more."""
        folder.mkdir(parents=True, exist_ok=True)
        return replace(self, folder=folder, puts={**self.puts, **puts})

    def __call__(self, line: str, puts: Mapping[str, str] | None = None, *, code: int = 0) -> str:
        """Type a line of the guide, which must end with `code`, and return what it prints; the next one is typed where it ends."""
        where = self.home / "where"
        shell = f"{self._filled(line, puts)}\ncode=$?; pwd > '{where}'; exit $code"
        done = subprocess.run(
            ["sh", "-c", shell], cwd=self.folder, env=self._environment(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"{line}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        self.folder = Path(where.read_text().strip())
        return done.stdout if code == 0 else done.stdout + done.stderr

    def at_a_terminal(
        self, line: str, type_at: Callable[[Terminal], object], puts: Mapping[str, str] | None = None, *, code: int = 0
    ) -> None:
        """Type a line of the guide at a terminal, and what `type_at` types there; it must end with `code`."""
        run = ["sh", "-c", f"cd '{self.folder}' && {self._filled(line, puts)}"]
        with Terminal(run=run, env=self._environment()) as terminal:
            type_at(terminal)
            assert terminal.ended() == code, terminal.history()

    def _filled(self, line: str, puts: Mapping[str, str] | None) -> str:
        assert line in lines(GUIDE.read_text()), f"the guide does not say: {line}"
        for left_open, value in {**self.puts, **(puts or {})}.items():
            line = line.replace(left_open, value)
        return line

    def _environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return environment({"PATH": path, "HOME": str(self.home), **self.variables})
