# SPDX-License-Identifier: Apache-2.0
"""The first pages of the script: the plan's digest to be read aloud, what was decided, people, hardware, repositories."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from ceremony.core.plan import CompromisedPlan, Custody, KeyPlan, Kind, Plan, RepositoryPlan, Source
from ceremony.core.plan_lint import PlanWarning
from ceremony.core.procedure import StepInfo
from ceremony.core.script import custody
from ceremony.core.script.document import Block, Choice, Digest, Facts, Field, Form, Items, Paragraph, Section, Space, Table

MAX_LISTED = 200
"""Names printed one by one for one section of repositories, or of stolen keys; of more, the first and the last."""

WAIVED = "Waived before the day"


def title(plan: Plan, steps: Sequence[StepInfo]) -> tuple[Block, ...]:
    """Return what stands on the title page, below the title."""
    return (
        Paragraph("Read the digest of the plan aloud. It is the one that was approved."),
        Digest(plan.sha256),
        Form(label="Everybody heard the same", fields=(Field("Initials", Space.INITIALS), Field("Initials", Space.INITIALS))),
        Paragraph(f"{len(steps)} steps, about {sum(step.minutes for step in steps)} minutes."),
        Form(label="Mode", choices=(Choice("practice"), Choice("production"))),
        Form(fields=(Field("Date"), Field("Begun (UTC)"), Field("Ended (UTC)"))),
        Form(fields=(Field("Ceremony id, from the screen", Space.LINE),)),
        Form(fields=(Field("This copy is kept by", Space.LINE),)),
    )


def sections(plan: Plan, steps: Sequence[StepInfo], warnings: Sequence[PlanWarning]) -> Iterator[Section]:
    """Yield the sections before the steps."""
    yield _subject(plan)
    if plan.waivers:
        said = Paragraph("The machine need not pass these checks. One that it does not pass is recorded as a deviation.")
        yield Section(WAIVED, (said, Facts(tuple((waiver.check, waiver.reason) for waiver in plan.waivers))))
    if warnings:
        texts = tuple(f"{warning} ({warning.hint})" for warning in warnings)
        yield Section("Know before you begin", (Items(texts),))
    yield _people(plan)
    yield _hardware(plan, brings=any(step.name == "load-request" for step in steps))
    if plan.kind is not Kind.RECOVERY:
        yield _repositories(plan.repositories)


def _subject(plan: Plan) -> Section:
    rows = [
        ("Kind", str(plan.kind)),
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
    stolen = plan.change.compromised if plan.change else None
    if stolen is not None:
        rows += _stolen(stolen)
    if plan.backup.protect:
        rows.append(("Backups protected by", _protection(plan)))
    below = (_stolen_keys(stolen),) if stolen is not None else ()
    return Section("What is decided", (Facts(tuple(rows)),), below, page=True)


def _stolen(compromised: CompromisedPlan) -> Iterator[tuple[str, str]]:
    yield "Why", compromised.reason
    good = compromised.last_good
    yield "Last good", f"version {good} of targets" if isinstance(good, int) else _utc(good) if good is not None else "not known"
    yield "New keys go to", compromised.deliver_to or "whom each repository names"


def _stolen_keys(compromised: CompromisedPlan) -> Section:
    return Section(f"Stolen keys: {len(compromised.keys)}", (Items(tuple(_listed(compromised.keys))),))


def _expires(plan: Plan) -> Iterable[tuple[str, datetime]]:
    if plan.change is not None:
        return plan.change.expires.items()
    return (("root", plan.expires.root), ("certificate", plan.expires.certificate), ("targets", plan.expires.targets))


def _protection(plan: Plan) -> str:
    if plan.backup.protect == "shares":
        return f"shares, {plan.backup.needed} of {plan.backup.total}"
    return "a passphrase that one person holds"


def _people(plan: Plan) -> Section:
    rows = tuple(
        (
            person.name,
            str(person.role),
            person.organisation,
            "yes" if person.independent else "no",
            "has a key" if person.key else "no key",
            "",
        )
        for person in plan.people
    )
    header = ("Name", "Role", "Organisation", "Independent", "Key", "Present (initials)")
    quorum = ", ".join(f"{count} {role}" for role, count in plan.quorum.items())
    signs = Paragraph(f"Who signs the log at the end, at least: {quorum}; one of them independent.")
    return Section("People", (Table(header, rows, (23, 17, 20, 12, 11, 17)), signs), page=True)


def _hardware(plan: Plan, *, brings: bool) -> Section:
    rows = tuple((what, purpose, "") for what, purpose in _needed(plan, brings=brings))
    table = Table(("On the table", "For", "Seen (initials)"), rows, (34, 49, 17))
    said = "Serials, bags and seals are written down on the custody sheet."
    return Section("Hardware", (Paragraph(said), table))


def _needed(plan: Plan, *, brings: bool) -> Iterator[tuple[str, str]]:
    yield "the computer", "no network, no radio; switched off at the end"
    yield "a watch", "to compare the time with"
    for name in custody.tokens(plan):
        yield f"token {name}", _role_of(plan, name)
    if plan.kind is Kind.RECOVERY:
        yield "one old volume", "holds the backup that is restored"
        yield "the secret of the old backup", "its passphrase, or as many shares as are needed"
    yield "volume A", "the log and the backups; never on an online machine"
    yield "volume B", "the same, on another device"
    yield "courier", "brings the request in, takes the ceremony folder out" if brings else "takes the ceremony folder out"
    yield "each person's own key", "answers the roll call, signs the log"
    yield f"{custody.bags(plan)} bags with numbered seals", "one for each token and each medium"
    yield f"{custody.envelopes(plan)} envelopes", "one for each secret on paper"


def _role_of(plan: Plan, name: str) -> str:
    if name in plan.signing_tokens:
        return "signs with the root key that it has"
    if plan.kind is Kind.RECOVERY:
        return "a root key is restored to it"
    if plan.root.custody is Custody.IMPORTED:
        return "a root key is made for it on the computer, and put on it"
    return "a root key is made on it"


def _repositories(repositories: Sequence[RepositoryPlan]) -> Section:
    if not repositories:
        said = "The plan names none. Those that are signed are shown in the step Review."
        return Section("Repositories", (Paragraph(said),), page=True)
    groups: dict[int, list[RepositoryPlan]] = {}
    for repository in repositories:
        groups.setdefault(repository.section, []).append(repository)
    below = tuple(_alike(members) for members in groups.values())
    return Section(f"Repositories: {len(repositories)}", (), below, page=True)


def _alike(members: Sequence[RepositoryPlan]) -> Section:
    first = members[0]
    rows = [(role, _key(key, role)) for role, key in first.keys().items()]
    signers = ", ".join(f"{signer.name} ({signer.path})" for signer in first.signers) or "none"
    going = ", ".join(first.remove_signers)
    rows.append(("signers", signers + (f"; those that go: {going}" if going else "")))
    names = tuple(_listed([repository.name for repository in members]))
    counted = "1 repository" if len(members) == 1 else f"{len(members)} repositories with the same keys"
    return Section(counted, (Facts(tuple(rows)), Items(names, names=True)))


def _listed(names: Sequence[str]) -> Iterator[str]:
    yield from names[: MAX_LISTED - 1]
    if len(names) > MAX_LISTED:
        yield f"({len(names) - MAX_LISTED} more between these two, listed in the plan)"
    yield from names[MAX_LISTED - 1 :][-1:]


def _key(key: KeyPlan, role: str) -> str:
    if key.source is Source.GENERATE:
        return f"made here, {key.algorithm}, delivered to {key.deliver_to}"
    if key.source is Source.FILE:
        return f"brought by the team, {key.path}"
    return "as it is published" if role == "targets" else "from the request"  # no request brings a targets key


def _utc(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC")
