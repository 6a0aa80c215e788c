# SPDX-License-Identifier: Apache-2.0
"""The printed script of a ceremony: who does what, what is said aloud, boxes to sign, sheets to fill in.

It is made before the day from the plan alone, so the same plan gives the same
bytes, and its digest can be compared. On the day it is the paper beside the screen:
a page for each step with time and initials; a sheet for the heads that are heard, one
for what everybody carries away, one for deviations; and each person's own answer at
the end. It is one `document`, which `as_markdown` and the page for paper
(`report.script`) write, each so that no text of a plan can format the script nor hide
anything on it.

- `opening`   the title; what is decided, known and waived; people, hardware, repositories
- `steps`     the steps in short, and a page for each
- `custody`   the custody sheet: what there is to keep, and who keeps it
- `sheets`    the head sheet, deviations, sign-off
"""

from __future__ import annotations

from collections.abc import Sequence

from ceremony.core.plan import Plan
from ceremony.core.plan_lint import PlanWarning
from ceremony.core.procedure import StepInfo
from ceremony.core.script import custody, opening, sheets, steps
from ceremony.core.script.as_markdown import as_markdown
from ceremony.core.script.document import Document


def document(plan: Plan, procedure: Sequence[StepInfo], warnings: Sequence[PlanWarning]) -> Document:
    """Return the script of a plan, to be written; `warnings` are those of `plan_lint.lint`."""
    return Document(
        f"Script of the ceremony {plan.name}",
        plan.name,
        f"{plan.kind}: {plan.facility}",
        plan.sha256,
        opening.title(plan, procedure),
        (
            *opening.sections(plan, procedure, warnings),
            steps.steps(plan, procedure),
            sheets.heads(procedure),
            custody.sheet(plan),
            sheets.deviations(),
            sheets.sign_off(plan),
        ),
    )


def script(plan: Plan, procedure: Sequence[StepInfo], warnings: Sequence[PlanWarning]) -> str:
    """Return the script of a plan as Markdown; `warnings` are those of `plan_lint.lint`."""
    return as_markdown(document(plan, procedure, warnings))
