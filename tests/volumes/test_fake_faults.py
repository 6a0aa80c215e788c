# SPDX-License-Identifier: Apache-2.0
"""The faults that tests of steps arm on the fakes do what their names say."""

from __future__ import annotations

import pytest

from ceremony.errors import StorageError
from tests.fakes.folder import FakeFolder, FakeVolume, Operation, fake_identity
from tests.fakes.host import CountingEntropy, FakeClock, FakeHost
from tests.fakes.log import FakeLogWriter


def test_the_nth_file_fails_once_and_nothing_of_its_write_stays() -> None:
    folder = FakeFolder()
    folder.fail("write", 3, "there is no room left")
    folder.write({"a": b"1", "b": b"2"})
    with pytest.raises(StorageError, match="folder: there is no room left"):
        folder.write({"c": b"3", "d": b"4"})
    folder.write({"c": b"3"})
    assert list(folder.names()) == ["a", "b", "c"]


@pytest.mark.parametrize("operation", ["read", "truncate", "remove", "set_aside"])
def test_every_operation_can_fail(operation: Operation) -> None:
    folder = FakeFolder(files={"a": b"1"})
    folder.fail(operation)
    arguments: dict[str, list[object]] = {"truncate": [0], "set_aside": ["b"]}
    with pytest.raises(StorageError, match="is full"):
        getattr(folder, operation)("a", *arguments.get(operation, []))
    assert folder.files == {"a": b"1"}


def test_a_lie_is_found_by_reading_back() -> None:
    folder = FakeFolder()
    folder.lie("b")
    with pytest.raises(StorageError, match="b reads back otherwise than written"):
        folder.write({"a": b"1", "b": b"2"})
    assert folder.files == {}


def test_a_failed_append_is_final() -> None:
    folder = FakeFolder()
    folder.fail("append", 2)
    folder.append("log", b"1")
    for says in ("is full", "failed before and is not written to any more"):
        with pytest.raises(StorageError, match=says):
            folder.append("log", b"2")
    assert folder.files == {"log": b"1"}


def test_another_medium_is_noticed_when_it_comes_back() -> None:
    volume = FakeVolume(fake_identity("F1"))
    volume.swap(fake_identity("F2"))
    with pytest.raises(StorageError, match="another medium came back: F2"):
        volume.reopen()
    assert volume.reopened == 0


def test_a_log_fails_when_told_and_stays_so() -> None:
    log = FakeLogWriter()
    log.fail(2)
    log.append(b"one\n")
    for _ in range(2):
        with pytest.raises(StorageError):
            log.append(b"two\n")
    assert (log.lines, log.syncs) == ([b"one\n"], 1)


def test_time_and_chance_are_the_same_in_every_run() -> None:
    clock = FakeClock()
    assert clock.utc() < clock.utc()
    assert clock.mono_ns() < clock.mono_ns()
    before = clock.boot()
    clock.reboot()
    assert clock.boot() != before
    assert CountingEntropy().bytes(32) == CountingEntropy().bytes(32) != CountingEntropy("other").bytes(32)
    entropy = CountingEntropy()
    assert entropy.bytes(16) != entropy.bytes(16)


def test_a_machine_answers_as_told() -> None:
    host = FakeHost()
    assert all(check.passed for check in host.preflight(7))
    assert host.needed == [7]
    assert host.tool().version == "0.0.test"
