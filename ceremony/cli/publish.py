# SPDX-License-Identifier: Apache-2.0
"""`ceremony publish`: audit a ceremony folder, then publish its repositories.

On stdout: one line a repository, what became of it and its name. On stderr:
everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from ceremony.cli.folder import FolderReader, open_folder
from ceremony.cli.server import ServerOptions, check_failures, open_session, progress, server_options
from ceremony.core.plan import Mode

Audit = Callable[[FolderReader], Mode]
"""Returns the mode of the ceremony; raises CeremonyError when the folder does not verify."""


@click.command("publish")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@server_options
@click.option("--dry-run", is_flag=True, help="Ask the server, and say what would be published; send nothing.")
def publish_command(
    folder: Path,
    *,
    server: str,
    ca_file: Path | None,
    user: str | None,
    password_file: Path | None,
    insecure_http: bool,
    dry_run: bool,
) -> None:
    """Publish what a ceremony signed. DIR is the ceremony folder, or the tar that the courier carries.

    The folder is audited first. A repository that the server knows already is left
    alone and named. A publish that was interrupted can be run again.
    """
    from ceremony.cli.audit import audited  # noqa: PLC0415  loaded when it is needed

    run(folder, ServerOptions(server, ca_file, user, password_file, insecure_http), dry_run=dry_run, audit=audited)


def run(path: Path, options: ServerOptions, *, dry_run: bool, audit: Audit) -> None:
    """Audit the folder at `path` and publish it; raises CeremonyError when it, or any repository, failed."""
    from ceremony.online.publish import Published, publish, repositories  # noqa: PLC0415  the network library, when needed

    with open_folder(path) as folder:
        practice = audit(folder) is Mode.PRACTICE
        names = folder.names()
        total = len(repositories(names))
        with open_session(options) as session, progress("asking" if dry_run else "publishing", total) as show:
            outcome = publish(names, folder.read, session, practice=practice, dry_run=dry_run, progress=show)
    for gun, became in outcome.done.items():
        click.echo(f"{became} {gun}")
    waiting = [gun for gun, became in outcome.done.items() if became is Published.WAITING]
    if waiting:
        click.echo(
            f"waiting for their teams, who sign the targets with their own keys and publish: {', '.join(waiting)}", err=True
        )
    check_failures(outcome.failures, total)
