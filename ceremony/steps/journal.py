# SPDX-License-Identifier: Apache-2.0
"""The log as the steps use it: record, intent and result, and what is already done.

Every act that must happen once is named by `(action, key)`. Before it runs, an
intent is written and synced on every medium; after it, its result. So a resumed
ceremony knows three cases: a result (the act is done, take the recorded value),
an intent alone (look at the device and find out), or nothing (do it).

    made = journal.result("generate-key", serial)
    if made is None:
        with journal.intent("generate-key", serial, slot="9c") as result:
            result["public"] = token.generate(...)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from ceremony.core.canonical import Json, JsonObject
from ceremony.core.log import Head, Recovered, Tail, head, lines
from ceremony.core.past import Past
from ceremony.core.ports import Clock, Entropy, LogWriter, Volume
from ceremony.core.record import Outcome, Record, format_utc
from ceremony.errors import StorageError, VolumesLost

_FILES_BYTES = 48 * 1024
"""Bytes of a `files` record that are paths and digests: below the limit of a line, whatever else it says."""
TOOL = "ceremony"
"""The actor of what no person did."""


class Journal:
    """Writes the ceremony's log, one synced record at a time; the only way that steps reach it."""

    def __init__(
        self,
        writer: LogWriter,
        clock: Clock,
        entropy: Entropy,
        *,
        ceremony: str,
        recorded_by: str,
        watch: Callable[[bytes], None],
    ) -> None:
        self._writer, self._clock, self._entropy, self._watch = writer, clock, entropy, watch
        self.ceremony, self.recorded_by = ceremony, recorded_by
        self.step = ""
        self.past = Past()
        self.failed = False
        """Whether the ceremony's folder did not take a record: nothing is recorded any more."""
        self.on_lost: Callable[[VolumesLost], None] = _raise
        """What is done, before anything else, once a record stands in the folder and not on every volume."""
        self._tail = Tail()
        self._sha256 = hashlib.sha256()

    def replay(self, found: Recovered, data: bytes) -> None:
        """Take up a log that was read back, and let it be watched as if it were written now: `data` is its valid prefix."""
        for record in found.records:
            self.past.note(record)
        self._tail = found.tail
        self._sha256 = hashlib.sha256(data)
        for line in lines(data):
            self._watch(line)

    def mirror(self, volume: Volume, path: str) -> None:
        """Write the log to one more place, from its first record on."""
        self._writer.mirror(volume, path)

    def drop(self, volume: Volume) -> None:
        """Write the log to this volume no more."""
        self._writer.drop(volume)

    def head(self) -> Head:
        """Return the head of the log as it is now."""
        return head(self._tail, self._sha256.hexdigest())

    def record(self, kind: str, body: Mapping[str, Json], *, actor: str = TOOL, outcome: Outcome = Outcome.OK) -> Record:
        """Append one record and sync it on every medium.

        Raises StorageError when the folder did not take it, after which nothing more is written. When a volume did not, the
        record stands, `on_lost` is called, and what it raises is raised.
        """
        mono, boot = self._clock.mono_ns(), self._clock.boot()
        record = Record(
            ceremony=self.ceremony, seq=self._tail.entries, prev=self._tail.last, salt=self._entropy.bytes(16).hex(),
            utc=format_utc(self._clock.utc()), mono_ns=mono, boot=boot, kind=kind, step=self.step, actor=actor,
            recorded_by=self.recorded_by, outcome=outcome, body=dict(body),
        )  # fmt: skip
        line = record.line()
        tail = self._tail.follow(record, line)
        lost = self._append(line)
        self._tail = tail
        self._sha256.update(line)
        self.past.note(record)
        self._watch(line)
        if lost is not None:
            self.on_lost(lost)
        return record

    def _append(self, line: bytes) -> VolumesLost | None:
        try:
            self._writer.append(line)
        except VolumesLost as lost:
            return lost
        except StorageError:
            self.failed = True
            raise
        return None

    def result(self, action: str, key: str) -> JsonObject | None:
        """Return the recorded result of an act that is done; None when it is not."""
        return self.past.results.get((action, key))

    def interrupted(self, action: str, key: str) -> bool:
        """Tell whether an act was begun and its end is not known."""
        return (action, key) in self.past.open_intents

    def finish(self, action: str, key: str, body: Mapping[str, Json], *, outcome: Outcome = Outcome.OK) -> None:
        """Record the result of an act whose intent is open: found out after a crash, or made in a batch."""
        self.record("result", {"action": action, "key": key, **body}, outcome=outcome)

    def begin(self, action: str, key: str, body: Mapping[str, Json]) -> None:
        """Record the intent of an act."""
        self.record("intent", {"action": action, "key": key, **body}, outcome=Outcome.PENDING)

    @contextmanager
    def intent(self, action: str, key: str, **body: Json) -> Iterator[dict[str, Json]]:
        """Record the intent, run the block, record what the block put into the yielded result.

        When the block raises, no result is written: only a look at the device can tell what happened.
        """
        self.begin(action, key, body)
        result: dict[str, Json] = {}
        yield result
        self.finish(action, key, result)

    def files(self, digests: Mapping[str, str]) -> None:
        """Record the digests of files of the ceremony folder (path → SHA-256 hex), as many in a record as its line takes."""
        for batch in _batches(sorted(digests, key=str.encode)):
            self.record("files", {"files": {path: digests[path] for path in batch}})


def _raise(lost: VolumesLost) -> None:
    raise lost


def _batches(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    batch: list[str] = []
    room = _FILES_BYTES
    for path in paths:
        # A path may grow sixfold where JSON escapes it; its digest, quotes, colon and comma stand beside it.
        size = len(json.dumps(path)) + 70
        if size > room and batch:
            yield batch
            batch, room = [], _FILES_BYTES
        batch.append(path)
        room -= size
    if batch:
        yield batch
