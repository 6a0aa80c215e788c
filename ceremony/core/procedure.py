# SPDX-License-Identifier: Apache-2.0
"""The procedure: the ordered steps that a plan's kind expands to (design, section 8).

A step's words are in `step_words`; what it does is in `ceremony.steps`, found by the
same name. Steps that a plan has no need of are left out, so nobody reads aloud what
does not happen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ceremony.core.plan import Custody, Kind, Plan, Source
from ceremony.core.step_words import EVERYBODY, STEPS, WITH_SHARES, StepInfo

__all__ = ["EVERYBODY", "ORDERS", "StepInfo", "procedure"]

ORDERS: Mapping[Kind, tuple[str, ...]] = {
    Kind.GENESIS: (
        *("preflight", "roll-call", "volumes", "load-request", "protector", "tokens", "prepare", "root-keys"),
        *("repository-keys", "back-up", "drill", "lock", "certificates", "review", "sign", "verify", "export", "close"),
    ),
    Kind.RENEWAL: (
        *("preflight", "roll-call", "volumes", "load-request", "protector", "tokens", "repository-keys", "back-up"),
        *("drill", "certificates", "review", "sign", "verify", "export", "close"),
    ),
    Kind.ROTATION: (
        *("preflight", "roll-call", "volumes", "load-request", "impact", "protector", "tokens", "prepare", "root-keys"),
        *("repository-keys", "back-up", "drill", "lock", "certificates", "review", "sign", "verify", "export", "close"),
    ),
    Kind.RECOVERY: (
        *("preflight", "roll-call", "volumes", "open-backup", "tokens", "prepare", "restore", "prove"),
        *("protector", "back-up", "drill", "lock", "close"),
    ),
}
"""Every step that a kind may need, in order; what a plan does not need is left out by `procedure`."""


def procedure(plan: Plan, *, needs_certificate: bool) -> tuple[StepInfo, ...]:
    """Return the steps of a plan, in order; `needs_certificate` says whether its dialect's root keys are certificates."""
    words = {**STEPS, **WITH_SHARES} if plan.backup.protect == "shares" else STEPS
    return tuple(words[name] for name in ORDERS[plan.kind] if name not in _NEEDED or _NEEDED[name](plan, needs_certificate))


def _asks_the_server(plan: Plan, _certificates: bool) -> bool:
    return plan.kind is not Kind.GENESIS or any(
        key.source is Source.REQUEST for repository in plan.repositories for key in repository.keys().values()
    )


def _impacts(plan: Plan, _certificates: bool) -> bool:
    return plan.change is not None and plan.change.compromised is not None


def _makes_root(plan: Plan, _certificates: bool) -> bool:
    return plan.kind is not Kind.RECOVERY and bool(plan.key_tokens)


def _fills_tokens(plan: Plan, certificates: bool) -> bool:
    return plan.kind is Kind.RECOVERY or _makes_root(plan, certificates)


def keeps_backups(plan: Plan) -> bool:
    """Tell whether anything is made, or carried over, that needs a backup; a rotation makes keys for what was stolen."""
    if plan.kind in (Kind.GENESIS, Kind.RECOVERY):
        return True
    change = plan.change
    return bool(
        (change and change.compromised and change.compromised.deliver_to)
        or (plan.key_tokens and plan.root.custody is not Custody.TOKEN_ONLY)
        or any(key.source is Source.GENERATE for repository in plan.repositories for key in repository.keys().values())
    )


def takes_keys(plan: Plan) -> bool:
    """Tell whether a ceremony makes repository keys, or takes new ones that teams bring."""
    return plan.kind is not Kind.RECOVERY and (keeps_backups(plan) or bool(plan.repositories))


def _makes_keys(plan: Plan, _certificates: bool) -> bool:
    return keeps_backups(plan)


def _takes_keys(plan: Plan, _certificates: bool) -> bool:
    return takes_keys(plan)


def _locks(plan: Plan, certificates: bool) -> bool:
    return plan.kind is Kind.RECOVERY or (_makes_root(plan, certificates) and plan.root.custody is Custody.TOKEN_WRAPPED)


def _certifies(plan: Plan, certificates: bool) -> bool:
    change = plan.change
    if change is None or plan.kind is Kind.RECOVERY:
        return certificates
    adds = plan.kind is Kind.RENEWAL and bool(plan.repositories)
    return certificates and (adds or change.new_root is not None or "certificate" in change.expires)


_NEEDED: Mapping[str, Callable[[Plan, bool], bool]] = {
    "load-request": _asks_the_server,
    "impact": _impacts,
    "protector": _makes_keys,
    "prepare": _fills_tokens,
    "root-keys": _makes_root,
    "repository-keys": _takes_keys,
    "back-up": _makes_keys,
    "drill": _makes_keys,
    "lock": _locks,
    "certificates": _certifies,
}
