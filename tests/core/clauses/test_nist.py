# SPDX-License-Identifier: Apache-2.0
"""Rows 23 to 31, NIST and FIPS: what changes in a folder, and what is then found."""

from __future__ import annotations

import pytest

from ceremony.core.clauses import Holds
from tests.core.clauses.folders import adding, being, judged, nothing, saying, still_open, without

MET, NOT, NA, OUT = Holds.MET, Holds.NOT_MET, Holds.NOT_APPLICABLE, Holds.OUTSIDE
OUTAGE = adding("volume-out", {"role": "a", "serial": "Fa", "why": "it took no record"})
WHOLE = adding("volume-whole", {"role": "a", "serial": "Fb", "files": 4})

CASES = [
    ("23", "production", (), {}, MET, "names the place"),
    ("23", "production", (being("close", {"actor": ""}),), {}, NOT, "1 of"),
    ("23", "production", (saying("open", {"plan": {}}),), {}, NOT, "names no place"),
    ("24a", "production", (), {}, NA, "No medium"),
    ("24a", "production", (OUTAGE, WHOLE), {}, MET, "1 medium"),
    ("24a", "production", (OUTAGE,), {}, NOT, "Nothing good took the place of a"),
    ("24b", "production", (), {}, NA, "No medium"),
    ("24b", "production", (OUTAGE, WHOLE), {}, MET, "Nothing was begun"),
    ("24b", "production", (OUTAGE, adding("begin", {}), WHOLE), {}, NOT, "Something was begun"),
    ("25a", "production", (), {}, MET, "never went back"),
    ("25a", "production", (being("close", {"utc": "2001-01-01T00:00:00.000000Z"}),), {}, NOT, "1 time"),
    ("25a", "production", (nothing,), {"fit": False}, NOT, "no record"),
    ("25b", "production", (), {}, MET, "agreed"),
    ("25b", "production", (), {"fit": False}, NOT, "did not agree"),
    ("26a", "production", (), {}, MET, "two media"),
    ("26a", "practice", (), {}, NOT, "Folders stand in"),
    ("26a", "production", (saying("medium", {"serial": "same"}),), {}, NOT, "not recorded as copied"),
    ("26b", "production", (), {}, OUT, ""),
    ("26c", "production", (), {}, MET, "4 people the last"),
    ("26c", "production", (without("result", action="sign-head"),), {}, NOT, "not signed"),
    ("26d", "production", (), {}, MET, "digest is in the log"),
    ("26d", "production", (), {"fit": False}, NOT, "not found as it was released"),
    ("26e", "production", (), {}, OUT, ""),
    ("27", "production", (), {}, MET, "(4)"),
    ("27", "production", (), {"gone": ("heads/0005.sam",)}, NOT, "(Sam)"),
    ("27", "production", (nothing,), {"fit": False}, NOT, "Not everybody"),
    ("28", "production", (), {}, OUT, ""),
    ("29a", "production", (), {}, MET, "is with Sam"),
    ("29a", "shares", (), {}, MET, "Cem, Cyd, Cas"),
    ("29a", "production", (without("end", step="protector"),), {}, NOT, "No record names"),
    ("29a", "renewal", (), {}, NA, ""),
    ("29b", "production", (), {}, MET, "(5)"),
    ("29b", "practice", (), {}, MET, "by its serial"),
    ("29b", "production", (without("custody", name="b"),), {}, NOT, "Nobody took volume b."),
    ("29b", "production", (without("custody"),), {}, NOT, "Nobody took token root-a, token root-b, volume a, volume b and 1 more."),
    ("29b", "production", (still_open,), {}, NOT, "does not end"),
    ("29b", "production", (nothing,), {"fit": False}, NOT, "does not end"),
    ("29c", "production", (), {}, MET, "(8)"),
    ("29c", "production", (without("result", action="certify"),), {}, NOT, "has no record"),
    ("29c", "production", (nothing,), {"fit": False}, NA, ""),
    ("29d", "production", (), {}, OUT, ""),
    ("30a", "production", (), {}, MET, "inventory"),
    ("30a", "production", (still_open,), {}, NOT, ""),
    ("30b", "production", (), {}, MET, "(2)"),
    ("30b", "renewal", (), {}, MET, "(1)"),
    ("30b", "production", (without("result", action="sign-head"),), {}, NOT, "did not sign a head"),
    ("30b", "production", (nothing,), {"fit": False}, NOT, "No root key"),
    ("31a", "production", (), {}, MET, "1 secret"),
    ("31a", "production", (saying("typed-back", {"same": False}),), {}, NOT, "passphrase"),
    ("31a", "renewal", (), {}, NA, ""),
    ("31b", "production", (), {}, OUT, ""),
    ("31c", "shares", (), {}, MET, ""),
    ("31c", "production", (), {}, NOT, ""),
    ("31c", "renewal", (), {}, NA, ""),
    ("31d", "production", (), {}, NOT, "no trusted path"),
    ("31d", "production", (without("login"), without("typed-back")), {}, NA, "No secret"),
    ("31e", "production", (), {}, NOT, "no trusted path"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "what", "changes", "more", "finding", "said"),
    [pytest.param(*case, id=f"{case[0]} {i}") for i, case in enumerate(CASES)],
)
def test_a_folder_is_found(row, what, changes, more, finding, said):
    clause = judged(what, *changes, **more)[row]
    assert (clause.finding, said in clause.why) == (finding, True), clause
