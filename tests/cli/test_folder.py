# SPDX-License-Identifier: Apache-2.0
"""Reading a ceremony folder or its tar without trusting it."""

from __future__ import annotations

import io
import os
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ceremony.cli import folder as module
from ceremony.cli.folder import open_folder
from ceremony.core import bundle
from ceremony.errors import StorageError

FILES = {
    "ceremony.jsonl": b"{}\n",
    "bundle/tuf/reg.example:5000/app/metadata/root.json": b"root",
    "bundle/tuf/docker.io/acme/app/metadata/root.json": b"x" * 5000,
    "empty.txt": b"",
    "evidence/naïve.txt": b"text",
    f"evidence/{'long' * 40}.txt": b"a name that needs an extended header",
}


def as_folder(path: Path, files=FILES) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def as_tar(path: Path, files=FILES) -> Path:
    path.write_bytes(b"".join(bundle.tar(iter(sorted(files.items(), key=lambda item: item[0].encode())))))
    return path


@pytest.mark.parametrize("make", [as_folder, as_tar])
def test_gives_the_names_and_bytes_of_every_file(tmp_path, make):
    with open_folder(make(tmp_path / "ceremony")) as folder:
        assert folder.names() == sorted(FILES, key=str.encode)
        assert {name: folder.read(name) for name in folder.names()} == FILES
        assert folder.sizes["empty.txt"] == 0
        with pytest.raises(StorageError, match=r"holds no bundle/other\.json$"):
            folder.read("bundle/other.json")


@pytest.mark.parametrize("make", [as_folder, as_tar])
def test_may_be_read_from_several_threads(tmp_path, make):
    files = {f"f/{n}": bytes([n]) * 10_000 for n in range(50)}
    with open_folder(make(tmp_path / "ceremony", files)) as folder, ThreadPoolExecutor(8) as pool:
        assert dict(zip(files, pool.map(folder.read, files), strict=True)) == files


def test_reads_a_tar_with_folders_in_it(tmp_path):
    with tarfile.open(tmp_path / "t.tar", "w") as archive:
        archive.add(as_folder(tmp_path / "ceremony"), arcname="x")
    with open_folder(tmp_path / "t.tar") as folder:
        assert folder.names() == sorted((f"x/{name}" for name in FILES), key=str.encode)


@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda path: path.symlink_to("ceremony.jsonl"), lambda path: path.symlink_to("bundle")]
)
def test_refuses_a_folder_with_a_link_or_a_device(tmp_path, make):
    make(as_folder(tmp_path / "ceremony") / "evidence" / "odd")
    with pytest.raises(StorageError, match="'evidence/odd' is a link or a device"), open_folder(tmp_path / "ceremony"):
        pass


@pytest.mark.parametrize("name", [b"a\nb", b"a\\b", b"a\xffb", b"a\x1b[2Jb"])
def test_refuses_a_folder_with_a_name_that_is_not_plain(tmp_path, name):
    as_folder(tmp_path / "ceremony")
    Path(os.fsdecode(os.fsencode(tmp_path / "ceremony") + b"/" + name)).touch()
    with pytest.raises(StorageError, match=r"is not a plain path$") as refused, open_folder(tmp_path / "ceremony"):
        pass
    assert refused.value.message.isprintable()


def test_refuses_a_file_that_changed_after_it_was_opened(tmp_path):
    with open_folder(as_folder(tmp_path / "ceremony")) as folder:
        (tmp_path / "ceremony" / "empty.txt").write_bytes(b"more")
        with pytest.raises(StorageError, match=r"empty\.txt changed while it was read$"):
            folder.read("empty.txt")
        (tmp_path / "ceremony" / "ceremony.jsonl").unlink()
        (tmp_path / "ceremony" / "ceremony.jsonl").symlink_to("/etc/hostname")
        with pytest.raises(StorageError, match=r"ceremony\.jsonl cannot be read \(Too many levels of symbolic links\)$"):
            folder.read("ceremony.jsonl")


def member(name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"data", **fields) -> bytes:
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.PAX_FORMAT) + data + bytes(-len(data) % 512)


END = bytes(1024)
SPARSE = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "a", "GNU.sparse.realsize": "9"}
TARS = [
    pytest.param(b"", "is not a whole tar", id="empty"),
    pytest.param(b"rubbish" * 200, "is not a whole tar", id="rubbish"),
    pytest.param(member("../a") + END, "the name '../a' is not a plain path", id="dots"),
    pytest.param(member("a/./b") + END, "the name 'a/./b' is not a plain path", id="a-dot"),
    pytest.param(member("/a") + END, "the name '/a' is not a plain path", id="absolute"),
    pytest.param(member("a//b") + END, "the name 'a//b' is not a plain path", id="empty-part"),
    pytest.param(member("a\x1bb") + END, "is not a plain path", id="control-character"),
    pytest.param(member("a") + member("a") + END, "'a' is in it twice", id="twice"),
    pytest.param(member("a", tarfile.SYMTYPE, b"", linkname="b") + END, "'a' is a link or a device", id="link"),
    pytest.param(
        member("b") + member("a", tarfile.LNKTYPE, b"", linkname="b") + END, "'a' is a link or a device", id="hard-link"
    ),
    pytest.param(member("a", tarfile.FIFOTYPE, b"") + END, "'a' is a link or a device", id="fifo"),
    pytest.param(member("a", tarfile.CONTTYPE) + END, "'a' is a link or a device", id="contiguous"),
    pytest.param(member("a", data=b"1\n0\n9\n" + bytes(506), pax_headers=SPARSE) + END, "'a' is a link or a device", id="sparse"),
    pytest.param(member("a", data=bytes(5000))[:2000], "'a' is cut off", id="cut-in-a-file"),
    pytest.param(member("a"), "ends in the middle", id="cut-between-files"),
    pytest.param(member("a") + END[:512], "ends in the middle", id="half-an-end"),
    pytest.param(member("a") + b"x" * 512 + member("b") + END, "ends in the middle", id="damaged-header"),
]


@pytest.mark.parametrize(("data", "message"), TARS)
def test_refuses_a_tar_that_is_not_safe_or_not_whole(tmp_path, data, message):
    (tmp_path / "t.tar").write_bytes(data)
    with pytest.raises(StorageError, match=message) as refused, open_folder(tmp_path / "t.tar"):
        pass
    assert refused.value.store == str(tmp_path / "t.tar")
    assert refused.value.message.isprintable()


def test_refuses_a_compressed_tar(tmp_path):
    with tarfile.open(tmp_path / "t.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a"), io.BytesIO())
    with pytest.raises(StorageError, match="is not a whole tar"), open_folder(tmp_path / "t.tar.gz"):
        pass


@pytest.mark.parametrize("limit", ["MAX_FILE", "MAX_FILES"])
@pytest.mark.parametrize("make", [as_folder, as_tar])
def test_refuses_more_than_can_be_read(tmp_path, monkeypatch, make, limit):
    monkeypatch.setattr(module, limit, 3)
    with pytest.raises(StorageError, match=r"is more than can be read$"), open_folder(make(tmp_path / "ceremony")):
        pass


def test_refuses_what_is_neither_a_folder_nor_a_tar(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageError, match=r"is neither a folder nor a tar$"), open_folder(tmp_path / "pipe"):
        pass
    with (
        pytest.raises(StorageError, match=r"cannot be opened \(No such file or directory\)$") as refused,
        open_folder(tmp_path / "none"),
    ):
        pass
    assert "courier" in refused.value.hint


def test_refuses_a_folder_that_cannot_be_listed(tmp_path, monkeypatch):
    real = os.open

    def forbidden(path, *args, **options):
        if path == "evidence":
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **options)

    monkeypatch.setattr(os, "open", forbidden)
    with (
        pytest.raises(StorageError, match=r"cannot be read \(Permission denied\)$"),
        open_folder(as_folder(tmp_path / "ceremony")),
    ):
        pass
