# SPDX-License-Identifier: Apache-2.0
"""Attacks on the log that know what records are: moved, taken out, put in, spliced, and written in another form."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator

from ceremony.core.record import MAX_LINE
from tests.attacks.bases import Base, base
from tests.attacks.cases import Attack, attack
from tests.attacks.forger import ALL, EVERYBODY, Change, Record, Records, Touch, forge, log_lines, records_of, relog

# --- records moved, with the chain as it was, and made anew ------------------------------------------


def _moves(at: int) -> dict[str, Callable[[list], list]]:
    return {
        "delete": lambda lines: [*lines[:at], *lines[at + 1 :]],
        "duplicate": lambda lines: [*lines[: at + 1], *lines[at:]],
        "swap with the next": lambda lines: [*lines[:at], *reversed(lines[at : at + 2]), *lines[at + 2 :]],
        "move to the end": lambda lines: [*lines[:at], *lines[at + 1 :], lines[at]],
    }


@attack("delete, duplicate, swap or move a record")
def _(base: Base) -> Iterator[Attack]:
    lines = log_lines(base.files)
    for at in range(len(lines)):
        for what, move in _moves(at).items():
            if move(lines) != lines:
                yield Attack(f"{what} {at}", relog(base.files, move(lines)))


@attack("delete, duplicate, swap or move a record, and make all anew")
def _(base: Base) -> Iterator[Attack]:
    count = len(log_lines(base.files))
    for at in range(count):
        for what, move in _moves(at).items():
            if move(list(range(count))) != list(range(count)):
                yield Attack(f"{what} {at}", forge(base, move))


def _made_up(base: Base) -> dict[str, Record]:
    """Records that an attacker would like to stand somewhere in a log."""
    close = records_of(base.files)[-1]

    def record(kind: str, body: Record, outcome: str = "ok") -> Record:
        return {**close, "kind": kind, "outcome": outcome, "body": body, "salt": "5a" * 16}

    return {
        "a deviation": record("deviation", {"expected": "a", "happened": "b", "decided": "c"}),
        "a file": record("files", {"files": {"extra.txt": "0" * 64}}),
        "a file set aside": record(
            "set-aside", {"store": "folder", "path": "README.txt", "to": "x", "bytes": 1, "sha256": "0" * 64}
        ),
        "a substitution": record("substitution", {"what": "everything"}),
        "an intent": record("intent", {"action": "sign-root", "key": "x"}, "pending"),
        "a result": record("result", {"action": "sign-root", "key": "x"}),
        "a step again": record("again", {"step": "root-keys", "why": "b"}),
        "an unknown kind": record("remark", {"text": "hello"}),
        "a resume": record("resume", {"tool": {}, "site_sha256": "0" * 64, "torn_bytes": 0, "torn_sha256": "", "torn_file": ""}),
    }


@attack("insert a record")
def _(base: Base) -> Iterator[Attack]:
    count = len(log_lines(base.files))
    for what, made in _made_up(base).items():
        for at in range(0, count + 1, 7):

            def insert(records: Records, at: int = at, made: Record = made) -> None:
                records.insert(at, made)

            whole = forge(base, insert)
            yield Attack(f"{what} as {at}, all made anew", whole)
            line = log_lines(whole)[at]
            lines = log_lines(base.files)
            yield Attack(f"{what} as {at}", relog(base.files, [*lines[:at], line, *lines[at:]]))


@attack("splice a record of another ceremony")
def _(one: Base) -> Iterator[Attack]:
    other = base(one.mode, "theirs")
    lines, theirs = log_lines(one.files), log_lines(other.files)
    for at, line in enumerate(theirs[: len(lines)]):
        yield Attack(f"{at} in the place of {at}", relog(one.files, [*lines[:at], line, *lines[at + 1 :]]))
        yield Attack(f"{at} before {at}", relog(one.files, [*lines[:at], line, *lines[at:]]))
        yield Attack(f"all from {at} on", relog(one.files, [*lines[:at], *theirs[at:]]))


@attack("splice a record of another ceremony, and make all anew")
def _(one: Base) -> Iterator[Attack]:
    theirs = records_of(base(one.mode, "theirs").files)
    ours = records_of(one.files)
    for at, taken in enumerate(theirs[: len(ours)]):
        for what, record in (("", taken), ("relabelled ", {**taken, "ceremony": ours[0]["ceremony"]})):
            yield Attack(f"{at} {what}in the place of {at}", forge(one, _put(at, at + 1, record)))
            yield Attack(f"{at} {what}before {at}", forge(one, _put(at, at, record)))


def _put(start: int, stop: int, record: Record) -> Change:
    return lambda records: [*records[:start], record, *records[stop:]]


@attack("edit a record, and make all anew")
def _(base: Base) -> Iterator[Attack]:
    for at, record in enumerate(records_of(base.files)):
        for member, value in (
            ("actor", "Mallory"),
            ("utc", "2026-11-18T09:00:00.000000Z"),
            ("salt", "0" * 32),
            ("outcome", "refused"),
        ):
            if record[member] != value:

                def edit(records: Records, at: int = at, member: str = member, value: str = value) -> None:
                    records[at][member] = value

                yield Attack(f"{member} of {at}", forge(base, edit))


@attack("edit what the root's head covers, with everybody's keys and no token")
def _(base: Base) -> Iterator[Attack]:
    records = records_of(base.files)
    covered = next(r["seq"] for r in records if r["kind"] == "files" and f"heads/{base.last - 1:04}.txt" in r["body"]["files"])
    for at in range(covered):

        def edit(records: Records, at: int = at) -> None:
            records[at]["salt"] = "0" * 32

        yield Attack(f"record {at}", forge(base, edit, EVERYBODY))


# --- forms of JSON -----------------------------------------------------------------------------------

Form = Callable[[bytes], bytes]
_DEEP = b"[" * 65 + b"]" * 65


def _sub(pattern: bytes, into: bytes) -> Form:
    def form(line: bytes) -> bytes:
        made = re.sub(pattern, lambda _: into, line, count=1)
        assert made != line, pattern
        return made

    return form


def _number(text: bytes) -> Form:
    return _sub(rb'"mono_ns":[0-9]+', b'"mono_ns":' + text)


def _text(text: bytes) -> Form:
    return _sub(rb'"actor":"[^"]*"', b'"actor":"' + text + b'"')


def _in_body(member: bytes) -> Form:
    """Put a member before all others of the body; its name sorts there."""

    def form(line: bytes) -> bytes:
        return (
            line.replace(b'"body":{}', b'"body":{' + member + b"}")
            if b'"body":{}' in line
            else line.replace(b'"body":{', b'"body":{' + member + b",")
        )

    return form


FORMS: dict[str, Form] = {
    "a key twice": _sub(rb'"boot":', b'"boot":"x","boot":'),
    "the same twice": lambda line: re.sub(rb'("outcome":"[a-z]+")', rb"\1,\1", line, count=1),
    "a key of the body twice": _in_body(b'"!":1,"!":1'),
    "a key twice, once escaped": _sub(rb'"seq":', rb'"\u0073eq":0,"seq":'),
    "NFD text": _text("e\u0301".encode()),
    "NFD in a key": _in_body('"e\u0301":1'.encode()),
    "a key that is not ASCII": _in_body('"é":1'.encode()),
    "a control character": _text(b"a\x01b"),
    "a control character, escaped": _text(rb"a\u0001b"),
    "a tab, escaped": _text(rb"a\tb"),
    "DEL": _text(b"a\x7fb"),
    "NEL": _text("a\u0085b".encode()),
    "NUL, escaped": _text(rb"a\u0000b"),
    "a letter, escaped": _text(rb"\u0041da"),
    "a slash, escaped": _text(rb"a\/b"),
    "a surrogate, escaped": _text(rb"\ud800"),
    "a pair of surrogates, escaped": _text(rb"\ud83d\ude00"),
    "a surrogate in UTF-8": _text(b"\xed\xa0\x80"),
    "UTF-8 of two bytes for one": _text(b"\xc1\x81"),
    "Latin-1": _text(b"\xe9"),
    "a byte that is no text": _text(b"\xff"),
    "an integer of 2^53": _number(b"9007199254740992"),
    "an integer of 2^53 in the body": _in_body(b'"!":9007199254740992'),
    "an integer of -2^53 in the body": _in_body(b'"!":-9007199254740992'),
    "an integer of 2^64": _number(b"18446744073709551616"),
    "an integer of 400 digits": _number(b"1" * 400),
    "an integer of 5000 digits": _number(b"1" * 5000),
    "minus nought": _in_body(b'"!":-0'),
    "a nought before": _number(b"01"),
    "1.0": _number(b"1.0"),
    "1.0 in the body": _in_body(b'"!":1.0'),
    "1e0": _number(b"1e0"),
    "1E400": _number(b"1E400"),
    "a plus": _number(b"+1"),
    "NaN": _in_body(b'"!":NaN'),
    "Infinity": _in_body(b'"!":Infinity'),
    "minus Infinity": _in_body(b'"!":-Infinity'),
    "a number as text": _sub(rb'"seq":([0-9]+)', b'"seq":"0"'),
    "version true": _sub(rb'"v":1', b'"v":true'),
    "version 1.0": _sub(rb'"v":1', b'"v":1.0'),
    "version 2": _sub(rb'"v":1', b'"v":2'),
    "no version": _sub(rb',"v":1', b""),
    "one member more": _sub(rb',"v":1', b',"v":1,"w":1'),
    "an unsorted object": _in_body(b'"~":1'),
    "a body that is a list": lambda line: line.replace(line[line.index(b'"body":{') : line.index(b',"boot"')], b'"body":[]'),
    "a body that is null": lambda line: line.replace(line[line.index(b'"body":{') : line.index(b',"boot"')], b'"body":null'),
    "CR LF": lambda line: line[:-1] + b"\r\n",
    "CR for LF": lambda line: line[:-1] + b"\r",
    "a BOM": lambda line: b"\xef\xbb\xbf" + line,
    "a blank behind": lambda line: line[:-1] + b" \n",
    "a tab behind": lambda line: line[:-1] + b"\t\n",
    "a blank before": lambda line: b" " + line,
    "a NUL behind": lambda line: line[:-1] + b"\0\n",
    "an empty line before": lambda line: b"\n" + line,
    "an empty line behind": lambda line: line + b"\n",
    "blanks inside": lambda line: json.dumps(json.loads(line), sort_keys=True, ensure_ascii=False).encode() + b"\n",
    "folded": lambda line: json.dumps(json.loads(line), sort_keys=True, ensure_ascii=False, indent=1).encode() + b"\n",
    "two objects": lambda line: line[:-1] + b"{}\n",
    "itself again behind a comma": lambda line: line[:-1] + b"," + line,
    "on two lines, without the comma": lambda line: line.replace(b',"boot"', b'\n"boot"', 1),
    "on two lines, with the comma": lambda line: line.replace(b',"boot"', b',\n"boot"', 1),
    "a comma behind": lambda line: line[:-1] + b",\n",
    "a comment": lambda line: line[:-1] + b"//x\n",
    "a comma before the end": lambda line: line[:-2] + b",}\n",
    "single quotes": lambda line: line.replace(b'"v"', b"'v'"),
    "in a list": lambda line: b"[" + line[:-1] + b"]\n",
    "capital hex digits": _sub(rb'"prev":"[0-9a-f]*', b'"prev":"' + b"A" * 64),
    "too deep": _in_body(b'"!":' + _DEEP),
    "much too deep": _in_body(b'"!":' + b"[" * 20000 + b"]" * 20000),
    "a line that is too long": _text(b"x" * MAX_LINE),
    "true written True": _in_body(b'"!":True'),
    "nothing but a newline": lambda line: b"\n",
    "null": lambda line: b"null\n",
    "an empty object": lambda line: b"{}\n",
}  # fmt: skip


def _places(base: Base) -> tuple[int, ...]:
    count = len(log_lines(base.files))
    return (0, 1, count // 3, count - 9, count - 2, count - 1)


@attack("write a record in another form")
def _(base: Base) -> Iterator[Attack]:
    lines = log_lines(base.files)
    for what, form in FORMS.items():
        for at in _places(base):
            yield Attack(f"{what}, record {at}", relog(base.files, [*lines[:at], form(lines[at]), *lines[at + 1 :]]))
            yield Attack(f"{what}, record {at}, all made anew", forge(base, mangle=_only(at, form)))


@attack("insiders write a record in another form")
def _(base: Base) -> Iterator[Attack]:
    for what, form in FORMS.items():
        for at in _places(base):
            yield Attack(f"{what}, record {at}", forge(base, keys=ALL, mangle=_only(at, form)))


def _only(at: int, form: Form) -> Callable[[int, bytes], bytes]:
    return lambda seq, line: form(line) if seq == at else line


# --- members that do not follow -----------------------------------------------------------------------

MEMBERS: dict[str, Callable[[Record], Record]] = {
    "a number that skips one": lambda r: {"seq": r["seq"] + 1},
    "the number before": lambda r: {"seq": max(r["seq"] - 1, 0) if r["seq"] else 1},
    "another line before": lambda r: {"prev": "1" * 64},
    "no line before": lambda r: {"prev": "0" * 64 if r["seq"] else "0" * 63 + "1"},
    "another ceremony": lambda r: {"ceremony": "d" * 32},
    "a clock that runs back": lambda r: {"mono_ns": 0} if r["seq"] else {"mono_ns": -1},
    "a clock below nought": lambda r: {"mono_ns": -1},
    "a salt that is short": lambda r: {"salt": "0" * 30},
    "a salt that is no hex": lambda r: {"salt": "g" * 32},
    "a day that is none": lambda r: {"utc": "2026-02-29T00:00:00.000000Z"},
    "an hour that is none": lambda r: {"utc": "2026-11-19T24:00:00.000000Z"},
    "a second that is none": lambda r: {"utc": "2026-11-19T09:00:60.000000Z"},
    "a time without fractions": lambda r: {"utc": "2026-11-19T09:00:00Z"},
    "a time elsewhere": lambda r: {"utc": "2026-11-19T09:00:00.000000+01:00"},
    "an outcome that is none": lambda r: {"outcome": "fine"},
    "a kind that is a number": lambda r: {"kind": 1},
    "an actor that is nobody": lambda r: {"actor": None},
}


@attack("insiders write a record that does not follow")
def _(base: Base) -> Iterator[Attack]:
    for what, members in MEMBERS.items():
        for at in _places(base):
            if what == "another ceremony" and not at:
                continue
            yield Attack(f"{what}, record {at}", forge(base, keys=ALL, touch=_with(at, members)))


def _with(at: int, members: Callable[[Record], Record]) -> Touch:
    number = itertools.count()
    return lambda record: {**record, **members(record)} if next(number) == at else None
