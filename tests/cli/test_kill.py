# SPDX-License-Identifier: Apache-2.0
"""The real program on SoftHSM, killed with SIGKILL at each step's end and in the middle of signing; `resume` finishes."""

from __future__ import annotations

import signal
import subprocess

import pytest

from tests.peers.program import program

STEPS = (
    *("preflight", "roll-call", "volumes", "load-request", "protector", "tokens", "prepare", "root-keys"),
    *("repository-keys", "back-up", "drill", "lock", "certificates", "review", "sign", "verify", "export"),
)


def killed(done: subprocess.CompletedProcess) -> bool:
    return done.returncode == -signal.SIGKILL


@pytest.mark.timeout(280)
def test_killed_at_every_step_boundary_in_turn_it_is_resumed_to_a_folder_that_audits(tmp_path):
    out = tmp_path / "r"
    command: tuple[object, ...] = ("rehearse", "--auto", "--out", out)
    for step in STEPS:
        done = program(*command, die=("end", step))
        assert killed(done), f"{step}: {done.stderr}"
        command = ("resume", out, "--auto")
    done = program(*command, die=("close", "close"))
    assert killed(done), done.stderr
    finished = program(*command)
    assert finished.returncode == 0, finished.stderr
    verdict = program("audit", out / "ceremony")
    assert verdict.returncode == 0, verdict.stdout


@pytest.mark.parametrize(
    "die",
    [
        pytest.param(("intent", "root-keys"), id="a key about to be made"),
        pytest.param(("intent:2", "sign"), id="in the middle of signing, a batch in flight"),
        pytest.param(("result", "sign"), id="between two tokens' signatures"),
    ],
)
def test_killed_in_the_middle_of_a_device_act_it_is_resumed(tmp_path, die):
    out = tmp_path / "r"
    assert killed(program("rehearse", "--auto", "--out", out, die=die))
    unfinished = program("audit", out / "ceremony")
    assert unfinished.returncode == 3, unfinished.stdout
    finished = program("resume", out / "ceremony", "--auto")
    assert finished.returncode == 0, finished.stderr
    verdict = program("audit", out / "ceremony")
    assert verdict.returncode == 0, verdict.stdout


@pytest.mark.parametrize(
    ("crash", "step"),
    [
        pytest.param("intent!", "root-keys", id="while a key is made"),
        pytest.param("intent:2!", "sign", id="in the middle of a signature"),
    ],
)
def test_a_module_that_crashes_is_an_error_and_a_record_and_never_the_end(tmp_path, crash, step):
    out = tmp_path / "r"
    crashed = program("rehearse", "--auto", "--out", out, die=(crash, step))
    assert crashed.returncode == 1, crashed.stderr
    assert "crashed (SIGSEGV)" in crashed.stderr
    assert "Traceback" not in crashed.stderr
    log = (out / "ceremony" / "ceremony.jsonl").read_text()
    assert "crashed (SIGSEGV)" in log
    finished = program("resume", out, "--auto")
    assert finished.returncode == 0, finished.stderr
    verdict = program("audit", out / "ceremony")
    assert verdict.returncode == 0, verdict.stdout
