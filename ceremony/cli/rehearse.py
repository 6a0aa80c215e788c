# SPDX-License-Identifier: Apache-2.0
"""`ceremony rehearse`: hold a whole ceremony in practice mode, with nothing plugged in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from ceremony.cli import stage
from ceremony.cli.earlier import Earlier, earlier, trusted_in_practice
from ceremony.cli.plan_files import EXAMPLE, judge, load_authorities, load_plan, load_site
from ceremony.cli.practice import PracticeSecrets, Rehearsal, new_pins
from ceremony.cli.practice_after import read_left
from ceremony.cli.practice_request import CHANGES, read_request
from ceremony.cli.practice_server import PracticeServer
from ceremony.cli.practice_subject import Given, judged, subject
from ceremony.cli.practice_values import Subject
from ceremony.cli.trusted_files import load_trusted_root
from ceremony.core.attestation import Authorities
from ceremony.core.plan import Mode, Person, Plan, Site, SiteToken
from ceremony.core.plan_support import check_site, refuse_unsupported, site_authorities
from ceremony.core.script import script
from ceremony.core.secret import Secret
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
    "--after",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Go on with an earlier rehearsal's tokens, volumes and people.",
)
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="The rehearsal's folder; it must not exist.")
def rehearse(
    plan_path: Path | None, *, auto: bool, site_path: Path | None, request_path: Path | None, after: Path | None, out: Path | None
) -> int:
    """Hold a whole ceremony in practice mode: throw-away tokens, folders as volumes, throw-away keys for the people.

    Without PLAN, the example plan is held. With a terminal the screens open.
    """
    source, now = plan_path or EXAMPLE, datetime.now(UTC)
    plan, approvals = load_plan(source)
    warnings = judge(plan, now=now, mode=Mode.PRACTICE)
    site = load_site(site_path) if site_path else None
    refuse_unsupported(plan, site, Mode.PRACTICE)
    before = earlier(after, plan)
    trusted, stands_in = trusted_in_practice(load_trusted_root(source, plan, Mode.PRACTICE), plan, before)
    modules = _modules(plan, site, before, auto=auto)
    brought = load_authorities(site_path, site) if site_path and site else {}
    authorities = site_authorities(plan, site, brought, Mode.PRACTICE) if site else None
    request = read_request(request_path, plan) if request_path else None
    left = read_left(before.rehearsal.ceremony) if before and plan.kind in CHANGES else None
    given = judged(Given(plan, request, trusted, left, hardware=site is not None), now)
    rehearsal = Rehearsal(out or Path(f"rehearsal-{now:%Y%m%d-%H%M%S}"))
    stage.check_answers(Mode.PRACTICE, auto=auto)
    chosen, held = set_subject(set_stage(rehearsal, plan, site, authorities, before), rehearsal, given, before, now)
    for words in (*map(str, warnings), *held.warnings):
        click.echo(f"warning: {words}", err=True)
    inputs = Inputs(
        site=chosen.site,
        script=script(held.plan, chosen.steps, warnings),
        approvals=approvals if held.plan is plan else {},  # they are of the plan as it was
        request=held.request,
        modules=modules,
        substitutions=(*_substitutions(plan, site, before), *held.substitutions, *stands_in),
        substituted_request=held.made_up,
        authorities=brought,
        trusted_root=held.trusted,
    )
    code = stage.begin(chosen, inputs, auto=auto)
    click.echo(str(rehearsal.ceremony))
    return code


def _modules(plan: Plan, site: Site | None, before: Earlier | None, *, auto: bool) -> Mapping[str, str]:
    """Return the digests of the modules that the tokens need; raises CeremonyError for tokens that cannot serve."""
    if site is None:
        return stage.module_digests([softhsm.find_module()])
    check_site(plan, site)
    if auto:
        check_auto(site)
        _check_known(plan, before.answers(plan, site) if before else {})
    return stage.module_digests(token.module for token in site.tokens.values())


def _check_known(plan: Plan, answers: Mapping[str, Secret]) -> None:
    """Raise CeremonyError unless the rehearsal knows the PINs of the tokens that hold root keys already."""
    for name in plan.signing_tokens:
        if f"pin:{name}" not in answers:
            raise CeremonyError(
                f"--auto cannot answer for {name}: it holds a root key already, and nobody here knows its PIN",
                hint="name the rehearsal that set its PIN with --after; or leave --auto away, so that people type it",
            )


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
    with _removed(rehearsal):
        return _furnish(rehearsal, plan, site, authorities, before)


def set_subject(
    chosen: stage.Stage, rehearsal: Rehearsal, given: Given, before: Earlier | None, now: datetime
) -> tuple[stage.Stage, Subject]:
    """Return what is held on a stage, and the stage with its plan; raises CeremonyError, and then leaves nothing."""
    with _removed(rehearsal):
        known = chosen.secrets or PracticeSecrets(rehearsal.secrets)
        server = PracticeServer(before.known.servers if before else None)
        held = subject(given, chosen.rack, known.answers, server, SystemEntropy(), now)
        known.servers = server.kept
        known.save()
        return replace(chosen, plan=held.plan), held


@contextmanager
def _removed(rehearsal: Rehearsal) -> Iterator[None]:
    """Remove the rehearsal's folder when it cannot be begun."""
    try:
        yield
    except BaseException:
        rehearsal.remove()
        raise


def _furnish(
    rehearsal: Rehearsal, plan: Plan, site: Site | None, authorities: Authorities | None, before: Earlier | None
) -> stage.Stage:
    known = PracticeSecrets(rehearsal.secrets, before.answers(plan, site) if before else {})
    environment: Mapping[str, str] = {}
    if before is not None:
        before.copy_volumes(rehearsal, plan)
    if site is None:
        tokens = _tokens(rehearsal, plan, before, known)
        environment = softhsm.environment(rehearsal.tokens)
        site = Site(tokens=tokens, volumes={}, yubico_roots="", source=_site_source(tokens))
    keys = _people(plan, before)
    earlier_people = before.known.people if before and plan.kind in CHANGES else {}
    known.people = {**earlier_people, **{name: (key.public, key.private) for name, key in keys.items()}}
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


def _tokens(rehearsal: Rehearsal, plan: Plan, before: Earlier | None, known: PracticeSecrets) -> dict[str, SiteToken]:
    """Return the throw-away tokens of a plan: those of the earlier rehearsal that it goes on with, and fresh ones; adds their PINs."""
    goes_on = before is not None and plan.kind in CHANGES
    there = before.copy_tokens(rehearsal, plan.signing_tokens) if before is not None and goes_on else {}
    wanted = list(dict.fromkeys((*plan.signing_tokens, *plan.key_tokens)))
    fresh = [name for name in wanted if name not in there]
    pins = new_pins(fresh, SystemEntropy())
    made = (softhsm.add_tokens if there else softhsm.make_tokens)(rehearsal.tokens, fresh, pins) if fresh else {}
    found = {**there, **made}
    known.answers |= {f"pin:{name}": user for name, (user, _) in pins.items()}
    known.answers |= {f"so-pin:{name}": so for name, (_, so) in pins.items()}
    return {name: found[name] for name in wanted}


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


def _substitutions(plan: Plan, site: Site | None, before: Earlier | None) -> tuple[str, ...]:
    found = ["throw-away keys for all people", "folders for the volumes and the courier"]
    if site is None:
        copied = "copies of those of an earlier rehearsal, and " if before and plan.kind in CHANGES else ""
        found.append(f"{copied}throw-away SoftHSM tokens for the tokens of the root")
    return (*found, *(before.substitutions(plan) if before else ()))
