# SPDX-License-Identifier: Apache-2.0
"""What the page is made from: the log read once, and the files of the folder that say more.

Nothing in it is trusted to be there or to have the type that it should: the page is
made for strangers' folders too. What cannot be read reads as nothing; that it cannot is
an audit's matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ceremony.core import bundle
from ceremony.core.canonical import parse_object
from ceremony.core.chronicle import State
from ceremony.core.chronicle.facts import Facts
from ceremony.core.log import recover
from ceremony.core.past import Past
from ceremony.core.plan import Mode, Plan
from ceremony.core.plan_reader import read_plan
from ceremony.core.ports import Readable
from ceremony.core.record import Outcome, Record
from ceremony.errors import CeremonyError

INVENTORY = "evidence/inventory.json"
LEFT_OUT = "evidence/left-out.json"
IMPACT = "evidence/impact.json"


@dataclass(frozen=True, slots=True)
class Material:
    """A ceremony folder as it was before the close, read."""

    folder: Readable
    names: frozenset[str]
    records: tuple[Record, ...]
    past: Past
    state: State
    plan: Plan | None
    latest: Mapping[tuple[str, str], Record]
    """Kind, or action of a result that came out well, and what it is about → the last such record."""

    @property
    def opened(self) -> Facts:
        """The body of the first record."""
        return Facts(self.past.opened)

    @property
    def mode(self) -> str:
        """`PRACTICE`, `PRODUCTION`, or what else the first record says."""
        said = self.opened.text("mode")
        return said.upper() if said in set(Mode) else f"MODE {said or 'UNKNOWN'}"

    @property
    def practice(self) -> bool:
        """Whether anything but a production is told of."""
        return self.opened.text("mode") != Mode.PRODUCTION

    def body(self, kind: str, about: str = "") -> Facts:
        """Return the body of the last record of a kind (or action) about something; an empty one when there is none."""
        found = self.latest.get((kind, about))
        return Facts(found.body if found else {})

    def seq(self, kind: str, about: str = "") -> int | None:
        """Return the number of that record."""
        found = self.latest.get((kind, about))
        return found.seq if found else None

    def of(self, *kinds: str) -> list[Record]:
        """Return every record of these kinds."""
        return [record for record in self.records if record.kind in kinds]

    def made(self, step: str) -> Facts:
        """Return what a step made."""
        return Facts(self.past.ended.get(step, {}))

    def read(self, path: str) -> bytes:
        """Return a file's bytes; none for one that is not there."""
        try:
            return self.folder.read(path) if path in self.names else b""
        except CeremonyError:
            return b""

    def json(self, path: str) -> Facts:
        """Return the canonical JSON object of a file; an empty one for anything else."""
        try:
            return Facts(parse_object(self.read(path).removesuffix(b"\n"), path))
        except (CeremonyError, RecursionError):
            return Facts({})


_ABOUT: Mapping[str, str] = {
    "token": "serial",
    "attested": "serial",
    "firmware": "token",
    "standing": "token",
    "medium": "role",
    "roll-call": "name",
    "root-found": "serial",
    "compared": "digest",
    "restored": "volume",
}
"""Kind → the member of its body that says what it is about; of others, the last counts."""


def read(folder: Readable) -> Material:
    """Return what the page is made from; raises StorageError when the folder holds no log, or cannot be read."""
    records = recover(folder.read(bundle.LOG)).records
    past, state = Past(), State()
    latest: dict[tuple[str, str], Record] = {}
    for record in records:
        past.note_untrusted(record)
        state.note(record.as_json())
        body = Facts(record.body)
        if record.kind == "result" and record.outcome is Outcome.OK:
            latest[body.text("action"), body.text("key")] = record
        elif record.kind not in {"intent", "result"}:
            latest[record.kind, body.text(_ABOUT.get(record.kind, ""))] = record
    names = frozenset(folder.names())
    return Material(folder, names, records, past, state, _plan(folder, names), latest)


def _plan(folder: Readable, names: frozenset[str]) -> Plan | None:
    """Return the plan of the folder; None when it is none."""
    if bundle.PLAN not in names:
        return None
    try:
        files = {path.removeprefix(bundle.PLAN_FILES): folder.read(path) for path in names if path.startswith(bundle.PLAN_FILES)}
        return read_plan(folder.read(bundle.PLAN), files)
    except CeremonyError:
        return None
