# SPDX-License-Identifier: Apache-2.0
"""The auditor's working paper: what is on it, that nothing in a folder can format it, and that it holds no opinion."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pytest
from markdown_it import MarkdownIt

from ceremony.core import bundle
from ceremony.core.audit.verdict import Audited, Finding, Level
from ceremony.core.clauses import UNPROVABLE
from ceremony.core.log import Recovered, Tail
from ceremony.report import paper as module
from ceremony.report.paper import FAMILIES, escape, paper
from tests.core.clauses.folders import Records, adding, being, held, judged, nothing, saying, told
from tests.fakes.folder import FakeFolder

VERDICT = ["OK ceremony.jsonl: 126 records chain, from open to close", "OK mode: PRACTICE"]
NOTED = {"expected": "a sealed bag", "happened": "an open one", "decided": "to use another"}
MARKUP = (
    "a|b", "`code`", "<script>alert(1)</script>", "<!-- gone", "![x](http://e.example)", "[x](http://e.example)", "*b*", "__u__",
    "~~s~~", "\\", "https://e.example/x", "www.e.example", "a@e.example", "&lt;&#124;", "$x$", ":smile:", "# title", "|", "\\|", "1. x",
    "^[x]", "{.x}",
)  # fmt: skip
HIDDEN = ("\u202egnidaelsim", "\u200b", "\ufeff", "\u2028", "\x1b[2J", "a\nb", "\r", "\xa0", "\xad")


def audited(
    what: str = "practice", *changes: Callable[[Records], Any], level: Level = Level.OK, extra: tuple[str, ...] = ()
) -> Audited:
    """Return a folder under audit, as if this was found."""
    past, records, _, names = told(held(what), *changes)
    past.files |= dict.fromkeys(extra, "0" * 64)
    found = Recovered(tuple(records), Tail(), b"", None)
    folder = FakeFolder(files=dict(held(what)))
    return Audited(folder, frozenset([*names, *extra]), b"", found, past, [Finding(level, "log", "was read")])


def written(what: str = "practice", *changes: Callable[[Records], Any], verdict: list[str] = VERDICT, **more: Any) -> str:
    """Return the paper of a folder."""
    return paper(audited(what, *changes, **more), told(held(what))[2], verdict)


def section(text: str, title: str) -> str:
    return text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def shape(text: str) -> Counter[str]:
    """Count what a renderer makes of the paper, by another program: everything but plain text."""
    renderer = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = [token for block in renderer.parse(text) for token in (block, *(block.children or ()))]
    return Counter(token.type for token in tokens if token.type not in ("text", "text_special"))


def shown(text: str) -> str:
    """Return what a renderer shows, without its tags."""
    renderer = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    return "\n".join(
        "".join(child.content for child in token.children or ()) for token in renderer.parse(text) if token.type == "inline"
    )


# --- what is on it ---


def test_a_practice_says_so_at_its_top():
    assert written().startswith("# Working paper of the auditor\n\n**PRACTICE. This was no production")


def test_a_production_does_not():
    assert "PRACTICE" not in written("production", verdict=[])


def test_an_unknown_mode_is_said():
    assert "neither practice nor production" in written("practice", saying("open", {"mode": "rehearsal"}))


@pytest.mark.parametrize(
    ("level", "said"),
    [
        pytest.param(Level.OK, "The folder verifies, so the records", id="verified"),
        pytest.param(Level.FAILED, "**The folder does not verify. No row below can be relied on.**", id="failed"),
        pytest.param(Level.INCOMPLETE, "**The folder is incomplete", id="incomplete"),
    ],
)
def test_what_rows_rest_on_is_the_verdict(level, said):
    assert said in written(level=level).split("## Ceremony")[0]


def test_the_ceremony_is_identified():
    said = section(written(), "Ceremony")
    assert f"| Ceremony | {'c0' * 16} |" in said
    assert "| Mode | practice |" in said
    assert "| Name | acme-root |" in said
    assert "| Facility | vault |" in said
    assert "| The log has ended | yes |" in said


def test_the_verdict_is_repeated_line_by_line():
    said = section(written(), "Verdict of the audit")
    assert "| 1 | OK ceremony.jsonl: 126 records chain, from open to close |" in said
    assert "| 2 | OK mode: PRACTICE |" in said


def test_people_their_answers_and_signatures_are_listed():
    said = section(written(), "People")
    assert re.search(r"\| Wim \| witness \| Notaries \| yes \| key \| agree \| heads/\d{4}\.wim-[0-9a-f]{8}\.sig \|", said)
    absent = section(written("practice", nothing), "People")
    assert "Wim" not in absent
    uncalled = section(written("practice", lambda records: records[:1]), "People")
    assert "| Wim | witness | Notaries | yes | not called | none | not there |" in uncalled


def test_every_row_is_there_once_with_its_finding_and_room_for_the_auditor():
    said = section(written(), "Criteria")
    for clause in judged("practice", fit=False).values():
        rows = re.findall(rf"^\| {clause.number} \| (.*) \|$", said, re.MULTILINE)
        assert len(rows) == 1, clause.number
        cells = re.split(r"(?<!\\) \| ", rows[0])
        assert cells[2] == clause.finding.words
        assert cells[-2:] == ["", ""]
        assert ("compare with the standard" in cells[0]) is not clause.checked
    assert [title for _, title in FAMILIES] == re.findall(r"^### (.*)$", said, re.MULTILINE)


def test_a_long_answer_says_how_much_more_there_is():
    assert re.search(r"^\| 23 \|.*\| 0, 1, 2, .*, 11 and \d+ more \|", written(), re.MULTILINE)


def test_deviations_stand_with_their_three_answers():
    said = section(written("practice", adding("deviation", NOTED, actor="Wim")), "Deviations")
    assert re.search(r"\| \d+ \| 2026-\S+Z \| close \| Wim \| a sealed bag \| an open one \| to use another \|  \|", said)
    assert "| What was expected | What happened | What was decided | Auditor's notes |" in said
    assert "No record notes one." in section(written(), "Deviations")


def test_of_too_many_deviations_the_rest_is_counted(monkeypatch):
    monkeypatch.setattr(module, "MOST_DEVIATIONS", 2)
    said = section(written("practice", *[adding("deviation", NOTED)] * 5), "Deviations")
    assert said.count("a sealed bag") == 2
    assert "3 more are in the log." in said


def test_what_software_cannot_prove_and_the_limits_have_room_for_notes():
    text = written()
    assert section(text, "What software cannot prove").count("How this was seen to: ____") == len(UNPROVABLE)
    assert "Python and its libraries may have copied them" in section(text, "Custody, and limits of this program")


def test_the_opinion_is_left_to_the_auditor():
    said = section(written(), "Opinion: to be written by the auditor")
    assert not re.sub(r"&nbsp;|_|Name:|Date:|Signature:|\s", "", said)


def test_the_same_folder_gives_the_same_paper():
    assert written() == written()


def test_a_folder_without_a_record_has_a_paper():
    assert "| Records | 0 |" in written("practice", nothing)


# --- nothing of the folder can format it ---


def every_text(value: Any, payload: str) -> Any:
    """Put a payload into every text that does not decide what a record is about."""
    if isinstance(value, dict):
        return {k: v if k in ("action", "kind", "mode", "how", "software") else every_text(v, payload) for k, v in value.items()}
    if isinstance(value, list):
        return [every_text(item, payload) for item in value]
    return f"{value}{payload}" if isinstance(value, str) else value


def planting(payload: str) -> Callable[[Records], Records]:
    def change(records: Records) -> Records:
        for record in records:
            record["body"] = every_text(record["body"], payload)
            record["actor"] += payload
            record["step"] += payload if record["kind"] == "deviation" else ""
        return records

    return change


def planted(payload: str) -> str:
    extra = (f"evidence/{payload}",)
    return written("yubikey", adding("deviation", NOTED), planting(payload), extra=extra, verdict=[f"OK {payload}"])


@lru_cache(maxsize=1)
def plain() -> Counter[str]:
    return shape(planted("x"))


@pytest.mark.parametrize("payload", [*MARKUP, *HIDDEN])
def test_markup_planted_everywhere_comes_out_inert(payload):
    text = planted(payload)
    assert shape(text) == plain()
    assert not re.search("[^\n\x20-\x7e…]", text.replace("é", ""))
    printed = "".join(c if c.isprintable() else f"(U+{ord(c):04X})" for c in payload)
    for said in (f"OK {printed}", f"a sealed bag{printed}", f"vault{printed}", f"Wim{printed}"):
        assert said in shown(text), said


def test_plain_text_stays_readable():
    said = "2026-11-19T09:00:00.000000Z, docker.io/acme/app: 3 of 5 (row 4a), heads/0001.txt"
    assert escape(said) == said


@pytest.mark.parametrize("payload", ["https://e.example", "www.e.example", "WWW.e.example", "a@e.example", ":x:"])
def test_what_renderers_make_links_of_is_broken_up(payload):
    assert "\\" in escape(payload)
    assert shown(escape(payload)) == payload


def test_another_actor_of_a_record_changes_only_what_it_names():
    assert "Mallory" in written("practice", adding("deviation", NOTED), being("deviation", {"actor": "Mallory"}))


def test_the_log_is_named_as_the_one_record():
    assert bundle.LOG in section(written(), "Criteria")
