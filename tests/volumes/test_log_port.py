# SPDX-License-Identifier: Apache-2.0
"""The log in every place, or an error that is final (ports.LogWriter), for the fake and the real one."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ceremony.core.ports import LogWriter
from ceremony.errors import StorageError, VolumesLost
from ceremony.volumes.logfile import LogFiles
from ceremony.volumes.media import FolderVolume, identify
from ceremony.volumes.store import FolderStore
from tests.fakes.folder import FakeVolume, fake_identity
from tests.fakes.log import FakeLogWriter

PATH = "ceremony.jsonl"
COPY = "ceremony-1/ceremony.jsonl"


@pytest.fixture(params=["FakeLogWriter", "LogFiles"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LogWriter]:
    if request.param == "FakeLogWriter":
        yield FakeLogWriter()
        return
    (tmp_path / "work").mkdir()
    with LogFiles(FolderStore(tmp_path / "work"), PATH) as log:
        yield log


@pytest.fixture
def stick() -> FakeVolume:
    return FakeVolume(fake_identity("F1"))


def test_a_mirror_is_brought_up_to_date_and_follows(log: LogWriter, stick: FakeVolume) -> None:
    log.append(b"one\ntwo\n")
    log.mirror(stick, COPY)
    assert stick.files == {COPY: b"one\ntwo\n"}
    log.append(b"three\n")
    assert stick.files == {COPY: b"one\ntwo\nthree\n"}


def test_a_mirror_of_an_empty_log_is_there(log: LogWriter, stick: FakeVolume) -> None:
    log.mirror(stick, COPY)
    assert stick.files == {COPY: b""}


def test_a_mirror_that_was_left_behind_catches_up(log: LogWriter) -> None:
    stick = FakeVolume(fake_identity("F1"), {COPY: b"one\ntw"})
    log.append(b"one\ntwo\n")
    log.mirror(stick, COPY)
    log.append(b"three\n")
    assert stick.files == {COPY: b"one\ntwo\nthree\n"}


OTHERS = [pytest.param(b"ont\n", id="another log"), pytest.param(b"one\ntwo\nthree\n", id="a log that is ahead")]


@pytest.mark.parametrize("there", OTHERS)
def test_refuses_a_mirror_that_holds_something_else(log: LogWriter, there: bytes) -> None:
    stick = FakeVolume(fake_identity("F1"), {COPY: there})
    log.append(b"one\ntwo\n")
    with pytest.raises(StorageError, match="is not the beginning of this"):
        log.mirror(stick, COPY)
    assert stick.files == {COPY: there}
    log.append(b"three\n")


def test_takes_whole_lines_only(log: LogWriter) -> None:
    with pytest.raises(StorageError, match="whole lines"):
        log.append(b"torn")
    log.append(b"one\n")


@pytest.mark.parametrize("first", [True, False], ids=["before the other one", "after the other one"])
def test_a_mirror_that_fails_is_named_and_written_to_no_more_and_the_others_go_on(
    log: LogWriter, stick: FakeVolume, *, first: bool
) -> None:
    other = FakeVolume(fake_identity("F2"))
    for volume in (stick, other) if first else (other, stick):
        log.mirror(volume, COPY)
    stick.fail("append", message="the device is gone")
    with pytest.raises(VolumesLost, match="memory F1: did not take the log") as caught:
        log.append(b"one\n")
    assert {serial: error.message for serial, error in caught.value.errors.items()} == {"F1": "memory F1: the device is gone"}
    stick.opened()
    log.append(b"two\n")
    assert other.files == {COPY: b"one\ntwo\n"}
    assert stick.files == {COPY: b""}
    log.mirror(stick, COPY)
    log.append(b"three\n")
    assert stick.files == other.files == {COPY: b"one\ntwo\nthree\n"}


def test_all_mirrors_can_fail_and_the_work_folder_still_has_every_line(log: LogWriter, stick: FakeVolume) -> None:
    both = [stick, FakeVolume(fake_identity("F2"))]
    for volume in both:
        log.mirror(volume, COPY)
        volume.fail("append")
    with pytest.raises(VolumesLost, match="memory F1 and memory F2: did not take the log"):
        log.append(b"one\n")
    log.append(b"two\n")
    fresh = FakeVolume(fake_identity("F3"))
    log.mirror(fresh, COPY)
    assert fresh.files == {COPY: b"one\ntwo\n"}


def test_a_mirror_that_was_dropped_is_written_to_no_more(log: LogWriter, stick: FakeVolume) -> None:
    log.mirror(stick, COPY)
    for _ in range(2):
        log.drop(stick)
    log.append(b"one\n")
    assert stick.files == {COPY: b""}


# --- only the real one ------------------------------------------------------------


@pytest.fixture
def work(tmp_path: Path) -> FolderStore:
    (tmp_path / "work").mkdir(exist_ok=True)
    return FolderStore(tmp_path / "work")


def test_goes_on_with_a_log_that_is_there(work: FolderStore, stick: FakeVolume) -> None:
    work.write({PATH: b"one\n"})
    with LogFiles(work, PATH) as log:
        log.append(b"two\n")
        log.mirror(stick, COPY)
    assert work.read(PATH) == stick.files[COPY] == b"one\ntwo\n"


def test_mirrors_to_a_real_folder(work: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "stick").mkdir()
    volume = FolderVolume(tmp_path / "stick", identify(tmp_path / "stick"))
    with LogFiles(work, PATH) as log:
        log.append(b"one\n")
        log.mirror(volume, COPY)
        log.mirror(volume, COPY)
        log.append(b"two\n")
    assert volume.read(COPY) == b"one\ntwo\n"


def test_appends_nothing_after_it_was_closed(work: FolderStore) -> None:
    log = LogFiles(work, PATH)
    log.close()
    log.close()
    with pytest.raises(StorageError, match="is not written to any more"):
        log.append(b"one\n")


def test_notices_a_volume_that_was_changed(work: FolderStore, stick: FakeVolume) -> None:
    with LogFiles(work, PATH) as log:
        log.mirror(stick, COPY)
        stick.files[COPY] = b"something else\n"
        with pytest.raises(VolumesLost) as caught:
            log.append(b"one\n")
        assert caught.value.errors["F1"].message == f"memory F1: {COPY} is not as long as it was left"


def test_an_interrupt_while_a_mirror_is_written_is_final(
    work: FolderStore, stick: FakeVolume, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever was interrupted does not know whether the line stands, and must not write another one in its place."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with LogFiles(work, PATH) as log:
        log.mirror(stick, COPY)
        monkeypatch.setattr(stick, "append", interrupted)
        with pytest.raises(KeyboardInterrupt):
            log.append(b"one\n")
        with pytest.raises(StorageError, match="is not written to any more"):
            log.append(b"two\n")
    assert work.read(PATH) == b"one\n"


def _failing(code: int) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    return fail


FAULTS = [
    pytest.param("write", errno.ENOSPC, "there is no room left", id="full"),
    pytest.param("fdatasync", errno.EIO, "the device failed", id="sync fails"),
]


@pytest.mark.parametrize(("function", "code", "says"), FAULTS)
def test_a_failed_sync_of_the_work_folder_is_final(
    work: FolderStore, stick: FakeVolume, monkeypatch: pytest.MonkeyPatch, function: str, code: int, says: str
) -> None:
    with LogFiles(work, PATH) as log:
        log.append(b"one\n")
        log.mirror(stick, COPY)
        with monkeypatch.context() as patched:
            patched.setattr(os, function, _failing(code))
            with pytest.raises(StorageError, match=f"{PATH}: {says}"):
                log.append(b"two\n")
        with pytest.raises(StorageError, match="is not written to any more"):
            log.append(b"three\n")
    assert stick.files == {COPY: b"one\n"}
