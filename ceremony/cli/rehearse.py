# SPDX-License-Identifier: Apache-2.0
"""`ceremony rehearse`: hold a whole ceremony in practice mode, with nothing plugged in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from ceremony.cli import stage
from ceremony.cli.earlier import Earlier, earlier, trusted_in_practice
from ceremony.cli.plan_files import EXAMPLE, judge, load_authorities, load_plan, load_site
from ceremony.cli.practice import PracticeSecrets, Rehearsal, new_pins
from ceremony.cli.practice_request import practice_request, read_request, takes_request
from ceremony.cli.trusted_files import load_trusted_root
from ceremony.core.attestation import Authorities
from ceremony.core.plan import Mode, Person, Plan, Site, SiteToken
from ceremony.core.plan_support import check_site, refuse_unsupported, site_authorities
from ceremony.core.script import script
from ceremony.devices import softhsm
from ceremony.devices.rack import SiteRack
from ceremony.errors import CeremonyError
from ceremony.host.entropy import SystemEntropy
from ceremony.host.ssh_keygen import PracticeCosigner, PracticeKey, make_practice_keys
from ceremony.steps.opening import Inputs
from ceremony.volumes.media import FolderMedia


@click.command()
@click.argument("plan_path", metavar="[PLAN]", required=False, type=click.Path(path_type=Path))
@click.option("--auto", is_flag=True, help="Answer every question by itself and print the steps as they pass.")
@click.option(
    "--site", "site_path", metavar="SITE", type=click.Path(path_type=Path), help="Rehearse on the hardware that SITE names."
)
@click.option("--request", "request_path", metavar="DIR", type=click.Path(path_type=Path), help="What `ceremony fetch` brought.")
@click.option(
    "--after", metavar="DIR", type=click.Path(path_type=Path), help="Go on with an earlier rehearsal's volumes and people."
)
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="The rehearsal's folder; it must not exist.")
def rehearse(
    plan_path: Path | None, *, auto: bool, site_path: Path | None, request_path: Path | None, after: Path | None, out: Path | None
) -> int:
    """Hold a whole ceremony in practice mode: throw-away tokens, folders as volumes, throw-away keys for the people.

    Without PLAN, the example plan is held. With a terminal the screens open.
    """
    plan, approvals = load_plan(plan_path or EXAMPLE)
    warnings = judge(plan, now=datetime.now(UTC), mode=Mode.PRACTICE)
    site = load_site(site_path) if site_path else None
    refuse_unsupported(plan, site, Mode.PRACTICE)
    before = earlier(after, plan)
    trusted, stands_in = trusted_in_practice(load_trusted_root(plan_path or EXAMPLE, plan, Mode.PRACTICE), plan, before)
    modules = _modules(plan, site, auto=auto)
    brought = load_authorities(site_path, site) if site_path and site else {}
    authorities = site_authorities(plan, site, brought, Mode.PRACTICE) if site else None
    request = read_request(request_path, plan) if request_path else None
    rehearsal = Rehearsal(out or Path(f"rehearsal-{datetime.now(UTC):%Y%m%d-%H%M%S}"))
    stage.check_answers(Mode.PRACTICE, auto=auto)
    chosen = set_stage(rehearsal, plan, site, authorities, before)
    for warning in warnings:
        click.echo(f"warning: {warning.field}: {warning.message}", err=True)
    inputs = Inputs(
        site=chosen.site,
        script=script(plan, chosen.steps, warnings),
        approvals=approvals,
        request=request if request is not None else practice_request(plan),
        modules=modules,
        substitutions=(*_substitutions(plan, site, request), *(before.substitutions() if before else ()), *stands_in),
        substituted_request=request is None,
        authorities=brought,
        trusted_root=trusted,
    )
    code = stage.begin(chosen, inputs, auto=auto)
    click.echo(str(rehearsal.ceremony))
    return code


def _modules(plan: Plan, site: Site | None, *, auto: bool) -> Mapping[str, str]:
    """Return the digests of the modules that the tokens need; raises CeremonyError for tokens that cannot serve."""
    if site is None:
        return stage.module_digests([softhsm.find_module()])
    check_site(plan, site)
    if auto:
        check_auto(site)
    return stage.module_digests(token.module for token in site.tokens.values())


def check_auto(site: Site) -> None:
    """Raise CeremonyError unless every token of a site is a YubiKey, whose PINs the ceremony itself sets."""
    if not all(token.yubikey for token in site.tokens.values()):
        raise CeremonyError(
            "--auto cannot answer for the tokens of --site: nobody here knows their PINs",
            hint="leave --auto away, so that people type them; or leave --site away, for throw-away tokens",
        )


def set_stage(
    rehearsal: Rehearsal, plan: Plan, site: Site | None, authorities: Authorities | None = None, before: Earlier | None = None
) -> stage.Stage:
    """Make the rehearsal's folder with everything that outlives a crash; raises CeremonyError, and then leaves nothing."""
    rehearsal.make()
    try:
        if before is not None:
            before.copy_volumes(rehearsal)
        return _furnish(rehearsal, plan, site, authorities, before)
    except BaseException:
        rehearsal.remove()
        raise


def _furnish(
    rehearsal: Rehearsal, plan: Plan, site: Site | None, authorities: Authorities | None, before: Earlier | None
) -> stage.Stage:
    known = PracticeSecrets(rehearsal.secrets, before.answers() if before else {})
    environment: Mapping[str, str] = {}
    if site is None:
        pins = new_pins(plan.key_tokens, SystemEntropy())
        tokens = softhsm.make_tokens(rehearsal.tokens, plan.key_tokens, pins)
        known.answers |= {f"pin:{name}": user for name, (user, _) in pins.items()}
        known.answers |= {f"so-pin:{name}": so for name, (_, so) in pins.items()}
        environment = softhsm.environment(rehearsal.tokens)
        site = Site(tokens=tokens, volumes={}, yubico_roots="", source=_site_source(tokens))
    keys = _people(plan, before)
    known.people = {name: (key.public, key.private) for name, key in keys.items()}
    known.save()
    return stage.Stage(
        plan=plan,
        mode=Mode.PRACTICE,
        site=site,
        people=practice_people(plan, known),
        folder=rehearsal.ceremony,
        media=FolderMedia(rehearsal.media(), rehearsal.old()),
        rack=SiteRack(site.tokens, environment),
        cosigner=PracticeCosigner(keys),
        authorities=authorities,
        secrets=known,
    )


def _people(plan: Plan, before: Earlier | None) -> Mapping[str, PracticeKey]:
    """Return a throw-away key for each person: that of the earlier rehearsal, where they were there."""
    there = before.known.people if before else {}
    kept = {name: PracticeKey(*there[name]) for name in (person.name for person in plan.people) if name in there}
    return {**kept, **make_practice_keys([person.name for person in plan.people if person.name not in kept])}


def practice_people(plan: Plan, known: PracticeSecrets) -> tuple[Person, ...]:
    """Return the plan's people with the throw-away keys of the rehearsal in place of theirs; raises CeremonyError for a missing one."""
    for person in plan.people:
        if person.name not in known.people:
            raise CeremonyError(
                f"{known.path} holds no key of {person.name}", hint="bring the file back as the rehearsal left it"
            )
    return tuple(replace(person, key=known.people[person.name][0]) for person in plan.people)


def _site_source(tokens: Mapping[str, SiteToken]) -> bytes:
    # A JSON string is a TOML basic string.
    tables = [
        f"[tokens.{json.dumps(name)}]\npkcs11 = {json.dumps(token.pkcs11)}\nmodule = {json.dumps(token.module)}\n"
        for name, token in tokens.items()
    ]
    return "\n".join(tables).encode()


def _substitutions(plan: Plan, site: Site | None, request: Mapping[str, bytes] | None) -> tuple[str, ...]:
    found = ["throw-away keys for all people", "folders for the volumes and the courier"]
    if site is None:
        found.append("throw-away SoftHSM tokens for the tokens of the root")
    if request is None and takes_request(plan):
        found.append("throw-away keys for the keys of the request")
    return tuple(found)
