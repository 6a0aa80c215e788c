# SPDX-License-Identifier: Apache-2.0
"""`ceremony run`: hold a ceremony in production. No option carries a secret, and nothing answers by itself.

Everything that can be refused is refused before a folder is made: the plan, its
approvals, the site and its authorities, the request, a software token. A token need not
be plugged in yet: the step *tokens* waits for it, and judges it then.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import click

from ceremony.cli import stage
from ceremony.cli.plan_files import judge, load_authorities, load_plan, load_site
from ceremony.cli.practice_request import CHANGES, judge_fleet, read_request, takes_request, warnings_of
from ceremony.cli.trusted_files import load_trusted_root
from ceremony.core.approval import missing_approvals
from ceremony.core.attestation import Authorities
from ceremony.core.plan import Mode, Plan, Site
from ceremony.core.plan_support import check_site, refuse_unsupported, site_authorities
from ceremony.core.script import script
from ceremony.devices.rack import SiteRack
from ceremony.errors import CeremonyError, PlanRefused, TokenAbsent, TokenError
from ceremony.steps.opening import Inputs
from ceremony.volumes.store import FolderStore
from ceremony.volumes.usb import UsbMedia


@click.command()
@click.argument("plan_path", metavar="PLAN", type=click.Path(path_type=Path))
@click.option(
    "--site", "site_path", metavar="SITE", required=True, type=click.Path(path_type=Path), help="The hardware in the room."
)
@click.option(
    "--out", metavar="DIR", required=True, type=click.Path(path_type=Path), help="The ceremony folder; it must not exist."
)
@click.option("--request", "request_path", metavar="DIR", type=click.Path(path_type=Path), help="What `ceremony fetch` brought.")
def run(plan_path: Path, *, site_path: Path, out: Path, request_path: Path | None) -> int:
    """Hold the ceremony of PLAN in production, on the hardware that SITE names."""
    plan, approvals = load_plan(plan_path)
    warnings = judge(plan, now=datetime.now(UTC), mode=Mode.PRODUCTION)
    for warning in warnings:
        click.echo(f"warning: {warning.field}: {warning.message}", err=True)
    trusted = load_trusted_root(plan_path, plan, Mode.PRODUCTION)
    _refuse_unapproved(plan, approvals, trusted)
    site = load_site(site_path)
    check_site(plan, site)
    brought = load_authorities(site_path, site)
    authorities = site_authorities(plan, site, brought, Mode.PRODUCTION)
    if os.path.lexists(out):
        raise CeremonyError(f"{out} exists already", hint="name a new folder; nothing is overwritten")
    request = _request(request_path, plan)
    refuse_unsupported(plan, site, Mode.PRODUCTION)
    for words in _judged(plan, request, trusted):
        click.echo(f"warning: {words}", err=True)
    modules = stage.module_digests(token.module for token in site.tokens.values())
    _refuse_software(site)
    stage.check_answers(Mode.PRODUCTION, auto=False)
    chosen = production(plan, site, out, authorities)
    inputs = Inputs(
        site=site,
        script=script(plan, chosen.steps, warnings),
        approvals=approvals,
        request=request,
        modules=modules,
        substitutions=(),
        substituted_request=False,
        authorities=brought,
        trusted_root=trusted,
    )
    with _new(out):
        code = stage.begin(chosen, inputs, auto=False)
    click.echo(str(out))
    return code


def production(plan: Plan, site: Site, folder: Path, authorities: Authorities | None) -> stage.Stage:
    """Return what a production ceremony is held with: USB media, the site's hardware, and the people's own keys."""
    return stage.Stage(
        plan=plan,
        mode=Mode.PRODUCTION,
        site=site,
        people=plan.people,
        folder=folder,
        media=UsbMedia(),
        rack=SiteRack(site.tokens),
        authorities=authorities,
    )


def _refuse_unapproved(plan: Plan, approvals: Mapping[str, bytes], trusted: Mapping[str, bytes]) -> None:
    missing = missing_approvals(plan, approvals, trusted)
    if missing:
        names = ", ".join(person.name for person in missing)
        raise PlanRefused(
            "approvals", f"the plan as it is now is not approved by {names}", hint="they run `ceremony plan approve` on it"
        )


def _request(path: Path | None, plan: Plan) -> Mapping[str, bytes]:
    """Return the files of the request; none when nothing comes from one."""
    if path is not None:
        return read_request(path, plan)
    if takes_request(plan):
        what = "what is published comes" if plan.kind in CHANGES else "keys come"
        raise PlanRefused("request", f"{what} from a request, and none was given", hint="name its folder with --request")
    return {}


def _judged(plan: Plan, request: Mapping[str, bytes], trusted: Mapping[str, bytes]) -> Sequence[str]:
    """Return what people should know of what is published; raises VerificationError when nothing of the request can be relied on."""
    if plan.kind not in CHANGES:
        return ()
    return warnings_of(plan, judge_fleet(plan, request, trusted, datetime.now(UTC)))


def _refuse_software(site: Site) -> None:
    """Open every token that is plugged in once and raise TokenError for one that is made of files; spends no PIN."""
    rack = SiteRack(site.tokens)
    for name in site.tokens:
        try:
            token = rack.open(name)
        except TokenAbsent:
            continue
        token.close()
        if token.identity.software:
            raise TokenError(
                token.identity.serial,
                "is a software token",
                hint="a production ceremony takes hardware only; rehearse with `ceremony rehearse`",
            )


@contextmanager
def _new(out: Path) -> Iterator[None]:
    """Make the ceremony folder; when nothing came into it, take it away again. Raises CeremonyError."""
    if not str(out.absolute()).isprintable():
        raise CeremonyError(f"{out} cannot be used: its name is not plain text", hint="name a folder in printable UTF-8")
    FolderStore.create(out)
    try:
        yield
    except BaseException:
        with suppress(OSError):
            out.rmdir()
        raise
