# SPDX-License-Identifier: Apache-2.0
"""Whether what a renewal or a rotation is to change goes together, before anything is fetched or opened.

What only the request can tell (who is affected, which repositories are new) is judged
when it is read; a rehearsal with the request tells it before the day.
"""

from __future__ import annotations

from collections.abc import Iterator

from ceremony.core.plan import ChangePlan, Kind, Plan, Source
from ceremony.core.plan_fields import quoted
from ceremony.core.procedure import keeps_backups
from ceremony.errors import PlanRefused


def check_changes(plan: Plan, *, certified: bool) -> None:
    """Raise PlanRefused, naming the field, for a renewal or a rotation that cannot be, or that changes nothing.

    `certified` tells whether root keys are certificates.
    """
    _check_sources(plan)
    change = plan.change
    if change is None or plan.kind is Kind.RECOVERY:
        return
    if not (change.expires or change.new_root or change.compromised or plan.repositories):
        hint = "write expires, repositories" + (", root.new or compromised" if plan.kind is Kind.ROTATION else "")
        raise PlanRefused("kind", f"the {plan.kind} changes nothing", hint=hint)
    _check_expires(plan, change, certified=certified)
    _check_theft(plan, change)
    if keeps_backups(plan) and not plan.backup.protect:
        raise PlanRefused(
            "backup", "is missing, and keys are made", hint='write [backup] with protect = "shares" or "passphrase"'
        )


def _check_sources(plan: Plan) -> None:
    for repository in plan.repositories:
        field = f"repositories[{repository.section}]"
        here = repository.targets.source is Source.GENERATE
        if plan.kind is Kind.GENESIS and repository.targets.source is Source.REQUEST:
            raise PlanRefused(f"{field}.targets.source", "a request brings no targets key", hint="write generate or file")
        if repository.remove_signers and not here:
            message = "cannot be removed where this ceremony does not sign the targets"
            hint = 'let the team remove them with its own targets key, or write targets = { source = "generate", ... }'
            raise PlanRefused(f"{field}.remove-signers", message, hint=hint)
        for name in sorted({signer.name for signer in repository.signers} & set(repository.remove_signers)):
            raise PlanRefused(f"{field}.remove-signers", f"{quoted(name)} comes and goes", hint="name each signer once")


def _check_expires(plan: Plan, change: ChangePlan, *, certified: bool) -> None:
    days = change.expires
    if change.new_root is not None and plan.key_tokens and certified:
        for name in ("root", "certificate"):
            if name not in days:
                raise PlanRefused(
                    f"expires.{name}", "is missing, and new root keys are made", hint="write until when they are good"
                )
    if {"root", "certificate"} <= days.keys() and certified and days["root"] > days["certificate"]:
        message = "is later than expires.certificate, from when on clients refuse the root"
        raise PlanRefused("expires.root", message, hint="write the day of expires.certificate, or an earlier one")
    signs_targets = any(one.targets.source is Source.GENERATE for one in plan.repositories) or _delivers(change)
    if "targets" in days and not signs_targets:
        message = "is named, and this ceremony signs no targets: they are signed by whoever holds their keys"
        raise PlanRefused("expires.targets", message, hint='remove it, or write targets = { source = "generate", ... }')


def _check_theft(plan: Plan, change: ChangePlan) -> None:
    if change.compromised is not None and not (_delivers(change) or plan.repositories or change.new_root):
        message = "is missing, and no repository is named: nobody would get a new key"
        hint = "write to whom the new keys are encrypted, or name each repository in [[repositories]]"
        raise PlanRefused("compromised.deliver-to", message, hint=hint)


def _delivers(change: ChangePlan) -> bool:
    return change.compromised is not None and bool(change.compromised.deliver_to)


def recipients(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield field and recipient of every delivery that a theft asks for."""
    if plan.change and _delivers(plan.change) and plan.change.compromised:
        yield "compromised.deliver-to", plan.change.compromised.deliver_to
