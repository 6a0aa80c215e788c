# SPDX-License-Identifier: Apache-2.0
"""Rewrite a finished ceremony as somebody does who has all of the program.

Everything that can be computed is computed anew: the chain, the heads that the log
names and the last one, digests of files wherever a record names them, what `close`
counts, the report, the manifest. What needs a key that the forger does not hold stays as it
was: people's signatures, consents, the root's signature. `Keys` are those of insiders;
with all of them, and without a change, the folder comes out as it was, byte for byte.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ceremony.core import bundle, canonical, consent
from ceremony.core.bundle import LOG, MANIFEST, REPORT
from ceremony.core.keys import Scheme, raw_to_der
from ceremony.core.log import HEAD_NAMESPACE, Head, lines
from ceremony.core.merkle import Frontier
from tests.attacks.bases import NAMES, Base, Held

Record = dict[str, Any]
Records = list[Record]
Change = Callable[[Records], Records | None]
Touch = Callable[[Record], Record | None]
"""Changes a record of the new log once all in it was computed; what it returns, if anything, takes its place."""
Mangle = Callable[[int, bytes], bytes]
"""Number and line of a record → the bytes that are written for it, newline included."""


@dataclass(frozen=True)
class Keys:
    """What a forger holds of what they should not."""

    people: tuple[str, ...] = ()
    """Whose keys."""
    tokens: bool = False
    """The root keys."""


NOBODY, EVERYBODY, ALL = Keys(), Keys(people=NAMES), Keys(people=NAMES, tokens=True)


def records_of(files: Mapping[str, bytes]) -> Records:
    return [json.loads(line) for line in files[LOG].splitlines()]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def remanifest(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return files with a manifest of them; without one where there was none."""
    if MANIFEST not in files:
        return dict(files)
    listed = {path: digest(data) for path, data in files.items() if bundle.in_manifest(path)}
    return {**files, MANIFEST: bundle.manifest(listed)}


def statement(ceremony: str, log: list[bytes]) -> bytes:
    """Return the head of these lines."""
    tree = Frontier()
    for line in log:
        tree = tree.add(line)
    whole = b"".join(log)
    last = digest(log[-1]) if log else "0" * 64
    return Head(ceremony, len(log), len(whole), digest(whole), last, tree.root()).text()


@dataclass
class Forger:
    """One rewriting."""

    base: Base
    keys: Keys = NOBODY
    touch: Touch = lambda record: None
    mangle: Mangle = lambda seq, line: line
    log: list[bytes] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    anew: dict[str, str] = field(default_factory=dict)
    """Digest that was → digest that is."""
    counts: Counter[str] = field(default_factory=Counter)
    clocks: Counter[str] = field(default_factory=Counter)
    """Boot → the monotonic clock so far, which no record may run back."""
    ceremony: str = ""

    def forge(self, change: Change = lambda records: None, files: Mapping[str, bytes | None] | None = None) -> dict[str, bytes]:
        """Return the folder after its records were changed, and these files (None: taken away)."""
        self.files = {path: data for path, data in self.base.files.items() if path not in (LOG, MANIFEST)}
        for path, data in (files or {}).items():
            before = self.files.pop(path, b"")
            if data is not None:
                self.files[path], self.anew[digest(before)] = data, digest(data)
        records = records_of(self.base.files)
        records = change(records) or records
        self.ceremony = str(records[0].get("ceremony")) if records else self.base.files[LOG][:0].decode()
        for seq, record in enumerate(records):
            self._add(seq, record, gone={path for path, data in (files or {}).items() if data is None})
        named = [path for record in records if record["kind"] == "files" for path in _files(record)]
        self._end(1 + bundle.highest_head(named))
        return remanifest({**self.files, LOG: b"".join(self.log), MANIFEST: b""})

    def _add(self, seq: int, record: Record, gone: set[str]) -> None:
        was = record.get("seq", seq)
        record = {**record, "seq": seq, "prev": digest(self.log[-1]) if self.log else "0" * 64}
        record["mono_ns"] = self.clocks[record["boot"]] = max(record["mono_ns"], self.clocks[record["boot"]])
        record["body"] = self._renamed(record["body"])
        if record["kind"] == "files":
            for path in sorted(_files(record), reverse=True):  # a text before its signature
                self._file(path, seq - was if isinstance(was, int) else 0, seq)
            named = _files(record)
            listed = {path: digest(self.files[path]) if path in self.files else said for path, said in named.items()}
            record["body"]["files"] = {path: said for path, said in listed.items() if path not in gone}
        elif record["kind"] == "result" and record["body"].get("action") == "sign-head" and self.keys.tokens:
            self._sign(record["body"])
        elif record["kind"] == "close":
            self._close(record["body"])
        touched = self.touch(record)
        record = record if touched is None else touched
        self.counts[str(record["kind"])] += 1
        self.log.append(self.mangle(seq, _line(record)))

    def _renamed(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._renamed(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._renamed(item) for item in value]
        return self.anew.get(value, value) if isinstance(value, str) else value

    def _file(self, path: str, moved: int, seq: int) -> None:
        """Make a file again that states the log so far."""
        before = self.files.get(path)
        if before is None:
            return
        if bundle.head_number(path):
            # The log as it was when the head was made: one record is written for it.
            self.files[path] = statement(self.ceremony, self.log[:seq])
        elif path.startswith(consent.CONSENTS) and path.endswith(".txt") and before == self.base.files[path]:
            said = consent.parse(before, path)
            if said.person in self.keys.people:
                entries = said.entries + moved
                again = replace(said, entries=entries, chain=digest(self.log[entries - 1])).text()
                self.files[path] = again
                self.files[path.removesuffix(".txt") + ".sig"] = self._signed(said.person, consent.NAMESPACE, again)
        self.anew[digest(before)] = digest(self.files[path])

    def _sign(self, body: Record) -> None:
        key = self.base.roots[body["key"]]
        path = bundle.head(bundle.highest_head(path for path in self.files if self._is_named(path)))
        value = key.sign(Scheme(body["scheme"]) if "scheme" in body else Scheme.ECDSA_SHA256, self.files[path])
        body["signature"] = base64.b64encode(value).decode()
        sig = bundle.token_evidence(body["key"], "head.sig")
        self.anew[digest(self.files[sig])] = digest(raw_to_der(value, key.public.algorithm))
        self.files[sig] = raw_to_der(value, key.public.algorithm)

    def _is_named(self, path: str) -> bool:
        return bundle.head_number(path) not in (0, self.base.last)

    def _close(self, body: Record) -> None:
        page = self.base.reporter.page(Held({**self.files, LOG: b"".join([*self.log, _line({"kind": "close"})])}))
        if self.files.get(REPORT) == self.base.files[REPORT]:
            self.files[REPORT] = page
        body["report"] = digest(self.files.get(REPORT, page))
        body["counts"] = dict(self.counts)
        body["deviations"] = self.counts["deviation"]

    def _end(self, number: int) -> None:
        """State the whole log, and sign that as far as keys allow."""
        signatures = {name: self.files.pop(bundle.head_signature(self.base.last, name)) for name in NAMES}
        self.files.pop(bundle.head(self.base.last))
        said = statement(self.ceremony, self.log)
        self.files[bundle.head(number)] = said
        for name, before in signatures.items():
            again = self._signed(name, HEAD_NAMESPACE, said) if name in self.keys.people else before
            self.files[bundle.head_signature(number, name)] = again

    def _signed(self, name: str, namespace: str, text: bytes) -> bytes:
        made = self.base.people.sign(name, namespace, text)
        assert made is not None
        return made


def _files(record: Record) -> Record:
    listed = record["body"].get("files")
    return listed if isinstance(listed, dict) else {}


def _line(record: Record) -> bytes:
    try:
        return canonical.encode(record) + b"\n"
    except Exception:  # noqa: BLE001  what the program would never write, an attacker does
        return (
            json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass") + b"\n"
        )


def forge(base: Base, change: Change = lambda records: None, keys: Keys = NOBODY, **more: Any) -> dict[str, bytes]:
    """Return a folder whose records were changed, with everything computed anew; `more` is what `Forger` and `forge` take."""
    files = more.pop("files", None)
    return Forger(base, keys, **more).forge(change, files)


def sign_last(base: Base, files: Mapping[str, bytes], names: tuple[str, ...] = NAMES) -> dict[str, bytes]:
    """Return files whose last head these people signed."""
    number = bundle.highest_head(files)
    made = {
        bundle.head_signature(number, name): base.people.sign(name, HEAD_NAMESPACE, files[bundle.head(number)]) for name in names
    }
    return {**files, **{path: data for path, data in made.items() if data is not None}}


def relog(files: Mapping[str, bytes], log: list[bytes]) -> dict[str, bytes]:
    """Return files with another log, and a manifest to match; everything else as it was."""
    return remanifest({**files, LOG: b"".join(log)})


def log_lines(files: Mapping[str, bytes]) -> list[bytes]:
    return list(lines(files[LOG]))
