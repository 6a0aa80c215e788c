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
        *("preflight", "roll-call", "volumes", "load-request", "tokens", "repository-keys", "back-up"),
        *("drill", "review", "sign", "verify", "export", "close"),
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


def _makes_root(plan: Plan, _certificates: bool) -> bool:
    return plan.change is None or plan.change.new_root is not None


def _fills_tokens(plan: Plan, certificates: bool) -> bool:
    return plan.kind is Kind.RECOVERY or _makes_root(plan, certificates)


def _makes_keys(plan: Plan, _certificates: bool) -> bool:
    """Tell whether anything is made that needs a backup; a rotation makes keys for what was stolen."""
    return plan.kind is not Kind.RENEWAL or any(
        key.source is Source.GENERATE for repository in plan.repositories for key in repository.keys().values()
    )


def _locks(plan: Plan, _certificates: bool) -> bool:
    return plan.kind is Kind.RECOVERY or plan.root.custody is Custody.TOKEN_WRAPPED


def _certifies(plan: Plan, certificates: bool) -> bool:
    return certificates and _makes_root(plan, certificates)


_NEEDED: Mapping[str, Callable[[Plan, bool], bool]] = {
    "load-request": _asks_the_server,
    "prepare": _fills_tokens,
    "root-keys": _makes_root,
    "repository-keys": _makes_keys,
    "back-up": _makes_keys,
    "drill": _makes_keys,
    "lock": _locks,
    "certificates": _certifies,
}
