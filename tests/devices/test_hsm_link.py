# SPDX-License-Identifier: Apache-2.0
"""The process that holds a module: how it starts, and every way in which it can end."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from ceremony.devices import softhsm
from ceremony.devices.hsm_link import HsmLink, Said, check_environment, check_module
from ceremony.devices.hsm_wire import Fault, pack, unpack
from ceremony.errors import TokenError, TokenLost

MODULE = softhsm.find_module()


def program(tmp_path: Path, body: str) -> str:
    """Return a program that stands in for the interpreter, and so for the worker."""
    path = tmp_path / "worker"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o700)
    return str(path)


@pytest.fixture
def link(practice):
    opened = HsmLink("root-a", MODULE, env=practice.env, deadline_seconds=30.0)
    yield opened
    opened.close()


def test_refuses_a_module_that_does_not_exist(tmp_path):
    with pytest.raises(TokenError, match=r"the module .*/missing.so cannot be read \(No such file or directory\)"):
        HsmLink("root-a", str(tmp_path / "missing.so"), env=None)


def test_refuses_a_folder_for_a_module(tmp_path):
    with pytest.raises(TokenError, match="cannot be read"):
        check_module("root-a", str(tmp_path))


def test_refuses_a_relative_path():
    with pytest.raises(TokenError, match=r"the module 'libsofthsm2.so' is not an absolute path"):
        check_module("root-a", "libsofthsm2.so")


@pytest.mark.parametrize("name", ["pkcs11-spy.so", "pkcs11-logger-x64.so"])
def test_refuses_a_module_that_writes_pins(name):
    with pytest.raises(TokenError, match="writes every PIN that passes to a file"):
        check_module("root-a", f"/usr/lib/{name}")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not a shared library\n" * 100, id="text"),
        pytest.param(b"\x7fELF" + bytes(200), id="junk"),
    ],
)
def test_refuses_a_file_that_is_no_module(tmp_path, content):
    path = tmp_path / "module.so"
    path.write_bytes(content)
    with pytest.raises(TokenError, match=r"module.so is not a PKCS#11 module"):
        HsmLink("root-a", str(path), env=None)


def test_refuses_a_library_that_speaks_no_pkcs11():
    library = next(line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "/libc.so.6" in line)
    with pytest.raises(TokenError, match="is not a PKCS#11 module"):
        HsmLink("root-a", library, env=None)


def test_says_so_when_a_module_does_not_start(tmp_path):
    with pytest.raises(TokenError, match=r"does not start \(GeneralError\)"):
        HsmLink("root-a", MODULE, env={"SOFTHSM2_CONF": str(tmp_path / "missing.conf")})


@pytest.mark.parametrize("name", ["PKCS11SPY", "YKCS11_DBG", "OPENSC_DEBUG", "PKCS11_LOGGER_LIBRARY_PATH"])
def test_refuses_an_environment_in_which_pins_are_written(name):
    with pytest.raises(TokenError, match=f"{name} is set, which can write PINs to a file") as refused:
        HsmLink("root-a", MODULE, env={name: "1"})
    assert refused.value.hint == f"start again after: unset {name}"


def test_refuses_our_own_environment_too(monkeypatch):
    monkeypatch.setenv("PKCS11SPY", "/usr/lib/x.so")
    with pytest.raises(TokenError, match="PKCS11SPY is set"):
        check_environment("root-a", None)


def test_never_changes_our_own_environment(practice):
    before = dict(os.environ)
    assert check_environment("root-a", practice.env) == {**before, **practice.env}
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param("kill -SEGV $$", r"its module crashed \(SIGSEGV\)", id="crash"),
        pytest.param("exit 3", r"its module ended by itself \(exit code 3\)", id="end"),
        pytest.param("exec sleep 60", "did not answer within 0.3 seconds", id="hang"),
        pytest.param("exec >&-; exec sleep 60", "its module closed the connection", id="silence"),
        pytest.param("printf '\\000\\000\\000\\004nope'; exec sleep 60", "sent what is no answer", id="junk"),
        pytest.param("printf 'a talkative module'; exec sleep 60", "sent what is no answer", id="noise"),
    ],
)
def test_a_module_that_fails_while_it_loads_is_lost(monkeypatch, tmp_path, body, message):
    monkeypatch.setattr(sys, "executable", program(tmp_path, body))
    with pytest.raises(TokenLost, match=message) as lost:
        HsmLink("root-a", MODULE, env=None, deadline_seconds=0.3)
    assert "try again, or stop and resume the ceremony" in lost.value.hint


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGKILL])
def test_a_crash_names_the_signal_and_stays(link, number):
    os.kill(link.pid, number)
    for _ in range(2):
        with pytest.raises(TokenLost, match=rf"crashed \({number.name}\)") as lost:
            link.call("tokens")
        assert lost.value.hint == "try again, or stop and resume the ceremony; what the token did is read from the token"


def test_a_hang_is_ended_and_stays(practice):
    link = HsmLink("root-a", MODULE, env=practice.env, deadline_seconds=2)
    os.kill(link.pid, signal.SIGSTOP)
    for _ in range(2):
        with pytest.raises(TokenLost, match=r"did not answer within 2 seconds"):
            link.call("tokens")
    with pytest.raises(ProcessLookupError):
        os.kill(link.pid, 0)


def test_large_requests_and_answers_pass_in_both_directions_at_once(link):
    # Nothing is selected, so each is refused; what matters is that neither side waits for the other.
    numbers = [link.send("sign", label="x", key_id="01", scheme="ed25519", data=["00" * 100_000]) for _ in range(20)]
    for number in reversed(numbers):
        with pytest.raises(Said) as said:
            link.receive(number)
        assert said.value.fault is Fault.LOGGED_OUT


def test_an_answer_that_nobody_wants_is_dropped(link):
    link.forget(link.send("tokens"))
    assert link.call("tokens")["tokens"]
    received = link.send("tokens")
    link.call("tokens")
    link.forget(received)
    assert not link._answers
    assert not link._forgotten


def test_a_mistake_of_the_worker_is_told_without_its_text(link):
    with pytest.raises(Said) as said:
        link.call("tokens", unknown="a secret")
    assert (said.value.fault, said.value.cause) == (Fault.BROKEN, "TypeError")


def test_nothing_is_done_on_a_token_before_one_is_selected(link):
    for operation, values in (("state", {}), ("login", {"pin": "482916"})):
        with pytest.raises(Said) as said:
            link.call(operation, **values)
        assert said.value.fault is Fault.LOST


def test_the_module_has_neither_our_terminal_nor_our_pipes(link):
    for number in (0, 1, 2):
        assert str(Path(f"/proc/{link.pid}/fd/{number}").readlink()) == os.devnull
    assert os.getsid(link.pid) == link.pid


def test_the_worker_leaves_no_core_dump(link):
    limits = Path(f"/proc/{link.pid}/limits").read_text()
    assert next(line for line in limits.splitlines() if line.startswith("Max core file size")).split()[4:6] == ["0", "0"]


def test_close_ends_the_worker_and_can_be_repeated(link):
    link.close()
    link.close()
    with pytest.raises(ProcessLookupError):
        os.kill(link.pid, 0)
    with pytest.raises(TokenLost, match="was closed"):
        link.call("tokens")


def test_frames_come_out_whole_and_in_order():
    buffer = bytearray()
    frames = [{"id": 1, "text": "ä" * 300}, {"busy": 1}, {}]
    for byte in b"".join(pack(frame) for frame in frames):
        buffer.append(byte)
        if (frame := unpack(buffer)) is not None:
            assert frame == frames.pop(0)
    assert not frames
    assert not buffer


def test_refuses_a_frame_of_absurd_length():
    with pytest.raises(ValueError, match="too long"):
        unpack(bytearray(b"\xff\xff\xff\xff"))
