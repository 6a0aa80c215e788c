# SPDX-License-Identifier: Apache-2.0
"""What standards ask of a key ceremony, row by row, and the records that answer; what no log can show; how to verify."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import replace
from enum import StrEnum

from ceremony.core import bundle, clauses
from ceremony.core.canonical import JsonObject
from ceremony.core.clauses import Clause, Holds
from ceremony.core.record import Outcome
from ceremony.report.page.markup import Element, Node, el
from ceremony.report.page.material import INVENTORY, Material
from ceremony.report.page.parts import code, items, note, section, table

_LATER = "The close, the last head or people's signatures answer it, which follow this page."


class _State(StrEnum):
    """What is said of a row here; the value is its class in the style sheet."""

    MET = "met"
    LATER = "later"
    NOT_MET = "not-met"
    NOT_APPLICABLE = "not-applicable"
    OUTSIDE = "outside"


_WORDS = {state: Holds(state.value).words for state in _State if state is not _State.LATER} | {
    _State.LATER: "open until the close"
}
_MARK = {_State.MET: "●", _State.LATER: "◐", _State.NOT_MET: "▲", _State.NOT_APPLICABLE: "–", _State.OUTSIDE: "○"}
"""Before the words: on paper there may be no colour."""


def table_of_clauses(m: Material) -> Element:
    """Return the section."""
    judged = clauses.judge(m.past, m.records, m.plan, m.names)
    later = {clause.number for clause in _supposed(m) if clause.finding is Holds.MET}
    rows = [(clause, _State.LATER if _waits(clause, later) else _State(clause.finding.value)) for clause in judged]
    counts = Counter(state for _, state in rows)
    return section(
        "clauses",
        "What standards ask",
        note(
            "What the log shows of each demand up to here. What its close, the last head and people's signatures have to answer is open "
            "on this page, which is made before them; ceremony audit judges it again. Whether the controls suffice is an auditor's "
            "opinion, which no program writes. † is told from memory or from a transcription: compare it with the standard."
        ),
        el(
            "ul",
            [
                el("li", el("strong", f"{counts[state]:,}"), f" {_WORDS[state]}", class_=state)
                for state in _State
                if counts[state]
            ],
            class_="numbers",
        ),
        table(("Row", "Source", "Demand", "Shown", "Why, and where"), [_row(*row) for row in rows], class_="clauses"),
    )


def _waits(clause: Clause, later: Container[str]) -> bool:
    return clause.finding is Holds.NOT_MET and clause.number in later


def _supposed(m: Material) -> Sequence[Clause]:
    """Return the rows as they would be if the log were closed now as it stands, and everybody who was there signed its last head."""
    last = m.records[-1] if m.records else None
    if last is None:
        return ()
    answers: JsonObject = {key: body.get("answer", "") for (action, key), body in m.past.results.items() if action == "answer"}
    counts: JsonObject = dict(m.past.counts)
    body: JsonObject = {
        "inventory": m.past.files.get(INVENTORY, ""),
        "counts": counts,
        "deviations": m.past.counts.get("deviation", 0),
        "open_intents": 0,
        "answers": answers,
    }
    close = last._replace(seq=last.seq + 1, kind="close", step="close", actor="ceremony", outcome=Outcome.OK, body=body)
    number = 1 + bundle.highest_head(m.names)
    here = m.made("roll-call").texts("present")
    signed = {bundle.head_signature(number, name) for name in here}
    names = m.names | signed | {bundle.head(number), bundle.MANIFEST, bundle.REPORT}
    return clauses.judge(replace(m.past, closed=True), (*m.records, close), m.plan, names)


def _row(clause: Clause, state: _State) -> tuple[Node, ...]:
    finding = el("span", f"{_MARK[state]} {_WORDS[state]}", class_=state)
    if state is _State.LATER:
        return clause.number, _source(clause), clause.demand, finding, _LATER
    return clause.number, _source(clause), clause.demand, finding, [el("div", clause.why), _where(clause)]


def _source(clause: Clause) -> str:
    return f"{clause.source} †" if clause.caution else clause.source


def _where(clause: Clause) -> Node:
    said: list[Node] = []
    if clause.records:
        more = clause.answered - len(clause.records)
        numbers = ", ".join(f"{number}" for number in clause.records)
        said.append(el("div", f"records {numbers}" + (f" and {more:,} more" if more > 0 else ""), class_="cite"))
    if clause.files:
        more = clause.filed - len(clause.files)
        said.append(el("div", ", ".join(clause.files) + (f" and {more:,} more" if more > 0 else ""), class_="cite"))
    return said


def limits(m: Material) -> Element:
    """Return what no program can show, and what this ceremony leaves open."""
    return section(
        "limits",
        "What this page cannot show",
        items([*clauses.UNPROVABLE, *clauses.limits(m.past, m.records, m.plan, m.names)]),
    )


def verify() -> Element:
    """Return how to verify the folder: in two sentences, without a verdict."""
    return section(
        "verify",
        "How to verify",
        el(
            "p",
            "This page is made from the folder by rule and judges nothing: to have the folder judged, take it to another computer and run ",
            code("sh verify.sh DIR"),
            ", open ",
            code("verify.html"),
            " in a browser and drop the folder on it, or run ",
            code("ceremony audit DIR --signers FILE"),
            ", which also makes this page again and compares every byte. Take those programs and the people's keys from where their "
            "release and these people publish them, never from this folder: what comes with a folder cannot vouch for it.",
        ),
    )
