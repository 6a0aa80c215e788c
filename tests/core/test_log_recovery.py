# SPDX-License-Identifier: Apache-2.0
"""Recovery of a torn log: no record that was written whole is lost, and none is invented."""

from __future__ import annotations

import random
from bisect import bisect_right
from functools import lru_cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceremony.core import log
from ceremony.core.log import Tail
from ceremony.core.record import FIRST_PREV, Outcome, Record
from ceremony.errors import VerificationError

RECORD = Record(
    ceremony="ab" * 16, seq=0, prev=FIRST_PREV, salt="cd" * 16, utc="2026-11-19T09:00:00.000000Z", mono_ns=0, boot="b",
    kind="note", step="s", actor="a", recorded_by="r", outcome=Outcome.OK, body={},
)  # fmt: skip


def _log(count: int) -> tuple[bytes, tuple[Record, ...], list[int]]:
    """Return a log, its records, and where each of them ends."""
    tail, data, records, ends = Tail(), b"", [], []
    for seq in range(count):
        record = RECORD._replace(seq=seq, prev=tail.last, mono_ns=seq)
        tail = tail.follow(record, record.line())
        data += record.line()
        records.append(record)
        ends.append(len(data))
    return data, tuple(records), ends


DATA, ALL, ENDS = _log(30)
LINES = [*log.lines(DATA), b"there is no more"]
RANDOM = random.Random(6962)


def _tails(cut: int) -> dict[str, bytes]:
    return {
        "nothing": b"",
        "zeros": bytes(512),
        "random bytes": RANDOM.randbytes(512),
        "the rest, backwards": DATA[cut:][::-1],
    }


def test_a_log_that_is_cut_at_any_byte_keeps_every_whole_record(monkeypatch: pytest.MonkeyPatch) -> None:
    # Reading a line depends on nothing but the line, so each is read once for the 38,000 logs of this test.
    monkeypatch.setattr(log, "parse_line", lru_cache(maxsize=None)(log.parse_line))
    for cut in range(len(DATA) + 1):
        for name, tail in _tails(cut).items():
            torn = DATA[:cut] + tail
            durable = bisect_right(ENDS, cut)
            durable += torn.startswith(LINES[durable], ENDS[durable - 1] if durable else 0)  # its newline may come by chance
            found = log.recover(torn)
            place = f"cut at {cut}, then {name}"
            assert found.records == ALL[:durable], place
            assert found.tail.size == (ENDS[durable - 1] if durable else 0), place
            assert found.tail.entries == durable, place
            assert found.torn == torn[found.tail.size :], place
            assert (found.fault is None) == (not found.torn), place


def test_a_log_is_read_to_its_end_or_refused_where_it_is_torn() -> None:
    found = log.read(DATA)
    assert (found.records, found.torn, found.fault) == (ALL, b"", None)
    with pytest.raises(VerificationError, match=r"^record 29: is not one whole line"):
        log.read(DATA[:-1])
    with pytest.raises(VerificationError, match=r"^record 30: is not the JSON"):
        log.read(DATA + b"\0\n")


def test_an_empty_log_has_no_records() -> None:
    assert log.read(b"") == log.Recovered((), Tail(), b"", None)


def test_what_follows_a_fault_is_torn_even_if_it_would_chain() -> None:
    changed = bytearray(DATA)
    changed[ENDS[4] + 5] ^= 1
    found = log.recover(bytes(changed))
    assert found.records == ALL[:5]
    assert found.torn == changed[ENDS[4] :]
    assert found.fault is not None
    assert found.fault.subject == "record 5"


def test_a_recovered_log_goes_on() -> None:
    found = log.recover(DATA[: ENDS[9] + 17])
    record = RECORD._replace(seq=10, prev=found.tail.last, boot="after the crash", kind="recovered")
    whole = DATA[: found.tail.size] + record.line()
    assert log.read(whole).records == (*ALL[:10], record)


@given(st.integers(0, len(DATA)), st.binary())
def test_any_rest_is_set_aside_byte_for_byte(cut: int, rest: bytes) -> None:
    found = log.recover(DATA[:cut] + rest)
    assert DATA[: found.tail.size] + found.torn == DATA[:cut] + rest
    assert found.records == ALL[: len(found.records)]


@given(st.binary())
def test_lines_give_every_byte_once(data: bytes) -> None:
    lines = list(log.lines(data))
    assert b"".join(lines) == data
    assert all(line.endswith(b"\n") for line in lines[:-1])
    assert all(line.count(b"\n") <= 1 and line for line in lines)
