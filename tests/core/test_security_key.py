# SPDX-License-Identifier: Apache-2.0
"""Signatures by FIDO security keys: made by hand as PROTOCOL.u2f says, judged by the real ssh-keygen and by us."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from ceremony.core.cosign import parse_public_key, verify
from ceremony.core.security_key import ECDSA, ED25519
from ceremony.core.sshwire import string
from ceremony.errors import VerificationError
from tests.fakes.security_key import TOUCHED, VERIFIED, SoftSecurityKey, armor

MESSAGE = b"ceremony-head/v1\norigin: test\n"
NAMESPACE = "ceremony-head"
KINDS = [pytest.param(ED25519, id="ed25519"), pytest.param(ECDSA, id="ecdsa")]


def judged(key: SoftSecurityKey, armored: bytes, folder: Path) -> bool:
    """Return what ssh-keygen says of a signature."""
    (folder / "sig").write_bytes(armored)
    (folder / "allowed").write_text(f"ada {key.line}\n")
    command = ["ssh-keygen", "-Y", "verify", "-n", NAMESPACE, "-I", "ada", "-f", f"{folder}/allowed", "-s", f"{folder}/sig"]
    return subprocess.run(command, input=MESSAGE, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("kind", KINDS)
def test_reads_a_key_as_ssh_keygen_does(kind: str, tmp_path: Path) -> None:
    key = SoftSecurityKey(kind)
    (tmp_path / "key.pub").write_text(f"{key.line} Ada Example\n")
    printed = subprocess.run(["ssh-keygen", "-l", "-f", tmp_path / "key.pub"], capture_output=True, text=True, check=True).stdout
    read = parse_public_key(f"{key.line} Ada Example")
    assert (read.fingerprint, read.comment, read.line) == (printed.split()[1], "Ada Example", key.line)


@pytest.mark.parametrize("algorithm", ["sha512", "sha256"])
@pytest.mark.parametrize("flags", [pytest.param(TOUCHED, id="touch"), pytest.param(TOUCHED | VERIFIED, id="touch and PIN")])
@pytest.mark.parametrize("kind", KINDS)
def test_verifies_what_ssh_keygen_verifies(kind: str, flags: int, algorithm: str, tmp_path: Path) -> None:
    key = SoftSecurityKey(kind, b"ssh:acme")
    armored = key.sign(NAMESPACE, MESSAGE, flags=flags, algorithm=algorithm)
    assert judged(key, armored, tmp_path)
    verify(armored, MESSAGE, parse_public_key(key.line), NAMESPACE)


@pytest.mark.parametrize("kind", KINDS)
def test_wants_a_touch_where_ssh_keygen_does_not(kind: str, tmp_path: Path) -> None:
    key = SoftSecurityKey(kind)
    armored = key.sign(NAMESPACE, MESSAGE, flags=VERIFIED)
    assert judged(key, armored, tmp_path)
    with pytest.raises(VerificationError, match="was made by a security key that nobody touched") as caught:
        verify(armored, MESSAGE, parse_public_key(key.line), NAMESPACE, "answer of Ada")
    assert (caught.value.subject, caught.value.hint) == ("answer of Ada", "sign again, and touch the key when it blinks")


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_every_single_bit_flip(kind: str) -> None:
    key = SoftSecurityKey(kind)
    armored, public = key.sign(NAMESPACE, MESSAGE), parse_public_key(key.line)
    for bit in range(8 * len(armored)):
        changed = bytearray(armored)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(VerificationError):
            verify(bytes(changed), MESSAGE, public, NAMESPACE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param({"more": b"x"}, "is not its own re-encoding", id="something behind the counter"),
        pytest.param({"kind": "ssh-ed25519"}, "is not its own re-encoding", id="another format, and a counter behind it"),
        pytest.param({"kind": "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"}, "is not its own re-encoding", id="a browser's"),
    ],
)
def test_refuses_what_is_not_the_one_form(kind: str, spoil: dict[str, bytes], says: str) -> None:
    key = SoftSecurityKey(kind)
    with pytest.raises(VerificationError, match=says):
        verify(key.sign(NAMESPACE, MESSAGE, **spoil), MESSAGE, parse_public_key(key.line), NAMESPACE)


def test_refuses_a_signature_in_the_format_of_a_plain_key() -> None:
    key = SoftSecurityKey(ED25519)
    space = string(NAMESPACE.encode()) + string(b"") + string(b"sha512")
    value = string(b"ssh-ed25519") + string(bytes(64))
    armored = armor(b"SSHSIG" + (1).to_bytes(4) + string(key.blob) + space + string(value))
    with pytest.raises(VerificationError, match=f"is in a format that is not {ED25519}"):
        verify(armored, MESSAGE, parse_public_key(key.line), NAMESPACE)


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_another_message_namespace_and_key(kind: str) -> None:
    key, other = SoftSecurityKey(kind), SoftSecurityKey(kind)
    armored = key.sign(NAMESPACE, MESSAGE)
    with pytest.raises(VerificationError, match="does not verify with SHA256:"):
        verify(armored, MESSAGE + b" ", parse_public_key(key.line), NAMESPACE)
    with pytest.raises(VerificationError, match="is for another namespace than file"):
        verify(armored, MESSAGE, parse_public_key(key.line), "file")
    with pytest.raises(VerificationError, match="was made by another key than SHA256:"):
        verify(armored, MESSAGE, parse_public_key(other.line), NAMESPACE)


def line(kind: str, *fields: bytes, inner: str = "") -> str:
    """Return a line with these fields behind the kind."""
    return f"{kind} {base64.b64encode(b''.join(map(string, ((inner or kind).encode(), *fields)))).decode()}"


POINT = bytes.fromhex(
    "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
"""The base point of P-256, uncompressed."""
NO_KEYS = [
    pytest.param(line(ED25519), id="nothing"),
    pytest.param(line(ED25519, bytes(31), b"ssh:"), id="a byte short"),
    pytest.param(line(ED25519, bytes(32)), id="no application"),
    pytest.param(line(ED25519, bytes(32), b"https://evil.example"), id="a browser's application"),
    pytest.param(line(ED25519, bytes(32), b"ssh:", b""), id="something after it"),
    pytest.param(line(ED25519, bytes(32), b"ssh:", inner="ssh-ed25519"), id="two kinds"),
    pytest.param(line(ED25519, b"nistp256", POINT, b"ssh:", inner=ECDSA), id="the other kind"),
    pytest.param(line(ECDSA, b"nistp384", POINT, b"ssh:"), id="another curve"),
    pytest.param(line(ECDSA, b"nistp256", b"\x03" + POINT[1:33], b"ssh:"), id="compressed point"),
    pytest.param(line(ECDSA, b"nistp256", b"\x04" + bytes(64), b"ssh:"), id="no point"),
    pytest.param(f"{ED25519} AAAA", id="three bytes"),
]


@pytest.mark.parametrize("text", NO_KEYS)
def test_refuses_a_line_that_is_not_a_key(text: str) -> None:
    with pytest.raises(VerificationError, match="is not an OpenSSH public key: its fields do not make one") as caught:
        parse_public_key(text, "people[0].key")
    assert caught.value.subject == "people[0].key"


def test_takes_the_base_point_as_a_key() -> None:
    assert parse_public_key(line(ECDSA, b"nistp256", POINT, b"ssh:")).kind == ECDSA
