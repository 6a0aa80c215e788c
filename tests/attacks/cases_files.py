# SPDX-License-Identifier: Apache-2.0
"""Attacks on what stands beside the log: heads, manifest, files, the mode, and what `open` and `close` say."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from ceremony.core import bundle
from ceremony.core.bundle import LOG, MANIFEST
from ceremony.core.plan import Mode
from ceremony.errors import ExitCode
from tests.attacks.bases import NAMES, Base, base, signers_of
from tests.attacks.cases import FAILED, INCOMPLETE, Attack, attack, chance, changed
from tests.attacks.forger import (
    ALL,
    NOBODY,
    Record,
    Records,
    digest,
    forge,
    log_lines,
    records_of,
    relog,
    remanifest,
    sign_last,
    statement,
)

# --- heads -------------------------------------------------------------------------------------------

HEADS: dict[str, Callable[[bytes], bytes]] = {
    "another form": lambda said: said.replace(b"ceremony-head/v1", b"ceremony-head/v2"),
    "CR LF": lambda said: said.replace(b"\n", b"\r\n"),
    "no last newline": lambda said: said[:-1],
    "a newline behind": lambda said: said + b"\n",
    "a line behind": lambda said: said + b"role-statement: x\n",
    "a newline before": lambda said: b"\n" + said,
    "a BOM": lambda said: b"\xef\xbb\xbf" + said,
    "a blank at the end": lambda said: said[:-1] + b" \n",
    "two blanks": lambda said: said.replace(b"entries: ", b"entries:  "),
    "no blank": lambda said: said.replace(b"entries: ", b"entries:"),
    "a nought before": lambda said: said.replace(b"entries: ", b"entries: 0"),
    "a plus": lambda said: said.replace(b"bytes: ", b"bytes: +"),
    "one record more": lambda said: _line(said, 2, lambda line: b"entries: %d" % (int(line[9:]) + 1)),
    "one record fewer": lambda said: _line(said, 2, lambda line: b"entries: %d" % (int(line[9:]) - 1)),
    "no records": lambda said: _line(said, 2, lambda line: b"entries: 0"),
    "very many records": lambda said: _line(said, 2, lambda line: b"entries: 99999999999999999999"),
    "one byte more": lambda said: _line(said, 3, lambda line: b"bytes: %d" % (int(line[7:]) + 1)),
    "another ceremony": lambda said: _line(said, 1, lambda line: b"origin: ceremony/" + b"d" * 32),
    "another origin": lambda said: said.replace(b"origin: ceremony/", b"origin: Ceremony/"),
    "another hash": lambda said: _line(said, 4, lambda line: b"sha256: " + b"0" * 64),
    "another chain": lambda said: _line(said, 5, lambda line: b"chain: " + b"0" * 64),
    "another tree": lambda said: _line(said, 6, lambda line: b"merkle: " + b"0" * 64),
    "capital digits": lambda said: said[:60] + said[60:].upper().replace(b"SHA256: ", b"sha256: "),
    "another order": lambda said: b"".join([*(rows := said.splitlines(keepends=True))[:5], rows[6], rows[5]]),
    "a line twice": lambda said: said + said.splitlines(keepends=True)[-1],
    "a line less": lambda said: b"".join(said.splitlines(keepends=True)[:-1]),
    "nothing": lambda said: b"",
}


def _line(said: bytes, number: int, change: Callable[[bytes], bytes]) -> bytes:
    rows = said.split(b"\n")
    rows[number] = change(rows[number])
    return b"\n".join(rows)


@attack("insiders sign a last head that is none of this log")
def _(base: Base) -> Iterator[Attack]:
    last = bundle.head(base.last)
    for what, change in HEADS.items():
        said = change(base.files[last])
        yield Attack(what, sign_last(base, changed(base.files, last, said)))


@attack("insiders record a head that is none of this log")
def _(base: Base) -> Iterator[Attack]:
    """One that is compared at a gate, and signed by nobody: only a rule about heads tells."""
    for number in (1, base.last - 2):
        path = bundle.head(number)
        for what, change in HEADS.items():
            said = change(base.files[path])
            if said != base.files[path]:
                yield Attack(f"{what}, head {number}", _with_file(base, path, said))


def _with_file(base: Base, path: str, data: bytes) -> dict[str, bytes]:
    """Return a folder whose insiders recorded these bytes for a head, whatever it states."""
    was = digest(base.files[path])

    def touch(record: Record) -> None:
        listed = record["body"].get("files")
        if record["kind"] == "files" and path in listed:
            listed[path] = digest(data)
        if record["kind"] == "compared" and record["body"]["digest"] == was:
            record["body"]["digest"] = digest(data)

    return remanifest({**forge(base, keys=ALL, touch=touch), path: data})


@attack("show an older head")
def _(base: Base) -> Iterator[Attack]:
    """Everybody signed an older head too, somewhere: it must not stand for the end."""
    lines, last = log_lines(base.files), bundle.head(base.last)
    for number in range(1, base.last):
        said = base.files[bundle.head(number)]
        entries = int(said.split(b"entries: ")[1].split(b"\n")[0])
        yield Attack(f"head {number} as the last, signed", sign_last(base, changed(base.files, last, said)))
        cut = sign_last(base, relog({**base.files, last: said}, lines[:entries]))
        yield Attack(
            f"head {number} as the last, signed, of a log that was cut", cut, INCOMPLETE if number == base.last - 1 else FAILED
        )
        signed = {bundle.head_signature(number, name): base.people.sign(name, "ceremony-head", said) for name in NAMES}
        later = {last, bundle.REPORT, MANIFEST, *(bundle.head_signature(base.last, name) for name in NAMES)}
        early = {path for record in records_of({LOG: b"".join(lines[:entries])}) for path in _named(record)}
        named = {path for record in records_of(base.files) for path in _named(record)}
        kept = {
            path: data for path, data in base.files.items() if path not in later | (named - early) or path == bundle.head(number)
        }
        yield Attack(f"head {number}, signed, and nothing later", {**kept, **signed, LOG: b"".join(lines[:entries])}, INCOMPLETE)
    for entries in (len(lines) - 1, len(lines) // 2, 1):
        said = statement("c0" * 16, lines[:entries])
        yield Attack(f"a head of {entries} records as the last", sign_last(base, changed(base.files, last, said)))


def _named(record: Record) -> set[str]:
    listed = record["body"].get("files") if record["kind"] == "files" else None
    return set(listed) if isinstance(listed, dict) else set()


@attack("number heads otherwise")
def _(base: Base) -> Iterator[Attack]:
    last, number = bundle.head(base.last), base.last
    for other in (number + 1, number + 95, 9999):
        moved = {path.replace(f"heads/{number:04}.", f"heads/{other:04}."): data for path, data in base.files.items()}
        yield Attack(f"the last one {other}", remanifest(moved))
        yield Attack(f"the last one {number} and {other}", remanifest({**base.files, **moved}))
        yield Attack(f"one more, {other}", remanifest({**base.files, bundle.head(other): base.files[last]}))
        more = remanifest({**base.files, bundle.head(other): base.files[bundle.head(1)]})
        yield Attack(f"one more, {other}, of the beginning", more)
    for path in (
        "heads/0000.txt",
        f"heads/{number}.txt",
        f"heads/0{number:04}.txt",
        "heads/0005.TXT",
        "heads/0005.txt.bak",
        "0005.txt",
    ):
        yield Attack(f"one more, {path}", remanifest({**base.files, path: base.files[last]}))
        instead = {path if name == last else name: data for name, data in base.files.items()}
        yield Attack(f"{path} instead of the last", remanifest(instead))
    for old in range(1, number):
        moved = {bundle.head(old): base.files[last], last: base.files[bundle.head(old)]}
        yield Attack(f"the last and {old} swapped", remanifest({**base.files, **moved}))
    sig = bundle.head_signature(number, "Wim")
    for path in (sig.upper(), sig.replace("0005", "5"), sig.replace(".sig", ".SIG"), sig.replace("heads/", ""), sig + ".sig"):
        yield Attack(f"a signature more, {path}", {**base.files, path: base.files[sig]})


# --- the manifest -------------------------------------------------------------------------------------

_ROW = 66

MANIFESTS: dict[str, Callable[[bytes], bytes]] = {
    "another order": lambda data: b"".join(reversed(data.splitlines(keepends=True))),
    "two lines swapped": lambda data: b"".join((rows := data.splitlines(keepends=True))[1:2] + rows[:1] + rows[2:]),
    "CR LF": lambda data: data.replace(b"\n", b"\r\n"),
    "one CR": lambda data: data.replace(b"\n", b"\r\n", 1),
    "capital digits": lambda data: data[:64].upper() + data[64:],
    "all capital digits": lambda data: b"".join(row[:64].upper() + row[64:] for row in data.splitlines(keepends=True)),
    "an absolute path": lambda data: data[:_ROW] + b"/" + data[_ROW:],
    "./": lambda data: data[:_ROW] + b"./" + data[_ROW:],
    "../": lambda data: data[:_ROW] + b"x/../" + data[_ROW:],
    "//": lambda data: data.replace(b"bundle/", b"bundle//", 1),
    "a backslash": lambda data: b"\\" + data.replace(b"bundle/", b"bundle\\\\", 1),
    "binary": lambda data: data.replace(b"  ", b" *"),
    "one blank": lambda data: data.replace(b"  ", b" ", 1),
    "three blanks": lambda data: data.replace(b"  ", b"   ", 1),
    "a tab": lambda data: data.replace(b"  ", b"\t", 1),
    "a blank at the end": lambda data: data[:-1] + b" \n",
    "no last newline": lambda data: data[:-1],
    "an empty line": lambda data: data + b"\n",
    "a comment": lambda data: b"# files\n" + data,
    "a BOM": lambda data: b"\xef\xbb\xbf" + data,
    "a line twice": lambda data: data[: data.index(b"\n") + 1] + data,
    "a path twice": lambda data: data[: data.index(b"\n") + 1].replace(data[:8], b"00000000") + data,
    "a line less": lambda data: data[data.index(b"\n") + 1 :],
    "a file that is not there": lambda data: data + b"0" * 64 + b"  zzz\n",
    "itself": lambda data: b"".join(
        sorted([*data.splitlines(keepends=True), b"0" * 64 + b"  MANIFEST.sha256\n"], key=lambda r: r[_ROW:])
    ),
    "BSD's form": lambda data: b"".join(b"SHA256 (" + row[_ROW:] + b") = " + row[:64] + b"\n" for row in data.splitlines()),
    "another digest": lambda data: b"0" * 64 + data[64:],
    "a short digest": lambda data: data[1:],
    "MD5": lambda data: data[32:],
    "nothing": lambda data: b"",
    "no text": lambda data: b"\xff" * len(data),
}


@attack("write the manifest in another form")
def _(base: Base) -> Iterator[Attack]:
    for what, form in MANIFESTS.items():
        yield Attack(what, {**base.files, MANIFEST: form(base.files[MANIFEST])})
    for number, name in enumerate(NAMES):
        path = bundle.head_signature(base.last, name)
        rows = [*base.files[MANIFEST].splitlines(keepends=True), f"{digest(base.files[path])}  {path}\n".encode()]
        yield Attack(f"with signature {number}", {**base.files, MANIFEST: b"".join(sorted(rows, key=lambda row: row[_ROW:]))})


# --- files ------------------------------------------------------------------------------------------------


@attack("add, remove or rename a file")
def _(base: Base) -> Iterator[Attack]:
    for path, data in base.files.items():
        if not bundle.signed_head(path)[0] and path != MANIFEST:
            without = {name: content for name, content in base.files.items() if name != path}
            yield Attack(f"no {path}", remanifest(without))
            yield Attack(f"{path} renamed", remanifest({**without, f"{path}.old": data}))
            yield Attack(f"{path} in capitals", remanifest({**without, path.upper() + "X": data}))
        yield Attack(f"{path} twice", remanifest({**base.files, f"{path}~": data}))
        yield Attack(f"{path} elsewhere too", remanifest({**base.files, f"x/{path}": data}))
        yield Attack(f"{path}, unnamed", {**base.files, f"x/{path}": data})
    for path in (
        "extra.txt",
        "bundle/tuf/x/metadata/root.json",
        "evidence/approvals/x.sig",
        "evidence/x",
        ".hidden",
        "a b",
        "é.txt",
        "-s",
    ):
        yield Attack(f"{path} more", remanifest({**base.files, path: b"hello\n"}))
        yield Attack(f"{path} more, unnamed", {**base.files, path: b""})


@attack("change a file, and make all anew")
def _(base: Base) -> Iterator[Attack]:
    for path, data in base.files.items():
        if path != LOG and not bundle.head_number(path) and not bundle.signed_head(path)[0] and path != MANIFEST:
            at = chance(path).randrange(len(data))
            other = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            for what, made in {"one bit": other, "nothing left": b"", "a line more": data + b"<!-- -->\n"}.items():
                yield Attack(f"{path}, {what}", forge(base, files={path: made}))


@attack("change what people read and run")
def _(base: Base) -> Iterator[Attack]:
    for path in (bundle.REPORT, bundle.VERIFIER, bundle.README):
        for what, data in {"another": b"#!/bin/sh\nexit 0\n", "empty": b"", "a newline more": base.files[path] + b"\n"}.items():
            yield Attack(f"{path}, {what}", changed(base.files, path, data))
            yield Attack(f"{path}, {what}, all made anew", forge(base, files={path: data}))
    said = forge(base, keys=ALL, files={bundle.REPORT: b"<p>All is well.</p>\n"})
    yield Attack("insiders write another report", said, FAILED, rules=ExitCode.DONE)


# --- the mode -----------------------------------------------------------------------------------------------


def _mode(mode: str) -> Any:
    def relabel(records: Records) -> None:
        records[0]["body"]["mode"] = mode

    return relabel


def _real(records: Records) -> Records:
    """Take away what says practice."""
    records[0]["body"]["mode"] = "production"
    for record in records:
        if record["kind"] == "token":
            record["body"]["software"] = False
        for token in (record["body"].get("made") or {}).get("tokens", {}).values() if record["kind"] == "end" else ():
            token["software"] = False
    return [record for record in records if record["kind"] != "substitution"]


@attack("relabel a practice as production", Mode.PRACTICE)
def _(base: Base) -> Iterator[Attack]:
    raw = base.files[LOG].replace(b'"mode":"practice"', b'"mode":"production"')
    yield Attack("one word", changed(base.files, LOG, raw))
    for keys, who in ((NOBODY, "outsider"), (ALL, "insiders")):
        for signers in (b"", signers_of(base.people)):
            how = f"{who}, {'with' if signers else 'without'} signers"
            yield Attack(f"{how}, the word alone", forge(base, _mode("production"), keys), FAILED, signers)
            # All but what is signed in the metadata itself: certificates that say practice. The scripts do not read those.
            rules = None if keys is NOBODY else ExitCode.DONE if signers else INCOMPLETE
            yield Attack(f"{how}, all of it", forge(base, _real, keys), FAILED, signers, rules)


@attack("relabel a production as practice", Mode.PRODUCTION)
def _(base: Base) -> Iterator[Attack]:
    raw = base.files[LOG].replace(b'"mode":"production"', b'"mode":"practice"')
    yield Attack("one word", changed(base.files, LOG, raw))
    yield Attack("one word, no signers", changed(base.files, LOG, raw), signers=b"")
    yield Attack("outsider", forge(base, _mode("practice")), signers=b"")
    yield Attack("insiders", forge(base, _mode("practice"), ALL), FAILED, b"", ExitCode.DONE)


@attack("insiders name a mode, a form or a quorum that is none")
def _(base: Base) -> Iterator[Attack]:
    for member, values in {
        "mode": ("rehearsal", "", "PRODUCTION", "practice ", None, 1, ["practice"]),
        "form": ("ceremony/v2", "", None, "ceremony/v1 "),
        "people": ("all", [], None, {}, ["Ada"], [{"name": "Ada"}]),
    }.items():
        for value in values:

            def put(records: Records, member: str = member, value: Any = value) -> None:
                records[0]["body"][member] = value

            yield Attack(f"{member} {value!r}", forge(base, put, ALL))
    for value in ({"king": 1}, {"witness": "1"}, {"witness": True}, {"witness": 1.5}):

        def quorum(records: Records, value: Any = value) -> None:
            records[0]["body"]["quorum"] = value

        yield Attack(f"quorum {value!r}", forge(base, quorum, ALL))
    for value in ({}, {"witness": 2}, {"auditor": 1}):  # people cannot meet it; an audit also sees that the plan says otherwise

        def other(records: Records, value: Any = value) -> None:
            records[0]["body"]["quorum"] = value

        yield Attack(f"quorum {value!r}", forge(base, other, ALL), FAILED, rules=INCOMPLETE)

    def dependent(records: Records) -> None:
        for person in records[0]["body"]["people"]:
            person["independent"] = False

    yield Attack("nobody independent", forge(base, dependent, ALL), FAILED, rules=INCOMPLETE)


# --- open and close -----------------------------------------------------------------------------------------


@attack("insiders close with something else than the log holds")
def _(base: Base) -> Iterator[Attack]:
    def closing(change: Callable[[Record], Any]) -> dict[str, bytes]:
        def touch(record: Record) -> None:
            if record["kind"] == "close":
                change(record["body"])

        return forge(base, keys=ALL, touch=touch)

    for member in ("inventory", "counts", "deviations", "open_intents", "report"):
        for value in (None, "", "0" * 64, 1, -1, True, False, [], {}, "0", 0):
            if (member, value) not in (("deviations", 0), ("open_intents", 0)) or isinstance(value, bool):
                yield Attack(f"{member} {value!r}", closing(_update({member: value})))
        yield Attack(f"no {member}", closing(_pop(member)))
    yield Attack("one of a kind more", closing(lambda body: body["counts"].update(begin=body["counts"]["begin"] + 1)))
    yield Attack("a kind more", closing(lambda body: body["counts"].update(remark=0)))
    yield Attack("a kind less", closing(lambda body: body["counts"].pop("begin")))
    yield Attack("the close too", closing(lambda body: body["counts"].update(close=1)))
    yield Attack("a count that is true", closing(lambda body: body["counts"].update(open=True)))
    yield Attack("a count that is text", closing(lambda body: body["counts"].update(open="1")))
    for who in ({}, {"Ada": "agree"}, None):
        yield Attack(f"answers {who!r}", closing(_update({"answers": who})), FAILED, rules=ExitCode.DONE)


def _update(members: Record) -> Callable[[Record], None]:
    return lambda body: body.update(members)


def _pop(member: str) -> Callable[[Record], Any]:
    return lambda body: body.pop(member)


@attack("insiders change who takes what")
def _(base: Base) -> Iterator[Attack]:
    def handing(change: Callable[[list[Record]], Records | None]) -> dict[str, bytes]:
        def edit(records: Records) -> Records | None:
            return change([record for record in records if record["kind"] == "custody"])

        return forge(base, edit, ALL)

    def other(**members: Any) -> Callable[[list[Record]], None]:
        return lambda said: said[1]["body"].update(members)

    wrong: dict[str, dict[str, bytes]] = {
        "by somebody who was not there": handing(other(holder="Mallory")),
        "by nobody": handing(other(holder="")),
        "another thing": handing(other(serial="0")),
        "no text": handing(other(seal=None)),
        "one bag for two": handing(lambda said: [record["body"].update(seal="7") for record in said[:2]] and None),
        "a thing left": forge(base, lambda records: [r for r in records if r["body"].get("what") != "courier"], ALL),
        "nothing taken": forge(base, lambda records: [r for r in records if r["kind"] != "custody"], ALL),
        "a thing twice": forge(base, lambda records: [*records[:-1], _taken(records), records[-1]], ALL),
    }
    for what, files in wrong.items():
        yield Attack(what, files, FAILED, rules=ExitCode.DONE)


def _taken(records: Records) -> Record:
    return next(record for record in records if record["kind"] == "custody")


@attack("insiders open or close twice, or leave an act open")
def _(base: Base) -> Iterator[Attack]:
    def insert(at: int, source: int, **members: Any) -> dict[str, bytes]:
        return forge(base, lambda records: records.insert(at if at >= 0 else len(records), {**records[source], **members}), ALL)

    yield Attack("a second open", insert(5, 0))
    yield Attack("a second open before the close", insert(len(log_lines(base.files)) - 1, 0))
    yield Attack("a close in the middle", insert(20, -1))
    yield Attack("a close twice", insert(-1, -1))
    yield Attack("a record after the close", insert(-1, 3))
    yield Attack("an open after the close", insert(-1, 0))
    yield Attack(
        "an intent without a result",
        insert(-2 % len(log_lines(base.files)), -2, kind="intent", outcome="pending", body={"action": "sign-root", "key": "x"}),
    )
    yield Attack("the open is another kind", forge(base, lambda records: records[0].update(kind="begin"), ALL))
    yield Attack("no open", forge(base, lambda records: records[1:], ALL))
    for kind in ("intent", "result", "files", "end", "set-aside", "again"):

        def empty(record: Record, kind: str = kind) -> None:
            if record["kind"] == "remark":
                record.update(kind=kind, body={})

        def remarked(records: Records) -> None:
            records.insert(-1, {**records[3], "kind": "remark", "body": {}})

        yield Attack(f"an empty {kind}", forge(base, remarked, ALL, touch=empty))

    def unclosed(records: Records) -> Records:
        return records[:-1]

    files = forge(base, unclosed, ALL)
    yield Attack("no close, and the rest as after one", files, INCOMPLETE)
    files = {
        path: data for path, data in files.items() if path not in (MANIFEST, bundle.REPORT) and not bundle.signed_head(path)[0]
    }
    files.pop(bundle.head(base.last))
    yield Attack("no close, and nothing of what follows it", files, INCOMPLETE)


@attack("insiders list what is not there")
def _(base: Base) -> Iterator[Attack]:
    def listed(path: str, said: str) -> dict[str, bytes]:
        def touch(record: Record) -> None:
            if record["kind"] == "files" and bundle.README in record["body"]["files"]:
                record["body"]["files"][path] = said

        return forge(base, keys=ALL, touch=touch)

    yield Attack("a file", listed("extra.txt", "0" * 64))
    yield Attack("a file of no name", listed("", "0" * 64))
    yield Attack("another digest", listed(bundle.README, "0" * 64))
    yield Attack("capital digits", listed(bundle.README, hashlib.sha256(base.files[bundle.README]).hexdigest().upper()))
    yield Attack("a path that leads out", listed("../x", "0" * 64))

    def aside(records: Records) -> None:
        body = {"store": "folder", "path": bundle.README, "to": "evidence/set-aside/x", "bytes": 1, "sha256": "0" * 64}
        records.insert(-1, {**records[3], "kind": "set-aside", "body": body})

    yield Attack("a file set aside that is still there", forge(base, aside, ALL))


@attack("mix two ceremonies")
def _(one: Base) -> Iterator[Attack]:
    other = base(one.mode, "theirs")
    for path in one.files:
        if path in other.files and other.files[path] != one.files[path]:
            yield Attack(f"their {path}", changed(one.files, path, other.files[path]))
    for what, chosen in {
        "their log": lambda path: path == LOG,
        "their heads": lambda path: path.startswith("heads/"),
        "their head statements": lambda path: bool(bundle.head_number(path)),
        "their signatures": lambda path: bool(bundle.signed_head(path)[0]),
        "their bundle": lambda path: path.startswith("bundle/"),
        "their evidence": lambda path: path.startswith("evidence/"),
        "their log and heads": lambda path: path == LOG or path.startswith("heads/"),
        "all but their signatures": lambda path: not bundle.signed_head(path)[0],
    }.items():
        ours = {path: data for path, data in one.files.items() if not chosen(path)}
        theirs = {path: data for path, data in other.files.items() if chosen(path)}
        yield Attack(what, remanifest({**ours, **theirs}))
    yield Attack("both", remanifest({**other.files, **one.files}))
