# SPDX-License-Identifier: Apache-2.0
"""Names, manifest and tar, judged by the real sha256sum and tar."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceremony.core import bundle
from ceremony.errors import VerificationError

# --- names --------------------------------------------------------------------

PATHS = [
    pytest.param(bundle.folder("ab12"), "ceremony-ab12", id="folder"),
    pytest.param(bundle.head(1), "heads/0001.txt", id="head"),
    pytest.param(bundle.root_public("5f3c21"), "bundle/keys/root-5f3c21.pem", id="root key"),
    pytest.param(bundle.root_backup("5f3c21"), "private/root-5f3c21.age", id="backup"),
    pytest.param(bundle.token_evidence("5f3c21", "head.sig"), "evidence/tokens/5f3c21/head.sig", id="evidence"),
    pytest.param(bundle.delivery("reg.example:5000/app"), "deliver/reg.example:5000/app/targets.key.age", id="delivery"),
    pytest.param(bundle.head_signature(2, "Ada Example"), f"heads/0002.{bundle.slug('Ada Example')}.sig", id="signature"),
]


@pytest.mark.parametrize(("path", "expected"), PATHS)
def test_names_a_file(path: str, expected: str) -> None:
    assert path == expected


@given(st.integers(1, 9999), st.text())
def test_a_head_and_its_signatures_are_found_by_their_paths(number: int, person: str) -> None:
    assert bundle.head_number(bundle.head(number)) == number
    assert bundle.signed_head(bundle.head_signature(number, person)) == (number, bundle.slug(person))
    assert bundle.signed_head(bundle.head(number)) == (0, "")
    assert bundle.head_number(bundle.head_signature(number, person)) == 0


OTHERS = [
    "", "heads/", "heads/1.txt", "heads/00001.txt", "heads/0001.txt\n", "heads/0001.TXT", "x/heads/0001.txt", "heads/000a.txt",
    "heads/\u0660001.txt", "heads/0001..sig", "heads/0001.Ada.sig", "heads/0001.a/b.sig", "heads/0001.ada.sig\n", "heads/0001.sig",
]  # fmt: skip


@pytest.mark.parametrize("path", OTHERS)
def test_any_other_path_is_no_head_and_no_signature(path: str) -> None:
    assert bundle.head_number(path) == 0
    assert bundle.signed_head(path) == (0, "")
    assert bundle.in_manifest(path)


NAMES = [
    "Ada Example", "ada example", "Ada  Example", "Ada-Example", "ADA EXAMPLE", "Åda Example", "Ada Example ", "", " ", "é", "è",
    "李", "a" * 40, "a" * 41, "a/b", "a\\b", "..", "../../etc/passwd", "con", "\0", "x",
]  # fmt: skip


def test_two_people_never_share_a_file() -> None:
    for one, other in combinations(NAMES, 2):
        assert bundle.slug(one) != bundle.slug(other), (one, other)


@given(st.text())
def test_a_slug_is_a_file_name_on_every_medium(name: str) -> None:
    slug = bundle.slug(name)
    assert slug == slug.lower()
    assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert slug[0] != "-"
    assert 10 <= len(slug) <= 49


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        pytest.param("ADA Example", "ada-example", id="ASCII"),
        pytest.param("\u212aelvin", "elvin", id="the Kelvin sign is no k"),
        pytest.param("\u0130da", "da", id="a dotted capital I is no i"),
        pytest.param("Zo\u00cb", "zo", id="an accent"),
    ],
)
def test_only_ascii_letters_have_a_lower_case_in_a_slug(name: str, plain: str) -> None:
    assert bundle.slug(name).rpartition("-")[0] == plain


@pytest.mark.parametrize("serial", ["5f3c21", "12345678", "A", "4C530001", "a.b-c", "X" * 16])
def test_a_plain_serial_is_its_own_file_name(serial: str) -> None:
    assert bundle.safe(serial) == serial


SERIALS = ["", ".", "..", "-", "a b", "a/b", "a:b", "a\\b", "a-", "a.", ".a", "é", "a\n", "../x", "a b ", "\0"]


def test_a_serial_with_anything_else_in_it_has_a_file_name_of_its_own() -> None:
    assert {bundle.safe(serial) for serial in SERIALS} == {bundle.slug(serial) for serial in SERIALS}
    assert len({bundle.safe(serial) for serial in [*SERIALS, "a-b", "a.b"]}) == len(SERIALS) + 2


def test_the_manifest_names_all_but_itself_and_peoples_signatures() -> None:
    out = [bundle.MANIFEST, bundle.head_signature(1, "Ada")]
    assert not any(bundle.in_manifest(path) for path in out)
    assert all(
        bundle.in_manifest(path)
        for path in (bundle.LOG, bundle.head(1), bundle.README, bundle.REPORT, bundle.VERIFIER, "x/MANIFEST.sha256")
    )


# --- the manifest -------------------------------------------------------------

FILES = {
    "ceremony.jsonl": b"{}\n",
    "README.txt": b"",
    "bundle/tuf/reg.example:5000/a b/metadata/root.json": b"1",
    "bundle/tuf/é/ü.json": b"2",
    "evidence/ two spaces": b"3",
    "evidence/back\\slash": b"4",
    "evidence/u\u2028line": b"5",
    "evidence/*binary": b"6",
    "a.b": b"7",
    "a/b": b"8",
    "-x": b"9",
}


def _manifest(files: Mapping[str, bytes]) -> bytes:
    return bundle.manifest({name: hashlib.sha256(data).hexdigest() for name, data in files.items()})


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _sha256sum(folder: Path, manifest: bytes) -> subprocess.CompletedProcess[bytes]:
    (folder / bundle.MANIFEST).write_bytes(manifest)
    command = ["sha256sum", "-c", "--strict", bundle.MANIFEST]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False)


def test_sha256sum_takes_the_manifest(tmp_path: Path) -> None:
    _write(tmp_path, FILES)
    done = _sha256sum(tmp_path, _manifest(FILES))
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b": OK\n") == len(FILES)
    (tmp_path / "a.b").write_bytes(b"changed")
    done = _sha256sum(tmp_path, _manifest(FILES))
    assert done.returncode == 1
    assert b"a.b: FAILED\n" in done.stdout


def test_the_manifest_is_what_sha256sum_writes(tmp_path: Path) -> None:
    plain = {name: data for name, data in FILES.items() if "\\" not in name}
    _write(tmp_path, plain)
    names = sorted(plain, key=str.encode)
    written = subprocess.run(["sha256sum", "--", *names], cwd=tmp_path, capture_output=True, check=True).stdout
    assert _manifest(plain) == written


def test_the_manifest_is_sorted_bytewise() -> None:
    names = ["é", "z", "a/b", "a.b", "a", "B", "\U0001f600", "\ufffd"]
    lines = bundle.manifest(dict.fromkeys(names, "0" * 64)).decode().splitlines()
    assert [line[66:] for line in lines] == ["B", "a", "a.b", "a/b", "z", "é", "\ufffd", "\U0001f600"]


PATH_TEXTS = st.text(st.characters(min_codepoint=0x20, exclude_characters="\x7f", exclude_categories=["Cs"]), min_size=1)
DIGESTS = st.binary(min_size=32, max_size=32).map(bytes.hex)


@given(st.dictionaries(PATH_TEXTS, DIGESTS))
def test_reads_back_the_manifest_that_it_wrote(digests: dict[str, str]) -> None:
    assert bundle.parse_manifest(bundle.manifest(digests)) == digests


A, B = b"a" * 64 + b"  a.txt\n", b"b" * 64 + b"  b.txt\n"
BAD_MANIFESTS = [
    pytest.param(A.replace(b"a" * 64, b"A" * 64), id="capitals"),
    pytest.param(A.replace(b"  ", b" "), id="one space"),
    pytest.param(A.replace(b"  ", b" *"), id="marked as binary"),
    pytest.param(A.replace(b"  ", b"\t"), id="a tab"),
    pytest.param(b"\\" + A, id="marked as escaped"),
    pytest.param(B + A, id="not sorted"),
    pytest.param(A + A, id="a line twice"),
    pytest.param(A + A.replace(b"a" * 64, b"c" * 64), id="a name twice"),
    pytest.param(A.replace(b"\n", b"\r\n"), id="CRLF"),
    pytest.param(A[:-1], id="no last newline"),
    pytest.param(A + b"\n", id="an empty line behind"),
    pytest.param(b"\n" + A, id="an empty line before"),
    pytest.param(A + b"# comment\n", id="a comment"),
    pytest.param(A.replace(b"a" * 64, b"a" * 63), id="a digit short"),
    pytest.param(A.replace(b"a" * 64, b"g" * 64), id="not hex"),
    pytest.param(b"a" * 64 + b"  \n", id="no name"),
    pytest.param(A.replace(b"a.txt", b"a\rtxt"), id="a carriage return in a name"),
    pytest.param(A.replace(b"a.txt", b"a\0txt"), id="a NUL in a name"),
    pytest.param(A.replace(b"a.txt", b"a\x7ftxt"), id="a DEL in a name"),
    pytest.param(b"\xef\xbb\xbf" + A, id="a byte order mark"),
    pytest.param(b"SHA256 (a.txt) = " + b"a" * 64 + b"\n", id="the BSD form"),
]


@pytest.mark.parametrize("data", BAD_MANIFESTS)
def test_refuses_a_manifest_in_another_form(data: bytes) -> None:
    with pytest.raises(VerificationError, match=r"^MANIFEST.sha256: is not in the one form that is accepted$"):
        bundle.parse_manifest(data)


def test_refuses_a_manifest_that_is_not_text() -> None:
    with pytest.raises(VerificationError, match=r"^MANIFEST.sha256: is not text$"):
        bundle.parse_manifest(A.replace(b"a.txt", b"\xff"))


def test_an_empty_manifest_names_nothing() -> None:
    assert bundle.parse_manifest(b"") == {}


@given(st.binary() | st.text().map(str.encode) | st.text().map(lambda text: b"0" * 64 + b"  " + text.encode() + b"\n"))
def test_any_bytes_are_a_manifest_or_refused_in_words(data: bytes) -> None:
    try:
        digests = bundle.parse_manifest(data)
    except VerificationError:
        return
    assert bundle.manifest(digests) == data


def test_every_flipped_bit_of_a_manifest_is_noticed() -> None:
    good = A + B
    for bit in range(8 * len(good)):
        changed = bytearray(good)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            digests = bundle.parse_manifest(bytes(changed))
        except VerificationError:
            continue
        assert digests != bundle.parse_manifest(good)


# --- the tar ------------------------------------------------------------------

LONG = {
    "a" * 100: b"exactly one header",
    "b" * 101: b"one more",
    f"deep/{'d' * 90}/{'e' * 150}/{'f' * 200}": b"long",
    "ü" * 60: b"more than 100 bytes, fewer than 100 characters",
    f"reg.example:5000/{'é' * 100}": b"both",
    "empty": b"",
    "block": bytes(512),
    "block and a byte": bytes(513),
}


def _tar(files: Mapping[str, bytes]) -> bytes:
    return b"".join(bundle.tar((name, files[name]) for name in sorted(files, key=str.encode)))


def test_tar_reads_it(tmp_path: Path) -> None:
    files = FILES | LONG
    done = subprocess.run(["tar", "-x", "-C", tmp_path, "-f", "-"], input=_tar(files), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    found = {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert found == files
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in tmp_path.rglob("*") if path.is_file())


def test_python_reads_it() -> None:
    files = FILES | LONG
    with tarfile.open(fileobj=io.BytesIO(_tar(files))) as archive:
        members = archive.getmembers()
        found = {}
        for member in members:
            file = archive.extractfile(member)
            assert file is not None
            found[member.name] = file.read()
    assert found == files
    assert [member.name for member in members] == sorted(files, key=str.encode)
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {(0, 0, 0, "", "", 0o644)}


@given(st.dictionaries(st.text(st.characters(min_codepoint=0x21, exclude_categories=["Cs"]), min_size=1), st.binary()))
def test_the_same_files_give_the_same_bytes(files: dict[str, bytes]) -> None:
    data = _tar(files)
    assert data == _tar(dict(reversed(files.items())))
    assert len(data) % 512 == 0
    assert data.endswith(bytes(1024))
