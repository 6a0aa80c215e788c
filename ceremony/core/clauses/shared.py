# SPDX-License-Identifier: Apache-2.0
"""What several standards want in the same way, judged once."""

from __future__ import annotations

from collections.abc import Mapping

from ceremony.core import bundle
from ceremony.core.chronicle.facts import Facts, facts
from ceremony.core.chronicle.phrases import counted
from ceremony.core.clauses.rows import Found, met, not_applicable, not_met, outside
from ceremony.core.clauses.seen import Seen, listed, passed
from ceremony.core.dialects import get
from ceremony.core.plan import Role
from ceremony.core.port_values import AIR_GAP
from ceremony.core.procedure import procedure
from ceremony.core.record import Record
from ceremony.errors import PlanRefused

INVENTORY = "evidence/inventory.json"
QUESTIONS = ("expected", "happened", "decided")
"""What a deviation answers."""
_WAYS_OUT = ("network", "routes", "radios", "bluetooth")
ANSWERS = ("agree", "agree-with-exceptions")
"""The answers of those who say that the ceremony was held as recorded."""


def recorded(seen: Seen, path: str, *, what: str) -> Found:
    """Judge that a file is there and recorded."""
    if not seen.there(path):
        return not_met(f"{what} is not in the folder, or no record names it.")
    return met(f"{what} is in the folder, and its digest is in the log.", seen.naming([path]), [path])


def script(seen: Seen) -> Found:
    """Judge that there is a script."""
    return recorded(seen, bundle.SCRIPT, what="The script, made from the plan before the first record,")


def procedure_kept(seen: Seen) -> Found:
    """Judge that the steps of the procedure ended, in its order, as far as a log can show it."""
    if not seen.closed:
        return not_met("The log has not ended yet, so not every step of the script has.", seen.of("end"))
    wanted = _steps(seen)
    if wanted is None:
        return not_met("There is no plan that can be read, so nothing says which steps there had to be.", seen.of("end"))
    if list(seen.past.ended) != wanted:
        return not_met("The steps that ended are not those of the plan, in its order.", seen.of("end"))
    noted = len(seen.of("deviation"))
    return met(
        f"Every step ({len(wanted) + 1}) ended in the order of the script; {counted(noted, 'deviation')} noted.", seen.of("end")
    )


def _steps(seen: Seen) -> list[str] | None:
    if seen.plan is None:
        return None
    try:
        needs = get(seen.plan.dialect).needs_certificate
    except PlanRefused:
        return None
    return [step.name for step in procedure(seen.plan, needs_certificate=needs) if step.name != "close"]


def sign_off(seen: Seen) -> Found:
    """Judge that each person who was present said at the end whether the script was followed."""
    answers = {facts(r.body).text("key"): r for r in seen.acts("answer")}
    here = seen.made("roll-call").texts("present")
    missing = [name for name in here if name not in answers]
    if not seen.closed or not here or missing:
        who = f" {listed(missing)} did not answer." if missing else ""
        return not_met(f"The log does not end with an answer of everybody who was present.{who}", answers.values())
    against = [name for name, record in answers.items() if facts(record.body).text("answer") not in ANSWERS]
    if against:
        return not_met(f"{listed(against)} did not agree that the ceremony was held as recorded.", answers.values())
    return met(f"Everybody who was present ({len(here)}) agreed, or agreed with the noted exceptions.", answers.values())


def deviations(seen: Seen) -> Found:
    """Judge that deviations are noted with what was expected, what happened and what was decided, and by whom."""
    noted = seen.of("deviation")
    bare = [r for r in noted if not r.actor or not all(facts(r.body).text(name) for name in QUESTIONS)]
    if bare:
        return not_met(f"{len(bare)} of {len(noted)} deviations lack an answer to one of the three questions, or a name.", bare)
    ends = [record for record in seen.of("close") if facts(record.body).number("deviations") == len(noted)]
    if not seen.closed or not ends:
        return not_met("The log does not end with a count of the deviations that it holds.", noted)
    what = (
        f"What was noted ({counted(len(noted), 'deviation')}) has its three answers and a name"
        if noted
        else "None was noted, and the log ends so"
    )
    return met(f"{what}; whether all were noted, people know.", [*noted, *ends])


def auditor(seen: Seen) -> Found:
    """Judge that an auditor was there and signed the log at its end, both with a key of their own."""
    return _signed_by(seen, {p.text("name"): p for p in seen.people if p.text("role") == Role.AUDITOR}, "auditor")


def independent(seen: Seen) -> Found:
    """Judge that somebody independent was there and signed the log at its end."""
    return _signed_by(seen, {p.text("name"): p for p in seen.people if p.flag("independent")}, "independent person")


def _signed_by(seen: Seen, people: Mapping[str, Facts], what: str) -> Found:
    here = {name: record for name, record in seen.answered.items() if name in people}
    signed = {name: path for name, path in seen.signed.items() if name in here}
    if signed:
        return met(
            f"{listed(signed)} ({what}) answered the roll call and signed the last head, each with an own key.",
            here.values(),
            signed.values(),
        )
    if here:
        return not_met(
            f"{listed(here)} ({what}) answered the roll call; there is no signature over the last head.", here.values()
        )
    return not_met(f"No {what} answered the roll call with an own key.", seen.of("roll-call"))


def approval(seen: Seen) -> Found:
    """Judge that the plan was approved before the ceremony, by signature."""
    files = [
        path for path in seen.under(bundle.APPROVALS) if path.removeprefix(bundle.APPROVALS) in seen.opened.inner("approvals")
    ]
    if not files:
        return not_met("The first record binds no approval of the plan.")
    return met(
        f"The first record binds {counted(len(files), 'signed approval')} of the plan and its files.", seen.of("open"), files
    )


def cut_off(seen: Seen) -> Found:
    """Judge that the computer was on no network when the first step ended, nor whenever it was looked at after."""
    begun = min((record.seq for record in seen.steps("preflight")), default=None)
    looked = [record for record in seen.of("check") if _gap(record) in (*_WAYS_OUT, AIR_GAP)]
    before = {_gap(record): record for record in looked if begun is None or record.seq < begun}
    bad = [name for name in _WAYS_OUT if not passed(before.get(name))]
    later = [record for record in looked if begun is not None and record.seq > begun]
    if bad:
        return not_met(
            f"These did not pass, or were not looked at, before the first step: {listed(bad)}.", [*before.values(), *later]
        )
    failed = [record for record in later if not passed(record)]
    if failed:
        names = listed(dict.fromkeys(map(_gap, failed)))
        return not_met(
            f"These failed during the ceremony, after the first step, so the computer was not cut off: {names}.", failed
        )
    return met(
        "No interface was up, no route led out and no radio was on when the first step ended, nor when it was looked at after.",
        [*before.values(), *later],
    )


def _gap(record: Record) -> str:
    return facts(record.body).text("name")


def split_secret(seen: Seen) -> Found:
    """Judge that no single person can open the backups."""
    split = seen.made("protector").inner("shares")
    typed = seen.of("typed-back")
    needed, custodians = split.count("needed"), set(split.texts("custodians"))
    ends = seen.steps("protector")
    if needed > 1 and len(custodians) >= needed:
        return met(
            f"The secret of the backups is in shares of {len(custodians)} people, of which {needed} are needed.", [*ends, *typed]
        )
    if ends:
        return not_met("One person alone has the secret that opens the backups.", [*ends, *typed])
    if seen.backs_up:
        return not_met("No record tells how the secret of the backups was split.", typed)
    return not_applicable("Nothing was backed up, so no secret of backups exists.")


def restored(seen: Seen) -> Found:
    """Judge that the backups were opened again, from both volumes, before the first signature."""
    if not seen.backs_up:
        return not_applicable("Nothing was backed up in this ceremony.")
    first = min((r.seq for r in seen.intents("sign-root")), default=None)
    proofs = [r for r in seen.of("restored") if passed(r) and (first is None or r.seq < first)]
    missing = {"a", "b"} - {facts(r.body).text("volume") for r in proofs}
    if missing:
        where = listed(f"volume {role}" for role in sorted(missing))
        return not_met(f"The backups were not restored from {where} before the root signed.", proofs)
    return met("The backups on both volumes were opened and compared before the root signed anything.", proofs)


def lasting(seen: Seen) -> Found:
    """Judge a rule on how long records are kept: a log is kept by those who have it."""
    return outside(
        "How long the folder is kept, and that it is kept whole, is up to those who have it; it can be verified without this program.",
        seen.of("close"),
    )


def inventory(seen: Seen) -> Found:
    """Judge that the inventory of keys is there, and is the one that the log ends with."""
    ends = [r for r in seen.of("close") if facts(r.body).text("inventory") == seen.past.files.get(INVENTORY)]
    if not seen.closed or not ends or not seen.there(INVENTORY):
        return not_met("The log does not end with the digest of an inventory that is in the folder.")
    why = "The inventory lists every key with algorithm, size, SHA-256 of its public key, device and settings; the last record has its digest."
    return met(why, [*seen.naming([INVENTORY]), *ends], [INVENTORY])


def announced(seen: Seen, records: list[Record], *, nothing: str, what: str) -> Found:
    """Judge acts with keys: each was announced, and none is open."""
    if seen.past.open_intents:
        return not_met(
            f"What was announced ({counted(len(seen.past.open_intents), 'act')}) has no record that tells how it ended.", records
        )
    return met(what, records) if records else not_applicable(nothing)
