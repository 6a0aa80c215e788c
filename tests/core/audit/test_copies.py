# SPDX-License-Identifier: Apache-2.0
"""One log in several places: the same, one that lacks its end, one that is of another story."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from ceremony.core import canonical
from ceremony.core.audit import audit
from ceremony.core.audit.copies import Copy, check_copies
from ceremony.core.audit.verdict import Audited, Level
from ceremony.core.bundle import LOG
from tests.core.audit.test_tampering import fast_seal, whole
from tests.fakes.folder import FakeFolder

__all__ = ["fast_seal"]

OK, FAILED, INCOMPLETE = Level.OK, Level.FAILED, Level.INCOMPLETE


def rows() -> list[bytes]:
    return whole()[LOG].splitlines(keepends=True)


def cut(records: int, torn: bytes = b"") -> bytes:
    """Return the log up to so many records, or all but so many."""
    return b"".join(rows()[:records]) + torn


def told(number: int, line: bytes | None = None) -> str:
    """Return how a record is shown."""
    record = json.loads(line or rows()[number])
    return f"{record['kind']} of {record['step']} at {record['utc']}"


def changed(number: int, **members: object) -> bytes:
    """Return the log with one record that says something else; nothing after it chains."""
    lines = rows()
    lines[number] = canonical.encode({**json.loads(lines[number]), **members}) + b"\n"
    return b"".join(lines)


def audited(log: bytes | None = None) -> Audited:
    return audit(FakeFolder(files={**whole(), LOG: whole()[LOG] if log is None else log}))


def found(a: Audited, *logs: bytes) -> Sequence[tuple[Level, str, str]]:
    copies = [Copy(place, log) for place, log in zip("abc", logs, strict=False)]
    return [(f.level, f.subject, f.text) for f in check_copies(a, copies, "folder")]


def test_without_copies_nothing_is_said():
    assert found(audited()) == []


def test_copies_that_are_the_same_are_told():
    total = len(rows())
    log = whole()[LOG]
    assert found(audited(), log, log) == [
        (OK, "a", f"holds the same {total} records as folder"),
        (OK, "b", f"holds the same {total} records as folder"),
        (OK, "copies", f"the first {total} records are the same in all 3 places"),
    ]


@pytest.mark.parametrize("left", [0, 1, 40, -1])
def test_a_copy_that_lacks_its_end_says_how_many_records(left):
    total = len(rows())
    here = left % total
    shared = f"the first {here} records are" if here else "no record is"
    assert found(audited(), cut(left)) == [
        (INCOMPLETE, "a", f"lacks the last {total - here} of {total} records that folder has"),
        (OK, "copies", f"{shared} the same in all 2 places"),
    ]


@pytest.mark.parametrize("torn", [b"{", b"\0\0\0", rows], ids=["a piece", "zeros", "most of a line"])
def test_a_copy_whose_last_line_is_torn_lacks_its_end(torn):
    rest = torn if isinstance(torn, bytes) else rows()[40][:-1]
    (first, _) = found(audited(), cut(40, rest))
    assert first[0] is INCOMPLETE
    assert first[2].endswith(f"records that folder has, and ends in {len(rest)} bytes of a torn line")


def test_a_copy_that_differs_shows_the_first_record_of_both():
    other = changed(30, utc="1999-01-01T00:00:00.000000Z", kind="deviation")
    assert found(audited(), whole()[LOG], other)[1:] == [
        (
            FAILED,
            "b",
            f"is not the log of folder from record 30 on: there it is {told(30)}, here {told(30, other.splitlines()[30])}",
        ),
        (OK, "copies", "the first 30 records are the same in all 3 places"),
    ]


def test_another_log_differs_from_the_beginning_on():
    (first, last) = found(audited(), whole("other")[LOG])
    assert first[0] is FAILED
    assert "from record 0 on" in first[2]
    assert last == (OK, "copies", "no record is the same in all 2 places")


@pytest.mark.parametrize("line", [b"\n", b"no record\n", b"{}\n", b"\xff\n"])
def test_a_line_that_is_no_record_is_shown_as_none(line):
    (first, _) = found(audited(), cut(12) + line + b"".join(rows()[12:]))
    assert first == (FAILED, "a", f"is not the log of folder from record 12 on: there it is {told(12)}, here no record")


def test_what_follows_a_close_is_no_longer_copy_of_the_same_log():
    total = len(rows())
    close = told(total - 1)
    log = whole()[LOG]
    assert found(audited(), log + rows()[-1], log)[:2] == [
        (INCOMPLETE, "folder", f"lacks the last 1 of {total + 1} records that a has"),
        (INCOMPLETE, "b", f"lacks the last 1 of {total + 1} records that a has"),
    ]
    assert (FAILED, "a", f"goes on where folder ends, with record {total}: {close}; nothing follows a close") in found(
        audited(), log + rows()[-1]
    )
    assert found(audited(), log + b"{")[0] == (
        FAILED,
        "a",
        f"holds the same {total} records as folder, and ends in 1 bytes of a torn line",
    )


def test_a_folder_that_lacks_its_end_is_held_against_the_copy_that_has_it():
    total = len(rows())
    unfinished = audited(cut(50))
    assert found(unfinished, cut(50), cut(60), whole()[LOG]) == [
        (INCOMPLETE, "folder", f"lacks the last {total - 50} of {total} records that c has"),
        (INCOMPLETE, "a", f"lacks the last {total - 50} of {total} records that c has"),
        (INCOMPLETE, "b", f"lacks the last {total - 60} of {total} records that c has"),
        (INCOMPLETE, "c", f"goes on where folder ends, with record 50: {told(50)}"),
        (OK, "copies", "the first 50 records are the same in all 4 places"),
    ]


def test_two_copies_that_go_on_otherwise_differ():
    unfinished = audited(cut(50))
    findings = found(unfinished, whole()[LOG], changed(55, utc="1999-01-01T00:00:00.000000Z"))
    assert [level for level, place, _ in findings if place == "b"] == [FAILED]
    assert "is not the log of a from record 55 on" in findings[1][2]


def test_a_torn_end_of_a_copy_is_nothing_worse_while_the_ceremony_is_held():
    (first, _) = found(audited(cut(50)), cut(50, b"{"))
    assert first == (INCOMPLETE, "a", "holds the same 50 records as folder, and ends in 1 bytes of a torn line")


def test_a_torn_end_of_the_folder_is_told_beside_the_copy():
    (first, *_) = found(audited(cut(50, b"{")), cut(51))
    assert first == (INCOMPLETE, "folder", "lacks the last 1 of 51 records that a has, and ends in 1 bytes of a torn line")
