# SPDX-License-Identifier: Apache-2.0
"""`ceremony resume`: go on with a ceremony that was interrupted, from what its folder and its devices say."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from ceremony.cli import stage
from ceremony.cli.plan_files import load_site
from ceremony.cli.practice import Rehearsal, load
from ceremony.cli.rehearse import practice_people
from ceremony.core import bundle
from ceremony.core.plan import Mode, Plan, Site
from ceremony.core.plan_reader import read_plan, read_site
from ceremony.devices import softhsm
from ceremony.devices.hsm import HsmRack
from ceremony.errors import CeremonyError, StorageError
from ceremony.host.ssh_keygen import PracticeCosigner, PracticeKey
from ceremony.steps import resuming
from ceremony.volumes.media import FolderMedia
from ceremony.volumes.store import FolderStore


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--site", "site_path", metavar="SITE", type=click.Path(path_type=Path), help="The hardware, when it is not where it was."
)
@click.option("--auto", is_flag=True, help="Answer every question by itself; in a rehearsal only.")
def resume(folder: Path, *, site_path: Path | None, auto: bool) -> int:
    """Go on with the ceremony in DIR: the ceremony folder, or the rehearsal that holds it."""
    path = folder / "ceremony" if (folder / "ceremony" / bundle.LOG).exists() else folder
    if not path.is_dir():
        raise StorageError(str(folder), "is not a folder", hint="name the ceremony folder, or the rehearsal that holds it")
    store = FolderStore(path)
    opened = resuming.read_log(store).records[0].body
    plan = _plan(store, opened.get("plan"))
    if opened.get("mode") != Mode.PRACTICE:
        raise CeremonyError("this version cannot go on with a production ceremony", hint="use the version that began it")
    site = load_site(site_path) if site_path else read_site(store.read(bundle.SITE))
    stage.check_answers(auto=auto)
    code = stage.take_up(_stage(Rehearsal(path.resolve().parent), plan, site), auto=auto)
    click.echo(str(path))
    return code


def _plan(store: FolderStore, bound: object) -> Plan:
    source = store.read(bundle.PLAN)
    if not isinstance(bound, dict) or hashlib.sha256(source).hexdigest() != bound.get("sha256"):
        raise StorageError(
            store.name, f"{bundle.PLAN} is not the plan that the first record binds", hint="bring the folder back as it was"
        )
    names = [name for name in store.names() if name.startswith(bundle.PLAN_FILES)]
    return read_plan(source, {name.removeprefix(bundle.PLAN_FILES): store.read(name) for name in names})


def _stage(rehearsal: Rehearsal, plan: Plan, site: Site) -> stage.Stage:
    known = load(rehearsal.secrets)
    environment = softhsm.environment(rehearsal.tokens) if rehearsal.tokens.is_dir() else {}
    keys = {name: PracticeKey(public, private) for name, (public, private) in known.people.items()}
    return stage.Stage(
        plan=plan,
        mode=Mode.PRACTICE,
        site=site,
        people=practice_people(plan, known),
        folder=rehearsal.ceremony,
        media=FolderMedia(rehearsal.media()),
        rack=HsmRack(site.tokens, environment),
        cosigner=PracticeCosigner(keys),
        secrets=known,
    )
