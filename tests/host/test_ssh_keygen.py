# SPDX-License-Identifier: Apache-2.0
"""Signing with the real ssh-keygen: key files, practice keys, and its questions on the terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ceremony.core import cosign
from ceremony.core.secret import Secret
from ceremony.errors import CeremonyError
from ceremony.host import ssh_keygen
from ceremony.host.ssh_keygen import KeyFileCosigner, PracticeCosigner, PracticeKey, make_practice_keys, sign_with_key

MESSAGE = b"ceremony-head/v1\n"
NAMESPACE = "ceremony-head"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "ada"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


def _public(path: Path) -> cosign.SshPublicKey:
    return cosign.parse_public_key(path.with_suffix(".pub").read_text())


def test_signs_with_a_key_file(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cosign.verify(sign_with_key(key, NAMESPACE, MESSAGE), MESSAGE, _public(key), NAMESPACE)
    monkeypatch.chdir(key.parent)
    cosign.verify(sign_with_key(Path(key.name), NAMESPACE, MESSAGE), MESSAGE, _public(key), NAMESPACE)


def test_only_those_who_brought_a_key_sign(key: Path) -> None:
    cosigner = KeyFileCosigner({"Ada Example": key})
    assert cosigner.sign("Ben Example", NAMESPACE, MESSAGE) is None
    armored = cosigner.sign("Ada Example", NAMESPACE, MESSAGE)
    assert armored is not None
    cosign.verify(armored, MESSAGE, _public(key), NAMESPACE)


def test_says_that_a_key_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CeremonyError, match=r"there is no key at .*missing"):
        sign_with_key(tmp_path / "missing", NAMESPACE, MESSAGE)


def test_says_that_a_key_cannot_be_used(key: Path, capfd: pytest.CaptureFixture[str]) -> None:
    key.chmod(0o644)
    with pytest.raises(CeremonyError, match=r"ssh-keygen did not sign with .*ada \(exit 255\)") as caught:
        sign_with_key(key, NAMESPACE, MESSAGE)
    assert "owner and mode" in caught.value.hint
    assert "UNPROTECTED" in capfd.readouterr().err


def test_says_that_the_program_is_missing(key: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CeremonyError, match="ssh-keygen is not installed") as caught:
        sign_with_key(key, NAMESPACE, MESSAGE)
    assert "openssh-client" in caught.value.hint


ON_A_TERMINAL = """
import fcntl, sys, termios
from pathlib import Path
fcntl.ioctl(2, termios.TIOCSCTTY, 0)
from ceremony.host.ssh_keygen import sign_with_key
sys.stdout.buffer.write(sign_with_key(Path(sys.argv[1]), sys.argv[2], sys.argv[3].encode()))
"""


def test_the_passphrase_is_asked_for_on_the_terminal(key: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "correct horse", "-f", key], check=True)
    leader, follower = os.openpty()
    command = [sys.executable, "-c", ON_A_TERMINAL, str(key), NAMESPACE, MESSAGE.decode()]
    with subprocess.Popen(command, stdin=follower, stdout=subprocess.PIPE, stderr=follower, start_new_session=True) as program:
        os.close(follower)
        asked = b""
        while not asked.rstrip().endswith(b":"):
            asked += os.read(leader, 1024)
        os.write(leader, b"correct horse\n")
        armored, _ = program.communicate(timeout=60)
    os.close(leader)
    assert b"passphrase" in asked
    cosign.verify(armored, MESSAGE, _public(key), NAMESPACE)


# --- practice -----------------------------------------------------------------------


def test_practice_keys_sign_for_the_people_who_have_one() -> None:
    keys = make_practice_keys(["Ada Example", "Jürg Beispiel"])
    cosigner = PracticeCosigner(keys)
    for name, key in keys.items():
        armored = cosigner.sign(name, NAMESPACE, MESSAGE)
        assert armored is not None
        cosign.verify(armored, MESSAGE, cosign.parse_public_key(key.public), NAMESPACE)
    assert cosigner.sign("Nobody", NAMESPACE, MESSAGE) is None
    assert len({key.public for key in keys.values()}) == 2


def test_a_practice_key_is_openssh_s_own_format_and_is_not_shown(tmp_path: Path) -> None:
    (key,) = make_practice_keys(["Ada"]).values()
    path = tmp_path / "key"
    path.write_bytes(key.private.reveal())
    path.chmod(0o600)
    public = subprocess.run(["ssh-keygen", "-y", "-f", path], capture_output=True, text=True, check=True).stdout
    assert public.split()[:2] == key.public.split()[:2]
    assert "PRIVATE" not in repr(key)


def _shared_memory() -> list[Path]:
    return list(Path("/dev/shm").glob("*"))


def test_a_practice_key_never_becomes_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    before = set(_shared_memory())
    assert PracticeCosigner(make_practice_keys(["Ada"])).sign("Ada", NAMESPACE, MESSAGE)
    assert list(tmp_path.iterdir()) == []
    assert not any("practice" in path.name for path in set(_shared_memory()) - before)


def test_a_damaged_practice_key_is_said_and_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    damaged = PracticeKey("ssh-ed25519 AAAA", Secret("-----BEGIN OPENSSH PRIVATE KEY-----\nhidden\n"))
    with pytest.raises(CeremonyError, match=r"did not sign with the practice key of Ada \(exit 255\): .*") as caught:
        PracticeCosigner({"Ada": damaged}).sign("Ada", NAMESPACE, MESSAGE)
    assert "hidden" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_program_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow = tmp_path / "ssh-keygen"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr(ssh_keygen, "_SECONDS", 0.2)
    monkeypatch.setattr(ssh_keygen, "PROGRAM", str(slow))
    with pytest.raises(CeremonyError, match="did not end within"):
        PracticeCosigner(make_practice_keys(["Ada"])).sign("Ada", NAMESPACE, MESSAGE)
