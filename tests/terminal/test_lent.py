# SPDX-License-Identifier: Apache-2.0
"""The terminal is lent to the real ssh-keygen, which speaks with the person itself; the screen comes back as it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from ceremony.core.cosign import parse_public_key, verify
from tests.peers.terminal import Terminal
from tests.tui.signing import MESSAGE, NAMESPACE

ROOT = Path(__file__).parents[2]
TERMS = ["linux", "xterm-256color"]
PASSPHRASE = "correct horse"
ASKED = "Enter passphrase"
QUESTION = "Ada Example: sign the final head"

Signing = Callable[[str], AbstractContextManager[Terminal]]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Return a key of Ada's, with a passphrase."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", PASSPHRASE, "-f", tmp_path / "ada"], check=True)
    return tmp_path / "ada"


@pytest.fixture
def signing(key: Path) -> Signing:
    """Return a function that shows the screen on a terminal of some kind, up to the prompt of ssh-keygen."""

    @contextmanager
    def signing(term: str) -> Iterator[Terminal]:
        line = key.with_suffix(".pub").read_text().strip()
        run = [sys.executable, "-m", "tests.tui.signing", line, str(key.with_suffix(".sig"))]
        with Terminal(term=term, run=["env", "-C", str(ROOT), *run]) as terminal:
            terminal.until(QUESTION)
            terminal.keys("Enter")
            terminal.until("where is your key?")
            terminal.type(str(key))
            terminal.keys("Enter")
            terminal.until(ASKED)
            yield terminal

    return signing


def signed(key: Path) -> None:
    """Check that the signature holds."""
    verify(key.with_suffix(".sig").read_bytes(), MESSAGE, parse_public_key(key.with_suffix(".pub").read_text()), NAMESPACE)


@pytest.mark.parametrize("term", TERMS)
def test_a_wrong_passphrase_then_the_right_one(term: str, signing: Signing, key: Path) -> None:
    with signing(term) as terminal:
        assert terminal.screen().replace("\n", "").startswith(f"Ada Example signs with {key}.")
        assert "The final head is read." not in terminal.history()
        terminal.type("wrong")
        terminal.keys("Enter")
        refused = terminal.until(QUESTION)
        assert "incorrect passphrase" in " ".join(refused.split())
        terminal.keys("Enter")
        terminal.until(ASKED)
        terminal.type(PASSPHRASE)
        terminal.keys("Enter")
        screen = terminal.until("Is it signed?")
        assert "The final head is read." in screen
        assert ASKED not in terminal.history()
        terminal.keys("Enter")
        terminal.until("The ceremony is done")
        terminal.keys("Enter")
        assert terminal.ended() == 0
        left = terminal.history()
        assert not any(said in left for said in (ASKED, "signs with", PASSPHRASE, "incorrect passphrase", "The final head"))
    assert not any(PASSPHRASE in screen for screen in terminal.screens)
    signed(key)


@pytest.mark.parametrize("term", TERMS)
def test_an_interrupt_is_for_ssh_keygen_alone_and_nothing_stops_it_halfway(term: str, signing: Signing, key: Path) -> None:
    with signing(term) as terminal:
        terminal.keys("C-z")
        terminal.type("wr")
        terminal.keys("C-c")
        screen = terminal.until(QUESTION)
        assert "did not sign" in " ".join(screen.split())
        terminal.keys("C-c")  # now it is the screen's again
        terminal.until("Stop the ceremony?")
        terminal.keys("n")
        terminal.until(QUESTION)
        terminal.keys("Down", "Down", "Enter")
        terminal.until("Is it signed?")
        terminal.keys("C-q")
        terminal.until("Stop the ceremony?")
        terminal.keys("y")
        terminal.until("The ceremony is not complete")
        terminal.keys("Enter")
        assert terminal.ended() == 3
    assert not key.with_suffix(".sig").exists()


def test_another_key_on_the_keyboard_that_would_end_the_program_does_not(signing: Signing, key: Path) -> None:
    with signing("linux") as terminal:
        terminal.keys("C-\\")
        terminal.until(QUESTION)
        terminal.keys("Enter")
        terminal.until(ASKED)
        terminal.type(PASSPHRASE)
        terminal.keys("Enter")
        terminal.until("Is it signed?")
    signed(key)


def test_the_size_may_change_meanwhile(signing: Signing, key: Path) -> None:
    with signing("linux") as terminal:
        terminal.resize(100, 30)
        terminal.type(PASSPHRASE)
        terminal.keys("Enter")
        terminal.until(lambda screen: "Is it signed?" in screen and max(map(len, screen.splitlines())) > 80)
    signed(key)


def test_the_order_to_end_ends_ssh_keygen_and_stops_the_ceremony(signing: Signing, key: Path) -> None:
    with signing("linux") as terminal:
        os.kill(terminal.pid, signal.SIGTERM)
        assert terminal.ended() == 3
        assert "people stopped the ceremony" in terminal.history()
    assert not key.with_suffix(".sig").exists()


def test_a_window_that_is_closed_meanwhile_ends_everything(signing: Signing, key: Path) -> None:
    with signing("xterm-256color") as terminal:
        terminal.close()
    assert not key.with_suffix(".sig").exists()
