# SPDX-License-Identifier: Apache-2.0
"""Attacks that know nothing of what they change: cut, flip, add."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ceremony.core import bundle
from ceremony.core.bundle import LOG, MANIFEST
from ceremony.core.plan import Mode
from tests.attacks.bases import Base
from tests.attacks.cases import BITS, INCOMPLETE, MODES, Attack, attack, chance, changed
from tests.attacks.forger import log_lines, records_of, remanifest

Turn = Callable[[int], range]


def heads(base: Base) -> list[str]:
    return [path for path in base.files if bundle.head_number(path)]


def signatures(base: Base) -> list[str]:
    return [path for path in base.files if bundle.signed_head(path)[0]]


def others(base: Base) -> list[str]:
    exact = {LOG, MANIFEST, *heads(base), *signatures(base)}
    return [path for path in base.files if path not in exact]


def _cut(base: Base, paths: Iterable[str]) -> Iterator[Attack]:
    for path in paths:
        data = base.files[path]
        for at in range(len(data)):
            yield Attack(f"{path} to {at} bytes", changed(base.files, path, data[:at]))


@attack("cut the log at every byte")
def _(base: Base) -> Iterator[Attack]:
    yield from _cut(base, [LOG])


@attack("cut a head at every byte")
def _(base: Base) -> Iterator[Attack]:
    yield from _cut(base, heads(base))


@attack("cut a signature at every byte")
def _(base: Base) -> Iterator[Attack]:
    yield from _cut(base, signatures(base))


@attack("cut the manifest at every byte")
def _(base: Base) -> Iterator[Attack]:
    yield from _cut(base, [MANIFEST])


@attack("cut another file")
def _(base: Base) -> Iterator[Attack]:
    for path in others(base):
        data = base.files[path]
        for at in sorted({0, 1, len(data) - 1, *(chance(path).randrange(len(data)) for _ in range(12))} - {len(data)}):
            yield Attack(f"{path} to {at} bytes", changed(base.files, path, data[:at]))


@attack("cut the log after a record, and take away what states more")
def _(base: Base) -> Iterator[Attack]:
    """Somebody shows the beginning of a ceremony: what is there by then, and nothing that was made later."""
    lines, records = log_lines(base.files), records_of(base.files)
    late: set[str] = {path for record in records if record["kind"] == "files" for path in record["body"]["files"]}
    early: set[str] = set()
    for number, record in enumerate(records[:-1], 1):
        if record["kind"] == "files":
            early |= record["body"]["files"].keys()
        gone = {MANIFEST, bundle.REPORT, bundle.head(base.last), *signatures(base), *(late - early)}
        files = {path: data for path, data in base.files.items() if path not in gone}
        if early:  # what was brought is bound by the first record, and named by a later one
            yield Attack(f"after record {record['seq']}", {**files, LOG: b"".join(lines[:number])}, INCOMPLETE)
            torn = lines[number][: 1 + chance(str(number)).randrange(len(lines[number]) - 1)]
            yield Attack(f"in record {number}", {**files, LOG: b"".join(lines[:number]) + torn}, INCOMPLETE)


def bits(kind: str, paths: Callable[[Base], list[str]]) -> None:
    def make(base: Base, turn: Turn) -> Iterator[Attack]:
        for path in paths(base):
            data = base.files[path]
            for at, byte in enumerate(data):
                for bit in turn(at):
                    flipped = data[:at] + bytes([byte ^ (1 << bit)]) + data[at + 1 :]
                    yield Attack(f"{path}, byte {at}, bit {bit}", changed(base.files, path, flipped))

    BITS[kind], MODES[kind] = make, tuple(Mode)


bits("flip a bit of the log", lambda base: [LOG])
bits("flip a bit of a head", heads)
bits("flip a bit of a signature", signatures)
bits("flip a bit of the manifest", lambda base: [MANIFEST])
bits("flip a bit of another file", others)


@attack("add bytes")
def _(base: Base) -> Iterator[Attack]:
    more = {
        "a newline": b"\n",
        "a blank": b" ",
        "a NUL": b"\0",
        "a letter": b"x",
        "CR LF": b"\r\n",
        "itself": b"",
        "BOM": b"\xef\xbb\xbf",
    }
    for path, data in base.files.items():
        for what, added in more.items():
            yield Attack(f"{what} behind {path}", changed(base.files, path, data + (added or data)))
            if added:
                yield Attack(f"{what} before {path}", changed(base.files, path, added + data))
                at = 1 + chance(path + what).randrange(len(data) - 1)
                yield Attack(f"{what} in {path} at {at}", changed(base.files, path, data[:at] + added + data[at:]))


@attack("swap two files' contents")
def _(base: Base) -> Iterator[Attack]:
    paths = sorted(base.files)
    for i, one in enumerate(paths):
        for other in paths[i + 1 :]:
            swapped = {**base.files, one: base.files[other], other: base.files[one]}
            if {one, other} & {MANIFEST}:
                yield Attack(f"{one} and {other}", swapped)
            else:
                yield Attack(f"{one} and {other}", remanifest(swapped))
