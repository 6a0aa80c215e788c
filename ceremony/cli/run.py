# SPDX-License-Identifier: Apache-2.0
"""`ceremony run`: hold a ceremony in production. No option carries a secret, and nothing answers by itself.

Everything that can be refused is refused before a folder is made: the plan, its
approvals, the site and its authorities, the request, a software token.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from ceremony.cli import stage
from ceremony.cli.plan_files import judge, load_authorities, load_plan, load_site
from ceremony.cli.practice_request import read_request, takes_request
from ceremony.core.approval import missing_approvals
from ceremony.core.plan import Mode, Plan, Site
from ceremony.core.plan_support import check_site, refuse_unsupported, site_authorities
from ceremony.devices.rack import SiteRack
from ceremony.errors import CeremonyError, PlanRefused, TokenError


@click.command()
@click.argument("plan_path", metavar="PLAN", type=click.Path(path_type=Path))
@click.option(
    "--site", "site_path", metavar="SITE", required=True, type=click.Path(path_type=Path), help="The hardware in the room."
)
@click.option(
    "--out", metavar="DIR", required=True, type=click.Path(path_type=Path), help="The ceremony folder; it must not exist."
)
@click.option("--request", "request_path", metavar="DIR", type=click.Path(path_type=Path), help="What `ceremony fetch` brought.")
def run(plan_path: Path, *, site_path: Path, out: Path, request_path: Path | None) -> None:
    """Hold the ceremony of PLAN in production, on the hardware that SITE names."""
    plan, approvals = load_plan(plan_path)
    for warning in judge(plan, now=datetime.now(UTC), mode=Mode.PRODUCTION):
        click.echo(f"warning: {warning.field}: {warning.message}", err=True)
    missing = missing_approvals(plan, approvals)
    if missing:
        names = ", ".join(person.name for person in missing)
        raise PlanRefused(
            "approvals", f"the plan as it is now is not approved by {names}", hint="they run `ceremony plan approve` on it"
        )
    site = load_site(site_path)
    check_site(plan, site)
    site_authorities(plan, site, load_authorities(site_path, site), Mode.PRODUCTION)
    if out.exists():
        raise CeremonyError(f"{out} exists already", hint="name a new folder; nothing is overwritten")
    if request_path is not None:
        read_request(request_path, plan)
    elif takes_request(plan):
        raise PlanRefused("request", "keys come from a request, and none was given", hint="name its folder with --request")
    _refuse_software(plan, site)
    refuse_unsupported(plan, site, Mode.PRODUCTION)
    stage.check_answers(Mode.PRODUCTION, auto=False)


def _refuse_software(plan: Plan, site: Site) -> None:
    """Open every token once and raise TokenError for one that is made of files; spends no PIN."""
    rack = SiteRack(site.tokens)
    for name in plan.root.tokens:
        token = rack.open(name)
        token.close()
        if token.identity.software:
            raise TokenError(
                token.identity.serial,
                "is a software token",
                hint="a production ceremony takes hardware only; rehearse with `ceremony rehearse`",
            )
