# SPDX-License-Identifier: Apache-2.0
"""What is left to do once a ceremony was closed, for each person by name: the last screen reads it aloud."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ceremony.core.chronicle.phrases import bag
from ceremony.core.custody_list import Taken, What
from ceremony.core.plan import Custody, Kind, Person, Plan, Role, Source
from ceremony.core.ports import Errand
from ceremony.core.procedure import keeps_backups


def errands(
    plan: Plan, *, signed: Sequence[str], practice: bool, left_out: int = 0, custody: Sequence[Taken] = ()
) -> tuple[Errand, ...]:
    """Return the tasks of everybody who has any, in the plan's order.

    `signed` names those who signed the final head; `left_out` counts the repositories that nothing was signed for;
    `custody` is who takes what with them.
    """
    found = (
        (
            person,
            (
                *_brings(plan, person, custody, practice=practice),
                *_tasks(plan, person, signed=signed, practice=practice, left_out=left_out),
            ),
        )
        for person in plan.people
    )
    return tuple(Errand(person.name, tasks) for person, tasks in found if tasks)


def _brings(plan: Plan, person: Person, custody: Sequence[Taken], *, practice: bool) -> Iterator[str]:
    """Yield what somebody brings away: what the log says that they take; where it says nothing, what is their role's."""
    mine = [one.thing for one in custody if one.holder == person.name]
    if mine:
        listed = ", ".join(f"{one.thing.called} ({bag(one.seal)})" for one in custody if one.holder == person.name)
        yield f"Take what the log says that you take: {listed}."
    recorder = not custody and person.name == plan.recorder()
    volumes = [thing for thing in mine if thing.what is What.VOLUME]
    if recorder or len(volumes) > 1:
        yield "Take both volumes out, seal them, and have them brought to two different places."
    elif volumes:
        yield f"Take {volumes[0].called} out, seal it, and bring it to another place than the other volume's."
    if recorder or any(thing.what is What.COURIER for thing in mine):
        yield from _courier(plan, practice=practice)
    tokens = [thing.name for thing in mine if thing.what is What.TOKEN]
    if not custody and person.role is Role.SECURITY_OFFICER:
        tokens = [*plan.signing_tokens, *plan.key_tokens]
    if tokens:
        yield f"Seal the {_count(tokens, 'token')} and bring {_each(tokens)} to its own safe."


def _courier(plan: Plan, *, practice: bool) -> Iterator[str]:
    if plan.kind is Kind.RECOVERY:
        yield "Carry the courier to an online machine, and keep it: `ceremony audit`. There is nothing to publish."
    elif not practice:
        yield "Carry the courier to an online machine: `ceremony audit`, then `ceremony publish`."


def _tasks(plan: Plan, person: Person, *, signed: Sequence[str], practice: bool, left_out: int) -> Iterator[str]:
    if person.name not in signed and (person.role in plan.quorum or person.independent):
        yield "Sign the final head with your own key, here or later (`ceremony cosign`): the quorum counts on you."
    if person.name == plan.recorder():
        yield from _recorder(plan, practice=practice, left_out=left_out)
    if person.role is Role.SECURITY_OFFICER:
        secret = f"{plan.backup.needed} shares" if plan.backup.protect == "shares" else "its passphrase"
        if plan.kind is Kind.RECOVERY or plan.root.custody is not Custody.TOKEN_ONLY:
            yield f"See that no volume is kept where a token is: with {secret} it gives the root key, as the token does with its PIN."
    if keeps_backups(plan) and person in plan.keepers():
        yield from _keeper(plan, person)
    if person.role is Role.WITNESS:
        yield "Keep the words of the final head, as you heard them: they show later that nobody changed the log."
    if person.role is Role.AUDITOR:
        yield "Verify the copy on the courier with `ceremony audit`, on a machine of your own."


def _keeper(plan: Plan, person: Person) -> Iterator[str]:
    if plan.backup.protect != "shares":
        yield "Keep the paper with the passphrase apart from both volumes. Try the recovery once a year, as RECOVER.txt says."
        return
    number = plan.keepers().index(person) + 1
    yield f"Keep the paper with share {number} apart from both volumes and from every other share; show it to nobody."
    yield f"Try the recovery once a year with {plan.backup.needed - 1} of the others who keep shares, as RECOVER.txt says."


def _recorder(plan: Plan, *, practice: bool, left_out: int) -> Iterator[str]:
    if left_out:
        yield f"Nothing was signed for {_repositories(left_out)}: `evidence/left-out.json` says why. Fetch again, and hold another ceremony."
    if plan.kind is Kind.RECOVERY:
        yield "Keep the old volumes, and the papers that open them, as safe as the new ones, or destroy both: they hold the same keys."
    elif practice:
        yield "Rehearse publishing on a server of your own, if you like: a practice goes to no other."
    if plan.change is not None and (plan.change.new_root or "certificate" in plan.change.expires):
        yield "Give `bundle/trust-pinning.json` to everybody who pins root keys: those of the changed repositories are others now."
    if _delivers(plan):
        yield "Give each team its file of `deliver/`; it is encrypted to that team alone."
    waiting = sum(repository.targets.source is Source.FILE for repository in plan.repositories)
    if waiting:
        teams = (
            f"the teams of {waiting} repositories that keep their" if waiting > 1 else "the team of one repository that keeps its"
        )
        yield f"Tell {teams} own key: they publish their targets themselves."
    yield "Switch this computer off: only then is its memory empty."


def _delivers(plan: Plan) -> bool:
    stolen = plan.change.compromised if plan.change else None
    made = any(key.source is Source.GENERATE for repository in plan.repositories for key in repository.keys().values())
    return made or (stolen is not None and bool(stolen.deliver_to))


def _repositories(count: int) -> str:
    return f"{count:,} repositories" if count > 1 else "one repository"


def _count(tokens: Sequence[str], what: str) -> str:
    return f"{len(tokens)} {what}s" if len(tokens) > 1 else what


def _each(tokens: Sequence[str]) -> str:
    return "each" if len(tokens) > 1 else "it"
