# SPDX-License-Identifier: Apache-2.0
"""The way into the screens and out of them; the whole way on a real terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from fcntl import ioctl
from pathlib import Path
from struct import pack
from termios import TIOCSWINSZ

import pytest

from ceremony.core.plan import Mode
from ceremony.errors import CeremonyError, ExitCode, StorageError
from ceremony.tui.messages import Outcome
from ceremony.tui.run import conclude, run_tui
from ceremony.tui.terminal import RECORDERS, check_terminal
from tests.tui.demo import STEPS, everything
from tests.tui.stage import PATIENCE, make_app

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("environ", "tty"),
    [
        pytest.param({"TERM": "linux"}, False, id="redirected"),
        pytest.param({"TERM": "dumb"}, True, id="dumb"),
        pytest.param({"TERM": ""}, True, id="empty"),
        pytest.param({}, True, id="unset"),
    ],
)
def test_refuses_where_there_is_no_screen(environ: Mapping[str, str], tty: bool) -> None:
    with pytest.raises(CeremonyError, match="there is no terminal to show the ceremony on") as refused:
        check_terminal(Mode.PRACTICE, environ, tty=tty)
    assert "--auto" in refused.value.hint
    with pytest.raises(CeremonyError, match="there is no terminal") as refused:
        check_terminal(Mode.PRODUCTION, environ, tty=tty)
    assert "--auto" not in refused.value.hint


@pytest.mark.parametrize("name", RECORDERS)
def test_refuses_where_keys_or_screens_would_be_recorded(name: str) -> None:
    with pytest.raises(CeremonyError, match=f"the variable {name} is set") as refused:
        check_terminal(Mode.PRODUCTION, {"TERM": "linux", name: ""}, tty=True)
    assert refused.value.hint == f"unset {name}"


def test_accepts_a_text_console() -> None:
    check_terminal(Mode.PRODUCTION, {"TERM": "linux", "NO_COLOR": "1"}, tty=True)


def test_a_test_run_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115, PTH123 - closed with the test
    with sys.stdin, pytest.raises(CeremonyError, match="there is no terminal"):
        run_tui(title="t", mode=Mode.PRACTICE, steps=STEPS, work=everything)


def test_returns_the_code_and_leaves_last_words(capsys: pytest.CaptureFixture[str]) -> None:
    app = make_app(everything)
    app.outcome.set_result(Outcome(ExitCode.FAILED, StorageError("volume a", "is full", hint="take another")))
    assert conclude(app) is ExitCode.FAILED
    assert capsys.readouterr() == ("", "The ceremony has failed.\nvolume a: is full\ntake another\n")


def test_raises_again_what_nobody_foresaw() -> None:
    app = make_app(everything)
    app.outcome.set_result(Outcome(ExitCode.FAILED, KeyError("nowhere")))
    with pytest.raises(KeyError, match="nowhere"):
        conclude(app)


def test_raises_what_ended_the_screen() -> None:
    app = make_app(everything)
    app._exception = RuntimeError("the screen failed")
    with pytest.raises(RuntimeError, match="the screen failed"):
        conclude(app)


class Terminal:
    """The demo on a pseudo-terminal."""

    def __init__(self, program: list[str], term: str) -> None:
        self._master, slave = pty.openpty()
        ioctl(slave, TIOCSWINSZ, pack("HHHH", 24, 80, 0, 0))
        environ = {"PATH": os.environ["PATH"], "TERM": term, "LANG": "C.UTF-8"}
        self.process = subprocess.Popen(program, stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, env=environ)
        os.close(slave)
        self.seen = b""
        self._until = time.monotonic() + 2 * PATIENCE

    def wait_for(self, text: str) -> None:
        """Read until `text` was drawn since the last key."""
        while text.encode() not in self.seen:
            assert self._read(), f"{text!r} was not drawn; seen was {self.seen[-3000:]!r}"

    def _read(self) -> bool:
        """Read what is there; False at the end, or when the time is up."""
        left = self._until - time.monotonic()
        ready, _, _ = select.select([self._master], [], [], max(0, left))
        try:
            data = os.read(self._master, 65536) if ready else b""
        except OSError:
            data = b""  # the other side is closed
        self.seen += data
        return bool(data)

    def send(self, data: bytes) -> None:
        self.seen = b""
        os.write(self._master, data)

    def end(self) -> int:
        """Read to the end; return the exit code."""
        while self._read():
            pass
        return self.process.wait(1)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._master)


@pytest.fixture(params=["linux", "xterm-256color"])
def terminal(request: pytest.FixtureRequest) -> Iterator[Terminal]:
    shown = Terminal([sys.executable, "-m", "tests.tui.demo"], request.param)
    yield shown
    shown.close()


def test_a_ceremony_on_a_terminal_survives_interrupts_and_ends_by_a_decision(terminal: Terminal) -> None:
    terminal.wait_for("Begin the ceremony?")
    terminal.send(b"\x03")
    terminal.wait_for("Stop the ceremony?")
    terminal.send(b"n")
    terminal.wait_for("Everybody is here.")
    terminal.seen = b""
    terminal.process.send_signal(signal.SIGINT)
    terminal.wait_for("Stop the ceremony?")
    terminal.send(b"y")
    terminal.wait_for("done in this sitting")
    terminal.send(b"\r")
    assert terminal.end() == ExitCode.INCOMPLETE
    assert b"people stopped the ceremony\r\n" in terminal.seen


def test_the_package_loads_no_screen_library_until_a_screen_is_needed() -> None:
    program = "import sys, ceremony.tui; sys.exit('textual' in sys.modules or 'rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
