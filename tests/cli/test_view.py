# SPDX-License-Identifier: Apache-2.0
"""`ceremony view`: on a terminal, with the audit's exit code; refused in a sentence where it cannot be."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ceremony.cli.main import main
from ceremony.errors import ExitCode
from tests.peers.terminal import Terminal


@pytest.mark.parametrize(("term", "size"), [("linux", (80, 24)), ("xterm-256color", (120, 40))], ids=["linux", "xterm"])
def test_a_finished_ceremony_is_looked_at_and_left_with_the_audits_exit_code(rehearsed, term, size):
    before = {path: path.stat().st_mtime_ns for path in rehearsed.ceremony.rglob("*")}
    with Terminal("view", rehearsed.ceremony, term=term, size=size) as terminal:
        assert "acme-root: genesis" in terminal.until("Verdict: VERIFIED")
        terminal.keys("2", "End")
        assert "The log was closed with 6 answers" in terminal.until("[2 Timeline]")
        terminal.keys("Enter")
        terminal.until("The record as JSON")
        terminal.keys("Escape")
        terminal.until(lambda screen: "The record as JSON" not in screen)
        terminal.keys("F1")
        terminal.until("Leave with the verdict's exit code")
        terminal.keys("Enter", "q")
        assert terminal.ended() == ExitCode.DONE
    assert {path: path.stat().st_mtime_ns for path in rehearsed.ceremony.rglob("*")} == before


def test_the_couriers_tar_shows_the_same(rehearsed):
    with Terminal("view", rehearsed.tar) as terminal:
        terminal.until("Verdict: VERIFIED")
        terminal.keys("6")
        terminal.until("all as they should be")
        terminal.keys("C-q")
        assert terminal.ended() == main(["audit", str(rehearsed.tar)]) == ExitCode.DONE


def test_one_that_was_killed_is_incomplete_and_one_that_was_changed_failed(killed, ceremony_copy):
    with Terminal("view", killed / "ceremony", env={"NO_COLOR": "1"}) as terminal:
        terminal.until("Verdict: INCOMPLETE")
        terminal.keys("C-c")
        assert terminal.ended() == ExitCode.INCOMPLETE
    (ceremony_copy / "evidence" / "script.md").write_text("another script")
    with Terminal("view", ceremony_copy, term="linux") as terminal:
        terminal.until("!FAILED     evidence/script.md")
        subprocess.run(["kill", "-INT", str(terminal.pid)], check=True)
        assert terminal.ended() == ExitCode.FAILED


def test_what_holds_no_ceremony_is_one_sentence(tmp_path):
    with Terminal("view", tmp_path) as terminal:
        terminal.until("there is no ceremony.jsonl in this folder")
        assert terminal.ended() == ExitCode.FAILED


def test_without_a_terminal_it_is_refused(refuse, rehearsed):
    assert refuse("view", rehearsed.ceremony).sentence == "there is no terminal to show the ceremony on"


def test_what_is_no_folder_is_refused(refuse, tmp_path):
    assert refuse("view", tmp_path / "nothing").sentence.endswith("nothing: cannot be opened (No such file or directory)")


def test_loads_no_screen_before_one_is_needed():
    program = "import sys, ceremony.cli.view; sys.exit('textual' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
