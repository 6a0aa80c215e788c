# SPDX-License-Identifier: Apache-2.0
"""Rows 16 to 22, other people's ceremonies and TUF: what changes in a folder, and what is then found."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ceremony.core.clauses import Holds
from ceremony.core.plan import Custody
from tests.core.clauses.folders import Records, adding, being, held, judged, made, plan_of, saying, still_open, without

MET, NOT, NA, OUT = Holds.MET, Holds.NOT_MET, Holds.NOT_APPLICABLE, Holds.OUTSIDE


def planned(what: str = "production", **root: object):
    """Return the plan of a folder with another root."""
    plan = plan_of(held(what))
    return replace(plan, root=replace(plan.root, **root))


def swapped(records: Records) -> None:
    """Let two steps end in the other order."""
    one, other = (next(r for r in records if r["kind"] == "end" and r["step"] == step) for step in ("drill", "back-up"))
    one["step"], other["step"] = other["step"], one["step"]


def short():
    """Return a plan whose root runs for half a year."""
    plan = plan_of(held("production"))
    return replace(plan, expires=replace(plan.expires, root=datetime(2027, 5, 1, tzinfo=UTC)))


CASES = [
    ("16a", "production", (), {}, MET, "1 witness answered"),
    ("16a", "production", (without("roll-call", name="Wim"),), {}, NOT, "No witness"),
    ("16b", "production", (), {}, MET, "begin and end"),
    ("16b", "production", (still_open,), {}, NOT, "has not ended"),
    ("16c", "production", (), {}, OUT, "Films"),
    ("16d", "production", (), {}, NOT, "what system it ran on"),
    ("16e", "production", (), {}, MET, "digests"),
    ("16e", "production", (without("compared"),), {}, NOT, "No digest"),
    ("16e", "production", (saying("compared", {"same": False}, what="Root key of root-a"),), {}, NOT, "Root key of root-a"),
    ("17a", "production", (), {}, MET, "says production"),
    ("17a", "practice", (), {}, MET, "says practice; it tells of 1 substitution"),
    ("17a", "practice", (saying("open", {"mode": "production"}),), {}, NOT, "stood in"),
    ("17a", "practice", (saying("open", {"mode": "rehearsal"}),), {}, NOT, "whether this is a practice"),
    ("17b", "production", (), {}, MET, "one log"),
    ("17b", "production", (), {"gone": ("MANIFEST",)}, NOT, "no manifest"),
    ("17c", "production", (), {}, MET, ""),
    ("17c", "production", (adding("deviation", {"expected": "x"}),), {}, NOT, "1 of 1"),
    ("17d", "production", (), {}, MET, ""),
    ("17d", "production", (without("result", action="answer"),), {}, NOT, "did not answer"),
    ("17e", "production", (), {}, OUT, ""),
    ("18a", "production", (), {}, MET, "Every step"),
    ("18a", "production", (swapped,), {}, NOT, "in its order"),
    ("18a", "renewal", (), {}, MET, ""),
    ("18b", "yubikey", (), {}, MET, "2 YubiKeys"),
    ("18b", "yubikey", (without("attested"),), {}, NOT, "No record tells"),
    ("18b", "production", (), {}, NA, "nothing else attests"),
    ("18b", "yubikey", (), {"read": lambda: planned("yubikey", custody=Custody.IMPORTED)}, NA, "nothing else attests"),
    ("18b", "renewal", (), {}, NA, ""),
    ("18c", "production", (), {}, OUT, ""),
    ("18d", "production", (), {}, MET, "Wim, Aude"),
    ("18d", "production", (), {"gone": ("heads/0005.",)}, NOT, ""),
    ("19a", "production", (), {}, MET, ""),
    ("19a", "production", (), {"fit": False}, NOT, "routes, radios"),
    ("19b", "production", (), {}, MET, "found ready"),
    ("19b", "production", (), {"fit": False}, NOT, "not found ready"),
    ("19c", "production", (), {}, OUT, ""),
    ("19d", "production", (), {}, MET, "no swap"),
    ("19d", "production", (being("check", {"outcome": "fail"}, name="swap"),), {}, NOT, "swap"),
    ("19e", "production", (), {}, OUT, ""),
    ("19f", "production", (), {}, MET, "2 files"),
    ("19f", "production", (without("agreed"),), {}, NOT, "nobody agreed"),
    ("19f", "recovery", (), {}, NA, ""),
    ("19g", "production", (), {}, OUT, ""),
    ("19h", "production", (), {"read": lambda: planned(threshold=2)}, MET, "2 of 2 keys"),
    ("19h", "production", (), {}, NOT, "One key of 2"),
    ("19h", "production", (), {"read": None}, NOT, "no plan"),
    ("19h", "renewal", (), {}, NA, "as it is published"),
    ("20a", "production", (), {}, MET, ""),
    ("20a", "production", (), {"fit": False}, NOT, ""),
    ("20b", "production", (), {}, OUT, ""),
    ("20c", "production", (), {}, MET, "All signatures (3)"),
    ("20c", "production", (without("verified"),), {}, NOT, "No record"),
    ("20c", "production", (without("result", action="sign-root"),), {}, NOT, "No record"),
    ("20c", "recovery", (), {}, NA, ""),
    ("20d", "production", (), {}, MET, "2 root keys"),
    ("20d", "production", (made("root-keys", keys=[{"spki": "a"}, {"spki": "a"}]),), {}, NOT, "twice"),
    ("20e", "rotation", (), {}, MET, "Every key (2)"),
    ("20e", "renewal", (), {}, MET, "Every key (1)"),
    ("20e", "renewal", (without("result", action="sign-root"),), {}, NOT, "signed no root"),
    ("20e", "renewal", (without("end", step="tokens"),), {}, NOT, "No root key"),
    ("20e", "renewal", (without("verified"),), {}, NOT, "No record tells"),
    ("20e", "production", (), {}, NA, ""),
    ("20e", "recovery", (), {}, NA, ""),
    ("21a", "production", (), {}, MET, "both volumes"),
    ("21a", "production", (without("result", action="write-volumes"),), {}, NOT, "No backup"),
    ("21a", "production", (without("restored"),), {}, NOT, "not restored"),
    ("21a", "yubikey", (), {}, NOT, "by the plan"),
    ("21a", "renewal", (), {}, NA, ""),
    ("21b", "production", (), {}, OUT, ""),
    ("21c", "production", (), {}, OUT, ".notary"),
    ("22a", "production", (), {}, NOT, "1 of 2"),
    ("22a", "production", (), {"read": lambda: planned(threshold=3, tokens=tuple("abcde"))}, MET, "3 of 5"),
    ("22a", "renewal", (), {}, NA, ""),
    ("22b", "yubikey", (), {}, MET, "2 tokens"),
    ("22b", "production", (), {}, NOT, "some are not there: 4"),
    ("22b", "renewal", (), {}, NA, ""),
    ("22c", "production", (), {}, NOT, "3329 days"),
    ("22c", "production", (), {"read": short}, MET, "days"),
    ("22c", "renewal", (), {}, NOT, "days"),
    ("22c", "recovery", (), {}, NA, "as it is published"),
    ("22c", "production", (saying("open", {"utc": "noon"}),), {}, NOT, "no time"),
    ("22c", "production", (saying("open", {"utc": "2026-11-19"}),), {}, NOT, "no time"),
    ("22c", "production", (), {"read": None}, NOT, "no plan"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "what", "changes", "more", "finding", "said"),
    [pytest.param(*case, id=f"{case[0]} {i}") for i, case in enumerate(CASES)],
)
def test_a_folder_is_found(row, what, changes, more, finding, said):
    settings = {name: value() if callable(value) else value for name, value in more.items()}
    clause = judged(what, *changes, **settings)[row]
    assert (clause.finding, said in clause.why) == (finding, True), clause
