# SPDX-License-Identifier: Apache-2.0
"""`ceremony publish`: audit a ceremony folder, then publish its repositories.

On stdout: one line a repository, what became of it and its name. On stderr:
everything else. A team's passphrase comes from where the stock client takes it: the
variable `NOTARY_TARGETS_PASSPHRASE`, or else the terminal.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ceremony.cli.folder import FolderReader, open_folder
from ceremony.cli.server import ServerOptions, check_failures, open_session, progress, read_file, server_options
from ceremony.core.bundle import PLAN, PLAN_FILES
from ceremony.core.plan import Mode
from ceremony.core.secret import Secret
from ceremony.errors import VerificationError

if TYPE_CHECKING:  # the network library is loaded when a command needs it, not for --help
    from ceremony.core.software_key import SoftwareKey
    from ceremony.online.publish import Publication, Resigning

Audit = Callable[[FolderReader], Mode]
"""Returns the mode of the ceremony; raises CeremonyError when the folder does not verify."""

PASSPHRASE = "NOTARY_TARGETS_PASSPHRASE"  # noqa: S105  the name of a variable
_MAX_KEY = 64 * 1024
_KEY = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True, slots=True)
class ResignOptions:
    """Which keys sign targets anew, and what people decided."""

    keys: tuple[Path, ...] = ()
    keep: bool = False
    drop: bool = False
    expires: datetime | None = None

    def check(self) -> None:
        """Check that the options go together; raises UsageError."""
        if self.keep and self.drop:
            raise click.UsageError("--keep-newer-tags and --drop-newer-tags exclude each other")
        if not self.keys and (self.keep or self.drop or self.expires):
            raise click.UsageError("--keep-newer-tags, --drop-newer-tags and --targets-expire need --resign-targets")


@click.command("publish")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@server_options
@click.option("--dry-run", is_flag=True, help="Ask the server, and say what would be published; send nothing.")
@click.option(
    "resign_targets",
    "--resign-targets",
    type=_KEY,
    multiple=True,
    metavar="KEYFILE",
    help="Sign targets anew, as their team; repeatable.",
)
@click.option("--keep-newer-tags", is_flag=True, help="With --resign-targets: keep tags that were changed since the request.")
@click.option("--drop-newer-tags", is_flag=True, help="With --resign-targets: tags as they were in the request.")
@click.option(
    "--targets-expire",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="With --resign-targets: instead of the day that they have.",
)
def publish_command(
    folder: Path,
    *,
    server: str,
    ca_file: Path | None,
    user: str | None,
    password_file: Path | None,
    insecure_http: bool,
    dry_run: bool,
    resign_targets: tuple[Path, ...],
    keep_newer_tags: bool,
    drop_newer_tags: bool,
    targets_expire: datetime | None,
) -> None:
    """Publish what a ceremony signed. DIR is the ceremony folder, or the tar that the courier carries.

    The folder is audited first. A repository whose server has changed since the
    ceremony's request is left alone and named. A publish that was interrupted can
    be run again.

    With --resign-targets, a team that holds the new targets key of repositories
    publishes these: where they wait for it, or their targets moved on, it signs the
    newest targets anew. KEYFILE is PEM, as `notary key import` takes it; its
    passphrase is asked for, or taken from NOTARY_TARGETS_PASSPHRASE.
    """
    from ceremony.cli.audit import audited  # noqa: PLC0415  loaded when it is needed

    expires = targets_expire.replace(tzinfo=UTC) if targets_expire else None
    run(
        folder,
        ServerOptions(server, ca_file, user, password_file, insecure_http),
        dry_run=dry_run,
        audit=audited,
        resign=ResignOptions(resign_targets, keep_newer_tags, drop_newer_tags, expires),
    )


def run(path: Path, options: ServerOptions, *, dry_run: bool, audit: Audit, resign: ResignOptions = ResignOptions()) -> None:
    """Audit the folder at `path` and publish it; raises CeremonyError when it, or any repository, failed."""
    from ceremony.online.publish import publish  # noqa: PLC0415  the network library, when needed
    from ceremony.online.publish_cases import repositories  # noqa: PLC0415  the network library, when needed

    resign.check()
    with open_folder(path) as folder:
        practice = audit(folder) is Mode.PRACTICE
        resigning = _resigning(resign, folder)
        names = folder.names()
        total = len(repositories(names))
        with open_session(options) as session, progress("asking" if dry_run else "publishing", total) as show:
            published = publish(
                names,
                folder.read,
                session,
                practice=practice,
                dry_run=dry_run,
                now=datetime.now(UTC),
                progress=show,
                resigning=resigning,
            )
    _tell(published)
    check_failures(published.failures, total - published.left)


def _tell(published: Publication) -> None:
    from ceremony.core.dialects.notary_standing import RESIGN, MovedOn  # noqa: PLC0415  with the libraries that it needs
    from ceremony.online.publish import Published  # noqa: PLC0415  the network library, when needed

    for gun, became in published.done.items():
        click.echo(f"{became} {gun}")
    for failure in published.failures:
        click.echo(f"{'moved-on' if isinstance(failure.error, MovedOn) else 'failed'} {failure.gun}")
    for sentence in published.told:
        click.echo(sentence, err=True)
    if published.left:
        click.echo(f"not looked at, because another key signs their targets: {published.left}", err=True)
    waiting = [gun for gun, became in published.done.items() if became is Published.WAITING]
    if waiting:
        click.echo(
            f"waiting for their teams, who sign the targets with their own keys and publish: {', '.join(waiting)}", err=True
        )
        click.echo(f"hint: they run {RESIGN}; for a repository that the server does not know yet, see the guide", err=True)


def _resigning(options: ResignOptions, folder: FolderReader) -> Resigning | None:
    from ceremony.core.dialects.notary_resign import Decided, Newer  # noqa: PLC0415  with the libraries that it needs
    from ceremony.online.publish import Resigning  # noqa: PLC0415  the network library, when needed

    if not options.keys:
        return None
    newer = Newer.KEEP if options.keep else Newer.DROP if options.drop else Newer.ASK
    return Resigning(_keys(options.keys), Decided(newer, options.expires, _stolen(folder)))


def _stolen(folder: FolderReader) -> frozenset[str]:
    """Return key ids and fingerprints of the keys that the ceremony's plan calls stolen."""
    from ceremony.core.dialects import sequel  # noqa: PLC0415  with the libraries that it needs
    from ceremony.core.plan_reader import read_plan  # noqa: PLC0415  with the libraries that it needs
    from ceremony.core.rotation.impact import compromised  # noqa: PLC0415  with the libraries that it needs

    names = folder.names()
    if PLAN not in names:
        return frozenset()
    plan = read_plan(
        folder.read(PLAN), {path.removeprefix(PLAN_FILES): folder.read(path) for path in names if path.startswith(PLAN_FILES)}
    )
    if plan.change is None or plan.change.compromised is None:
        return frozenset()
    found = compromised(plan.change.compromised.keys, plan.files, sequel.get(plan.dialect))
    return frozenset(key.key_id or key.fingerprint for key in found)


def _keys(paths: Sequence[Path]) -> tuple[SoftwareKey, ...]:
    """Read the teams' keys; raises StorageError or VerificationError, naming the file."""
    return tuple(_key(path) for path in paths)


def _key(path: Path) -> SoftwareKey:
    from ceremony.core.dialects import notary_key_file  # noqa: PLC0415  with the libraries that it needs

    data = read_file(path, _MAX_KEY)
    if not notary_key_file.is_encrypted(data, str(path)):
        return notary_key_file.read(data, str(path))
    given = os.environ.get(PASSPHRASE)
    if given is None:
        return notary_key_file.read(data, str(path), Secret(click.prompt(f"Passphrase of {path}", hide_input=True, err=True)))
    try:
        return notary_key_file.read(data, str(path), Secret(given))
    except VerificationError as error:
        raise VerificationError(str(path), f"does not open with the passphrase in {PASSPHRASE}", hint=error.hint) from error
