# SPDX-License-Identifier: Apache-2.0
"""A removable medium is believed less than a folder: read past the cache, appended lines read back, names held to vfat."""

from __future__ import annotations

import errno
import mmap
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from ceremony.errors import StorageError
from ceremony.volumes.reading import blocks
from ceremony.volumes.store import FolderStore
from ceremony.volumes.tree import Tree

PAGE = mmap.PAGESIZE
SIZES = [0, 1, 511, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (2 << 20) + 100]


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    (tmp_path / "medium").mkdir()
    return FolderStore(tmp_path / "medium", "stick", medium=True)


def _read(folder: Path, name: str, start: int = 0) -> bytes:
    with Tree(folder) as tree:
        return b"".join(blocks(tree, (name,), direct=True, start=start))


@pytest.mark.parametrize("size", SIZES)
def test_reads_past_the_cache_from_any_place(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(data)
    for start in {0, 1, min(size, PAGE), size // 2, max(size - 1, 0), size, size + 1}:
        assert _read(tmp_path, "file", start) == data[start:]


def test_reads_without_the_page_cache(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(64 * PAGE))
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    _read(tmp_path, "file")
    cached = subprocess.run(["fincore", "--noheadings", "--bytes", "--output", "RES", path], capture_output=True, check=True)
    assert int(cached.stdout) == 0


CANNOT: list[tuple[str, Callable[[Sequence[object]], bool]]] = [
    ("open", lambda arguments: bool(int(str(arguments[1])) & os.O_DIRECT)),
    ("preadv", lambda arguments: True),
]


@pytest.mark.parametrize(("function", "of"), CANNOT, ids=["says so when it is opened", "says so when it is read"])
def test_reads_after_forgetting_where_a_file_system_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, of: Callable[[Sequence[object]], bool]
) -> None:
    data = os.urandom(2 * PAGE + 5)
    (tmp_path / "file").write_bytes(data)
    real: Callable[..., object] = getattr(os, function)

    def cannot(*arguments: object, **named: object) -> object:
        if of(arguments):
            raise OSError(errno.EINVAL, "Invalid argument")
        return real(*arguments, **named)

    monkeypatch.setattr(os, function, cannot)
    assert _read(tmp_path, "file", 7) == data[7:]


def test_a_device_that_fails_is_not_asked_in_another_way(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write({"a": b"1"})

    def failing(fd: int, buffers: object, offset: int) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "preadv", failing)
    with pytest.raises(StorageError, match="stick: a: the device failed"):
        store.read("a")


def test_a_file_that_gives_less_than_its_size_is_not_believed(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "preadv", lambda fd, buffers, offset: 0)
    with pytest.raises(StorageError, match="stick: a reads back otherwise than it was written"):
        store.write({"a": b"1"})


def test_a_line_that_reads_back_otherwise_is_the_last(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.append("log", b"one\n")
    real = os.preadv

    def lying(fd: int, buffers: Sequence[mmap.mmap], offset: int) -> int:
        count = real(fd, buffers, offset)
        buffers[0][4:7] = b"owt"
        return count

    with monkeypatch.context() as patched:
        patched.setattr(os, "preadv", lying)
        with pytest.raises(StorageError, match="stick: log reads back otherwise than it was written"):
            store.append("log", b"two\n")
    with pytest.raises(StorageError, match="failed before and is not written to any more"):
        store.append("log", b"three\n")


def test_appends_across_pages(store: FolderStore) -> None:
    lines = [os.urandom(n * 311) for n in range(1, 40)]
    for line in lines:
        store.append("log", line)
    assert store.read("log") == b"".join(lines)


def test_leaves_out_what_belongs_to_the_file_system(store: FolderStore) -> None:
    (store.path / "lost+found").mkdir()
    (store.path / "lost+found" / "#12").write_bytes(b"")
    store.write({"a/lost+found/b": b""})
    assert list(store.names()) == ["a/lost+found/b"]


CALLS: list[object] = [
    pytest.param(lambda store: store.write({"good": b"", "bad?": b""}), id="write"),
    pytest.param(lambda store: store.write_stream("bad?", [b""]), id="write a stream"),
    pytest.param(lambda store: store.append("bad?", b""), id="append"),
    pytest.param(lambda store: store.set_aside("there", "bad?"), id="set aside"),
]


@pytest.mark.parametrize("call", CALLS)
def test_makes_nothing_of_a_name_that_vfat_cannot_hold(store: FolderStore, call: Callable[[FolderStore], object]) -> None:
    store.write({"there": b""})
    with pytest.raises(StorageError, match="is a name that vfat cannot hold"):
        call(store)
    assert list(store.names()) == ["there"]


def test_reads_what_others_named(store: FolderStore) -> None:
    (store.path / "what?").write_bytes(b"1")
    assert (store.read("what?"), store.exists("what?"), store.size("what?")) == (b"1", True, 1)
    store.set_aside("what?", "what")
    store.remove("what")


def test_refuses_two_names_that_vfat_takes_for_one(store: FolderStore) -> None:
    with pytest.raises(StorageError, match="are one name on vfat"):
        store.write({"b/x": b"", "B/x": b""})
    assert list(store.path.iterdir()) == []
