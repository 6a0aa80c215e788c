# SPDX-License-Identifier: Apache-2.0
"""The auditor's working paper, as Markdown: what was found of each clause, the records to look at, and room to write.

It repeats the verdict of the audit, and never says what an auditor thinks: the place
for the opinion is empty. The same folder and the same verdict give the same bytes.
Text of the folder is escaped, so that it can neither format the paper nor hide
anything on it: what does not print stands there as its code point.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ceremony.core import markdown
from ceremony.core.audit.verdict import Audited
from ceremony.core.chronicle.facts import facts
from ceremony.core.clauses import UNPROVABLE, Clause, Holds, judge, limits
from ceremony.core.clauses.seen import see
from ceremony.core.markdown import BLANK
from ceremony.core.plan import Mode, Plan
from ceremony.errors import ExitCode

MOST_DEVIATIONS = 1000
"""Deviations that are printed; of more, the paper says how many."""
FAMILIES = (
    (1, "CA/B Forum: Baseline Requirements and Network Security Requirements"),
    (9, "ETSI"),
    (12, "WebTrust for CAs, and Mozilla's root store policy"),
    (15, "ISO 21188"),
    (16, "Other people's ceremonies: IANA, Juicebox, PyPI and PSF"),
    (19, "PEP 458, TUF, Docker and Notary, Sigstore"),
    (23, "NIST SP 800-53"),
    (29, "NIST SP 800-57 and 800-130/152, FIPS 140"),
)
"""The first row of each family of sources, and its name."""

# Of links and emoji that a renderer makes of plain text, what they begin with; a time and a clause stay readable.
_MORE = re.compile(r"[@!]|(?<!\d):(?=\S)|:(?=[^\s\d])|(?<=www)\.", re.IGNORECASE)
_RELIES = {
    ExitCode.DONE: "The folder verifies, so the records and files that rows name are those that people signed.",
    ExitCode.FAILED: "**The folder does not verify. No row below can be relied on.**",
    ExitCode.INCOMPLETE: "**The folder is incomplete, or nothing from outside it vouches for it. Rows say what is there so far.**",
}
_HOW = (
    "Each row says what the log and the names of the folder's files show, and no more: *met* says that they show it, not that what"
    " they tell is true. *Outside* is what no software can prove."
)


def escape(text: str) -> str:
    """Return text as Markdown that shows exactly its characters, and makes no link, no formula and no picture of them."""
    return _MORE.sub(r"\\\g<0>", markdown.escape(text))


def paper(audited: Audited, plan: Plan | None, verdict: Sequence[str]) -> str:
    """Return the working paper of a folder; `verdict` are the lines of its audit, `plan` its plan where it can be read."""
    told = audited.past, audited.found.records, plan, audited.names
    clauses = judge(*told)
    parts = (
        _title(audited),
        _ceremony(audited),
        _verdict(audited, verdict),
        _people(audited, plan),
        _clauses(clauses),
        _deviations(audited),
        _listed("What software cannot prove", UNPROVABLE, "How this was seen to:"),
        _listed("Custody, and limits of this program", limits(*told), "Notes:"),
        _opinion(),
    )
    return "\n".join(line for part in parts for line in part)


def _title(audited: Audited) -> Iterator[str]:
    yield from ("# Working paper of the auditor", "")
    if audited.mode == Mode.PRACTICE:
        yield from ("**PRACTICE. This was no production: nothing below can serve for one.**", "")
    elif audited.mode != Mode.PRODUCTION:
        yield from ("**The first record says neither practice nor production.**", "")
    yield from (_RELIES[audited.verdict], "", _HOW, "")


def _ceremony(audited: Audited) -> Iterator[str]:
    opened, records = facts(audited.past.opened), audited.found.records
    plan, tool = opened.inner("plan"), opened.inner("tool")
    rows = (
        ("Ceremony", records[0].ceremony if records else ""),
        ("Mode", audited.mode),
        *((name.capitalize(), plan.text(name)) for name in ("name", "kind", "dialect", "facility")),
        ("SHA-256 of the plan", plan.text("sha256")),
        ("Ceremony before this one", opened.text("previous")),
        ("First record (UTC)", records[0].utc if records else ""),
        ("Last record (UTC)", records[-1].utc if records else ""),
        ("Records", str(len(records))),
        ("The log has ended", "yes" if audited.past.closed else "no"),
        ("Program", f"{tool.text('version')}, SHA-256 {tool.text('sha256')}"),
    )
    yield from ("## Ceremony", "")
    yield from markdown.table(("", ""), rows, escape)


def _verdict(audited: Audited, lines: Sequence[str]) -> Iterator[str]:
    yield from ("## Verdict of the audit", "")
    yield from markdown.table(
        ("No.", f"As found: {audited.verdict.name}"), ((str(n), line) for n, line in enumerate(lines, 1)), escape
    )


def _people(audited: Audited, plan: Plan | None) -> Iterator[str]:
    seen = see(audited.past, audited.found.records, plan, audited.names)
    called = {facts(r.body).text("name"): facts(r.body).text("how") for r in seen.of("roll-call")}
    answers = {facts(r.body).text("key"): facts(r.body).text("answer") for r in seen.acts("answer")}
    signed = seen.signed
    rows = (
        (
            person.text("name"),
            person.text("role"),
            person.text("organisation"),
            "yes" if person.flag("independent") else "no",
            called.get(person.text("name"), "not called"),
            answers.get(person.text("name"), "none"),
            signed.get(person.text("name"), "not there"),
        )
        for person in seen.people
    )
    yield from ("## People", "")
    yield from markdown.table(
        ("Name", "Role", "Organisation", "Independent", "Roll call", "Answer at the end", "Signature"), rows, escape
    )


def _clauses(clauses: Sequence[Clause]) -> Iterator[str]:
    counts = Counter(clause.finding for clause in clauses)
    yield from ("## Criteria", "")
    yield from (", ".join(f"{counts[finding]} {finding.words}" for finding in Holds) + ".", "")
    header = ("Row", "Clause", "Demand", "Finding", "Why", "Records", "Files", "Auditor's notes", "Auditor's signature")
    ends = [first for first, _ in FAMILIES[1:]]
    for (first, name), end in zip(FAMILIES, (*ends, None), strict=True):
        yield from (f"### {name}", "")
        rows = [clause for clause in clauses if first <= clause.row and (end is None or clause.row < end)]
        yield from markdown.table(header, (_clause(clause) for clause in rows), escape)


def _clause(clause: Clause) -> tuple[str, ...]:
    source = f"{clause.source} ({clause.caution})" if clause.caution else clause.source
    records = _some(map(str, clause.records), clause.answered)
    return (
        clause.number, source, clause.demand, clause.finding.words, clause.why, records, _some(clause.files, clause.filed), "", "",
    )  # fmt: skip


def _some(texts: Iterable[str], count: int) -> str:
    shown = list(texts)
    more = f" and {count - len(shown)} more" if count > len(shown) else ""
    return ", ".join(shown) + more


def _deviations(audited: Audited) -> Iterator[str]:
    noted = [record for record in audited.found.records if record.kind == "deviation"]
    yield from ("## Deviations", "")
    if not noted:
        yield from ("No record notes one.", "")
        return
    header = ("Record", "Time (UTC)", "Step", "By", "What was expected", "What happened", "What was decided", "Auditor's notes")
    rows = (
        (str(r.seq), r.utc, r.step, r.actor, *(facts(r.body).text(name) for name in ("expected", "happened", "decided")), "")
        for r in noted[:MOST_DEVIATIONS]
    )
    yield from markdown.table(header, rows, escape)
    if len(noted) > MOST_DEVIATIONS:
        yield from (f"{len(noted) - MOST_DEVIATIONS} more are in the log.", "")


def _listed(title: str, sentences: Iterable[str], room: str) -> Iterator[str]:
    yield from (f"## {title}", "")
    for sentence in sentences:
        yield from (f"- {escape(sentence)} {room} {BLANK}",)
    yield ""


def _opinion() -> Iterator[str]:
    yield from ("## Opinion: to be written by the auditor", "", *["&nbsp;", ""] * 4)
    yield from (f"Name: {BLANK * 2} Date: {BLANK} Signature: {BLANK * 2}", "")
