# SPDX-License-Identifier: Apache-2.0
"""Attacks that only a disk or a tar knows: links, devices, names that are none. All three verifiers refuse each."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from ceremony.core import bundle
from ceremony.core.bundle import LOG, MANIFEST, README
from ceremony.core.plan import Mode
from ceremony.errors import ExitCode
from tests.attacks.bases import Base, base
from tests.attacks.judging import on_disk, tar_of
from tests.peers.chromium import Browser, Page
from tests.peers.verify_sh import verify, written

Spoil = Callable[[Path, Path], None]
"""What is done to a folder; the second place is outside it."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with Browser.start(tmp_path_factory.mktemp("browser")) as browser:
        yield Page.open(browser)


def link(name: str) -> Spoil:
    """Put a link to the same bytes elsewhere in a file's place, or a folder's."""

    def spoil(folder: Path, outside: Path) -> None:
        (folder / name).rename(outside / "moved")
        (folder / name).symlink_to(outside / "moved")

    return spoil


def inside(folder: Path, outside: Path) -> None:
    (folder / "copy.txt").symlink_to(README)


def dangling(folder: Path, outside: Path) -> None:
    (folder / "extra").symlink_to("nowhere")


def loop(folder: Path, outside: Path) -> None:
    (folder / "extra").symlink_to(".")


def pipe(folder: Path, outside: Path) -> None:
    os.mkfifo(folder / "extra")


def pipe_instead(folder: Path, outside: Path) -> None:
    (folder / README).unlink()
    os.mkfifo(folder / README)


def a_folder_instead(folder: Path, outside: Path) -> None:
    (folder / README).rename(outside / "moved")
    (folder / README).mkdir()


def no_log(folder: Path, outside: Path) -> None:
    (folder / LOG).unlink()


def nothing(folder: Path, outside: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


SPOILED: dict[str, Spoil] = {
    **{f"a link for {name}": link(name) for name in (LOG, MANIFEST, README, bundle.REPORT, "heads", "evidence", "heads/0005.txt", "heads/0001.txt")},
    "a link to a file of it": inside,
    "a link to nowhere": dangling,
    "a link to itself": loop,
    "a pipe": pipe,
    "a pipe for a file": pipe_instead,
    "a folder for a file": a_folder_instead,
    "no log": no_log,
    "nothing at all": nothing,
}  # fmt: skip
NAMES = [
    *(b"a\nb", b"a\\b", b"a\x01b", b"a\x7fb", b"a\xff", b"a\xed\xa0\x80", b"a\xc1\x81", b"\r", b"x\t"),
    *(b" ", b"-rf", b"*", b"$(id)", b"MANIFEST.sha256 ", b"...", b".hidden", b"'", b'"', b"a;b", b"~"),
    *(
        name.encode()
        for name in ("a\u00a0b", "a\u200bb", "\u202etxt.exe", "e\u0301", "\u0085", "\u2028", "\ufeffa", "\U0001f511")
    ),
]


def tar_of_disk(folder: Path) -> bytes:
    """Return a tar of a folder, links and pipes as what they are."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT, encoding="utf-8", errors="surrogateescape") as archive:
        for path in sorted(folder.rglob("*"), key=bytes):
            if path.is_symlink() or not path.is_dir():
                archive.add(path, str(path.relative_to(folder)), recursive=False)
    return data.getvalue()


def all_three(folder: Path, ours: Base, page: Page, *, by_tar: bool = True) -> tuple[int, int, int]:
    """Return what the audit, the script and the page say."""
    options: list[str | Path] = []
    if ours.signers:
        (folder.parent / "signers").write_bytes(ours.signers)
        options = ["-s", folder.parent / "signers"]
    audited = int(on_disk(folder, ours.signers, ours.reporter))
    seen = page.of_tar(tar_of_disk(folder), ours.signers) if by_tar else page.of_folder(folder, ours.signers)
    return audited, verify(folder, *options).code, seen


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    return tmp_path


@pytest.mark.parametrize("mode", list(Mode))
def test_a_folder_on_the_disk_is_accepted_as_it_is(mode, place, page):
    folder = written(base(mode).files, place / "ceremony")
    assert all_three(folder, base(mode), page) == (0, 0, 0)
    (folder / "empty").mkdir()  # a folder is no file
    assert all_three(folder, base(mode), page, by_tar=False) == (0, 0, 0)


@pytest.mark.parametrize("what", SPOILED)
def test_a_spoiled_folder_is_refused_by_all_three(what, place, page, record_property):
    for mode in Mode:
        folder = written(base(mode).files, place / f"{mode}")
        (place / "outside" / mode).mkdir()
        SPOILED[what](folder, place / "outside" / mode)
        assert all_three(folder, base(mode), page) == (1, 1, 1), mode
    record_property("attacks", ["spoil a folder on the disk", len(Mode), 0])
    record_property("agreement", ["spoil a folder on the disk", len(Mode), 0])


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_file_more_of_any_name_is_refused_by_all_three(name, place, page, record_property):
    ours = base(Mode.PRACTICE)
    folder = written(ours.files, place / "ceremony")
    (folder / os.fsdecode(name)).write_bytes(b"hello\n")
    assert all_three(folder, ours, page) == (1, 1, 1)
    record_property("attacks", ["a file more of any name", 1, 0])
    record_property("agreement", ["a file more of any name", 1, 0])


def _tars(files: Mapping[str, bytes]) -> dict[str, bytes]:
    whole = tar_of(files)

    def member(name: str, data: bytes) -> bytes:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        return info.tobuf(tarfile.PAX_FORMAT) + data + bytes(-len(data) % 512)

    end = bytes(1024)
    more = whole.removesuffix(end)
    return {
        "a name twice, the same bytes": more + member(README, files[README]) + end,
        "a name twice, other bytes": more + member(README, b"hello\n") + end,
        "a name twice, the other first": member(README, b"hello\n") + whole,
        "a log twice": more + member(LOG, files[LOG]) + end,
        "an absolute name": more + member("/etc/extra", b"x") + end,
        "a name that leads out": more + member("../extra", b"x") + end,
        "a name that goes round": more + member(f"heads/../{README}x", b"x") + end,
        "cut in the middle": whole[: len(whole) // 2],
        "cut before its end": more,
        "half of its end": more + bytes(512),
        "a bit of a header": bytes([whole[0] ^ 1]) + whole[1:],
        "nothing": b"",
        "noughts": end,
        "a log alone": member(LOG, files[LOG]) + end,
        "another file alone": member(README, files[README]) + end,
    }


@pytest.mark.parametrize("what", _tars(dict.fromkeys((LOG, README), b"")))
def test_a_tar_that_is_not_the_folder_is_refused_by_audit_and_page(what, place, page, record_property):
    ours = base(Mode.PRACTICE)
    data = _tars(ours.files)[what]
    (place / "ceremony.tar").write_bytes(data)
    wanted = (1, 1)
    assert (int(on_disk(place / "ceremony.tar", b"", ours.reporter)), page.of_tar(data)) == wanted
    record_property("attacks", ["spoil the tar", 1, 0])
    record_property("agreement", ["spoil the tar", 1, 0])


def test_the_tar_itself_is_accepted(place, page):
    ours = base(Mode.PRACTICE)
    (place / "ceremony.tar").write_bytes(tar_of(ours.files))
    assert on_disk(place / "ceremony.tar", b"", ours.reporter) is ExitCode.DONE
    assert page.of_tar(tar_of(ours.files)) == 0
