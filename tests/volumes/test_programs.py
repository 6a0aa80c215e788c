# SPDX-License-Identifier: Apache-2.0
"""Programs of the system are found in fixed places, and whatever they do is one sentence."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ceremony.errors import StorageError
from ceremony.volumes import programs
from ceremony.volumes.programs import Programs, run
from ceremony.volumes.usb import UsbMedia

Script = Callable[[str], str]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    def make(text: str) -> str:
        path = tmp_path / "program"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return str(path)

    return make


def test_finds_the_system_s_programs_and_nothing_on_the_callers_path(
    script: Script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script("echo mine")
    (tmp_path / "program").rename(tmp_path / "lsblk")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = Programs.of_the_system()
    assert [command[0].rpartition("/")[2] for command in (found.lsblk, found.mount, found.umount)] == ["lsblk", "mount", "umount"]
    assert all(
        command[0].rpartition("/")[0] in programs.FOLDERS.split(":") for command in (found.lsblk, found.mount, found.umount)
    )


def test_says_which_program_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(programs, "FOLDERS", str(tmp_path))
    with pytest.raises(StorageError, match="lsblk: is in none of ") as caught:
        Programs.of_the_system()
    assert caught.value.hint == "install util-linux and mount"


def test_gives_back_what_was_printed_without_the_caller_s_environment(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "1")
    assert run([script('read line; echo "[$SECRET][$line][$1]"'), "$(id); a  b"], seconds=10) == b"[][][$(id); a  b]\n"


FAILURES = [
    pytest.param("echo first >&2; echo second >&2; exit 3", "program: first", id="what it said first"),
    pytest.param("printf 'program: \\033[2Jfirst' >&2; exit 1", r"^program: \?\[2Jfirst", id="what it said, made fit to show"),
    pytest.param("exit 32", "program: it ended with 32", id="nothing said"),
    pytest.param("kill -9 $$", "program: it ended with -9", id="killed"),
    pytest.param("yes", "program: wrote more than 1048576 bytes", id="too much"),
    pytest.param("yes >&2", "program: wrote more than 1048576 bytes", id="too many complaints"),
]


@pytest.mark.parametrize(("text", "says"), FAILURES)
def test_says_in_one_sentence_how_a_program_failed(script: Script, text: str, says: str) -> None:
    with pytest.raises(StorageError, match=says) as caught:
        run([script(text)], seconds=10)
    assert caught.value.hint


HANGS = [
    pytest.param("exec sleep 60", id="with its outputs open"),
    pytest.param("exec sleep 60 >&- 2>&-", id="with its outputs closed"),
]


@pytest.mark.parametrize("text", HANGS)
def test_does_not_wait_for_a_program_that_hangs(script: Script, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_PATIENCE", 0.3)
    began = time.monotonic()
    with pytest.raises(StorageError, match="program: did not end in time"):
        run([script(text)], seconds=0.3)
    assert time.monotonic() - began < 10


def test_says_that_a_program_cannot_be_started(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="gone: cannot be started: No such file or directory"):
        run([str(tmp_path / "gone")], seconds=1)


@pytest.mark.parametrize("text", ["echo NAME", "echo '{}'", "exit 1"])
def test_an_lsblk_that_makes_no_sense_is_an_error_and_no_medium(script: Script, text: str) -> None:
    strange = replace(Programs.of_the_system(), lsblk=(script(text),))
    with UsbMedia(strange) as media, pytest.raises(StorageError):
        media.look("a")
