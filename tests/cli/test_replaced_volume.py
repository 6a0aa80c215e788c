# SPDX-License-Identifier: Apache-2.0
"""A volume that is lost in a real rehearsal: nobody there stops it, in words; people put another folder in its place, and it goes on."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from ceremony.cli.headless import HeadlessOperator
from ceremony.cli.main import main
from ceremony.errors import ExitCode
from tests.cli.conftest import said
from tests.peers.program import program


def records(root: Path, kind: str) -> list[dict]:
    lines = (root / "ceremony" / "ceremony.jsonl").read_text().splitlines()
    return [record["body"] for record in map(json.loads, lines) if record["kind"] == kind]


def held(folder: Path) -> dict[str, bytes]:
    """Return every file of a volume, but what was set aside on it."""
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: data for name, data in files.items() if "/set-aside/" not in name}


def test_a_volume_that_is_lost_is_replaced_and_drilled(tmp_path, monkeypatch, capsys):
    root = tmp_path / "r"
    done = program("rehearse", "--auto", "--out", root, die=("end", "review"))
    assert done.returncode == -signal.SIGKILL, done.stderr
    b = root / "volumes" / "b"
    b.rename(root / "lost")
    done = program("resume", root, "--auto")
    assert (done.returncode, done.stdout) == (ExitCode.INCOMPLETE, "")
    told = said(done.returncode, "\n".join(done.stderr.splitlines()[-2:]))
    assert told.sentence.startswith("volume b is out: folder folder-")
    assert told.hint.endswith("and resume the ceremony")
    b.mkdir()
    choose = HeadlessOperator.choose
    monkeypatch.setattr(
        HeadlessOperator,
        "choose",
        lambda self, prompt, options: "another" if prompt.key == "error:medium:b" else choose(self, prompt, options),
    )
    assert main(["resume", str(root), "--auto"]) == ExitCode.DONE, capsys.readouterr().err
    assert held(b) == held(root / "volumes" / "a")
    assert records(root, "medium")[-1]["replaces"] == records(root, "medium")[1]["serial"]
    assert [body["volume"] for body in records(root, "restored")] == ["a", "b", "b"]
    assert records(root, "deviation")[-1]["decided"] == f"folder {b} took its place"
    assert program("audit", root / "ceremony").returncode == ExitCode.DONE
