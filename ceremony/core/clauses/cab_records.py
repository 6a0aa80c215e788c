# SPDX-License-Identifier: Apache-2.0
"""CA/B Forum Baseline Requirements 2.2.6 on records, and the Network Security Requirements: rows 6 to 8."""

from __future__ import annotations

from itertools import pairwise

from ceremony.core.chronicle.facts import facts
from ceremony.core.chronicle.phrases import counted
from ceremony.core.clauses import shared
from ceremony.core.clauses.rows import Found, Row, always_outside, met, not_met
from ceremony.core.clauses.seen import Seen, listed, passed

_EVENTS = "CA/B BR 2.2.6, 5.4.1"
_LIFE = ("generate-key", "import-key", "restore-key", "wrap-key", "lock-key", "wipe-token")
_USE = ("generate-key", "import-key", "restore-key", "certify", "sign-root", "sign-head")


def _lifecycle(seen: Seen) -> Found:
    acts = seen.acts(*_LIFE)
    what = f"Told of: {counted(len(acts), 'making, backup, restoring, locking or wiping', 'makings, backups, restorings, lockings and wipings')}; none is open."
    return shared.announced(seen, acts, nothing="No key was made, kept, restored or destroyed in this ceremony.", what=what)


def _devices(seen: Seen) -> Found:
    used = {facts(r.body).text("token") or facts(r.body).text("key").partition("/")[0] for r in seen.acts(*_USE)}
    missing = sorted(used - seen.devices.keys())
    records = seen.of("token", "standing", "firmware")
    if missing or not used:
        what = f"tokens that no record identifies: {listed(missing)}" if missing else "no act with a token yet"
        return not_met(f"The log tells of {what}.", records)
    return met(f"Every token that was used ({len(used)}) is identified, and how they stood is told.", records)


def _access(seen: Seen) -> Found:
    logins = seen.of("login", "authorised")
    failed = [r for r in logins if not passed(r)]
    if not logins:
        return not_met("No PIN was tried, as far as the log tells.")
    return met(f"Attempts that are recorded: {len(logins)}, of which {len(failed)} failed.", logins)


def _anomalies(seen: Seen) -> Found:
    told = seen.of("error", "stop", "resume", "set-aside", "volume-out", "volume-whole", "mended")
    restarts = [after for before, after in pairwise(seen.records) if after.boot != before.boot]
    untold = [r for r in restarts if r.kind != "resume"]
    if untold:
        return not_met(
            f"The computer was started again, without a record that tells of it: {counted(len(untold), 'time')}.", untold
        )
    if not seen.records:
        return not_met("There is no record.")
    return met(f"Recorded errors, stops, resumptions and failures: {len(told)}; no restart is untold.", told)


def _software(seen: Seen) -> Found:
    tool, modules = seen.opened.inner("tool"), seen.opened.inner("modules")
    if not tool.text("version") or len(tool.text("sha256")) != 64:
        return not_met("The first record does not name version and digest of the program.")
    why = f"The first record has the digests of the program and of {counted(len(modules), 'module')}; what else is installed, nothing tells."
    return met(why, seen.of("open"))


def _by_whom(seen: Seen) -> Found:
    named = {person.text("name") for person in seen.people}
    unnamed = [r for r in seen.records if r.recorded_by not in named or not (r.utc and r.kind and r.step and r.actor)]
    if unnamed or not seen.records:
        return not_met(
            f"{len(unnamed)} of {len(seen.records)} records lack a time, a step, or one of the people who wrote it.", unnamed
        )
    return met(f"Every record ({len(seen.records)}) has a time, a kind, and who was at the keyboard.", seen.records)


def _integrity(seen: Seen) -> Found:
    heads = seen.heads
    roles = {facts(r.body).text("role") for r in seen.of("medium")}
    records = [*seen.of("medium"), *seen.naming(heads)]
    if not {"a", "b"} <= roles:
        return not_met("The log is not recorded as copied to two volumes.", records)
    if not heads:
        return not_met("No head states the log while it is written.", records)
    return met(
        f"The log went to two volumes as it was written, and states of it were kept at that time: {counted(len(heads), 'head')}.",
        records,
        heads,
    )


def _entries(seen: Seen) -> Found:
    if not seen.of("roll-call"):
        return not_met("Nobody was called yet.")
    return met("Who was there at the beginning is in the roll call.", seen.of("roll-call"))


ROWS = (
    Row("6a", _EVENTS, "The lifecycle of keys is recorded: making, backup, recovery, destruction", _lifecycle),
    Row("6b", _EVENTS, "The lifecycle of cryptographic devices is recorded", _devices),
    Row("6c", _EVENTS, "Attempts at access are recorded, those that failed too", _access),
    Row("6d", _EVENTS, "Crashes, failures of hardware and other anomalies are recorded", _anomalies),
    Row("6e", _EVENTS, "Installed software is recorded", _software),
    Row("6f", _EVENTS, "Who is in the room at the beginning is recorded", _entries),
    Row(
        "6g", _EVENTS, "Entries to the room and exits from it are recorded",
        always_outside("Doors are outside the program; a list that somebody keeps at the door answers this."),
    ),
    Row("6h", _EVENTS, "Each record has a time, who made it, and what happened", _by_whom),
    Row("7", "CA/B BR 2.2.6, 5.4.3, 5.5.2", "Records are kept two years beyond the key, or the last certificate", shared.lasting),
    Row("8a", "CA/B NSR 1", "The systems of a root are offline or air-gapped", shared.cut_off),
    Row(
        "8b", "CA/B NSR 1", "They stand in a high security zone",
        always_outside("The plan names the place; what guards it, no log can show."),
    ),
    Row("8c", "CA/B NSR 3", "It is checked that logging, and what guards the log, work", _integrity),
)  # fmt: skip
