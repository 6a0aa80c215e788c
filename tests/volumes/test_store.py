# SPDX-License-Identifier: Apache-2.0
"""What only a real folder can do wrong: full, read-only, torn, lying, full of links."""

from __future__ import annotations

import errno
import os
import resource
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ceremony.errors import StorageError
from ceremony.volumes.store import FolderStore


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


@pytest.fixture
def store(folder: Path) -> FolderStore:
    return FolderStore(folder)


def _everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


# --- making one -----------------------------------------------------------------


def test_makes_a_new_folder(tmp_path: Path) -> None:
    store = FolderStore.create(tmp_path / "new")
    store.write({"a": b"1"})
    assert (tmp_path / "new" / "a").read_bytes() == b"1"
    assert store.name == str(tmp_path / "new")


def test_refuses_to_make_a_folder_that_exists(folder: Path) -> None:
    with pytest.raises(StorageError, match="folder: it exists already"):
        FolderStore.create(folder)


def test_says_that_the_folder_itself_is_gone(tmp_path: Path) -> None:
    gone = FolderStore(tmp_path / "gone", "stick 4C53")
    for call in (lambda: gone.exists("a"), gone.names, lambda: gone.write({"a": b""}), lambda: gone.append("a", b"")):
        with pytest.raises(StorageError, match=r"^stick 4C53: .*it is not there"):
            call()


# --- faults of the device -------------------------------------------------------


class Fault:
    """Lets the n-th call of a function of the operating system fail, really."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, function: str, code: int, nth: int) -> None:
        self.calls = 0
        real: Callable[..., object] = getattr(os, function)

        def failing(*arguments: object, **named: object) -> object:
            self.calls += 1
            if self.calls == nth:
                raise OSError(code, os.strerror(code))
            return real(*arguments, **named)

        monkeypatch.setattr(os, function, failing)


FAULTS = [
    pytest.param("open", errno.EROFS, 2, "it is read-only", id="read-only"),
    pytest.param("mkdir", errno.EACCES, 1, "this user may not use it", id="no right to it"),
    pytest.param("open", errno.EPERM, 4, "this user may not change it", id="immutable"),
    pytest.param("open", errno.EMFILE, 4, "too many files are open", id="too many files"),
    pytest.param("write", errno.ENOSPC, 1, "there is no room left", id="full at the first file"),
    pytest.param("write", errno.ENOSPC, 3, "there is no room left", id="full at the last file"),
    pytest.param("write", errno.EDQUOT, 2, "there is no room left for this user", id="quota"),
    pytest.param("write", errno.EIO, 2, "the device failed", id="write fails"),
    pytest.param("fsync", errno.EIO, 2, "the device failed", id="sync of a file fails"),
    pytest.param("fsync", errno.ENXIO, 4, "the device is gone", id="sync of a folder fails"),
    pytest.param("read", errno.EIO, 1, "the device failed", id="reading back fails"),
    pytest.param("write", errno.EBADMSG, 1, "the system says: Bad message", id="something else"),
]


@pytest.mark.parametrize(("function", "code", "nth", "says"), FAULTS)
def test_a_fault_is_said_and_leaves_nothing_half_written(
    store: FolderStore, folder: Path, monkeypatch: pytest.MonkeyPatch, function: str, code: int, nth: int, says: str
) -> None:
    store.write({"before": b"stays"})
    with monkeypatch.context() as patched:
        Fault(patched, function, code, nth)
        with pytest.raises(StorageError, match=says) as caught:
            store.write({"x/1": b"1" * 5000, "x/2": b"2", "y": b"3"})
    assert caught.value.store == str(folder)
    assert caught.value.hint
    assert _everything(folder) == ["before"]
    store.write({"x/1": b"1"})


def test_writes_on_after_a_short_write(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:7]))
    store.write({"a": b"0123456789" * 3})
    assert store.read("a") == b"0123456789" * 3


def test_a_device_that_takes_nothing_more_is_an_error(store: FolderStore, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "write", lambda fd, data: 0)
    with pytest.raises(StorageError, match="a: the device failed"):
        store.write({"a": b"1"})
    assert _everything(folder) == []


def test_refuses_a_medium_that_lies(store: FolderStore, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.read
    with monkeypatch.context() as patched:
        patched.setattr(os, "read", lambda fd, count: real(fd, count).replace(b"truth", b"truth"[::-1]))
        with pytest.raises(StorageError, match="b reads back otherwise than it was written"):
            store.write({"a": b"1", "b": b"truth"})
        with pytest.raises(StorageError, match="c reads back otherwise than it was written"):
            store.write_stream("c", [b"truth"])
    assert _everything(folder) == []


@pytest.fixture
def _files_are_small() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("_files_are_small")
def test_removes_the_half_of_a_file_that_the_system_cut(store: FolderStore, folder: Path) -> None:
    with pytest.raises(StorageError, match="big: a file became larger than allowed"):
        store.write({"a": b"1", "big": bytes(200_000)})
    with pytest.raises(StorageError, match="big: a file became larger than allowed"):
        store.write_stream("big", [bytes(60_000)] * 3)
    assert _everything(folder) == []


def test_a_failed_append_is_final(store: FolderStore, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.write({"log": b"one\n"})
    with monkeypatch.context() as patched:
        Fault(patched, "fsync", errno.EIO, 1)
        with pytest.raises(StorageError, match="log: the device failed"):
            store.append("log", b"two\n")
    for call in (
        lambda: store.append("log", b"two\n"),
        lambda: store.write({"a": b""}),
        lambda: store.write_stream("a", []),
        lambda: store.truncate("log", 0),
        lambda: store.remove("log"),
        lambda: store.set_aside("log", "aside"),
    ):
        with pytest.raises(StorageError, match="failed before and is not written to any more"):
            call()
    assert _everything(folder) == ["log"]
    assert store.read("log") == b"one\ntwo\n"


# --- what is synced ---------------------------------------------------------------


def test_syncs_every_file_and_every_touched_folder_once(
    store: FolderStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write({"old/there": b""})
    synced: list[str] = []
    real = os.fsync

    def noting(fd: int) -> None:
        synced.append(os.path.relpath(Path(f"/proc/self/fd/{fd}").readlink(), folder))
        real(fd)

    monkeypatch.setattr(os, "fsync", noting)
    store.write({"old/a": b"1", "new/x/a": b"1", "new/x/b": b"2", "top": b"3"})
    assert sorted(synced) == [".", "new", "new/x", "new/x/a", "new/x/b", "old", "old/a", "top"]
    synced.clear()
    store.append("live/log", b"1")
    assert sorted(synced) == [".", "live", "live/log"]
    synced.clear()
    store.append("live/log", b"2")
    assert sorted(synced) == ["live/log"]
    synced.clear()
    store.set_aside("live/log", "aside/log")
    assert sorted(synced) == [".", "aside", "live"]


@pytest.mark.parametrize(("count", "beside"), [(1, False), (2, True)], ids=["one file", "two files"])
def test_starts_threads_only_for_files_that_can_wait_beside_one_another(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch, count: int, beside: bool
) -> None:
    threads: set[int] = set()
    real = os.fsync

    def noting(fd: int) -> None:
        threads.add(threading.get_ident())
        real(fd)

    monkeypatch.setattr(os, "fsync", noting)
    store.write({str(number): b"1" for number in range(count)})
    assert bool(threads - {threading.get_ident()}) is beside


def test_writes_more_files_than_may_be_open(store: FolderStore) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = {f"{i // 7}/{i}": str(i).encode() for i in range(700)}
    resource.setrlimit(resource.RLIMIT_NOFILE, (400, hard))
    try:
        store.write(files)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert {name: store.read(name) for name in store.names()} == files


def test_leaves_no_descriptor_open(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = count()
    store.write({"a/b": b"1", "c": b"2"})
    store.append("a/b", b"2")
    for call in (lambda: store.write({"d/e": b"", "c": b""}), lambda: store.read("a"), lambda: store.append("a", b"")):
        with pytest.raises(StorageError):
            call()
    assert count() == before


# --- links and other things that are no files ----------------------------------------


@pytest.fixture
def outside(tmp_path: Path, folder: Path) -> Path:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"outside")
    (folder / "way-out").symlink_to(outside)
    (folder / "link").symlink_to(outside / "file")
    (folder / "nowhere").symlink_to(outside / "missing")
    return outside


def test_no_link_leads_out(store: FolderStore, outside: Path) -> None:
    for call, says in (
        (lambda: store.read("way-out/file"), "a link stands where a folder should be"),
        (lambda: store.read("link"), "it is a link, not a file"),
        (lambda: store.size("link"), "it is a link, not a file"),
        (lambda: store.append("link", b"more"), "it is a link, not a file"),
    ):
        with pytest.raises(StorageError, match=says):
            call()
    fresh = FolderStore(store.path)
    for call, says in (
        (lambda: fresh.write({"way-out/new": b""}), "a link stands where a folder should be"),
        (lambda: fresh.write({"nowhere": b""}), "exists already"),
        (lambda: fresh.truncate("link", 0), "it is a link, not a file"),
        (lambda: fresh.set_aside("link", "nowhere"), "exists already"),
    ):
        with pytest.raises(StorageError, match=says):
            call()
    assert not fresh.exists("way-out/file")
    assert fresh.exists("nowhere")
    assert _everything(outside) == ["file"]
    assert (outside / "file").read_bytes() == b"outside"


@pytest.mark.usefixtures("outside")
def test_lists_links_by_name_without_following_them(store: FolderStore) -> None:
    assert list(store.names()) == ["link", "nowhere", "way-out"]


def test_a_folder_or_a_pipe_is_no_file(store: FolderStore, folder: Path) -> None:
    (folder / "sub").mkdir()
    os.mkfifo(folder / "pipe")
    with pytest.raises(StorageError, match="sub: it is a folder, not a file"):
        store.read("sub")
    with pytest.raises(StorageError, match="sub: it is a folder, not a file"):
        store.remove("sub")
    with pytest.raises(StorageError, match="pipe: the device is gone"):
        store.read("pipe")


def test_refuses_to_list_a_name_that_no_medium_should_hold(store: FolderStore, folder: Path) -> None:
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xff"))).write_bytes(b"")
    with pytest.raises(StorageError, match="is not a name for a file inside it"):
        store.names()
