# SPDX-License-Identifier: Apache-2.0
"""Rows 9 to 15, ETSI, WebTrust, Mozilla and ISO: what changes in a folder, and what is then found."""

from __future__ import annotations

import pytest

from ceremony.core.clauses import Holds, judge
from tests.core.clauses.folders import Records, adding, being, held, judged, made, nothing, saying, still_open, told, without

MET, NOT, NA, OUT = Holds.MET, Holds.NOT_MET, Holds.NOT_APPLICABLE, Holds.OUTSIDE
NOTED = {"expected": "a seal", "happened": "none", "decided": "to go on"}


def late(records: Records) -> Records:
    """Restore after the root signed."""
    proofs = [record for record in records if record["kind"] == "restored"]
    return [*(record for record in records[:-1] if record not in proofs), *proofs, records[-1]]


CASES = [
    ("9a", "production", (), {}, MET, "4 people"),
    ("9a", "production", (), {"gone": ("evidence/plan.toml",)}, NOT, "Plan or script"),
    ("9b", "production", (), {}, OUT, ""),
    ("9c", "production", (), {}, MET, "4 answers"),
    ("9c", "production", (without("roll-call", name="Wim"),), {}, NOT, "Wim"),
    ("9c", "production", (nothing,), {"fit": False}, NOT, "No roll"),
    ("9d", "production", (), {}, MET, "17 steps"),
    ("9d", "production", (without("end"),), {}, NOT, "No step"),
    ("9e", "production", (), {}, MET, "the log ended on 2026-11-19"),
    ("9e", "production", (), {"gone": ("MANIFEST",)}, NOT, "no manifest"),
    ("9f", "production", (), {}, MET, "SHA-256 of its public key"),
    ("9f", "production", (saying("close", {"inventory": "0" * 64}),), {}, NOT, "does not end with the digest"),
    ("9f", "production", (), {"gone": ("evidence/inventory.json",)}, NOT, "does not end with the digest"),
    ("9f", "production", (still_open,), {}, NOT, "does not end with the digest"),
    ("9g", "production", (), {}, MET, "2 tokens"),
    ("9g", "production", (saying("token", {"model": ""}, name="root-a"),), {}, NOT, "No model"),
    ("9g", "production", (without("token"),), {}, NOT, "No token"),
    ("9h", "production", (), {}, MET, "random numbers"),
    ("9h", "production", (saying("intent", {"algorithm": None}, action="generate-key"),), {}, NOT, "No algorithm"),
    ("9h", "production", (without("check", name="entropy"),), {}, NOT, "not found ready"),
    ("9h", "renewal", (), {}, NA, ""),
    ("9i", "production", (), {}, MET, "A security officer"),
    ("9i", "production", (), {"gone": ("heads/0005.sam",)}, NOT, "by a security officer."),
    ("9i", "production", (), {"gone": ("heads/0005.wim", "heads/0005.aude")}, NOT, "by an independent person."),
    ("9i", "production", (still_open,), {}, NOT, "a security officer, an independent person"),
    ("10", "production", (), {}, NA, "signed a root"),
    ("10", "renewal", (), {}, NA, ""),
    ("10", "production", (without("result", action="sign-root"),), {}, NOT, "have signed no root"),
    ("11a", "production", (), {}, MET, "people signed: 4"),
    ("11a", "production", (), {"gone": ("heads/0005.",)}, NOT, "nobody's signature"),
    ("11b", "production", (), {}, MET, "private"),
    ("11c", "production", (), {}, MET, "two clocks agreed"),
    ("11c", "production", (being("check", {"outcome": "fail"}, name="clocks"),), {}, NOT, "did not agree"),
    ("11c", "production", (without("check", name="clocks"),), {}, NOT, "were not looked at"),
    ("11d", "production", (), {}, OUT, "clock"),
    ("11e", "production", (), {}, OUT, "How long"),
    ("12a", "production", (), {}, MET, "4 people"),
    ("12a", "production", (saying("open", {"people": [{"name": "Ada"}]}),), {}, NOT, "without a role"),
    ("12a", "production", (saying("open", {"people": []}),), {}, NOT, "names nobody"),
    ("12b", "production", (), {}, MET, "2 signed approvals"),
    ("12b", "practice", (), {}, NOT, "no approval"),
    ("12b", "production", (), {"gone": ("evidence/approvals/",)}, NOT, "no approval"),
    ("12c", "production", (), {}, MET, "site file"),
    ("12c", "production", (without("token"),), {}, NOT, "no token"),
    ("12d", "production", (), {}, OUT, "PUK"),
    ("12e", "production", (), {}, MET, ""),
    ("12e", "production", (), {"gone": ("evidence/script.md",)}, NOT, ""),
    ("12f", "production", (), {}, OUT, ""),
    ("12g", "production", (), {}, OUT, "Of 5 tokens and media the log names who takes it, and of 0 the bag or seal."),
    ("12g", "practice", (), {}, OUT, "and of 5 the bag or seal. Vaults"),
    ("12g", "practice", (without("custody"),), {}, OUT, "No record names a bag or a seal. Vaults"),
    ("12h", "production", (), {}, MET, "Everybody who was present (4)"),
    ("12h", "production", (without("result", action="answer", key="Wim"),), {}, NOT, "Wim did not answer"),
    ("12h", "production", (still_open,), {}, NOT, "does not end"),
    ("12h", "production", (saying("result", {"answer": "do-not-agree"}, action="answer", key="Sam"),), {}, NOT, "Sam did not agree"),
    ("12i", "production", (), {}, MET, "None was noted"),
    ("12i", "production", (adding("deviation", NOTED), saying("close", {"deviations": 1})), {}, MET, "1 deviation) has"),
    ("12i", "production", (adding("deviation", NOTED),), {}, NOT, "count of the deviations"),
    ("12i", "production", (adding("deviation", {**NOTED, "decided": ""}), saying("close", {"deviations": 1})), {}, NOT, "1 of 1"),
    ("12i", "production", (adding("deviation", NOTED, actor=""), saying("close", {"deviations": 1})), {}, NOT, "or a name"),
    ("12j", "production", (), {}, MET, "Wim, Aude"),
    ("12j", "production", (without("roll-call"),), {}, NOT, "No independent person"),
    ("12k", "production", (), {}, MET, "as it was released"),
    ("12k", "yubikey", (), {}, MET, "as it was released"),
    ("12k", "yubikey", (saying("firmware", {"decision": "refuse"}),), {}, NOT, "was refused"),
    ("12k", "production", (being("check", {"outcome": "fail"}, name="program"),), {}, NOT, "not found as it was released"),
    ("12k", "production", (without("standing"),), {}, NOT, "was not read"),
    ("12k", "production", (without("token"),), {}, NOT, "No token"),
    ("13a", "production", (), {}, MET, "both volumes"),
    ("13a", "production", (without("restored", volume="b"),), {}, NOT, "volume b"),
    ("13a", "production", (late,), {}, NOT, "volume a, volume b"),
    ("13a", "renewal", (), {}, NA, ""),
    ("13a", "recovery", (), {}, MET, ""),
    ("13b", "production", (), {}, MET, "3 files"),
    ("13b", "production", (), {"gone": ("bundle/",)}, NOT, "No public key"),
    ("13b", "recovery", (), {}, NA, ""),
    ("13c", "production", (), {}, MET, "Each use"),
    ("13c", "production", (without("result", action="sign-root"),), {}, NOT, "has no record"),
    ("13c", "production", (nothing,), {"fit": False}, NA, "No root key"),
    ("13d", "production", (), {}, NA, "No key was destroyed"),
    ("13d", "production", (adding("result", {"action": "wipe-token", "key": "1"}),), {}, MET, "1 token"),
    ("13e", "production", (), {}, OUT, ""),
    ("14a", "production", (), {}, MET, "no ceremony was before"),
    ("14a", "renewal", (), {}, NOT, "not one that begins a root"),
    ("14a", "renewal", (saying("open", {"previous": "ab" * 32}),), {}, MET, "names the last head"),
    ("14a", "renewal", (saying("open", {"previous": "AB" * 32}),), {}, NOT, "does not name"),
    ("14a", "renewal", (saying("open", {"previous": None}),), {}, NOT, "does not name"),
    ("14b", "production", (), {}, MET, "(2)"),
    ("14b", "production", (made("root-keys", keys=[{"serial": "S1", "spki": "é", "sha256": ""}]),), {}, NOT, "S1"),
    ("14b", "production", (made("root-keys", keys=[{"serial": "S1", "spki": "AAAA", "sha256": "0"}]),), {}, NOT, "S1"),
    ("14b", "production", (made("root-keys", keys=[]),), {}, NOT, "No root key"),
    ("14c", "production", (), {}, MET, "Aude"),
    ("14c", "rotation", (), {}, NOT, "No auditor"),
    ("14c", "renewal", (), {}, NA, ""),
    ("14d", "production", (), {}, OUT, ""),
    ("14e", "production", (), {}, MET, "the first is 2026-11-19T"),
    ("14e", "production", (without("result", action="generate-key"),), {}, NOT, "No record"),
    ("14e", "renewal", (), {}, NA, ""),
    ("15a", "shares", (), {}, MET, "No part of rows"),
    ("15a", "production", (), {}, NOT, "rows 4d,"),
    ("15b", "production", (), {}, OUT, "12f"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "what", "changes", "more", "finding", "said"),
    [pytest.param(*case, id=f"{case[0]} {i}") for i, case in enumerate(CASES)],
)
def test_a_folder_is_found(row, what, changes, more, finding, said):
    clause = judged(what, *changes, **more)[row]
    assert (clause.finding, said in clause.why) == (finding, True), clause


def test_private_files_in_the_folder_are_found():
    past, records, plan, names = told(held("production"))
    rows = {clause.number: clause for clause in judge(past, records, plan, [*names, "private/identity.age"])}
    assert (rows["11b"].finding, rows["11b"].files) == (NOT, ("private/identity.age",))
