# SPDX-License-Identifier: Apache-2.0
"""The tests of a physical YubiKey run on the one that is named, on no other, and only when it is fresh."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.yubikey import Authority, VirtualYubiKey
from tests.peers.pcscd import SmartCards
from tests.peers.program import ROOT

TESTS = ROOT / "tests" / "devices" / "test_physical_yubikey.py"
FRESH, USED = 31337001, 31337002


@pytest.fixture
def room(tmp_path: Path) -> Iterator[SmartCards]:
    authority = Authority()
    (tmp_path / "authorities.pem").write_bytes(authority.pem)
    used = VirtualYubiKey(USED, authority=authority)
    used.state.pin.left = 2
    used.state.pin.value = b"71539264"
    with SmartCards(VirtualYubiKey(FRESH, authority=authority), used) as cards:
        yield cards


def judged(room: SmartCards, tmp_path: Path, serial: int) -> tuple[int, str]:
    arguments = [TESTS, "--yubikey", serial, "--yubikey-roots", tmp_path / "authorities.pem", "-q", "-p", "no:cacheprovider"]
    done = room.run(sys.executable, "-m", "pytest", *arguments, cwd=ROOT)
    return done.returncode, done.stdout


def test_the_one_that_is_named_is_tested_and_wiped_and_the_other_left_alone(room: SmartCards, tmp_path: Path) -> None:
    code, told = judged(room, tmp_path, FRESH)
    assert (code, "1 passed" in told) == (0, True), told
    assert room.card(FRESH).saved() != b""
    assert not room.card(FRESH).state.keys.keys() - {0xF9}
    assert room.count(USED, 0x20, 0x24, 0x2C, 0x47, 0xFB) == 0


def test_one_that_is_in_use_is_left_as_it_is(room: SmartCards, tmp_path: Path) -> None:
    before = room.card(USED).saved()
    code, told = judged(room, tmp_path, USED)
    assert (code, "is in use: it has values of its own" in told) == (1, True), told
    assert room.card(USED).saved() == before


def test_without_a_name_there_are_no_such_tests() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/devices", "--collect-only", "-q", "-p", "no:cacheprovider"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "test_naming_a_yubikey.py" in listed.stdout
    assert "test_physical_yubikey.py" not in listed.stdout
