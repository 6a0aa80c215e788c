# SPDX-License-Identifier: Apache-2.0
"""A folder as it stood just before its log was closed."""

from __future__ import annotations

import pytest

from ceremony.core.audit.before_close import as_before_close
from ceremony.core.bundle import LOG, MANIFEST, PLAN, REPORT, head_number, signed_head
from ceremony.errors import StorageError
from tests.core.audit.test_tampering import fast_seal, whole
from tests.fakes.folder import FakeFolder

__all__ = ["fast_seal"]


def test_neither_the_close_nor_what_follows_it_is_there():
    view = as_before_close(FakeFolder(files=whole()))
    assert view.read(LOG) == b"".join(whole()[LOG].splitlines(keepends=True)[:-1])
    gone = set(whole()) - set(view.names())
    assert {path for path in gone if not signed_head(path)[0]} == {max(p for p in whole() if head_number(p)), MANIFEST, REPORT}
    assert list(view.names()) == sorted(view.names(), key=str.encode)


def test_what_was_there_reads_as_it_is_and_what_was_not_cannot_be_read():
    view = as_before_close(FakeFolder(files=whole()))
    assert view.read(PLAN) == whole()[PLAN]
    with pytest.raises(StorageError, match=r"MANIFEST\.sha256 was not there before the close") as refused:
        view.read(MANIFEST)
    assert refused.value.hint == "no record before the close names it"


def test_a_view_of_a_view_is_the_same():
    once = as_before_close(FakeFolder(files=whole()))
    twice = as_before_close(once)
    assert (twice.names(), twice.read(LOG)) == (once.names(), once.read(LOG))


def test_of_a_log_that_is_not_closed_the_whole_records_are_there():
    lines = whole()[LOG].splitlines(keepends=True)
    view = as_before_close(FakeFolder(files={**whole(), LOG: b"".join(lines[:9]) + b"torn"}))
    assert view.read(LOG) == b"".join(lines[:9])
    assert MANIFEST not in view.names()


def test_a_folder_without_a_log_is_refused():
    with pytest.raises(StorageError, match=r"ceremony\.jsonl"):
        as_before_close(FakeFolder())
