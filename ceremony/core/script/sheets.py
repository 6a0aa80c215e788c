# SPDX-License-Identifier: Apache-2.0
"""The sheets behind the steps: the heads that people hear, deviations, and each person's own answer."""

from __future__ import annotations

from collections.abc import Sequence

from ceremony.core.plan import Plan
from ceremony.core.procedure import StepInfo
from ceremony.core.script.document import Block, Choice, Field, Form, Heard, Paragraph, Section, Space, Table

DEVIATION_ROWS = 8

_READ = (
    "A head states the log so far. It is read aloud in eight groups of four words: write down the first group at least, better all."
    " Years later this sheet shows which log it was. Whoever wants one of their own fills in a copy."
)
_FINAL = "Write down every word, as it is heard and not from the screen. Two people compare what they wrote; then people sign this head."


def heads(procedure: Sequence[StepInfo]) -> Section:
    """Return the head sheet: one head for each gate, and the final one on a page of its own."""
    gates = [(number, step) for number, step in enumerate(procedure, 1) if step.gate]
    below = tuple(Section(f"After step {number}: {step.title}", _head()) for number, step in gates)
    where = Form(fields=(Field("Ceremony id, from the screen", Space.LINE),))
    final = Section("The final head", (Paragraph(_FINAL), where, *_head(whole=True)), page=True)
    return Section("Head sheet", (Paragraph(_READ),), (*below, final), page=True)


def _head(*, whole: bool = False) -> tuple[Block, ...]:
    fields = (
        *(Field("Records in the log"), Field("Time (UTC)")),
        *(Field("Heard, initials", Space.INITIALS), Field("and", Space.INITIALS)),
    )
    return (Heard(whole=whole), Form(fields=fields))


def deviations() -> Section:
    """Return the sheet for deviations."""
    said = Paragraph("Anything that did not go as written, however small. It is recorded on the screen too (F8).")
    header = ("No.", "Step", "What was expected", "What happened", "What was decided", "By")
    rows = tuple((str(number), *[""] * 5) for number in range(1, DEVIATION_ROWS + 1))
    return Section("Deviations", (said, Table(header, rows, (6, 8, 26, 26, 24, 10), tall=True)), page=True)


def sign_off(plan: Plan) -> Section:
    """Return the place where each person answers and signs."""
    said = Paragraph("I was present throughout. This script was followed, and what is noted in it is a true record.")
    answers = Form((Choice("agree"), Choice("agree with noted exceptions"), Choice("do not agree, because")))
    because = Form(fields=(Field("", Space.LINE),))
    signature = Form(fields=(Field("Signature", Space.LONG), Field("Date")))
    below = tuple(
        Section(f"{person.name}, {person.role}, {person.organisation}", (answers, because, signature)) for person in plan.people
    )
    return Section("Sign-off", (said,), below, page=True)
