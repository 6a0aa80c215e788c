# SPDX-License-Identifier: Apache-2.0
"""verify.html reads: tars of every kind, folders too large, files that change meanwhile, browsers that lack something."""

from __future__ import annotations

import base64
import io
import os
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ceremony.cli.folder import open_folder
from ceremony.errors import StorageError
from tests.peers.chromium import Browser, Page
from tests.report.sealed import Files, Records, Sealed, sha, slug

VERIFIED, FAILED, INCOMPLETE = 0, 1, 3
LONG = "evidence/" + "/".join(["a-long-name-of-a-folder"] * 6) + "/" + "f" * 150
Tar = Callable[[Files], bytes]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with Browser.start(tmp_path_factory.mktemp("browser")) as browser:
        yield Page.open(browser)


@pytest.fixture
def fresh(page: Page) -> Iterator[Page]:
    """Give the page opened anew, and open it again afterwards: the test bends its browser."""
    yield Page.open(page.browser)
    Page.open(page.browser)


def long_name(records: Records, files: Files) -> None:
    files[LONG] = b"x"
    records.append({"kind": "files", "body": {"files": {LONG: sha(b"x")}}})


def tar(files: Files, form: int = tarfile.PAX_FORMAT, *more: tarfile.TarInfo, prefix: str = "") -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=form) as archive:
        for path, content in files.items():
            info = tarfile.TarInfo(prefix + path)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in more:
            archive.addfile(info)
    return data.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", **headers: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.pax_headers = kind, link, headers
    return info


def bare(files: Files) -> bytes:
    """Return a tar up to its blocks of zeros."""
    data = tar(files)
    return data.rstrip(b"\0").ljust(-(-len(data.rstrip(b"\0")) // 512) * 512, b"\0")


TARS: dict[str, tuple[int, Tar]] = {
    "pax": (VERIFIED, tar),
    "GNU": (VERIFIED, lambda files: tar(files, tarfile.GNU_FORMAT)),
    "folders in it": (VERIFIED, lambda files: tar(files, tarfile.PAX_FORMAT, member("heads", tarfile.DIRTYPE))),
    "other pax headers": (VERIFIED, lambda files: tar(files, tarfile.PAX_FORMAT, member("heads", tarfile.DIRTYPE, comment="é"))),
    "an empty one": (FAILED, lambda _: tar({})),
    "nothing": (FAILED, lambda _: b""),
    "no tar": (FAILED, lambda _: b"no tar\n" * 1000),
    "two blocks of zeros alone": (FAILED, lambda _: bytes(1024)),
    "a link": (FAILED, lambda files: tar(files, tarfile.PAX_FORMAT, member("x", tarfile.SYMTYPE, "README.txt"))),
    "a hard link": (FAILED, lambda files: tar(files, tarfile.PAX_FORMAT, member("x", tarfile.LNKTYPE, "README.txt"))),
    "a device": (FAILED, lambda files: tar(files, tarfile.PAX_FORMAT, member("x", tarfile.CHRTYPE))),
    "a pipe": (FAILED, lambda files: tar(files, tarfile.PAX_FORMAT, member("x", tarfile.FIFOTYPE))),
    "an absolute name": (FAILED, lambda files: tar(files, tarfile.PAX_FORMAT, member("/x"))),
    "the folder above": (FAILED, lambda files: tar(files, tarfile.PAX_FORMAT, member("../x"))),
    "the folder above, in the middle": (FAILED, lambda files: tar(files, tarfile.PAX_FORMAT, member("a/../x"))),
    "names from here": (FAILED, lambda files: tar(files, prefix="./")),
    "names in a folder": (FAILED, lambda files: tar(files, prefix="ceremony/")),
    "a backslash": (FAILED, lambda files: tar(files, tarfile.PAX_FORMAT, member("a\\b"))),
    "an empty part": (FAILED, lambda files: tar(files, tarfile.PAX_FORMAT, member("a//b"))),
    "a control character": (FAILED, lambda files: tar(files, tarfile.PAX_FORMAT, member("a\nb"))),
    "a character that turns text around": (FAILED, lambda files: tar(files, tarfile.PAX_FORMAT, member("a\u202eb"))),
    "a wide blank": (FAILED, lambda files: tar(files, tarfile.PAX_FORMAT, member("a\u3000b"))),
    "a name that is not UTF-8": (FAILED, lambda files: tar(files, tarfile.GNU_FORMAT, member("a\udcffb"))),
    "a name twice": (FAILED, lambda files: tar(files, tarfile.PAX_FORMAT, member("README.txt"))),
    "a file with holes": (FAILED, lambda files: tar(files, tarfile.PAX_FORMAT, member("x", **{"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}))),
    "no end": (FAILED, bare),
    "half an end": (FAILED, lambda files: bare(files) + bytes(512)),
    "a damaged header": (FAILED, lambda files: tar(files).replace(b"README.txt", b"README.TXT", 1)),
    "something after its end": (VERIFIED, lambda files: bare(files) + bytes(1024) + b"x" * 512),
    "compressed": (FAILED, lambda files: __import__("gzip").compress(tar(files))),
}  # fmt: skip


@pytest.mark.parametrize(("exit_code", "made"), TARS.values(), ids=TARS.keys())
def test_a_tar_is_read_as_the_audit_reads_it(page: Page, tmp_path: Path, exit_code: int, made: Tar) -> None:
    files = Sealed().build(before=long_name)
    data = made(files)
    assert page.of_tar(data) == exit_code, page.text("#banner")
    file = tmp_path / "x.tar"
    file.write_bytes(data)
    try:
        with open_folder(file) as reader:
            assert (exit_code == VERIFIED) == (set(reader.names()) == set(files))
    except StorageError:
        assert exit_code == FAILED


def test_no_tar_that_is_cut_short_is_verified(page: Page) -> None:
    whole = tar(Sealed().build())
    ends = len(whole.rstrip(b"\0"))
    for size in (1, 511, 512, 513, 1024, ends // 2, ends - 1, ends, ends + 600):
        assert page.of_tar(whole[:size]) == FAILED, size


# --- folders -----------------------------------------------------------------------------------------


def written(files: Files, place: Path) -> Path:
    for path, data in files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(data)
    return place


def huge(path: Path, size: int) -> Path:
    """Make a file with a hole of so many bytes."""
    with path.open("wb") as file:
        file.truncate(size)
    return path


def test_what_is_too_large_is_refused_before_it_is_read(page: Page, tmp_path: Path) -> None:
    place = written(Sealed().build(), tmp_path / "ceremony")
    huge(place / "evidence" / "video", 10 * 2**30)
    began = time.monotonic()
    assert page.of_folder(place) == FAILED
    assert "files up to 1074 MB" in page.text("#banner")
    (place / "evidence" / "video").unlink()
    for number in range(5):
        huge(place / "evidence" / f"video-{number}", 2**30)
    assert page.of_folder(place) == FAILED
    assert "larger than the 4295 MB" in page.text("#banner")
    page.bring(b"")
    page.browser.choose("#tar", huge(tmp_path / "x.tar", 10 * 2**30))
    assert page.done() == FAILED
    assert "larger than the 4295 MB" in page.text("#banner")
    assert time.monotonic() - began < 20


def test_a_large_file_is_hashed_in_pieces(page: Page, tmp_path: Path) -> None:
    data = os.urandom(2**20) * 20 + b"end"

    def name(records: Records, files: Files) -> None:
        files["evidence/large"] = data
        records.append({"kind": "files", "body": {"files": {"evidence/large": sha(data)}}})

    files = Sealed().build(before=name)
    assert page.of_folder(written(files, tmp_path / "ceremony")) == VERIFIED, page.lines()
    assert page.verdict(files) == VERIFIED


@pytest.mark.parametrize("path", ["README.txt", "ceremony.jsonl", f"heads/0002.{slug('Wim')}.sig"])
@pytest.mark.parametrize("longer", [False, True])
def test_a_file_that_changes_after_it_was_chosen_fails(page: Page, tmp_path: Path, path: str, longer: bool) -> None:
    place = written(Sealed().build(), tmp_path / "ceremony")
    assert page.of_folder(place) == VERIFIED
    page.expect()
    data = (place / path).read_bytes()
    (place / path).write_bytes(data + b"x" if longer else bytes([data[0] ^ 1]) + data[1:])
    os.utime(place / path, (1, 1))
    page.browser.run("document.getElementById('again').click()")
    assert page.done() == FAILED
    assert "changed while it was read" in page.text("#rules")


def test_another_folder_is_no_ceremony(page: Page, tmp_path: Path) -> None:
    written(Sealed().build(), tmp_path / "above" / "ceremony")
    assert page.of_folder(tmp_path / "above") == FAILED
    assert "choose the ceremony folder itself" in page.text("#rules")


def test_hidden_files_are_files(page: Page, tmp_path: Path) -> None:
    place = written(Sealed().build(), tmp_path / "ceremony")
    (place / "evidence" / ".hidden").write_bytes(b"")
    assert page.of_folder(place) == FAILED
    assert "evidence/.hidden: is named by no record" in page.text("#rules")


def test_a_link_is_no_file(page: Page, tmp_path: Path) -> None:
    # The browser passes over links, and so a link more goes unseen in a folder; the page says so.
    place = written(Sealed().build(), tmp_path / "ceremony")
    (place / "README.txt").rename(tmp_path / "README.txt")
    (place / "README.txt").symlink_to(tmp_path / "README.txt")
    assert page.of_folder(place) == FAILED
    assert "README.txt: is recorded, and is not there" in page.text("#rules")
    assert "passes over links" in page.text("#limits")


@pytest.mark.parametrize("bent", ["", "delete DataTransferItem.prototype.webkitGetAsEntry"])
def test_a_folder_is_dropped(fresh: Page, tmp_path: Path, bent: str) -> None:
    place = written(Sealed().build(before=long_name), tmp_path / "ceremony")
    many = place / "more"
    many.mkdir()
    for number in range(150):  # more than one reading of entries gives
        (many / str(number)).write_bytes(b"")
    fresh.browser.run(bent)
    fresh.browser.drop([place])
    assert fresh.done() == FAILED
    assert sum("is named by no record" in line for line in fresh.lines(5)) == 150
    fresh.expect()
    for file in many.iterdir():
        file.unlink()
    fresh.browser.drop([place])
    assert fresh.done() == VERIFIED
    fresh.expect()
    fresh.browser.drop(sorted(path for path in place.iterdir() if path != many))  # what is in it, all at once
    assert fresh.done() == VERIFIED


def test_a_folder_that_the_browser_does_not_let_a_file_read_is_asked_for_by_its_button(fresh: Page, tmp_path: Path) -> None:
    # Chromium lets a page that was opened from a disk read a dropped folder by its handle alone.
    place = written(Sealed().build(), tmp_path / "ceremony")
    fresh.browser.run("delete DataTransferItem.prototype.getAsFileSystemHandle")
    fresh.browser.drop([place])
    assert fresh.done() == FAILED
    assert "choose the folder or the tar by its button" in fresh.text("#banner")
    assert fresh.of_folder(place) == VERIFIED


@pytest.mark.parametrize("entries", [True, False])
def test_entries_of_a_dropped_folder_are_read_where_they_can_be(fresh: Page, entries: bool) -> None:
    """A browser that has no handles, played here: its entries are walked through, a hundred at a time."""
    files = Sealed().build()
    script = """
        const [files, readable] = [arguments[0], arguments[1]];
        const entryOf = (name, at) => {
          const inside = Object.keys(files).filter((path) => path.startsWith(at + "/"));
          if (!inside.length) {
            const file = new File([Uint8Array.from(atob(files[at]), (char) => char.charCodeAt(0))], name);
            return { name, isDirectory: false, file: (take, refuse) => (readable ? take(file) : refuse(new DOMException("no"))) };
          }
          let left = Array.from(new Set(inside.map((path) => path.slice(at.length + 1).split("/")[0])), (part) => entryOf(part, `${at}/${part}`));
          return { name, isDirectory: true, createReader: () => ({ readEntries: (take) => take(left.splice(0, 2)) }) };
        };
        take(() => folderOfDropped([{ file: null, entry: entryOf("c", "c"), handle: undefined }]));
    """
    fresh.browser.run(script, {f"c/{path}": base64.b64encode(data).decode() for path, data in files.items()}, entries)
    assert fresh.done() == (VERIFIED if entries else FAILED)
    assert entries or "choose the folder or the tar by its button" in fresh.text("#banner")


# --- the browser ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("practice", [True, False])
def test_a_browser_without_ed25519_passes_nothing(fresh: Page, practice: bool) -> None:
    made = Sealed("practice" if practice else "production")
    fresh.browser.run("""
        const before = crypto.subtle.importKey.bind(crypto.subtle);
        crypto.subtle.importKey = (format, data, algorithm, ...rest) => algorithm.name === "Ed25519"
          ? Promise.reject(new DOMException("Unrecognized name.", "NotSupportedError")) : before(format, data, algorithm, ...rest);
    """)
    assert fresh.verdict(made.build(), made.signers()) == INCOMPLETE
    assert "this browser knows no Ed25519" in fresh.lines(8)[0]


def test_a_browser_whose_hashes_differ_judges_nothing(fresh: Page) -> None:
    fresh.browser.run("crypto.subtle.digest = async () => new Uint8Array(32).buffer")
    assert fresh.verdict(Sealed().build()) == FAILED
    assert "does not give what is needed" in fresh.text("#banner")


def test_what_the_page_was_not_made_for_is_a_failure(fresh: Page) -> None:
    fresh.browser.run(
        "JSON.parse = () => { throw new RangeError('too deep'); }; Log.prototype.heads = () => { throw new TypeError('x'); }"
    )
    assert fresh.verdict(Sealed().build()) == FAILED
    assert "met what it was not made for" in fresh.text("#banner")


def test_ten_thousand_records_are_read_in_seconds(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    said = {"name": "a check", "saw": "x" * 200, "hint": ""}
    files = Sealed().build(before=lambda records, _: records.extend({"kind": "check", "body": said} for _ in range(10_000)))
    began = time.monotonic()
    assert page.verdict(files) == VERIFIED
    took = time.monotonic() - began
    with capsys.disabled():
        sys.stderr.write(f"\n10,000 records, {len(files['ceremony.jsonl']) // 1000} kB: {took:.2f} s\n")
    assert page.browser.run("return document.querySelectorAll('#timeline tbody tr').length") == 2000
    page.browser.run("document.querySelector('#timeline .more').click()")
    assert page.browser.run("return document.querySelectorAll('#timeline tbody tr').length") > 10_000
