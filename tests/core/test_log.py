# SPDX-License-Identifier: Apache-2.0
"""Records, their chain, and heads: one form each, and every change is noticed."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from itertools import combinations, pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ceremony.core import log
from ceremony.core.canonical import Json
from ceremony.core.log import Head, Tail
from ceremony.core.merkle import Frontier
from ceremony.core.record import FIRST_PREV, MAX_LINE, Outcome, Record, format_utc, parse_line, parse_lines
from ceremony.errors import VerificationError

RECORD = Record(
    ceremony="0123456789abcdef" * 2, seq=0, prev=FIRST_PREV, salt="fedcba9876543210" * 2, utc="2026-11-19T09:00:00.000001Z",
    mono_ns=12, boot="boot-1", kind="intent", step="sign", actor="Ada Example", recorded_by="Bo Example",
    outcome=Outcome.PENDING, body={"action": "sign", "key": None, "n": 7, "said": "é"},
)  # fmt: skip


def chained(count: int) -> bytes:
    """Return a log of `count` records."""
    tail, data = Tail(), b""
    for seq in range(count):
        record = RECORD._replace(seq=seq, prev=tail.last, mono_ns=seq, body={"n": seq})
        tail = tail.follow(record, record.line())
        data += record.line()
    return data


def head_of(data: bytes) -> Head:
    """Return the head of a log."""
    return log.head(log.read(data).tail, hashlib.sha256(data).hexdigest())


# --- records ------------------------------------------------------------------


def test_a_line_is_one_canonical_object_of_fourteen_members() -> None:
    line = RECORD.line()
    assert line.endswith(b"\n")
    assert json.loads(line) == RECORD.as_json()
    assert line[:-1] == json.dumps(RECORD.as_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert len(RECORD.as_json()) == 14


TEXTS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))
HEX_32, HEX_64 = (st.text("0123456789abcdef", min_size=n, max_size=n) for n in (32, 64))
COUNTS = st.integers(0, 2**53 - 1)
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)).map(format_utc)  # noqa: DTZ001 - bounds
RECORDS = st.builds(
    Record, HEX_32, COUNTS, HEX_64, HEX_32, TIMES, COUNTS, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS,
    st.sampled_from(Outcome), st.dictionaries(TEXTS, TEXTS | COUNTS | st.none() | st.booleans()),
)  # fmt: skip


@given(RECORDS)
@example(RECORD)
def test_reads_back_the_record_that_it_wrote(record: Record) -> None:
    assert parse_line(record.line(), "record 0") == record


def test_refuses_to_write_a_record_that_is_too_long() -> None:
    room = MAX_LINE - len(RECORD._replace(body={"text": ""}).line())
    longest = RECORD._replace(seq=0, body={"text": "x" * room})
    assert len(longest.line()) == MAX_LINE
    assert parse_line(longest.line(), "record 0") == longest
    with pytest.raises(VerificationError, match=r"^record 0: is 65537 bytes long, more than 65536$"):
        longest._replace(body={"text": "x" * (room + 1)}).line()


def test_refuses_to_write_a_record_that_is_not_canonical() -> None:
    with pytest.raises(VerificationError, match=r"^record 3: the text 'a\\nb' holds a control character$"):
        RECORD._replace(seq=3, step="a\nb").line()


def _with(**members: Json) -> bytes:
    value = RECORD.as_json() | members
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _without(member: str) -> bytes:
    value = {name: value for name, value in RECORD.as_json().items() if name != member}
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


LINE = RECORD.line()
MALFORMED = [
    pytest.param(b"", "is not one whole line", id="nothing"),
    pytest.param(b"\n", "is not the JSON", id="a newline"),
    pytest.param(LINE[:-1], "is not one whole line", id="no newline"),
    pytest.param(LINE[:-1] + b" " * MAX_LINE + b"\n", "is not one whole line of at most 64 KiB", id="too long"),
    pytest.param(LINE * 2, "is not the JSON", id="two lines"),
    pytest.param(LINE + b"\n", "is not in canonical form", id="two newlines"),
    pytest.param(LINE[:-1] + b"\r\n", "is not in canonical form", id="CRLF"),
    pytest.param(b" " + LINE, "is not in canonical form", id="a space before"),
    pytest.param(b"[]\n", "is not a JSON object", id="a list"),
    pytest.param(b"{}\n", "does not have the members of a version 1 record", id="no members"),
    pytest.param(_with(more=1), "does not have the members of a version 1 record", id="one member more"),
    *[pytest.param(_without(name), "does not have the members", id=f"no {name}") for name in RECORD.as_json()],
    pytest.param(_with(v=2), "does not have the members of a version 1 record", id="version 2"),
    pytest.param(_with(v=True), "does not have the members of a version 1 record", id="version true"),
    pytest.param(_with(v="1"), "does not have the members of a version 1 record", id="version as text"),
    *[pytest.param(_with(**{n: 1}), "has a member of the wrong type", id=f"{n} a number") for n in ("kind", "step", "actor")],
    *[pytest.param(_with(**{n: None}), "has a member of the wrong type", id=f"{n} null") for n in ("recorded_by", "boot")],
    pytest.param(_with(body=[]), "has a member of the wrong type", id="body a list"),
    pytest.param(_with(body=None), "has a member of the wrong type", id="body null"),
    *[pytest.param(_with(**{n: 1}), f"{n} is not .* hex digits", id=f"{n} a number") for n in ("ceremony", "prev", "salt")],
    pytest.param(_with(ceremony="0" * 31), "ceremony is not 32 hex digits", id="ceremony too short"),
    pytest.param(_with(ceremony="A" * 32), "ceremony is not 32 hex digits", id="ceremony in capitals"),
    pytest.param(_with(prev="0" * 65), "prev is not 64 hex digits", id="prev too long"),
    pytest.param(_with(prev="g" * 64), "prev is not 64 hex digits", id="prev not hex"),
    pytest.param(_with(salt="\u0660" * 32), "salt is not 32 hex digits", id="salt in other digits"),
    pytest.param(_with(seq=-1), "seq is not a number from 0", id="seq negative"),
    pytest.param(_with(seq=True), "seq is not a number from 0", id="seq true"),
    pytest.param(_with(seq="0"), "seq is not a number from 0", id="seq as text"),
    pytest.param(_with(mono_ns=-1), "mono_ns is not a number from 0", id="mono_ns negative"),
    pytest.param(_with(mono_ns=None), "mono_ns is not a number from 0", id="mono_ns null"),
    pytest.param(_with(outcome="good"), "outcome is not one of ok, fail, refused, pending", id="outcome unknown"),
    pytest.param(_with(outcome=None), "outcome is not one of", id="outcome null"),
    pytest.param(_with(utc=0), "utc is not a time of the form", id="utc a number"),
    pytest.param(_with(utc=""), "utc is not a time of the form", id="utc empty"),
    pytest.param(_with(utc="2026-11-19T09:00:00Z"), "utc is not a time of the form", id="utc without microseconds"),
    pytest.param(_with(utc="2026-11-19T09:00:00.1Z"), "utc is not a time of the form", id="utc with one digit"),
    pytest.param(_with(utc="2026-11-19T9:00:00.000000Z"), "utc is not a time of the form", id="utc with a short hour"),
    pytest.param(_with(utc="2026-11-19T09:00:00.000000+00:00"), "utc is not a time of the form", id="utc with an offset"),
    pytest.param(_with(utc="2026-02-30T09:00:00.000000Z"), "utc is not a time of the form", id="utc on no day"),
    pytest.param(_with(utc="2026-11-19T23:59:60.000000Z"), "utc is not a time of the form", id="utc in a leap second"),
    pytest.param(_with(utc="\u0662026-11-19T09:00:00.000000Z"), "utc is not a time of the form", id="utc in other digits"),
]


@pytest.mark.parametrize(("line", "says"), MALFORMED)
def test_refuses_a_line_that_it_would_not_write(line: bytes, says: str) -> None:
    with pytest.raises(VerificationError, match=f"^record 5: {says}") as caught:
        parse_line(line, "record 5")
    assert caught.value.hint


@given(
    st.binary()
    | st.binary().map(lambda data: data + b"\n")
    | st.dictionaries(st.text(), st.text()).map(json.dumps).map(str.encode)
)
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(VerificationError):
        parse_line(data, "record 0")


@given(st.sampled_from(sorted(RECORD.as_json())), st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text()))
def test_any_member_is_read_as_it_was_or_refused(name: str, value: Json) -> None:
    line = _with(**{name: value}) if not isinstance(value, str) or value.isprintable() else LINE
    try:
        record = parse_line(line, "record 0")
    except VerificationError:
        return
    assert record.line() == line


BITS = st.tuples(st.integers(0, 10_000), st.integers(1, 255))
PIECES = st.sampled_from(
    [
        b"1.0",
        b"1e5",
        b"-0",
        b"9007199254740992",
        b"null",
        b"true",
        b"[]",
        b"{}",
        b'""',
        b'"\\u0041"',
        b'"e\xcc\x81"',
        b'"\x7f"',
        b"[" * 65 + b"]" * 65,
    ]
)


@given(RECORDS, BITS)
def test_the_quick_way_to_read_a_line_is_the_slow_one_whatever_byte_is_changed(record: Record, change: tuple[int, int]) -> None:
    line = bytearray(record.line())
    line[change[0] % len(line)] ^= change[1]
    _both_ways(bytes(line))


@given(RECORDS, PIECES, st.sampled_from(["body", "seq", "v", "utc", "outcome", "ceremony", "boot"]))
def test_the_quick_way_to_read_a_line_is_the_slow_one_whatever_stands_in_a_member(
    record: Record, piece: bytes, member: str
) -> None:
    rest = {**record.as_json(), member: "\0"}
    line = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    _both_ways(line.replace(b'"\\u0000"', piece) + b"\n")
    _both_ways(line.replace(b'"\\u0000"', b'{"a":' + piece + b"}") + b"\n")


def _both_ways(line: bytes) -> None:
    """Read a line by itself and as one of many: the quick way never takes another line, nor takes it for another record."""
    many = parse_lines([line])
    try:
        alone = parse_line(line, "record")
    except VerificationError:
        assert many is None
    else:
        assert many in (None, [alone])


@pytest.mark.parametrize("odd", [(), (0,), (7,), (3, 4), tuple(range(9)), (8,)], ids=str)
def test_odd_lines_among_plain_ones_are_records_like_them(odd: tuple[int, ...]) -> None:
    """A quote is escaped in a line, which the quick way leaves to the other; nobody sees which way a line was read."""
    tail, data, made = Tail(), b"", []
    for seq in range(9):
        made.append(RECORD._replace(seq=seq, prev=tail.last, mono_ns=seq, body={"said": 'a "word"' if seq in odd else "é"}))
        tail = tail.follow(made[-1], made[-1].line())
        data += made[-1].line()
    found = log.read(data)
    assert (found.records, found.tail) == (tuple(made), tail)


@pytest.mark.parametrize("where", range(9))
def test_the_first_line_that_does_not_follow_is_named_wherever_it_stands(where: int) -> None:
    lines = list(log.lines(chained(9)))
    lines[where] = lines[where].replace(b'"n":', b'"m":')
    found = log.recover(b"".join(lines))
    assert len(found.records) == min(where + 1, 9)
    assert (found.fault is None) is (where == 8)


# --- the chain ----------------------------------------------------------------

TAIL = Tail().follow(RECORD, LINE)
SECOND = RECORD._replace(seq=1, prev=TAIL.last, mono_ns=13)


def test_a_tail_counts_lines_and_bytes() -> None:
    expected = Tail(RECORD.ceremony, 1, len(LINE), hashlib.sha256(LINE).hexdigest(), Frontier().add(LINE), "boot-1", 12)
    assert expected == TAIL
    assert TAIL.follow(SECOND, SECOND.line()).entries == 2


FOLLOWS = [
    pytest.param(SECOND._replace(mono_ns=12), id="in the same nanosecond"),
    pytest.param(SECOND._replace(boot="boot-2", mono_ns=0), id="after another boot"),
    pytest.param(SECOND._replace(utc="1999-01-01T00:00:00.000000Z"), id="after the wall clock was set back"),
]


@pytest.mark.parametrize("record", FOLLOWS)
def test_takes_a_record_that_follows(record: Record) -> None:
    assert TAIL.follow(record, record.line()).last == hashlib.sha256(record.line()).hexdigest()


DOES_NOT_FOLLOW = [
    pytest.param(SECOND._replace(seq=2), "record 2: stands where record 1 should", id="a gap"),
    pytest.param(SECOND._replace(seq=0), "record 0: stands where record 1 should", id="again"),
    pytest.param(SECOND._replace(prev=FIRST_PREV), "record 1: does not name the hash of the line before it", id="another line"),
    pytest.param(SECOND._replace(ceremony="f" * 32), "record 1: belongs to another ceremony", id="another ceremony"),
    pytest.param(SECOND._replace(mono_ns=11), "record 1: is older than the record before it", id="older"),
]


@pytest.mark.parametrize(("record", "says"), DOES_NOT_FOLLOW)
def test_refuses_a_record_that_does_not_follow(record: Record, says: str) -> None:
    with pytest.raises(VerificationError, match=f"^{says}$"):
        TAIL.follow(record, record.line())


def test_the_first_record_names_zeros() -> None:
    with pytest.raises(VerificationError, match="record 0: does not name the hash"):
        Tail().follow(RECORD._replace(prev="1" * 64), LINE)


def test_deleting_doubling_or_swapping_records_is_noticed() -> None:
    data = chained(8)
    lines = list(log.lines(data))
    head = head_of(data)
    changed = [lines[:i] + lines[i + 1 :] for i in range(7)]
    changed += [lines[: i + 1] + lines[i:] for i in range(8)]
    for i, j in combinations(range(8), 2):
        swapped = lines.copy()
        swapped[i], swapped[j] = swapped[j], swapped[i]
        changed.append(swapped)
    for found in changed:
        with pytest.raises(VerificationError, match=r"^record \d: stands where record \d should$"):
            log.read(b"".join(found))
    cut = head_of(b"".join(lines[:7]))
    assert (cut.entries, cut.size, cut.sha256, cut.chain, cut.merkle) != (
        head.entries,
        head.size,
        head.sha256,
        head.chain,
        head.merkle,
    )
    assert all(one != other for one, other in zip(cut.text().splitlines()[2:], head.text().splitlines()[2:], strict=True))


def test_every_flipped_bit_is_noticed_by_the_chain_or_by_the_head() -> None:
    data = chained(4)
    head, last = head_of(data), len(data) - len(list(log.lines(data))[-1])
    for bit in range(8 * len(data)):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            found = head_of(bytes(changed))
        except VerificationError:
            continue
        assert bit // 8 >= last, "only the last record may still chain"
        assert found.sha256 != head.sha256
        assert found.chain != head.chain
        assert found.merkle != head.merkle


# --- heads --------------------------------------------------------------------

HEADS = st.builds(Head, HEX_32, st.integers(0, 10**16 - 1), st.integers(0, 10**16 - 1), HEX_64, HEX_64, HEX_64)


@given(HEADS)
def test_reads_back_the_head_that_it_wrote(head: Head) -> None:
    assert log.parse_head(head.text(), "heads/0001.txt") == head
    assert head.digest == hashlib.sha256(head.text()).hexdigest()


def test_a_head_states_the_log() -> None:
    data = chained(3)
    lines = list(log.lines(data))
    leaves = [hashlib.sha256(b"\x00" + line).digest() for line in lines]
    merkle = hashlib.sha256(b"\x01" + hashlib.sha256(b"\x01" + leaves[0] + leaves[1]).digest() + leaves[2]).hexdigest()
    assert head_of(data).text().decode() == (
        "ceremony-head/v1\n"
        f"origin: ceremony/{RECORD.ceremony}\n"
        "entries: 3\n"
        f"bytes: {len(data)}\n"
        f"sha256: {hashlib.sha256(data).hexdigest()}\n"
        f"chain: {hashlib.sha256(lines[2]).hexdigest()}\n"
        f"merkle: {merkle}\n"
    )


GOOD = Head("0" * 32, 12, 3456, "1" * 64, "2" * 64, "3" * 64).text()
BAD_HEADS = [
    pytest.param(b"", id="nothing"),
    pytest.param(GOOD[:-1], id="no last newline"),
    pytest.param(GOOD + b"\n", id="a newline more"),
    pytest.param(GOOD * 2, id="twice"),
    pytest.param(GOOD.replace(b"\n", b"\r\n"), id="CRLF"),
    pytest.param(GOOD.replace(b"/v1", b"/v2"), id="another version"),
    pytest.param(GOOD.replace(b"entries: 12", b"entries: 012"), id="a leading zero"),
    pytest.param(GOOD.replace(b"entries: 12", b"entries: -1"), id="a negative number"),
    pytest.param(GOOD.replace(b"entries: 12", b"entries:12"), id="no space"),
    pytest.param(GOOD.replace(b"entries: 12", "entries: \u0661\u0662".encode()), id="other digits"),
    pytest.param(GOOD.replace(b"bytes: 3456", b"bytes: " + b"9" * 17), id="a number of 17 digits"),
    pytest.param(GOOD.replace(b"bytes: 3456", b"bytes: " + b"9" * 5000), id="a number of 5,000 digits"),
    pytest.param(GOOD.replace(b"1" * 64, b"A" * 64), id="capitals"),
    pytest.param(GOOD.replace(b"1" * 64, b"1" * 63), id="a digit short"),
    pytest.param(GOOD.replace(b"merkle", b"Merkle"), id="another name"),
    pytest.param(b"\n".join(GOOD.split(b"\n")[::-1]), id="another order"),
    pytest.param(GOOD.replace(b"12", b"12\xff"), id="not ASCII"),
]


@pytest.mark.parametrize("data", BAD_HEADS)
def test_refuses_a_head_that_it_would_not_write(data: bytes) -> None:
    with pytest.raises(VerificationError, match=r"^heads/0001.txt: is not a ceremony-head/v1 statement$"):
        log.parse_head(data, "heads/0001.txt")


@given(st.binary() | st.text().map(str.encode) | st.permutations(list(GOOD)).map(bytes))
def test_any_bytes_are_a_head_or_refused_in_words(data: bytes) -> None:
    try:
        head = log.parse_head(data, "head")
    except VerificationError:
        return
    assert head.text() == data


def test_every_flipped_bit_of_a_head_is_another_head_or_refused() -> None:
    for bit in range(8 * len(GOOD)):
        changed = bytearray(GOOD)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            head = log.parse_head(bytes(changed), "head")
        except VerificationError:
            continue
        assert head.text() == changed


def test_a_time_is_written_with_six_digits() -> None:
    assert format_utc(datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)) == "2026-01-02T03:04:05.000006Z"
    for one, other in pairwise(["2026-01-02T03:04:05.000006Z", "2026-01-02T03:04:05.000010Z", "2026-01-02T03:04:06.000000Z"]):
        assert one < other
