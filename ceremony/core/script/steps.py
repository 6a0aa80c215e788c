# SPDX-License-Identifier: Apache-2.0
"""The steps on paper: all of them in short, then a page for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ceremony.core.plan import Custody, Plan, Role
from ceremony.core.procedure import EVERYBODY, StepInfo
from ceremony.core.script.document import Choice, Cue, Field, Form, Guidance, Lines, Section, Space, Table
from ceremony.core.script.opening import WAIVED

MAX_WHO = 300
"""Characters of the names beside a step; longer ones stand under People alone, so that a step keeps to its page."""
NOTES = 4

_KNOW = {
    ("lock", Custody.TOKEN_WRAPPED): "this host held the key that the root key was wrapped under, and could have read it.",
    ("root-keys", Custody.IMPORTED): (
        "this host makes each root key in its memory, writes its backup to both volumes, and puts it on"
        " its token; it could have kept a copy, and nothing can attest that it did not."
    ),
}
"""What people are told beside a step, by custody."""
_KNOW_ALWAYS = {
    "open-backup": "this host has each restored root key in its memory from here until its new backup is written; it could"
    " keep a copy.",
}
_GATE = "At the end of this step the head of the log is read aloud. Write its words on the head sheet."
_LAST = "The final head is read aloud. Write all its words on the head sheet."


def steps(plan: Plan, procedure: Sequence[StepInfo]) -> Section:
    """Return the steps of a plan: a table of all, and a page for each."""
    rows = tuple((str(number), step.title, step.who, str(step.minutes)) for number, step in enumerate(procedure, 1))
    overview = Table(("No.", "Step", "Who", "Minutes"), rows, (9, 47, 30, 14))
    pages = tuple(_page(plan, number, step) for number, step in enumerate(procedure, 1))
    return Section("Steps", (overview,), pages, page=True)


def _page(plan: Plan, number: int, step: StepInfo) -> Section:
    done = Form((Choice("done as written"), Choice("deviation no.", numbered=True)))
    signed = Form(
        fields=(
            *(Field("Begun (UTC)"), Field("Ended (UTC)")),
            *(Field("Initials, who acted", Space.INITIALS), Field("who saw it", Space.INITIALS)),
        )
    )
    blocks = (Guidance(tuple(_lines(plan, step))), Lines(NOTES), done, signed)
    return Section(f"{number}. {step.title}", blocks, aside=f"about {step.minutes} min", page=True)


def _lines(plan: Plan, step: StepInfo) -> Iterator[tuple[Cue, str]]:
    yield Cue.WHO, _who(plan, step)
    yield Cue.SAY, step.say
    yield Cue.DO, step.do
    yield Cue.CHECK, step.check
    if step.irreversible:
        yield Cue.BUT, step.but or "This cannot be undone."
    known = _KNOW.get((step.name, plan.root.custody)) or _KNOW_ALWAYS.get(step.name)
    if known is not None:
        yield Cue.KNOW, known
    if step.name == "preflight" and plan.waivers:
        yield Cue.KNOW, f"the plan waives {', '.join(waiver.check for waiver in plan.waivers)}: see {WAIVED}."
    if step.gate or step.name == "close":
        yield Cue.HEAD, _GATE if step.gate else _LAST


def _who(plan: Plan, step: StepInfo) -> str:
    if step.who == EVERYBODY:
        return EVERYBODY
    if step.who == Role.CUSTODIAN:
        people = plan.custodians()
    else:
        people = tuple(person for person in plan.people if person.role == step.who)
    names = " or ".join(person.name for person in people) or plan.recorder()
    if len(names) > MAX_WHO:
        names = f"one of {len(people)}, whose names stand under People"
    return f"{step.who}: {names}"
