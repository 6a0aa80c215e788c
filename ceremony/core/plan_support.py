# SPDX-License-Identifier: Apache-2.0
"""Whether a plan and a site go together, and what they may say that this version reads but cannot hold yet.

One row for each thing that cannot be held, so that whoever builds it deletes its
row. Whoever starts a ceremony calls `refuse_unsupported`; `plan check` tells the
rows as warnings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ceremony.core import dialects
from ceremony.core.attestation import Authorities
from ceremony.core.plan import Custody, Mode, Plan, Site, Source
from ceremony.errors import PlanRefused, VerificationError


@dataclass(frozen=True, slots=True)
class NotYet:
    """One thing that this version cannot hold."""

    field: Callable[[Plan, Site | None, Mode], str]
    """Where a plan or site asks for it; empty when it does not."""
    message: str
    hint: str


def _role(role: str, sources: tuple[Source, ...]) -> Callable[[Plan, Site | None, Mode], str]:
    def field(plan: Plan, _site: Site | None, _mode: Mode) -> str:
        return next(
            (f"repositories[{r.section}].{role}.source" for r in plan.repositories if r.keys()[role].source in sources), ""
        )

    return field


_ONLINE = (Source.GENERATE, Source.FILE)
_ASK_THE_SERVER = 'write { source = "request" }: the server holds this key'
NOT_YET = (
    NotYet(_role("snapshot", _ONLINE), "snapshot keys are only taken from a request by this version", _ASK_THE_SERVER),
    NotYet(_role("timestamp", _ONLINE), "timestamp keys are only taken from a request by this version", _ASK_THE_SERVER),
)


def unsupported(plan: Plan, site: Site | None, mode: Mode) -> Iterator[PlanRefused]:
    """Yield a refusal for each thing that this version cannot hold yet."""
    for row in NOT_YET:
        field = row.field(plan, site, mode)
        if field:
            yield PlanRefused(field, row.message, hint=row.hint)


def refuse_unsupported(plan: Plan, site: Site | None, mode: Mode) -> None:
    """Raise PlanRefused for a dialect that is unknown, or the first thing that this version cannot hold yet."""
    dialects.get(plan.dialect)
    for refusal in unsupported(plan, site, mode):
        raise refusal


def check_site(plan: Plan, site: Site) -> None:
    """Check that a site names hardware for each token of a plan that can keep its keys, and for no other; raises PlanRefused."""
    wanted = dict.fromkeys((*plan.root.tokens, *(plan.change.tokens if plan.change else ())))
    for name in wanted:
        if name not in site.tokens:
            raise PlanRefused(f"tokens.{name}", "is missing, and the plan names it", hint=f"write a section [tokens.{name}]")
    for name in site.tokens:
        if name not in wanted:
            hint = f"remove it, or write one of: {', '.join(wanted)}"
            raise PlanRefused(f"tokens.{name}", "is no token of the plan", hint=hint)
    for name, token in site.tokens.items():
        if token.yubikey and name in plan.root.tokens and plan.root.custody is Custody.TOKEN_WRAPPED:
            message = "is a YubiKey, whose keys cannot leave it to be backed up, and the plan's custody is token-wrapped"
            raise PlanRefused(
                f"tokens.{name}", message, hint='name a PKCS#11 token, or write custody = "token-only" or "imported" in the plan'
            )


def site_authorities(plan: Plan, site: Site, files: Mapping[str, bytes], mode: Mode) -> Authorities | None:
    """Return the authorities of the PEM files (name → bytes) that a site brings; None where it brings none, and needs none.

    Raises PlanRefused, whose field is `yubico-roots`, for files that are none, and for none where a YubiKey makes a root
    key: it is attested, in a practice too.
    """
    if files:
        try:
            return Authorities.of_site(files, mode)
        except VerificationError as error:
            raise PlanRefused("yubico-roots", error.message, hint=error.hint) from error
    attested = [name for name in plan.root.tokens if site.tokens[name].yubikey]
    if attested and plan.root.custody is Custody.TOKEN_ONLY:
        message = f"is missing, and the key that is made on {attested[0]} must be attested"
        hint = 'write yubico-roots = "yubico/": the folder with the PEM files of developers.yubico.com/PKI'
        raise PlanRefused("yubico-roots", message, hint=hint)
    return None
