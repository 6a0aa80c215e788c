# SPDX-License-Identifier: Apache-2.0
"""NIST SP 800-53 revision 5, the controls on audit and accountability: rows 23 to 28."""

from __future__ import annotations

from itertools import pairwise

from ceremony.core.chronicle.facts import facts
from ceremony.core.chronicle.phrases import counted
from ceremony.core.clauses import shared
from ceremony.core.clauses.rows import Found, Row, always_outside, met, not_applicable, not_met
from ceremony.core.clauses.seen import Seen, listed, passed, present

_NIST = "NIST SP 800-53r5 "
_STOPPED = frozenset(["begin", "intent"])
"""Records of something that is begun."""


def _content(seen: Seen) -> Found:
    bare = [r for r in seen.records if not (r.kind and r.step and r.actor and r.recorded_by and r.utc)]
    place = seen.opened.inner("plan").text("facility")
    if bare or not seen.records or not place:
        return not_met(f"{len(bare)} of {len(seen.records)} records lack one of the six, or the first names no place.", bare)
    why = f"Every record ({len(seen.records)}) says what, when, in which step, by whom and how it came out; the first names the place."
    return met(why, seen.records)


def _failed_media(seen: Seen) -> Found:
    out, whole = seen.of("volume-out"), seen.of("volume-whole")
    if not out:
        return not_applicable("No medium with the log failed, as far as it tells, so it cannot show what would have happened.")
    if seen.past.out:
        return not_met(f"Nothing good took the place of {listed(sorted(seen.past.out))}.", [*out, *whole])
    return met(
        f"What failed ({counted(len(out), 'medium', 'media')}) is told of, and what was done about it.",
        [*out, *whole, *seen.of("deviation")],
    )


def _shut_down(seen: Seen) -> Found:
    if not seen.of("volume-out"):
        return not_applicable("No medium with the log failed, as far as it tells, so it cannot show what would have happened.")
    out: set[str] = set()
    begun = []
    for record in seen.of("volume-out", "volume-whole", *_STOPPED):
        role = facts(record.body).text("role")
        if record.kind == "volume-out":
            out.add(role)
        elif record.kind == "volume-whole":
            out.discard(role)
        elif out:
            begun.append(record)
    if begun:
        return not_met("Something was begun while a medium with the log was out.", [*seen.of("volume-out"), *begun])
    return met("Nothing was begun while a medium with the log was out.", seen.of("volume-out", "volume-whole"))


def _stamps(seen: Seen) -> Found:
    backwards = [after for before, after in pairwise(seen.records) if after.utc < before.utc]
    if backwards or not seen.records:
        return not_met(
            f"The clock went back {counted(len(backwards), 'time')}." if backwards else "There is no record.", backwards
        )
    why = (
        "Each record has its time in UTC to the microsecond, a monotonic time and the id of the boot; the clock never went back."
    )
    return met(why, [seen.records[0], seen.records[-1]])


def _correlated(seen: Seen) -> Found:
    clocks = seen.check("clocks")
    if not passed(clocks):
        return not_met("The computer's two clocks did not agree, or were not looked at.", present([clocks]))
    return met(
        "The computer's two clocks agreed before the first step; who set them by what, no record tells.", present([clocks])
    )


def _apart(seen: Seen) -> Found:
    media = {facts(r.body).text("role"): facts(r.body) for r in seen.of("medium")}
    copies = [media[role] for role in ("a", "b") if role in media]
    if len({copy.text("serial") for copy in copies} - {""}) < 2:
        return not_met("The log is not recorded as copied to two media.", seen.of("medium"))
    if any(copy.value.get("folder") is not False for copy in copies):
        return not_met("Folders stand in for the media of the copies.", seen.of("medium"))
    return met("The log was written to two media besides the computer, each with a serial of its own.", seen.of("medium"))


def _sealed(seen: Seen) -> Found:
    signed = seen.acts("sign-head")
    if not seen.closed or not seen.signed or not signed:
        return not_met("The log has not ended, or its heads are not signed by the root and by people.", signed)
    why = f"The log is a chain; the root signed a head of it, and {counted(len(seen.signed), 'person', 'people')} the last."
    return met(why, [*seen.naming(seen.heads), *signed], [*seen.heads, *seen.signed.values()])


def _tools(seen: Seen) -> Found:
    program = seen.check("program")
    if not passed(program) or len(seen.opened.inner("tool").text("sha256")) != 64:
        return not_met("The program was not found as it was released.", [*seen.of("open"), *present([program])])
    return met("The program was found as it was released, and its digest is in the log.", [*seen.of("open"), *present([program])])


def _undeniable(seen: Seen) -> Found:
    here, signed = seen.answered, seen.signed
    bare = [name for name in seen.made("roll-call").texts("present") if name not in here or name not in signed]
    files = [*signed.values(), *seen.under("evidence/roll-call/")]
    if bare or not here or not signed:
        who = f" ({listed(bare)})" if bare else ""
        why = f"Not everybody who was present answered by key and signed the last head{who}."
        return not_met(why, here.values(), files)
    why = f"Everybody who was present ({len(here)}) answered by key and signed the last head; whether by touch or PIN, their key's kind says."
    return met(why, here.values(), files)


ROWS = (
    Row("23", f"{_NIST}AU-3", "Each record says what, when, where, from where, with what outcome, and who", _content),
    Row("24a", f"{_NIST}AU-5", "When logging fails, something is done about it", _failed_media),
    Row("24b", f"{_NIST}AU-5(4)", "When logging fails, the system stops", _shut_down, checked=False),
    Row("25a", f"{_NIST}AU-8", "Records have a time in UTC, of defined precision", _stamps),
    Row("25b", f"{_NIST}AU-12(1)", "The times of all records fit together", _correlated),
    Row("26a", f"{_NIST}AU-9(2)", "Copies of the log are on other components", _apart),
    Row(
        "26b", f"{_NIST}AU-9(1)", "The log is on media that are written once",
        always_outside("Volumes can be written again; what the folder was burnt to afterwards is in no record."),
    ),
    Row("26c", f"{_NIST}AU-9, AU-9(3)", "Cryptography guards the log", _sealed),
    Row("26d", f"{_NIST}AU-9", "The program that logs is the one that was released", _tools),
    Row(
        "26e", f"{_NIST}AU-9(5)", "Two people are needed to delete records",
        always_outside("This program deletes no record; what people do to the files afterwards, other copies and signatures show."),
    ),
    Row("27", f"{_NIST}AU-10", "Each person's own signatures show that they took part", _undeniable),
    Row("28", f"{_NIST}AU-11", "Records are kept long enough", shared.lasting),
)  # fmt: skip
