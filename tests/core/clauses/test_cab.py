# SPDX-License-Identifier: Apache-2.0
"""Rows 1 to 8: what changes in a folder, and what is then found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ceremony.core.clauses import Holds
from tests.core.clauses.folders import adding, being, held, judged, made, nothing, plan_of, saying, still_open, without

MET, NOT, NA, OUT = Holds.MET, Holds.NOT_MET, Holds.NOT_APPLICABLE, Holds.OUTSIDE
HARDWARE = saying("token", {"software": False})
PINNED = saying("attested", {"pinned": True})
SCRIPT = ("evidence/script.md",)
RESTARTED = being("close", {"boot": "another"})


def unread(what: str):
    """Return the plan of a folder for a dialect that there is none of."""

    return replace(plan_of(held(what)), dialect="scroll")


CASES = [
    ("1a", "production", (), {}, MET, "its digest is in the log"),
    ("1a", "production", (), {"gone": SCRIPT}, NOT, "not in the folder"),
    ("1a", "recovery", (), {}, NA, "No root key"),
    ("1b", "production", (), {}, MET, "0 deviations noted"),
    ("1b", "production", (still_open,), {}, NOT, "has not ended"),
    ("1b", "production", (without("end", step="drill"),), {}, NOT, "not those of the plan"),
    ("1b", "production", (), {"read": None}, NOT, "no plan"),
    ("1b", "production", (), {"read": unread}, NOT, "no plan"),
    ("1b", "renewal", (), {}, NA, "No root key"),
    ("1c", "production", (), {}, OUT, "away from the screen"),
    ("2a", "production", (), {}, MET, "Aude (auditor)"),
    ("2a", "production", (), {"gone": ("heads/0005.aude",)}, NOT, "no signature over the last head"),
    ("2a", "production", (saying("roll-call", {"how": "typed name"}, name="Aude"),), {}, NOT, "No auditor answered"),
    ("2a", "rotation", (), {}, NOT, "No auditor answered"),
    ("2a", "recovery", (), {}, NA, ""),
    ("2b", "production", (), {}, OUT, "film"),
    ("3", "production", (), {}, OUT, "auditor's own"),
    ("3", "renewal", (), {}, NA, ""),
    ("4a", "production", (), {}, OUT, "place"),
    ("4b", "production", (), {}, OUT, "role"),
    ("4c", "production", (), {}, MET, "4 people answered"),
    ("4c", "production", (without("roll-call", role="witness"), without("roll-call", role="auditor"),
                          without("roll-call", role="administrator")), {}, NOT, "Fewer than two"),
    ("4c", "production", (without("compared"),), {}, NOT, "No digest was compared"),
    ("4c", "production", (saying("compared", {"by": ["Ada", "Ada"]}),), {}, NOT, "No digest was compared"),
    ("4c", "production", (nothing,), {"fit": False}, NOT, "Fewer than two"),
    ("4c", "renewal", (), {}, NA, ""),
    ("4d", "shares", (), {}, MET, "of 3 people, of which 2 are needed"),
    ("4d", "production", (), {}, NOT, "One person alone"),
    ("4d", "shares", (without("end", step="protector"),), {}, NOT, "No record tells"),
    ("4d", "yubikey", (), {}, OUT, "No backup of a root key"),
    ("4d", "renewal", (), {}, NA, ""),
    ("4e", "yubikey", (HARDWARE, PINNED), {}, MET, "attest all root keys (2)"),
    ("4e", "yubikey", (HARDWARE,), {}, NOT, "not attested under a root of Yubico's"),
    ("4e", "yubikey", (HARDWARE, PINNED, saying("attested", {"public_sha256": "0" * 64})), {}, NOT, "not attested"),
    ("4e", "practice", (), {}, NOT, "no hardware"),
    ("4e", "production", (without("token"),), {}, NOT, "no hardware"),
    ("4e", "imported", (), {}, NOT, "made in the computer's memory"),
    ("4e", "production", (), {}, OUT, "two people's word"),
    ("4e", "production", (without("end", step="root-keys"),), {}, NOT, "No record tells"),
    ("4e", "recovery", (), {}, NA, ""),
    ("4f", "production", (), {}, OUT, "Fake Works Fake HSM"),
    ("4f", "practice", (), {}, NOT, "No hardware"),
    ("4f", "yubikey", (HARDWARE,), {}, NOT, "FIPS series no"),
    ("4f", "yubikey", (saying("token", {"software": False, "fips": True}),), {}, NOT, "FIPS series yes"),
    ("4f", "production", (without("token"),), {}, NOT, "No token"),
    ("4g", "production", (), {}, MET, "announced before"),
    ("4g", "production", (without("intent", action="generate-key"),), {}, NOT, "no record announced"),
    ("4g", "production", (still_open,), {}, NOT, "has not ended"),
    ("4g", "renewal", (), {}, NA, ""),
    ("5a", "production", (), {}, MET, "4 files"),
    ("5a", "production", (without("result", action="write-volumes"),), {}, NOT, "No backup"),
    ("5a", "production", (saying("result", {"files": {"private/root-1.der": "0"}}, action="write-volumes"),), {}, NOT, "not encrypted"),
    ("5a", "renewal", (), {}, NA, ""),
    ("5b", "shares", (), {}, MET, "shares of 3 people"),
    ("5b", "production", (), {}, NOT, "One person alone"),
    ("5b", "renewal", (), {}, NA, "Nothing was backed up"),
    ("5c", "recovery", (), {}, MET, "3 people"),
    ("5c", "recovery", (without("backup-opened"),), {}, NOT, "No backup was opened"),
    ("5c", "production", (), {}, NA, "drill"),
    ("5d", "production", (), {}, OUT, ""),
    ("6a", "production", (), {}, MET, "none is open"),
    ("6a", "production", (without("result", action="lock-key"),), {}, NOT, "2 acts"),
    ("6a", "renewal", (), {}, NA, ""),
    ("6b", "production", (), {}, MET, "(2) is identified"),
    ("6b", "production", (without("token", name="root-a"),), {}, NOT, "that no record identifies"),
    ("6b", "production", (without("result"),), {}, NOT, "no act with a token yet"),
    ("6c", "production", (), {}, MET, "2, of which 0 failed"),
    ("6c", "production", (adding("login", {"token": "1", "retries_left": 2}, outcome="fail"),), {}, MET, "3, of which 1 failed"),
    ("6c", "production", (without("login"),), {}, NOT, "No PIN"),
    ("6d", "production", (), {}, MET, "no restart is untold"),
    ("6d", "production", (RESTARTED,), {}, NOT, "1 time"),
    ("6d", "production", (RESTARTED, adding("resume", {}, boot="another")), {}, MET, ": 1;"),
    ("6d", "production", (nothing,), {"fit": False}, NOT, "no record"),
    ("6e", "production", (), {}, MET, "0 modules"),
    ("6e", "production", (saying("open", {"tool": {"version": "1"}}),), {}, NOT, "does not name"),
    ("6f", "production", (), {}, MET, "roll call"),
    ("6f", "production", (without("roll-call"),), {}, NOT, "Nobody"),
    ("6g", "production", (), {}, OUT, "Doors"),
    ("6h", "production", (), {}, MET, "Every record"),
    ("6h", "production", (being("close", {"recorded_by": "Mallory"}),), {}, NOT, "1 of"),
    ("6h", "production", (being("close", {"step": ""}),), {}, NOT, "1 of"),
    ("6h", "production", (nothing,), {"fit": False}, NOT, "0 of 0"),
    ("7", "production", (), {}, OUT, "How long"),
    ("8a", "production", (), {}, MET, "No interface"),
    ("8a", "production", (being("check", {"outcome": "fail"}, name="radios"),), {}, NOT, "radios"),
    ("8a", "production", (without("check", name="routes"),), {}, NOT, "routes"),
    ("8a", "production", (adding("check", {"name": "bluetooth"}, outcome="fail"),), {}, NOT, "bluetooth"),
    ("8a", "production", (without("check", name="bluetooth"),), {}, NOT, "before the first step: bluetooth"),
    ("8a", "production", (without("end", step="preflight"),), {}, MET, "No interface"),
    ("8a", "production", (adding("check", {"name": "air gap"}, outcome="fail"),), {}, NOT, "during the ceremony"),
    ("8a", "production", (adding("check", {"name": "radios"}, outcome="fail", before="begin"),), {}, MET, "No interface"),
    ("8a", "production", (adding("check", {"name": "radios"}), adding("check", {"name": "radios"}, outcome="fail")), {}, NOT,
     "during the ceremony, after the first step, so the computer was not cut off: radios."),
    ("8a", "production", (adding("check", {"name": "routes"}, outcome="fail"),
                          adding("check", {"name": "routes"})), {}, NOT, "not cut off: routes."),
    ("8b", "production", (), {}, OUT, ""),
    ("8c", "production", (), {}, MET, "4 heads"),
    ("8c", "production", (without("medium", role="b"),), {}, NOT, "two volumes"),
    ("8c", "production", (), {"gone": ("heads/",)}, NOT, "No head"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "what", "changes", "more", "finding", "said"),
    [pytest.param(*case, id=f"{case[0]} {i}") for i, case in enumerate(CASES)],
)
def test_a_folder_is_found(row, what, changes, more, finding, said):
    settings = {name: value(what) if callable(value) else value for name, value in more.items()}
    clause = judged(what, *changes, **settings)[row]
    assert (clause.finding, said in clause.why) == (finding, True), clause


def test_two_peoples_consents_are_named():
    assert any(path.startswith("evidence/consents/") for path in judged("production")["4c"].files)


def test_shares_whose_custodians_are_one_person_are_not_split():
    shares = {"identifier": 1, "needed": 2, "custodians": ["Cem", "Cem", "Cem"]}
    assert judged("shares", made("protector", shares=shares))["5b"].finding is NOT
