# SPDX-License-Identifier: Apache-2.0
"""What the worker thread does: read the log, then audit the folder; what it found are the messages below."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from textual.message import Message

from ceremony.core import bundle
from ceremony.core.ports import Readable
from ceremony.errors import CeremonyError, Stopped
from ceremony.tui.view import chronicle, keys, verdict
from ceremony.tui.view.chronicle import Chronicle
from ceremony.tui.view.tables import Table
from ceremony.tui.view.verdict import Auditor, Verdict

Tables = Mapping[str, Table]
"""By tab."""
TABS = ("Verdict", "Timeline", "Keys", "Devices", "Deviations", "Files", "Summary")
READING = "reading ..."


@dataclass(eq=False)
class Opened(Message):
    """The log was read."""

    title: str
    mode: str
    tables: Tables


@dataclass(eq=False)
class Judged(Message):
    """The audit has ended; nothing follows."""

    verdict: Verdict
    tables: Tables
    """Those that the verdict changes."""


@dataclass(eq=False)
class Broke(Message):
    """The worker met an error that nobody foresaw; nothing follows."""

    error: BaseException


@dataclass(slots=True)
class Leavable:
    """A folder as long as anybody looks at it: reading from it ends an audit that nobody waits for."""

    folder: Readable
    sizes: Mapping[str, int]
    """Bytes of each file."""
    left: bool = False

    def names(self) -> Sequence[str]:
        """Return the paths of all files."""
        return self.folder.names()

    def read(self, path: str) -> bytes:
        """Return the bytes of a file; raises Stopped once the view was left."""
        if self.left:
            raise Stopped("the view was left", hint="open it again")
        return self.folder.read(path)


def read_and_judge(folder: Leavable, auditor: Auditor, post: Callable[[Message], bool]) -> None:
    """Post `Opened` and then `Judged`, or `Broke`; a log that cannot be read is judged alone."""
    try:
        read = _open(folder, post)
        found = verdict.judge(folder, auditor)
        tables = judged_tables(folder, found)
        if found.chained < len(read.entries):
            tables = {**tables, "Timeline": chronicle.timeline(read, found.chained)}
        post(Judged(found, tables))
    except BaseException as error:  # noqa: BLE001 - the worker's boundary (native panics too): raised again by `run_view`
        post(Broke(error))


def _open(folder: Leavable, post: Callable[[Message], bool]) -> Chronicle:
    try:
        read = chronicle.read(folder.read(bundle.LOG))
        inventory = folder.read(keys.INVENTORY) if keys.INVENTORY in folder.sizes else None
    except CeremonyError:
        return chronicle.read(b"")  # the audit says why
    state = read.state
    post(Opened(f"{state.name or '(no name)'}: {state.kind or '(no kind)'}", state.mode, log_tables(read, inventory)))
    return read


def log_tables(read: Chronicle, inventory: bytes | None) -> Tables:
    """Return the tables that come from the log; `inventory` is that file's bytes, if it is there."""
    return {
        "Timeline": chronicle.timeline(read),
        "Keys": keys.keys(inventory, read.state),
        "Devices": chronicle.devices(read),
        "Deviations": chronicle.deviations(read),
        "Summary": chronicle.summary(read),
    }


def judged_tables(folder: Leavable, found: Verdict | None) -> Tables:
    """Return the tables that come from the verdict; None while it is being judged."""
    return {"Verdict": verdict.findings(found), "Files": verdict.files(folder, folder.sizes, found)}


def first_tables(folder: Leavable) -> Tables:
    """Return the tables before anything was read but the names of the files."""
    empty = log_tables(chronicle.read(b""), None)
    waiting = {
        name: Table(f"{name}, {READING}", table.columns, table.rows, table.detail, table.page) for name, table in empty.items()
    }
    return {**waiting, **judged_tables(folder, None)}
