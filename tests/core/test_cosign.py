# SPDX-License-Identifier: Apache-2.0
"""SSH signatures, made and judged by the real ssh-keygen, and the quorum of a plan."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceremony.core.cosign import SshPublicKey, claimed_key, parse_public_key, public_key_of, quorum, verify
from ceremony.core.plan import Person, Role
from ceremony.core.sshwire import NotSshData, Reader, mpint, string
from ceremony.errors import VerificationError

MESSAGE = b"ceremony-head/v1\norigin: test\n"
NAMESPACE = "ceremony-head"
KINDS = {
    "ed25519": ("-t", "ed25519"),
    "p256": ("-t", "ecdsa", "-b", "256"),
    "p384": ("-t", "ecdsa", "-b", "384"),
    "p521": ("-t", "ecdsa", "-b", "521"),
    "rsa": ("-t", "rsa", "-b", "2048"),
}


def _keygen(*arguments: str, stdin: bytes = b"") -> bytes:
    return subprocess.run(["ssh-keygen", *arguments], input=stdin, capture_output=True, check=True).stdout


class Signed:
    """A key of the real program, and what it signed."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.path = folder / kind
        _keygen("-q", *KINDS[kind], "-N", "", "-C", f"Ada Example {kind}", "-f", str(self.path))
        self.line = self.path.with_suffix(".pub").read_text()
        self.key = parse_public_key(self.line)
        self.armored = self.sign()

    def sign(self, namespace: str = NAMESPACE, hash_algorithm: str = "sha512") -> bytes:
        return _keygen(
            "-Y", "sign", "-q", "-n", namespace, "-O", f"hashalg={hash_algorithm}", "-f", str(self.path), stdin=MESSAGE
        )

    def judged_by_ssh_keygen(self, armored: bytes, folder: Path) -> bool:
        (folder / "sig").write_bytes(armored)
        (folder / "allowed").write_text(f"ada {self.line}")
        command = ["ssh-keygen", "-Y", "verify", "-n", NAMESPACE, "-I", "ada", "-f", f"{folder}/allowed", "-s", f"{folder}/sig"]
        return subprocess.run(command, input=MESSAGE, capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Signed]:
    folder = tmp_path_factory.mktemp("keys")
    return {kind: Signed(folder, kind) for kind in KINDS}


# --- keys ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_reads_a_key_as_ssh_keygen_does(signed: dict[str, Signed], kind: str) -> None:
    key = signed[kind].key
    printed = _keygen("-l", "-f", str(signed[kind].path)).decode().split()
    assert key.fingerprint == printed[1]
    assert key.comment == f"Ada Example {kind}"
    assert signed[kind].line == f"{key.line} {key.comment}\n"
    assert parse_public_key(key.line) == key


def _line(kind: str, *fields: bytes, inner: str = "") -> str:
    return f"{kind} {base64.b64encode(string((inner or kind).encode()) + b''.join(fields)).decode()}"


_MODULUS = 2**2047 + 1
REFUSED_KEYS = [
    pytest.param("", "is not an OpenSSH public key", id="nothing"),
    pytest.param("ssh-ed25519", "is not an OpenSSH public key", id="no key"),
    pytest.param("ssh-dss AAAA", "is not an OpenSSH public key", id="DSA"),
    pytest.param("cert-authority ssh-ed25519 AAAA", "is not an OpenSSH public key", id="options first"),
    pytest.param("ssh-ed25519 AAAA ada\nssh-ed25519 AAAA", "is not an OpenSSH public key", id="two lines"),
    pytest.param("ssh-ed25519 A", "its base64 is damaged", id="half a character"),
    pytest.param("ssh-ed25519 äää=", "its base64 is damaged", id="other characters"),
    pytest.param("webauthn-sk-ecdsa-sha2-nistp256@openssh.com AAAA", "is not an OpenSSH public key", id="a browser's"),
    pytest.param(_line("ssh-ed25519", string(bytes(31))), "its fields do not make one", id="a byte short"),
    pytest.param(_line("ssh-ed25519", string(bytes(32)), b"x"), "its fields do not make one", id="something after it"),
    pytest.param(_line("ssh-ed25519", string(bytes(32)), inner="ssh-rsa"), "its fields do not make one", id="two types"),
    pytest.param(
        _line("ecdsa-sha2-nistp256", string(b"nistp256"), string(b"\x02" + bytes(32))),
        "its fields do not make one",
        id="compressed point",
    ),
    pytest.param(_line("ssh-rsa", mpint(65537), mpint(2**1023 + 1)), "is RSA of 1024 bits, fewer than 2048", id="short RSA"),
    pytest.param(
        _line("ssh-rsa", string(b"\x00\x01\x00\x01"), mpint(_MODULUS)),
        "is not in the one encoding of its key",
        id="a number with a needless zero",
    ),
    pytest.param(
        _line("ssh-rsa", mpint(65537), mpint(2**2055 + 1))[:-3] + "R==",
        "is not in the one encoding of its key",
        id="base64 with bits left over",
    ),
]


@pytest.mark.parametrize(("line", "says"), REFUSED_KEYS)
def test_refuses_a_line_that_is_not_a_key(line: str, says: str) -> None:
    with pytest.raises(VerificationError, match=says) as caught:
        parse_public_key(line, "people[0].key")
    assert caught.value.subject == "people[0].key"


@given(st.text())
def test_any_other_text_is_refused_in_words(text: str) -> None:
    with pytest.raises(VerificationError):
        parse_public_key(text)


# --- signatures ---------------------------------------------------------------


@pytest.mark.parametrize("hash_algorithm", ["sha512", "sha256"])
@pytest.mark.parametrize("kind", KINDS)
def test_verifies_what_ssh_keygen_signed(signed: dict[str, Signed], kind: str, hash_algorithm: str) -> None:
    verify(signed[kind].sign(hash_algorithm=hash_algorithm), MESSAGE, signed[kind].key, NAMESPACE)


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_every_single_bit_flip(signed: dict[str, Signed], kind: str) -> None:
    armored, key, refused = signed[kind].armored, signed[kind].key, 0
    for bit in range(8 * len(armored)):
        changed = bytearray(armored)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(VerificationError):
            verify(bytes(changed), MESSAGE, key, NAMESPACE)
        refused += 1
    assert refused == 8 * len(armored)


def _blob(armored: bytes) -> bytes:
    return base64.b64decode(b"".join(armored.splitlines()[1:-1]))


def _armor(blob: bytes, width: int = 70) -> bytes:
    text = base64.b64encode(blob)
    lines = [text[i : i + width] for i in range(0, len(text), width)]
    return b"\n".join([b"-----BEGIN SSH SIGNATURE-----", *lines, b"-----END SSH SIGNATURE-----"]) + b"\n"


LOOSE = [
    pytest.param(lambda a: a + b"junk", id="junk after it"),
    pytest.param(lambda a: a + b"\n", id="a newline more"),
    pytest.param(lambda a: a[:-1], id="a newline less"),
    pytest.param(lambda a: a.replace(b"\n", b"\r\n"), id="other line ends"),
    pytest.param(lambda a: _armor(_blob(a), 76), id="other wrapping"),
    pytest.param(lambda a: _armor(_blob(a) + b"junk"), id="junk inside it"),
    pytest.param(lambda a: a + a, id="twice"),
]


@pytest.mark.parametrize("change", LOOSE)
def test_refuses_what_is_not_the_one_form(signed: dict[str, Signed], change: Callable[[bytes], bytes]) -> None:
    armored = signed["ed25519"].armored
    changed = change(armored)
    assert changed != armored
    with pytest.raises(VerificationError, match=r"is not its own re-encoding|is not an armored SSH|is not an SSH signature"):
        verify(changed, MESSAGE, signed["ed25519"].key, NAMESPACE)


def test_is_stricter_than_ssh_keygen(signed: dict[str, Signed], tmp_path: Path) -> None:
    junk = signed["ed25519"].armored + b"trailing junk\n"
    assert signed["ed25519"].judged_by_ssh_keygen(signed["ed25519"].armored, tmp_path)
    assert signed["ed25519"].judged_by_ssh_keygen(junk, tmp_path)
    with pytest.raises(VerificationError, match="is not its own re-encoding"):
        verify(junk, MESSAGE, signed["ed25519"].key, NAMESPACE)


def _made(key: bytes, hash_algorithm: bytes, value_format: bytes, value: bytes, reserved: bytes = b"") -> bytes:
    fields = (key, NAMESPACE.encode(), reserved, hash_algorithm, string(value_format) + string(value))
    return _armor(b"SSHSIG" + (1).to_bytes(4) + b"".join(string(f) for f in fields))


NOT_SIGNATURES = [
    pytest.param(b"", "is not an armored SSH signature", id="nothing"),
    pytest.param(b"-----BEGIN SSH SIGNATURE-----\nAAAA\n", "is not an armored SSH signature", id="no end"),
    pytest.param(_armor(b"SSHSIG"), r"is not an SSH signature \(it ends too early\)", id="too short"),
    pytest.param(_armor(b"SSHSIG" + (2).to_bytes(4)), r"\(it is not of version 1\)", id="another version"),
    pytest.param(_armor(b"OpenSSH" + bytes(9)), r"\(it is not of version 1\)", id="another preamble"),
    pytest.param(_made(b"k", b"sha512", b"\xff", b""), r"\(a name in it is not plain text\)", id="a format that is no text"),
    pytest.param(_made(b"k", b"sha512", b"ssh-ed25519", b"", b"x"), "is not its own re-encoding", id="a reserved field"),
    pytest.param(_made(b"k", b"sha512", b"ssh-ed25519", b""), "was made by another key", id="another key"),
]


@pytest.mark.parametrize(("armored", "says"), NOT_SIGNATURES)
def test_refuses_what_is_no_signature_of_the_key(signed: dict[str, Signed], armored: bytes, says: str) -> None:
    with pytest.raises(VerificationError, match=says) as caught:
        verify(armored, MESSAGE, signed["ed25519"].key, NAMESPACE, "heads/0001.ada.sig")
    assert caught.value.subject == "heads/0001.ada.sig"


@pytest.mark.parametrize("kind", KINDS)
def test_tells_whose_key_a_signature_claims(signed: dict[str, Signed], kind: str) -> None:
    assert claimed_key(signed[kind].armored) == signed[kind].key
    assert public_key_of(signed[kind].armored) == signed[kind].key.blob


@pytest.mark.parametrize(
    ("key", "says"),
    [
        pytest.param(b"", "names no OpenSSH public key", id="nothing"),
        pytest.param(string(b"\xff"), "names no OpenSSH public key", id="a type that is no text"),
        pytest.param(string(b"ssh-dss"), "is not an OpenSSH public key", id="another type"),
        pytest.param(string(b"ssh-ed25519") + string(b"short"), "is not an OpenSSH public key", id="no key"),
    ],
)
def test_a_signature_that_claims_no_key_is_refused(key: bytes, says: str) -> None:
    with pytest.raises(VerificationError, match=f"signature: {says}"):
        claimed_key(_made(key, b"sha512", b"ssh-ed25519", b""))


def test_refuses_another_namespace(signed: dict[str, Signed]) -> None:
    with pytest.raises(VerificationError, match="is for another namespace than ceremony-head"):
        verify(signed["ed25519"].sign("file"), MESSAGE, signed["ed25519"].key, NAMESPACE)


def test_refuses_another_person(signed: dict[str, Signed]) -> None:
    with pytest.raises(VerificationError, match="was made by another key than SHA256:"):
        verify(signed["ed25519"].armored, MESSAGE, signed["p256"].key, NAMESPACE)


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_another_message(signed: dict[str, Signed], kind: str) -> None:
    with pytest.raises(VerificationError, match="does not verify with SHA256:"):
        verify(signed[kind].armored, MESSAGE + b" ", signed[kind].key, NAMESPACE)


VALUES = [
    pytest.param("ed25519", b"sha1", b"ssh-ed25519", bytes(64), "is over a hash other than sha256 and sha512", id="SHA-1"),
    pytest.param("ed25519", b"sha512", b"ssh-rsa", bytes(64), "is in a format that is not ssh-ed25519", id="another format"),
    pytest.param("rsa", b"sha512", b"ssh-rsa", bytes(256), "is by RSA with a hash other than SHA-256", id="RSA with SHA-1"),
    pytest.param("rsa", b"sha512", b"rsa-sha2-256", bytes(255), "does not verify with", id="RSA, a byte short"),
    pytest.param("p256", b"sha512", b"ecdsa-sha2-nistp256", mpint(1), "does not verify with", id="one number"),
    pytest.param("p256", b"sha512", b"ecdsa-sha2-nistp256", string(b"\xff") * 2, "does not verify with", id="below nought"),
    pytest.param("p256", b"sha512", b"ecdsa-sha2-nistp256", string(b"\0\1") * 2, "does not verify with", id="a needless zero"),
    pytest.param("p256", b"sha512", b"ecdsa-sha2-nistp256", mpint(0) * 2, "does not verify with", id="noughts"),
]


@pytest.mark.parametrize(("kind", "hash_algorithm", "value_format", "value", "says"), VALUES)
def test_refuses_a_value_that_ssh_keygen_would_not_write(
    signed: dict[str, Signed], kind: str, hash_algorithm: bytes, value_format: bytes, value: bytes, says: str
) -> None:
    key = signed[kind].key
    with pytest.raises(VerificationError, match=says):
        verify(_made(key.blob, hash_algorithm, value_format, value), MESSAGE, key, NAMESPACE)


@given(st.integers(min_value=0, max_value=2**600))
def test_a_number_is_read_as_it_was_written(number: int) -> None:
    assert Reader(mpint(number)).mpint() == number


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused_in_words(data: bytes) -> None:
    reader = Reader(data)
    try:
        read = reader.string()
    except NotSshData:
        return
    assert data.startswith(string(read))


# --- quorum -------------------------------------------------------------------

KEY = SshPublicKey("ssh-ed25519", b"1").line
OTHER_KEY = SshPublicKey("ssh-ed25519", b"2").line
ADA = Person("Ada", Role.SECURITY_OFFICER, "Acme", KEY)
BEN = Person("Ben", Role.SECURITY_OFFICER, "Acme", OTHER_KEY + " ben")
WIM = Person("Wim", Role.WITNESS, "Else", "", independent=True)
TWIN = Person("Twin", Role.SECURITY_OFFICER, "Acme", KEY + " another comment")
STRANGER = Person("Stranger", Role.WITNESS, "Else", "", independent=True)
PEOPLE = (ADA, BEN, WIM, TWIN)
NEEDED = {Role.SECURITY_OFFICER: 2, Role.WITNESS: 1}

QUORUMS = [
    pytest.param([ADA, BEN, WIM], {}, False, id="met"),
    pytest.param([ADA, WIM], {Role.SECURITY_OFFICER: 1}, False, id="one officer missing"),
    pytest.param([ADA, ADA, WIM], {Role.SECURITY_OFFICER: 1}, False, id="one officer twice"),
    pytest.param([ADA, TWIN, WIM], {Role.SECURITY_OFFICER: 1}, False, id="one key under two names"),
    pytest.param([ADA, BEN], {Role.WITNESS: 1}, True, id="nobody independent"),
    pytest.param([ADA, BEN, STRANGER], {Role.WITNESS: 1}, True, id="a stranger does not count"),
    pytest.param([], {Role.SECURITY_OFFICER: 2, Role.WITNESS: 1}, True, id="nobody"),
]


@pytest.mark.parametrize(("signers", "missing", "independent_missing"), QUORUMS)
def test_tells_what_a_quorum_lacks(signers: list[Person], missing: dict[Role, int], independent_missing: bool) -> None:
    result = quorum(PEOPLE, NEEDED, signers)
    assert result.missing == missing
    assert result.independent_missing is independent_missing
    assert result.met is (not missing and not independent_missing)
