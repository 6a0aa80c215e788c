# SPDX-License-Identifier: Apache-2.0
"""The printed script of a ceremony, as Markdown: who does what, what is said aloud, boxes to sign.

It is made before the day from the plan alone, so the same plan gives the same
bytes, and its digest can be compared. On the day it is the paper beside the screen:
times and initials at each step, a sheet for deviations, and each person's own
answer at the end. Text of the plan is escaped, so that it can neither format the
page nor hide anything on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from ceremony.core import words
from ceremony.core.markdown import BLANK, escape, table
from ceremony.core.plan import CompromisedPlan, Custody, KeyPlan, Plan, RepositoryPlan, Role, Source
from ceremony.core.plan_lint import PlanWarning
from ceremony.core.procedure import EVERYBODY, StepInfo

MAX_LISTED = 200
"""Names printed one by one for one section of repositories; of more, the first and the last."""
DEVIATION_ROWS = 8

_KNOW = {
    ("lock", Custody.TOKEN_WRAPPED): "this host held the key that the root key was wrapped under, and could have read it.",
    (
        "root-keys",
        Custody.IMPORTED,
    ): "this host makes each root key in its memory, writes its backup to both volumes, and puts it on"
    " its token; it could have kept a copy, and nothing can attest that it did not.",
}
"""What people are told beside a step, by custody."""
_KNOW_ALWAYS = {
    "open-backup": "this host has each restored root key in its memory from here until its new backup is written; it could"
    " keep a copy.",
}


def script(plan: Plan, steps: Sequence[StepInfo], warnings: Sequence[PlanWarning]) -> str:
    """Return the script of a plan, to be printed; `warnings` are those of `plan_lint.lint`."""
    parts = (
        _title(plan, steps),
        _subject(plan),
        _people(plan),
        _hardware(plan),
        _repositories(plan.repositories),
        _warnings(warnings),
        _steps(plan, steps),
        _deviations(),
        _sign_off(plan),
    )
    return "\n".join(line for part in parts for line in part)


def _title(plan: Plan, steps: Sequence[StepInfo]) -> Iterator[str]:
    yield from (f"# Script of the ceremony {escape(plan.name)}", "")
    yield from ("Read the digest of the plan aloud. It is the one that was approved.", "")
    spoken = words.words(plan.sha256)
    yield from ("```text", f"sha256 {plan.sha256}")
    yield from (" ".join(spoken[i : i + 8]) for i in range(0, len(spoken), 8))
    yield from ("```", "")
    yield from (f"{len(steps)} steps, about {sum(step.minutes for step in steps)} minutes.", "")
    yield from (f"Mode (practice or production): {BLANK}", "")
    yield from (f"Date: {BLANK} Begun (UTC): {BLANK} Ended (UTC): {BLANK}", "")
    yield from (f"Ceremony id, from the screen: {BLANK * 2}", "")


def _subject(plan: Plan) -> Iterator[str]:
    rows = [
        ("Kind", plan.kind),
        ("Dialect", plan.dialect),
        ("Place", plan.facility),
        ("Ceremony before this one", plan.previous),
        ("Request", plan.request or "none named"),
        ("Trusted root", plan.trusted_root or "none named"),
    ]
    if plan.root.threshold:
        root = plan.root
        rows += [
            ("Root key", f"{root.algorithm}, {root.threshold} of {len(root.tokens)} tokens, custody {root.custody}"),
            ("Root certificate", root.certificate),
        ]
    rows += [(f"Expires: {name}", _utc(time)) for name, time in _expires(plan)]
    if plan.change is not None and plan.change.compromised is not None:
        rows += _stolen(plan.change.compromised)
    if plan.backup.protect:
        rows.append(("Backups protected by", _protection(plan)))
    yield from ("## What is decided", "")
    yield from table(("", ""), rows)


def _stolen(compromised: CompromisedPlan) -> Iterator[tuple[str, str]]:
    yield "Stolen keys", ", ".join(compromised.keys[:MAX_LISTED])
    yield "Why", compromised.reason
    good = compromised.last_good
    known = f"version {good} of targets" if isinstance(good, int) else _utc(good) if good is not None else "not known"
    yield "Last good", known
    yield "New keys go to", compromised.deliver_to or "whom each repository names"


def _expires(plan: Plan) -> Iterable[tuple[str, datetime]]:
    if plan.change is not None:
        return plan.change.expires.items()
    return (("root", plan.expires.root), ("certificate", plan.expires.certificate), ("targets", plan.expires.targets))


def _protection(plan: Plan) -> str:
    if plan.backup.protect == "shares":
        return f"shares, {plan.backup.needed} of {plan.backup.total}"
    return "a passphrase that one person holds"


def _people(plan: Plan) -> Iterator[str]:
    yield from ("## People", "")
    rows = [
        (
            person.name,
            person.role,
            person.organisation,
            "yes" if person.independent else "no",
            "has a key" if person.key else "no key",
            "",
        )
        for person in plan.people
    ]
    yield from table(("Name", "Role", "Organisation", "Independent", "Key", "Present (initials)"), rows)
    quorum = ", ".join(f"{count} {role}" for role, count in plan.quorum.items())
    yield from (f"Who signs the log at the end, at least: {escape(quorum)}; one of them independent.", "")


def _hardware(plan: Plan) -> Iterator[str]:
    names = dict.fromkeys((*plan.root.tokens, *(plan.change.tokens if plan.change else ())))
    yield from ("## Tokens", "")
    yield from table(("Name", "Serial, read from the token", "Custodian", "Seal before", "Seal after"), _blank(names, 4))
    yield from ("## Volumes", "")
    media = ("volume A", "volume B", "courier")
    yield from table(("Medium", "Serial, read from the medium", "Custodian", "Seal before", "Seal after"), _blank(media, 4))


def _blank(names: Iterable[str], columns: int) -> list[tuple[str, ...]]:
    return [(name, *[""] * columns) for name in names]


def _repositories(repositories: Sequence[RepositoryPlan]) -> Iterator[str]:
    yield from (f"## Repositories: {len(repositories)}", "")
    sections: dict[int, list[RepositoryPlan]] = {}
    for repository in repositories:
        sections.setdefault(repository.section, []).append(repository)
    for members in sections.values():
        keys = members[0].keys()
        yield from (f"{role}: {escape(_key(key, role))}  " for role, key in keys.items())
        signers = ", ".join(f"{signer.name} ({signer.path})" for signer in members[0].signers)
        going = ", ".join(members[0].remove_signers)
        yield f"signers: {escape(signers) or 'none'}" + (f"; those that go: {escape(going)}" if going else "")
        yield ""
        yield from (f"- {escape(repository.name)}" for repository in members[: MAX_LISTED - 1])
        if len(members) > MAX_LISTED:
            yield f"- ({len(members) - MAX_LISTED} more between these two, listed in the plan)"
        yield from (f"- {escape(repository.name)}" for repository in members[MAX_LISTED - 1 :][-1:])
        yield ""


def _key(key: KeyPlan, role: str) -> str:
    if key.source is Source.GENERATE:
        return f"made here, {key.algorithm}, delivered to {key.deliver_to}"
    if key.source is Source.FILE:
        return f"brought by the team, {key.path}"
    return "as it is published" if role == "targets" else "from the request"  # no request brings a targets key


def _warnings(warnings: Sequence[PlanWarning]) -> Iterator[str]:
    if warnings:
        yield from ("## Know before you begin", "")
        yield from (f"- {escape(str(warning))} ({escape(warning.hint)})" for warning in warnings)
        yield ""


def _steps(plan: Plan, steps: Sequence[StepInfo]) -> Iterator[str]:
    yield from ("## Steps", "")
    for number, step in enumerate(steps, 1):
        yield from (f"### {number}. {escape(step.title)} (about {step.minutes} min)", "")
        yield f"- **Who:** {escape(_who(plan, step))}"
        yield f"- **Say:** {escape(step.say)}"
        yield f"- **Do:** {escape(step.do)}"
        yield f"- **Check:** {escape(step.check)}"
        if step.irreversible:
            yield f"- **{step.but or 'This cannot be undone.'}**"
        known = _KNOW.get((step.name, plan.root.custody)) or _KNOW_ALWAYS.get(step.name)
        if known is not None:
            yield f"- **Know:** {known}"
        yield from ("", f"☐ done as written ☐ deviation no. ____ Time (UTC): {BLANK} Initials: {BLANK}", "")


def _who(plan: Plan, step: StepInfo) -> str:
    if step.who == EVERYBODY:
        return EVERYBODY
    if step.who == Role.CUSTODIAN:
        people = plan.custodians()
    else:
        people = tuple(person for person in plan.people if person.role == step.who)
    names = " or ".join(person.name for person in people) or plan.recorder()
    return f"{step.who}: {names}"


def _deviations() -> Iterator[str]:
    yield from ("## Deviations", "")
    yield from ("Anything that did not go as written, however small. It is recorded on the screen too.", "")
    header = ("No.", "Step", "What was expected", "What happened", "What was decided", "By")
    yield from table(header, _blank((str(number) for number in range(1, DEVIATION_ROWS + 1)), 5))


def _sign_off(plan: Plan) -> Iterator[str]:
    yield from ("## Sign-off", "")
    yield from ("I was present throughout. This script was followed, and what is noted in it is a true record.", "")
    for person in plan.people:
        yield from (f"### {escape(person.name)}, {person.role}, {escape(person.organisation)}", "")
        yield from ("☐ agree ☐ agree with noted exceptions ☐ do not agree, because:", "", BLANK * 4, "")
        yield from (f"Signature: {BLANK * 2} Date: {BLANK}", "")


def _utc(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC")
