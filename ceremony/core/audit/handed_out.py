# SPDX-License-Identifier: Apache-2.0
"""The custody list: everything that was used is taken once, by somebody who was present, in a bag of its own."""

from __future__ import annotations

from ceremony.core import bundle
from ceremony.core.audit.verdict import Audited
from ceremony.core.canonical import JsonObject
from ceremony.core.custody_list import KIND, Thing, What, both_volumes, left, of_medium, taken, things, twice


def check_custody(a: Audited) -> None:
    """Check each `custody` record, in a closed log that nothing is left that nobody took, and say who has both volumes."""
    known = {thing.key for thing in things(a.past) if thing.what is What.TOKEN}
    seen: set[tuple[str, ...]] = set()
    for record in a.found.records:
        if record.kind == "medium":
            known.add(_medium(record.body).key)  # one that failed later was a thing, too
        elif record.kind == KIND:
            key = tuple(str(record.body.get(member)) for member in ("what", "name", "serial"))
            _check(a, record.seq, record.body, known=key in known, again=key in seen)
            seen.add(key)
    found = taken(a.past)
    for before, one in twice(found):
        a.failed(bundle.LOG, f"{before.thing.called} and {one.thing.called} are said to be in one bag, or under one seal")
    if not a.past.closed:
        return
    missing = left(a.past)
    for thing in missing:
        a.failed(bundle.LOG, f"is closed, and nobody took {thing.called}, serial {thing.serial}")
    if not missing:
        bare, both = sum(not one.seal for one in found), both_volumes(found)
        noted = (f"; {bare} without a bag or a seal" if bare else "") + (f"; {both} takes both volumes" if both else "")
        a.ok(KIND, f"each of {len(found)} tokens and media is taken by somebody who was present{noted}")


def _check(a: Audited, seq: int, body: JsonObject, *, known: bool, again: bool) -> None:
    present = a.past.ended.get("roll-call", {}).get("present")
    subject = f"record {seq}"
    if not known:
        a.failed(subject, "says who takes something that was not used in this ceremony")
    if again:
        a.failed(subject, "says once more who takes the same")
    if not isinstance(present, list) or body.get("holder") not in present:
        a.failed(subject, f"says that {body.get('holder')} takes something, who was not present")
    if not isinstance(body.get("seal"), str):
        a.failed(subject, "holds no number of a bag or seal, nor an empty one")


def _medium(body: JsonObject) -> Thing:
    return of_medium(str(body.get("role")), str(body.get("serial")))
