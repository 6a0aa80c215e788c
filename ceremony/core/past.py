# SPDX-License-Identifier: Apache-2.0
"""What the log already tells, by what a resumed ceremony asks for.

Built record by record, the same way whether a record was just written or read
back after a crash, so a resumed ceremony knows what an uninterrupted one knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ceremony.core.bundle import REPORT, head_number
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.record import Outcome, Record

FOLDER = "folder"
"""How a record names the ceremony folder, as opposed to a volume."""


@dataclass(slots=True)
class Past:
    """What the log already tells, by what a resumed ceremony asks for."""

    results: dict[tuple[str, str], JsonObject] = field(default_factory=dict)
    open_intents: dict[tuple[str, str], JsonObject] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    """Path → SHA-256 of every file that a record names, in the ceremony folder."""
    ended: dict[str, JsonObject] = field(default_factory=dict)
    """Step → what it made, for every step that ended."""
    attested: dict[str, JsonObject] = field(default_factory=dict)
    """Serial → what was attested of the root key on that YubiKey."""
    media: dict[str, JsonObject] = field(default_factory=dict)
    """Role → what was recorded of the medium that has it now."""
    out: dict[str, str] = field(default_factory=dict)
    """Role → what happened to its medium, while nothing good is in its place."""
    failed: set[str] = field(default_factory=set)
    """Serials of the media that failed, and were not found whole since."""
    written: dict[str, str] = field(default_factory=dict)
    """Path → SHA-256 of every file that both volumes hold, below the ceremony's folder there, besides the log."""
    restored: dict[str, str] = field(default_factory=dict)
    """Role → serial of the volume from which the backups, as they are now, were restored."""
    custody: dict[tuple[str, str, str], JsonObject] = field(default_factory=dict)
    """What it is, name and serial → who takes it and in which bag, as the first record says (`core.custody_list`)."""
    roll: dict[str, str] = field(default_factory=dict)
    """Name → how that person answered the roll call (`core.roll`), the last time."""
    counts: dict[str, int] = field(default_factory=dict)
    """Kind → how many records."""
    heard: set[str] = field(default_factory=set)
    """Steps since whose last end a head of the log was heard, the same by both who compared it."""
    opened: JsonObject = field(default_factory=dict)
    """The body of the first record."""
    closed: bool = False

    def note(self, record: Record) -> None:
        """Take in one record."""
        self.counts[record.kind] = self.counts.get(record.kind, 0) + 1
        take = _TAKE.get(record.kind)
        if take is not None:
            take(self, record)

    def note_untrusted(self, record: Record) -> bool:
        """Take in a record of a log that anyone could have written; return whether its body has the members of its kind."""
        try:
            self.note(record)
        except KeyError:
            return False
        return True


def _intent(past: Past, record: Record) -> None:
    past.open_intents[_act(record)] = record.body
    if record.body["action"] == "write-volumes":
        for path in _digests(record.body.get("files")):
            past.written.pop(path, None)  # what is there is set aside, and written anew


def _result(past: Past, record: Record) -> None:
    past.open_intents.pop(_act(record), None)
    if record.outcome is Outcome.OK:
        past.results[_act(record)] = record.body
        if record.body["action"] == "write-volumes":
            past.written.update(_digests(record.body.get("files")))


def _files(past: Past, record: Record) -> None:
    past.files.update(_digests(record.body["files"]))


def _set_aside(past: Past, record: Record) -> None:
    if record.body["store"] == FOLDER:
        past.files.pop(str(record.body["path"]), None)
        past.files[str(record.body["to"])] = str(record.body["sha256"])


def _end(past: Past, record: Record) -> None:
    made = record.body["made"]
    past.ended[record.step] = made if isinstance(made, dict) else {}
    if record.step == "back-up":
        past.restored.clear()  # what was restored before was another backup


def _again(past: Past, record: Record) -> None:
    past.ended.pop(str(record.body["step"]), None)
    past.heard.discard(str(record.body["step"]))


def _compared(past: Past, record: Record) -> None:
    heads = {digest for path, digest in past.files.items() if head_number(path)}
    if record.step in past.ended and record.body.get("same") is True and record.body.get("digest") in heads:
        past.heard.add(record.step)


def _roll_call(past: Past, record: Record) -> None:
    past.roll[str(record.body["name"])] = str(record.body["how"])


def _custody(past: Past, record: Record) -> None:
    body = record.body
    thing = str(body["what"]), str(body["name"]), str(body["serial"])
    past.custody.setdefault(thing, {**body, "holder": str(body["holder"]), "seal": str(body["seal"])})


def _attested(past: Past, record: Record) -> None:
    past.attested[str(record.body["serial"])] = record.body


def _medium(past: Past, record: Record) -> None:
    past.media[str(record.body["role"])] = record.body


def _volume_out(past: Past, record: Record) -> None:
    past.out[str(record.body["role"])] = str(record.body["why"])
    past.failed.add(str(record.body["serial"]))


def _volume_whole(past: Past, record: Record) -> None:
    past.out.pop(str(record.body["role"]), None)
    past.failed.discard(str(record.body["serial"]))


def _restored(past: Past, record: Record) -> None:
    role = str(record.body["volume"])
    past.restored[role] = str(past.media.get(role, {}).get("serial", ""))


def _open(past: Past, record: Record) -> None:
    past.opened = record.body


def _close(past: Past, record: Record) -> None:
    past.files[REPORT] = str(record.body["report"])
    past.closed = True


_TAKE: Mapping[str, Callable[[Past, Record], None]] = {
    "open": _open,
    "intent": _intent,
    "result": _result,
    "files": _files,
    "set-aside": _set_aside,
    "end": _end,
    "again": _again,
    "compared": _compared,
    "roll-call": _roll_call,
    "attested": _attested,
    "medium": _medium,
    "volume-out": _volume_out,
    "volume-whole": _volume_whole,
    "restored": _restored,
    "custody": _custody,
    "close": _close,
}


def _digests(listed: Json) -> dict[str, str]:
    return {path: str(digest) for path, digest in listed.items()} if isinstance(listed, dict) else {}


def _act(record: Record) -> tuple[str, str]:
    return str(record.body["action"]), str(record.body["key"])
