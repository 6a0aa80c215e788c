# SPDX-License-Identifier: Apache-2.0
"""People sign with keys of their own, by the real ssh-keygen and ssh-agent; passphrases: tests/terminal/test_lent.py."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ceremony.core.consent import Consent
from ceremony.core.cosign import parse_public_key, verify
from ceremony.core.plan import Person, Role
from ceremony.core.security_key import ED25519
from ceremony.errors import Stopped
from ceremony.host import own_keys, ssh_keygen
from ceremony.host.own_keys import SystemCosigner
from tests.fakes.operator import ScriptedOperator
from tests.fakes.security_key import SoftSecurityKey

NAMESPACE, MESSAGE = "ceremony-head", b"ceremony-head/v1\n"
ADA = "Ada Example"
KINDS = {
    "ed25519": ("-t", "ed25519"),
    "p256": ("-t", "ecdsa", "-b", "256"),
    "p521": ("-t", "ecdsa", "-b", "521"),
    "rsa": ("-t", "rsa", "-b", "2048"),
    "rsa, PEM": ("-t", "rsa", "-b", "2048", "-m", "PEM"),
}

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a function that has ssh-keygen make a key."""

    def make(name: str = "ada", kind: str = "ed25519", passphrase: str = "") -> Path:
        subprocess.run(["ssh-keygen", "-q", *KINDS[kind], "-N", passphrase, "-C", name, "-f", tmp_path / name], check=True)
        return tmp_path / name

    return make


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    """Return the socket of an agent that holds nothing yet."""
    socket = str(tmp_path / "agent")
    with subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        program.stdout.readline()  # it says where it listens once it does
        yield socket
        program.terminate()


def add(agent: str, key: Path) -> None:
    """Put a key into the agent, and take its file away."""
    subprocess.run(["ssh-add", "-q", key], env={**os.environ, "SSH_AUTH_SOCK": agent}, check=True)
    key.unlink()


def line(key: Path) -> str:
    """Return the public half."""
    return key.with_name(f"{key.name}.pub").read_text().strip()


class Signing:
    """Ada at the screen: what she chooses, and the paths that she names, one after the other."""

    def __init__(self, public: str, *chosen: str, paths: tuple[object, ...] = (), agent: str = "") -> None:
        turns = {f"sign:{ADA}": list(chosen), f"key-file:{ADA}": list(map(str, paths))}
        self.operator = ScriptedOperator(answers={key: (lambda _, left=left: left.pop(0)) for key, left in turns.items()})
        self.public = public
        self.cosigner = SystemCosigner([Person(ADA, Role.WITNESS, "Acme", public)], self.operator, agent=agent)

    def sign(self, namespace: str = NAMESPACE) -> bool:
        """Sign, and check what came back; return whether anything did."""
        armored = self.cosigner.sign(ADA, namespace, MESSAGE)
        if armored is not None:
            verify(armored, MESSAGE, parse_public_key(self.public), namespace)
        return armored is not None

    @property
    def question(self) -> str:
        """The detail of the last question how to sign."""
        return self.operator.question(f"sign:{ADA}").prompt.detail

    @property
    def offered(self) -> list[str]:
        """What was offered at the last question how to sign."""
        return [option.key for option in self.operator.question(f"sign:{ADA}").options]


# --- files ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_signs_with_the_file_that_was_named(make: Make, kind: str) -> None:
    key = make(kind=kind)
    signing = Signing(line(key), "file", paths=(key,))
    assert signing.sign()
    assert signing.operator.lent == [
        f"{ADA} signs with {key}.\nCtrl+C gives up; nothing that is typed here is seen by the ceremony."
    ]
    assert parse_public_key(line(key)).fingerprint in signing.question


@pytest.mark.parametrize(
    ("namespace", "message", "does"),
    [
        pytest.param("ceremony-head", MESSAGE, "sign the final head", id="a head"),
        pytest.param("ceremony-roll-call", MESSAGE, "answer the roll call", id="the roll call"),
        pytest.param(
            "ceremony-consent",
            Consent("c0" * 16, 4, "d6" * 32, "wipe-token 13078778", ADA).text(),
            "agree to wipe token 13078778",
            id="a consent",
        ),
        pytest.param("ceremony-plan", MESSAGE, "sign for ceremony-plan", id="anything else"),
    ],
)
def test_it_is_said_what_a_signature_does(make: Make, namespace: str, message: bytes, does: str) -> None:
    signing = Signing(line(make()), "none")
    assert signing.cosigner.sign(ADA, namespace, message) is None
    assert signing.operator.question(f"sign:{ADA}").prompt.title == f"{ADA}: {does}"


def test_the_public_file_beside_it_names_it_too(make: Make) -> None:
    key = make()
    assert Signing(line(key), "file", paths=(f" {key}.pub ",)).sign()


def test_a_key_in_openssh_s_own_format_needs_no_public_file(make: Make) -> None:
    key = make()
    public = line(key)
    key.with_suffix(".pub").unlink()
    assert Signing(public, "file", paths=(key,)).sign()


def test_where_a_key_is_is_asked_once(make: Make) -> None:
    key = make()
    signing = Signing(line(key), "file", "same", paths=(key,))
    assert signing.sign("ceremony-roll-call")
    assert signing.offered == ["file", "none"]
    assert signing.operator.question(f"sign:{ADA}").prompt.title == f"{ADA}: answer the roll call"
    assert signing.sign()
    assert signing.offered == ["same", "file", "none"]
    assert signing.operator.question(f"sign:{ADA}").prompt.title == f"{ADA}: sign the final head"
    assert signing.operator.keys.count(f"key-file:{ADA}") == 1


def test_who_cannot_sign_here_and_now_does_not(make: Make) -> None:
    signing = Signing(line(make()), "none")
    assert not signing.sign("something-else")
    assert signing.operator.question(f"sign:{ADA}").prompt.title == f"{ADA}: sign for something-else"


def test_who_has_no_key_in_the_plan_is_not_asked() -> None:
    signing = Signing("")
    assert not signing.sign()
    assert signing.cosigner.sign("Nobody", NAMESPACE, MESSAGE) is None
    assert signing.operator.keys == []


@pytest.mark.parametrize("question", [f"sign:{ADA}", f"key-file:{ADA}"])
def test_people_can_stop_at_each_question(make: Make, question: str) -> None:
    signing = Signing(line(make()), "file")
    signing.operator.stop_at = question
    with pytest.raises(Stopped):
        signing.sign()


def test_a_file_that_will_not_do_is_told_and_another_can_be_named(make: Make, tmp_path: Path) -> None:
    key, other = make(), make("ben")
    pem = make("pem", "rsa, PEM")
    pem.with_name("pem.pub").unlink()
    (tmp_path / "long").write_bytes(bytes(70_000))
    (tmp_path / "damaged").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n")
    (tmp_path / "version").write_bytes(key.read_bytes().replace(b"b3BlbnNzaC1rZXktdjE", b"b3BlbnNzaC1rZXktdjI"))
    wrong = {
        "": "no file was named",
        tmp_path / "missing": f"there is no file at {tmp_path / 'missing'}",
        tmp_path: f"{tmp_path} is not a plain file",
        f"{key}\0": "cannot be read (no such path can be)",
        tmp_path / "long": "is longer than the 65536 bytes of a key",
        tmp_path / "damaged": f"{tmp_path / 'damaged'} is a damaged private key",
        tmp_path / "version": f"{tmp_path / 'version'} is a damaged private key",
        f"{key}.pub/x": "cannot be read (Not a directory)",
        other: f"{other} is the private half of {parse_public_key(line(other)).fingerprint}, not of SHA256:",
        pem: f"{pem} does not say which key it is: there is no file at {pem}.pub",
        __file__: "is no private key",
    }
    for path, says in wrong.items():
        signing = Signing(line(key), "file", "file", paths=(path, key))
        assert signing.sign()
        assert says in signing.question
        assert signing.offered == ["file", "none"]
        assert signing.operator.question(f"sign:{ADA}").prompt.alarm


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_a_key_that_everybody_can_read_is_used_nevertheless(make: Make, kind: str) -> None:
    key = make(kind=kind)
    key.chmod(0o755)  # as every file is on a vfat stick
    assert Signing(line(key), "file", paths=(key,)).sign()


def test_an_older_key_that_everybody_can_read_is_not(make: Make) -> None:
    key = make(kind="rsa, PEM")
    key.chmod(0o755)
    signing = Signing(line(key), "file", "none", paths=(key,))
    assert not signing.sign()
    assert "can be read by others, and ssh-keygen refuses it then" in signing.question


def test_a_file_that_says_it_is_another_key_signs_nothing(make: Make) -> None:
    key, other = make(kind="rsa, PEM"), make("ben", "rsa, PEM")
    other.with_name("ben.pub").write_text(line(key))
    signing = Signing(line(key), "file", "none", paths=(other,))
    assert not signing.sign()
    assert f"ssh-keygen did not sign with {other} (exit 255)" in signing.question


def test_a_signature_by_another_key_is_not_given_back(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    key, other = make(), make("ben")
    liar = other.with_name("ssh-keygen")
    liar.write_text(f"#!/bin/sh\nexec /usr/bin/ssh-keygen -Y sign -q -n {NAMESPACE} -f {other}\n")
    liar.chmod(0o755)
    monkeypatch.setattr(ssh_keygen, "PROGRAM", str(liar))
    signing = Signing(line(key), "file", "none", paths=(key,))
    assert not signing.sign()
    assert "signature of Ada Example: was made by another key" in signing.question


def test_nobody_but_the_person_is_asked_for_a_passphrase(make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    helper, called = tmp_path / "helper", tmp_path / "called"
    helper.write_text(f"#!/bin/sh\ntouch {called}\necho correct\n")
    helper.chmod(0o755)
    for name, value in (("SSH_ASKPASS", str(helper)), ("SSH_ASKPASS_REQUIRE", "force"), ("DISPLAY", ":0")):
        monkeypatch.setenv(name, value)
    key = make(passphrase="correct")
    monkeypatch.setattr(ssh_keygen, "_command", lambda *arguments: ["setsid", "-w", *command(*arguments)])  # no terminal
    signing = Signing(line(key), "file", "none", paths=(key,))
    assert not signing.sign()
    assert "did not sign" in signing.question
    assert not called.exists()


command = ssh_keygen._command


def test_a_program_that_is_missing_is_told(make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = make()
    signing = Signing(line(key), "file", "none", paths=(key,), agent=str(tmp_path / "no-agent"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not signing.sign()
    assert signing.question == "ssh-keygen is not installed. install the package openssh-client."


def test_a_security_key_is_known_by_what_openssh_keeps_of_it(tmp_path: Path) -> None:
    key = SoftSecurityKey(ED25519)
    (tmp_path / "sk").write_text(key.private_file())
    (tmp_path / "sk").chmod(0o600)
    signing = Signing(key.line, "file", "none", paths=(tmp_path / "sk",))
    assert not signing.sign()  # there is no device
    assert f"ssh-keygen did not sign with {tmp_path / 'sk'}" in signing.question


# --- the agent -------------------------------------------------------------------------


def test_the_agent_signs_with_the_key_that_it_holds(make: Make, agent: str) -> None:
    key = make()
    add(agent, make("ben"))
    add(agent, key)
    signing = Signing(line(key), "agent", "same", agent=agent)
    assert signing.sign()
    assert signing.offered == ["agent", "file", "none"]
    assert signing.sign()
    assert signing.offered == ["same", "file", "none"]
    assert signing.operator.lent[0].startswith(f"{ADA} signs with the key in the agent.")


def test_an_agent_without_the_key_is_not_offered(make: Make, agent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key, other = make(), make("ben")
    add(agent, other)
    signing = Signing(line(key), "none", agent=agent)
    assert not signing.sign()
    assert signing.offered == ["file", "none"]
    monkeypatch.setenv("SSH_AUTH_SOCK", agent)
    signing = Signing(line(other), "none")
    assert not signing.sign()
    assert signing.offered == ["file", "none"]


def test_an_agent_that_does_not_answer_is_not_offered(make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    slow = tmp_path / "ssh-add"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr(own_keys, "AGENT_PROGRAM", str(slow))
    monkeypatch.setattr(own_keys, "_AGENT_SECONDS", 0.1)
    signing = Signing(line(make()), "none", agent="/nowhere")
    assert not signing.sign()
    assert signing.offered == ["file", "none"]


def test_a_key_that_left_the_agent_is_told(make: Make, agent: str) -> None:
    key = make()
    add(agent, key)
    signing = Signing(line(key), "agent", "same", "none", agent=agent)
    assert signing.sign()
    subprocess.run(["ssh-add", "-q", "-D"], env={**os.environ, "SSH_AUTH_SOCK": agent}, check=True)
    assert not signing.sign()
    assert "ssh-keygen did not sign with the key in the agent" in signing.question
