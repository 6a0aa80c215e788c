# SPDX-License-Identifier: Apache-2.0
"""`ceremony resume`: go on with a ceremony that was interrupted, from what its folder and its devices say."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from ceremony.cli import stage
from ceremony.cli.plan_files import load_site
from ceremony.cli.practice import Rehearsal, load
from ceremony.cli.rehearse import check_auto, practice_people
from ceremony.cli.run import production
from ceremony.core import approval, bundle
from ceremony.core.attestation import Authorities
from ceremony.core.canonical import JsonObject
from ceremony.core.plan import Mode, Plan, Site
from ceremony.core.plan_reader import read_plan, read_site
from ceremony.core.plan_support import check_site, site_authorities
from ceremony.devices import softhsm
from ceremony.devices.rack import SiteRack
from ceremony.errors import CeremonyError, StorageError
from ceremony.host.ssh_keygen import PracticeCosigner, PracticeKey
from ceremony.steps import resuming
from ceremony.volumes.faults import told
from ceremony.volumes.media import FolderMedia
from ceremony.volumes.store import FolderStore

_HINT = "bring the folder back as it was"


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--site", "site_path", metavar="SITE", type=click.Path(path_type=Path), help="The hardware, when it is not where it was."
)
@click.option("--auto", is_flag=True, help="Answer every question by itself; in a rehearsal only.")
def resume(folder: Path, *, site_path: Path | None, auto: bool) -> int:
    """Go on with the ceremony in DIR: the ceremony folder, or the rehearsal that holds it."""
    path = _ceremony(folder)
    store = FolderStore(path)
    opened = resuming.read_log(store).records[0].body
    mode = _mode(store, opened)
    if auto and mode is Mode.PRODUCTION:
        raise CeremonyError("nothing answers by itself in a production ceremony", hint="leave --auto away")
    plan = _plan(store, opened)
    site = load_site(site_path) if site_path else read_site(_bound(store, bundle.SITE, opened.get("site_sha256")))
    check_site(plan, site)
    if auto and site_path is not None:
        check_auto(site)
    authorities = site_authorities(plan, site, _brought(store, opened), mode)
    if mode is Mode.PRACTICE and path.resolve().name != "ceremony":
        raise StorageError(
            str(path), "is a copy: a rehearsal's ceremony folder is called ceremony", hint="name the rehearsal itself"
        )
    stage.check_answers(mode, auto=auto)
    if mode is Mode.PRODUCTION:
        chosen = production(plan, site, path, authorities)
    else:
        chosen = _stage(Rehearsal(path.resolve().parent), plan, site, authorities)
    code = stage.take_up(chosen, auto=auto)
    click.echo(str(path))
    return code


def _mode(store: FolderStore, opened: JsonObject) -> Mode:
    """Return whether it was begun in practice or in production; raises StorageError for a first record that says neither."""
    try:
        return Mode(str(opened.get("mode")))
    except ValueError as error:
        raise StorageError(store.name, "its first record names no mode that there is", hint=_HINT) from error


def _ceremony(folder: Path) -> Path:
    """Return the ceremony folder: `folder` itself, or the one in a rehearsal; raises StorageError for what is no folder."""
    with told(str(folder)):
        path = folder / "ceremony" if (folder / "ceremony" / bundle.LOG).exists() else folder
        if path.is_dir():
            return path
    raise StorageError(str(folder), "is not a folder", hint="name the ceremony folder, or the rehearsal that holds it")


def _plan(store: FolderStore, opened: JsonObject) -> Plan:
    bound = opened.get("plan")
    digests = bound if isinstance(bound, dict) else {}
    source = _bound(store, bundle.PLAN, digests.get("sha256"))
    names = [name for name in store.names() if name.startswith(bundle.PLAN_FILES)]
    plan = read_plan(source, {name.removeprefix(bundle.PLAN_FILES): store.read(name) for name in names})
    trusted = {
        name.removeprefix(bundle.TRUSTED_ROOT): store.read(name) for name in store.names() if name.startswith(bundle.TRUSTED_ROOT)
    }
    if hashlib.sha256(approval.statement(plan, trusted)).hexdigest() != digests.get("statement_sha256"):
        what = f"a file in {bundle.PLAN_FILES} or {bundle.TRUSTED_ROOT} is not the one that the first record binds"
        raise StorageError(store.name, what, hint=_HINT)
    return plan


def _bound(store: FolderStore, path: str, digest: object) -> bytes:
    """Return a file that the first record binds by its SHA-256, hex; raises StorageError for any other bytes."""
    data = store.read(path)
    if hashlib.sha256(data).hexdigest() != digest:
        raise StorageError(store.name, f"{path} is not the one that the first record binds", hint=_HINT)
    return data


def _brought(store: FolderStore, opened: JsonObject) -> dict[str, bytes]:
    """Return the authorities' certificates that the ceremony began with, PEM by file name; another site file brings none."""
    bound = opened.get("authorities")
    digests = bound if isinstance(bound, dict) else {}
    return {name: _bound(store, bundle.YUBICO_ROOTS + name, digest) for name, digest in digests.items()}


def _stage(rehearsal: Rehearsal, plan: Plan, site: Site, authorities: Authorities | None) -> stage.Stage:
    known = load(rehearsal.secrets)
    environment = softhsm.environment(rehearsal.tokens) if rehearsal.tokens.is_dir() else {}
    keys = {name: PracticeKey(public, private) for name, (public, private) in known.people.items()}
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
