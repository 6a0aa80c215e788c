# SPDX-License-Identifier: Apache-2.0
"""Backups, judged by the real age and openssl; whatever is damaged is refused in words."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from hypothesis import given, settings
from hypothesis import strategies as st

from ceremony.core import backup
from ceremony.core.backup import MANIFEST, PKCS8, WRAPPED, WRAPPING_KEY
from ceremony.core.keys import Algorithm
from ceremony.core.secret import Secret
from ceremony.errors import VerificationError
from tests.peers import light_age, openssl
from tests.vectors.known_keys import known

PASSPHRASE = "correct horse battery staple é"
# age asks on the terminal, so it gets one.
ON_A_TERMINAL = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"


@pytest.fixture(scope="module")
def protector() -> tuple[Secret, str]:
    return backup.make_protector()


@pytest.fixture(scope="module")
def sealed(protector: tuple[Secret, str]) -> bytes:
    return backup.seal_identity(protector[0], Secret(PASSPHRASE))


def _damaged(data: bytes, place: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


# --- the protector ------------------------------------------------------------


def test_each_protector_is_a_new_one(protector: tuple[Secret, str]) -> None:
    identity, recipient = protector
    assert identity.text().startswith("AGE-SECRET-KEY-1")
    assert recipient.startswith("age1")
    assert backup.recipient_of(identity) == recipient
    assert backup.make_protector()[1] != recipient


def test_age_opens_the_identity_with_its_passphrase(tmp_path: Path, protector: tuple[Secret, str], sealed: bytes) -> None:
    (tmp_path / "identity.age").write_bytes(sealed)
    command = [sys.executable, "-c", ON_A_TERMINAL, "age", "-d", "-o", str(tmp_path / "out"), str(tmp_path / "identity.age")]
    done = subprocess.run(command, input=PASSPHRASE.encode() + b"\n", capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "out").read_bytes() == protector[0].reveal()


def test_a_passphrase_is_work(sealed: bytes) -> None:
    (work,) = re.findall(rb"^-> scrypt [A-Za-z0-9+/]{22} ([0-9]+)$", sealed, re.MULTILINE)
    assert int(work) >= 16


def test_what_tests_seal_lightly_is_an_age_file_too(tmp_path: Path, protector: tuple[Secret, str]) -> None:
    sealed = light_age.seal(protector[0], Secret(PASSPHRASE))
    assert b" 10\n" in sealed
    test_age_opens_the_identity_with_its_passphrase(tmp_path, protector, sealed)
    test_opens_the_identity_with_its_passphrase(protector, sealed)
    test_refuses_a_wrong_passphrase_and_a_damaged_identity(sealed, bytes, PASSPHRASE + " ")


def test_opens_the_identity_with_its_passphrase(protector: tuple[Secret, str], sealed: bytes) -> None:
    assert protector[0].reveal() not in sealed
    assert backup.open_identity(sealed, Secret(PASSPHRASE)).reveal() == protector[0].reveal()


# Beyond the first lines each try costs the passphrase's work, so there are few.
WRONG = [
    pytest.param(lambda data: data, PASSPHRASE + " ", id="a wrong passphrase"),
    pytest.param(lambda _: b"", PASSPHRASE, id="nothing"),
    pytest.param(lambda _: b"AGE-SECRET-KEY-1", PASSPHRASE, id="no age file"),
    pytest.param(lambda data: data[:60], PASSPHRASE, id="cut off"),
    pytest.param(lambda data: _damaged(data, 5), PASSPHRASE, id="damaged in its first line"),
    pytest.param(lambda data: _damaged(data, data.index(b"scrypt")), PASSPHRASE, id="damaged in its stanza"),
    pytest.param(lambda data: re.sub(rb" [0-9]+\n", b" 60\n", data, count=1), PASSPHRASE, id="work without end"),
    pytest.param(lambda data: _damaged(data, data.index(b"--- ") + 5), PASSPHRASE, id="damaged in its MAC"),
    pytest.param(lambda data: _damaged(data, len(data) - 1), PASSPHRASE, id="damaged in its payload"),
]


@pytest.mark.parametrize(("damage", "passphrase"), WRONG)
def test_refuses_a_wrong_passphrase_and_a_damaged_identity(
    sealed: bytes, damage: Callable[[bytes], bytes], passphrase: str
) -> None:
    with pytest.raises(VerificationError, match=r"^identity.age: does not open with this passphrase$") as caught:
        backup.open_identity(damage(sealed), Secret(passphrase))
    assert "other volume" in caught.value.hint


def test_refuses_an_identity_file_of_another_kind(protector: tuple[Secret, str]) -> None:
    with pytest.raises(VerificationError, match="does not open with this passphrase"):
        backup.open_identity(backup.encrypt(b"x", protector[1]), Secret(PASSPHRASE))


NO_IDENTITIES = [
    pytest.param(Secret(""), id="nothing"),
    pytest.param(Secret("age1qqqq"), id="a recipient"),
    pytest.param(Secret("AGE-SECRET-KEY-1QQQQ"), id="cut off"),
    pytest.param(Secret(b"\xff\xfe"), id="not text"),
]


@pytest.mark.parametrize("identity", NO_IDENTITIES)
def test_refuses_what_is_no_identity(identity: Secret) -> None:
    for act in (lambda: backup.recipient_of(identity), lambda: backup.decrypt(b"x", identity, "root.age")):
        with pytest.raises(VerificationError, match=r"^protector: is not an age identity$"):
            act()


# --- age files ----------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 65536, 200_000])
def test_age_opens_what_was_encrypted(tmp_path: Path, protector: tuple[Secret, str], size: int) -> None:
    data = bytes(i % 251 for i in range(size))
    (tmp_path / "identity").write_bytes(protector[0].reveal())
    sealed = backup.encrypt(data, protector[1])
    done = subprocess.run(["age", "-d", "-i", tmp_path / "identity"], input=sealed, capture_output=True, check=True)
    assert done.stdout == data
    assert backup.decrypt(sealed, protector[0], "root.age") == data


def test_opens_what_age_encrypted(protector: tuple[Secret, str]) -> None:
    sealed = subprocess.run(["age", "-r", protector[1]], input=b"from age", capture_output=True, check=True).stdout
    assert backup.decrypt(sealed, protector[0], "root.age") == b"from age"


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_a_team_opens_with_its_ssh_key_and_age(tmp_path: Path, kind: str) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", tmp_path / "key"], check=True)
    recipient = (tmp_path / "key.pub").read_text().rsplit(" ", 1)[0]
    sealed = backup.encrypt(b"targets key", recipient)
    done = subprocess.run(["age", "-d", "-i", tmp_path / "key"], input=sealed, capture_output=True, check=True)
    assert done.stdout == b"targets key"


NO_RECIPIENTS = [
    "",
    "age1",
    "age1xx",
    "ssh-ed25519",
    "ssh-ed25519 AAAA",
    "ssh-rsa AAAA",
    "ecdsa-sha2-nistp256 AAAA",
    "x" * 500,
    "\0",
]


@pytest.mark.parametrize("recipient", NO_RECIPIENTS)
def test_refuses_a_recipient_that_age_does_not_take(recipient: str) -> None:
    with pytest.raises(VerificationError, match=r"^recipient: '.{0,62}' is not one that age takes$") as caught:
        backup.encrypt(b"x", recipient)
    assert "ssh-ed25519" in caught.value.hint


def test_refuses_an_age_file_that_is_damaged_at_any_byte(protector: tuple[Secret, str]) -> None:
    sealed = backup.encrypt(b"what a backup holds", protector[1])
    for place in range(len(sealed)):
        for broken in (_damaged(sealed, place), sealed[:place]):
            with pytest.raises(VerificationError, match=r"^root.age: does not open with this ceremony's protector$"):
                backup.decrypt(broken, protector[0], "root.age")
    for broken in (sealed + b"\0", sealed + sealed, backup.encrypt(b"x", backup.make_protector()[1])):
        with pytest.raises(VerificationError, match="does not open with this ceremony's protector") as caught:
            backup.decrypt(broken, protector[0], "root.age")
        assert caught.value.subject == "root.age"


@given(st.binary() | st.binary().map(lambda data: b"age-encryption.org/v1\n-> X25519 " + data))
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    identity, _ = backup.make_protector()
    with pytest.raises(VerificationError):
        backup.decrypt(data, identity, "root.age")


# --- the tar ------------------------------------------------------------------

CONTENTS = {WRAPPED: bytes(range(256)), WRAPPING_KEY: b"00ff\n", "é" * 80: b""}


def test_tar_lists_what_was_packed(tmp_path: Path) -> None:
    data = backup.pack({"b": 1, "a": "é"}, CONTENTS)
    subprocess.run(["tar", "-x", "-C", tmp_path, "-f", "-"], input=data, check=True)
    assert (tmp_path / MANIFEST).read_bytes() == '{"a":"é","b":1}\n'.encode()
    assert {name: (tmp_path / name).read_bytes() for name in CONTENTS} == CONTENTS


@given(st.dictionaries(st.text("abc.", min_size=1).filter(lambda name: name != MANIFEST), st.binary()))
def test_unpacks_what_was_packed(contents: dict[str, bytes]) -> None:
    data = backup.pack({"keys": len(contents)}, contents)
    assert data == backup.pack({"keys": len(contents)}, dict(reversed(contents.items())))
    assert backup.unpack(data, "root.age") == ({"keys": len(contents)}, contents)


def _member(name: str, data: bytes, **fields: object) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.PAX_FORMAT) + data.ljust(-len(data) % 512 + len(data), b"\0")


END = bytes(1024)
MEMBER = _member(MANIFEST, b"{}\n")
NO_BACKUPS = [
    pytest.param(b"", "is not a backup of this kind", id="nothing"),
    pytest.param(b"x" * 2000, "is not a backup of this kind", id="no tar"),
    pytest.param(END, "is not a backup of this kind", id="an empty tar"),
    pytest.param(_member("other", b"1") + END, "is not a backup of this kind", id="no manifest"),
    pytest.param(_member(MANIFEST, b"x" * 600)[:700], "is not a backup of this kind", id="cut off"),
    pytest.param(_member(MANIFEST, b"{}", type=tarfile.SYMTYPE, linkname="x") + END, "is not a backup", id="a link to nowhere"),
    pytest.param(_member(MANIFEST, b"", size=2**63) + END, "is not a backup of this kind", id="a size beyond all"),
    pytest.param(_member(MANIFEST, b"[]\n") + END, "is not a JSON object", id="a manifest that is a list"),
    pytest.param(_member(MANIFEST, b"") + END, "is not the JSON that was expected", id="an empty manifest"),
    pytest.param(_member(MANIFEST, b"", type=tarfile.DIRTYPE) + END, "is not the JSON that was expected", id="a folder"),
    pytest.param(_member(MANIFEST, b'{"a": 1}\n') + END, "is not in canonical form", id="a manifest in another form"),
]


@pytest.mark.parametrize(("data", "says"), NO_BACKUPS)
def test_refuses_what_is_no_backup(data: bytes, says: str) -> None:
    assert backup.unpack(MEMBER + END, "root.age") == ({}, {})
    with pytest.raises(VerificationError, match=f"^root.age: {says}"):
        backup.unpack(data, "root.age")


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, 2559), st.integers(0, 255)), min_size=1, max_size=4), st.booleans())
def test_a_damaged_tar_is_read_or_refused_in_words(changes: list[tuple[int, int]], mend: bool) -> None:
    data = bytearray(backup.pack({"a": 1}, {"é" * 60: b"1" * 300}))
    for place, byte in changes:
        data[place % len(data)] = byte
    for start in range(0, len(data), 512) if mend else ():
        if data[start + 257 : start + 262] == b"ustar":
            data[start + 148 : start + 156] = b" " * 8
            data[start + 148 : start + 156] = b"%06o\0 " % sum(data[start : start + 512])
    try:
        manifest, contents = backup.unpack(bytes(data), "root.age")
    except VerificationError:
        return
    assert isinstance(manifest, dict)
    assert MANIFEST not in contents


# --- a wrapped key ------------------------------------------------------------

KEY = Secret(bytes(range(32)))
PADDINGS = [pytest.param(b"", id="no padding"), pytest.param(b"\0", id="one NUL"), pytest.param(b"\0" * 7, id="seven NULs")]


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("algorithm", Algorithm)
def test_unwraps_what_a_token_wrapped(algorithm: Algorithm, padding: bytes) -> None:
    blob = aes_key_wrap_with_padding(KEY.reveal(), known(algorithm).pkcs8() + padding)
    assert backup.unwrap(blob, KEY, "root.age").public == known(algorithm).public


def test_openssl_wraps_and_unwraps_the_same() -> None:
    pkcs8 = known(Algorithm.ECDSA_P384).pkcs8()
    options = ("enc", "-id-aes256-wrap-pad", "-K", KEY.reveal().hex(), "-iv", "A65959A6")
    blob = openssl.openssl(*options, stdin=pkcs8)
    assert backup.unwrap(blob, KEY, "root.age").public == known(Algorithm.ECDSA_P384).public
    assert openssl.openssl(*options, "-d", stdin=aes_key_wrap_with_padding(KEY.reveal(), pkcs8)) == pkcs8


BLOB = aes_key_wrap_with_padding(KEY.reveal(), known(Algorithm.ECDSA_P256).pkcs8())
NO_KEYS = [
    pytest.param(BLOB, Secret(bytes(32)), "root.age: does not unwrap", id="another wrapping key"),
    pytest.param(BLOB, Secret(bytes(31)), "root.age: does not unwrap", id="a wrapping key of no length"),
    pytest.param(BLOB, Secret(b""), "root.age: does not unwrap", id="no wrapping key"),
    pytest.param(b"", KEY, "root.age: does not unwrap", id="nothing"),
    pytest.param(BLOB[:-8], KEY, "root.age: does not unwrap", id="cut off"),
    pytest.param(BLOB[:-1], KEY, "root.age: does not unwrap", id="a byte short"),
    *[
        pytest.param(
            aes_key_wrap_with_padding(KEY.reveal(), inside), KEY, "private key: is not a PKCS#8 key", id=f"inside: {name}"
        )
        for name, inside in {
            "a byte": b"\x30",
            "NULs": bytes(16),
            "no length": b"\x30\x80" + bytes(30),
            "a length beyond the end": b"\x30\x84\xff\xff\xff\xff" + bytes(10),
            "a length cut off": b"\x30\x84\xff",
            "a public key": known(Algorithm.ED25519).public.spki,
        }.items()
    ],
]


@pytest.mark.parametrize(("blob", "key", "says"), NO_KEYS)
def test_refuses_what_does_not_unwrap_to_a_key(blob: bytes, key: Secret, says: str) -> None:
    with pytest.raises(VerificationError, match=f"^{says}$"):
        backup.unwrap(blob, key, "root.age")


def test_refuses_a_wrapped_key_that_is_damaged_at_any_byte() -> None:
    for place in range(len(BLOB)):
        with pytest.raises(VerificationError, match=r"^root.age: does not unwrap$"):
            backup.unwrap(_damaged(BLOB, place), KEY, "root.age")


HEX = KEY.reveal().hex().encode() + b"\n"


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_root_key_comes_back_from_its_backup_wrapped_or_not(algorithm: Algorithm) -> None:
    pkcs8 = known(algorithm).pkcs8()
    blob = aes_key_wrap_with_padding(KEY.reveal(), pkcs8)
    for contents in ({PKCS8: pkcs8}, {WRAPPED: blob, WRAPPING_KEY: HEX}):
        assert backup.root_key(contents, "root.age").public == known(algorithm).public


NO_ROOT_KEYS = [
    pytest.param({}, "root.age: holds no root key", id="nothing"),
    pytest.param({WRAPPING_KEY: HEX}, "root.age: holds no root key", id="no key"),
    pytest.param({WRAPPED: BLOB}, "root.age: holds no root key", id="no wrapping key"),
    pytest.param({WRAPPED: BLOB, WRAPPING_KEY: b"xyz"}, "root.age: holds no root key", id="a wrapping key that is not hex"),
    pytest.param({WRAPPED: BLOB, WRAPPING_KEY: b"\xff"}, "root.age: holds no root key", id="a wrapping key that is no text"),
    pytest.param({WRAPPED: BLOB[1:], WRAPPING_KEY: HEX}, "root.age: does not unwrap", id="a damaged key"),
    pytest.param({PKCS8: b"0"}, "private key: is not a PKCS#8 key", id="a damaged PKCS#8"),
]


@pytest.mark.parametrize(("contents", "says"), NO_ROOT_KEYS)
def test_refuses_a_backup_that_holds_no_root_key(contents: dict[str, bytes], says: str) -> None:
    with pytest.raises(VerificationError, match=f"^{says}$"):
        backup.root_key(contents, "root.age")


def test_a_tar_of_a_backup_is_read_by_python_too() -> None:
    with tarfile.open(fileobj=io.BytesIO(backup.pack({}, CONTENTS))) as archive:
        assert archive.getnames() == sorted([MANIFEST, *CONTENTS])
