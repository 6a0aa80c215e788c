# SPDX-License-Identifier: Apache-2.0
"""The table of rows as a whole: every row once, the caution where a source was not read, caps, and that kinds are judged."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from ceremony.core.clauses import MOST_LISTED, UNPROVABLE, Clause, Holds, limits
from tests.core.clauses.folders import adding, held, judged, nothing, saying, still_open, told, without

KINDS = ("production", "practice", "shares", "yubikey", "imported", "renewal", "rotation", "recovery")
FACTS = Path(__file__).parents[4] / "shared" / "facts" / "evidence.md"
"""Where the facts lie beside a checkout."""
UNREAD = re.compile(r"\[[^\]]*(?:\bM\b|2nd)[^\]]*\]")


@pytest.mark.parametrize("what", KINDS)
def test_every_row_is_there_once_in_its_order(what):
    numbers = list(judged(what))
    assert [int(re.match("[0-9]+", number)[0]) for number in numbers] == sorted(int(re.match("[0-9]+", n)[0]) for n in numbers)
    assert sorted({int(re.match("[0-9]+", number)[0]) for number in numbers}) == list(range(1, 32))
    parts: dict[int, list[str]] = {}
    for clause in judged(what).values():
        parts.setdefault(clause.row, []).append(clause.number.removeprefix(str(clause.row)))
    for row, letters in parts.items():
        wanted = [chr(ord("a") + i) for i in range(len(letters))] if len(letters) > 1 else [""]
        assert letters == wanted, row


def table() -> dict[int, str]:
    """Return row → clause of the table of facts; of none, the rows without their words."""
    if not FACTS.is_file():
        return dict.fromkeys(range(1, 32), "")
    section = FACTS.read_text().split("\n## 2.", 1)[1].split("\n### 2.1", 1)[0]
    return {int(number): cell for number, cell in re.findall(r"^\| (\d+) \| ([^|]*) \|", section, re.MULTILINE)}


def test_the_rows_are_those_of_the_facts():
    assert list(table()) == list(range(1, 32))
    assert {clause.row for clause in judged("production").values()} == set(table())


def test_a_row_that_the_facts_know_from_memory_or_a_transcription_says_so():
    unread = {row for row, cell in table().items() if UNREAD.search(cell)} or {9, 10, 11, 12, 13, 15, 24, 29, 30, 31}
    clauses = judged("production").values()
    assert {clause.row for clause in clauses if not clause.checked} == unread
    partly = {24, 31}  # the one clause was read, the other not
    assert {c.row for c in clauses if c.checked} & unread == partly
    assert all(("compare with the standard" in clause.caution) is not clause.checked for clause in clauses)


def test_a_long_answer_is_cut_and_counted():
    row = judged("production")["23"]
    assert len(row.records) == MOST_LISTED < row.answered
    assert list(row.records) == sorted(row.records)
    files = judged("production")["9e"]
    assert len(files.files) == MOST_LISTED < files.filed
    assert list(files.files) == sorted(files.files)


def test_a_finding_has_words():
    assert [finding.words for finding in Holds] == ["met", "not met", "not applicable", "outside what software can prove"]


def test_a_row_of_the_table_knows_its_number_without_its_letter():
    assert [Clause(number, "", "", Holds.MET, "").row for number in ("7", "12k")] == [7, 12]


def test_an_empty_log_meets_nothing():
    rows = judged("production", nothing, fit=False, read=None, gone=tuple(held("production")))
    findings = Counter(row.finding for row in rows.values())
    assert findings[Holds.MET] == 1
    assert rows["11b"].finding is Holds.MET  # a folder without files holds no private one
    assert findings[Holds.NOT_MET] > 50


def test_a_log_that_is_still_open_meets_less_and_nothing_more():
    whole, rows = judged("production"), judged("production", still_open)
    lost = {number for number, row in whole.items() if row.finding is Holds.MET and rows[number].finding is not Holds.MET}
    assert {n for n, row in rows.items() if row.finding is Holds.MET} <= {n for n, r in whole.items() if r.finding is Holds.MET}
    assert {"1b", "9i", "12h", "26c", "27"} <= lost


@pytest.mark.parametrize("what", KINDS)
def test_every_why_is_a_sentence(what):
    for row in judged(what).values():
        assert re.fullmatch(r"[A-Z0-9].*\.", row.why), row
        assert row.demand
        assert row.source


def test_what_no_software_can_prove_is_listed():
    assert len(UNPROVABLE) == 6
    assert any("secured" in sentence for sentence in UNPROVABLE)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        pytest.param("production", "could have read them", id="wrapped"),
        pytest.param("production", "the word of two people", id="claimed"),
        pytest.param("production", "Whoever has the passphrase", id="a passphrase"),
        pytest.param("imported", "nothing attests that it kept no copy", id="imported"),
        pytest.param("recovery", "nothing attests that it kept no copy", id="restored"),
        pytest.param("yubikey", "Root keys have no backup", id="no backup"),
        pytest.param("practice", "Some tokens are programs", id="software"),
        pytest.param("practice", "This was a practice", id="practice"),
    ],
)
def test_the_limits_of_a_ceremony_are_said(what, said):
    assert any(said in sentence for sentence in limits(*told(held(what))))
    assert any("Python" in sentence for sentence in limits(*told(held(what))))


def test_limits_that_are_not_there_are_not_said():
    said = " ".join(
        limits(*told(held("shares"), without("intent", action="wrap-key"), without("result", action="claim-hardware")))
    )
    assert "passphrase and one volume" not in said
    assert "practice" not in said
    assert "two people" not in said
    assert "could have read" not in said


def test_the_same_folder_is_judged_the_same():
    assert judged("rotation") == judged("rotation")
    changed = judged("rotation", saying("open", {"mode": "production"}), adding("deviation", {"expected": "x"}))
    assert changed != judged("rotation")
