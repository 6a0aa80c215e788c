# SPDX-License-Identifier: Apache-2.0
"""Real rehearsals that tests share, and how the program's refusals are looked at."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ceremony.cli.main import main
from ceremony.core import backup
from tests.peers import light_age
from tests.peers.program import Watched, program, watch


@dataclass(frozen=True)
class Said:
    """What the program said and ended with; nothing was printed as data."""

    code: int
    sentence: str
    hint: str


@dataclass(frozen=True)
class Rehearsed:
    """A rehearsal of the example plan (2 of 3, seven repositories), from its beginning to its end."""

    root: Path
    run: Watched

    @property
    def ceremony(self) -> Path:
        return self.root / "ceremony"

    @property
    def tar(self) -> Path:
        """What the courier carries."""
        (found,) = (self.root / "courier").glob("*.tar")
        return found


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a passphrase cost little where the program runs in this process."""
    monkeypatch.setattr(backup, "seal_identity", light_age.seal)


@pytest.fixture(scope="session")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Rehearsed:
    """Return a finished rehearsal; nobody may change it."""
    root = tmp_path_factory.mktemp("rehearsed") / "r"
    run = watch("rehearse", "--auto", "--out", root)
    assert run.returncode == 0, run.stderr
    return Rehearsed(root, run)


@pytest.fixture(scope="session")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a rehearsal that was killed when the step `tokens` had ended; whoever spoils it mends it."""
    root = tmp_path_factory.mktemp("killed") / "r"
    done = program("rehearse", "--auto", "--out", root, die=("end", "tokens"))
    assert done.returncode == -signal.SIGKILL, done.stderr
    return root


@pytest.fixture
def ceremony_copy(rehearsed: Rehearsed, tmp_path: Path) -> Path:
    """Return a copy of a finished ceremony folder, to be spoiled."""
    return Path(shutil.copytree(rehearsed.ceremony, tmp_path / "copy"))


@pytest.fixture
def refuse(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Return a function that runs the program on arguments that it must refuse: no data, one sentence, one hint."""

    def refuse(*arguments: object, code: int = 1) -> Said:
        capsys.readouterr()
        ended = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert (ended, out) == (code, ""), err
        return said(ended, err)

    return refuse


def said(code: int, stderr: str) -> Said:
    """Return what stands on standard error: exactly one sentence and one hint."""
    lines = stderr.splitlines()
    assert len(lines) == 2, stderr
    assert lines[0].startswith("ceremony: "), stderr
    assert lines[1].startswith("hint: "), stderr
    return Said(code, lines[0].removeprefix("ceremony: "), lines[1].removeprefix("hint: "))
