# SPDX-License-Identifier: Apache-2.0
"""`ceremony fetch`: bring a server's public keys and metadata into a request folder.

On stdout: the request's digest, which the plan names. On stderr: everything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from ceremony.cli.server import ServerOptions, check_failures, open_session, progress, read_file, server_options
from ceremony.core import plan_names
from ceremony.errors import CeremonyError


@click.command("fetch")
@click.argument("guns", nargs=-1, metavar="GUN...")
@server_options
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The request folder; must not exist.")
@click.option("--names-from", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="More GUNs, one a line.")
@click.option("--trusted-root", type=click.Path(path_type=Path), metavar="PATH", help="What published roots must chain to.")
def fetch_command(
    guns: Sequence[str],
    *,
    server: str,
    ca_file: Path | None,
    user: str | None,
    password_file: Path | None,
    insecure_http: bool,
    out: Path,
    names_from: Path | None,
    trusted_root: Path | None,
) -> None:
    """Fetch what a server has of repositories into a request folder, and print its digest.

    Run it on an online machine. A repository that the server does not know yet is no
    error: the server makes its keys. Name the digest in the plan, and carry the
    folder into the room.
    """
    if trusted_root is not None:
        raise CeremonyError("--trusted-root comes with rotation, not in this version yet", hint="leave it out for a genesis")
    names = _names(guns, names_from)
    if not names:
        raise click.UsageError("name a repository (GUN), or a file of them with --names-from")
    run(names, ServerOptions(server, ca_file, user, password_file, insecure_http), out)


def _names(guns: Iterable[str], path: Path | None) -> list[str]:
    listed = [] if path is None else [name for _, name in plan_names.names_from(read_file(path), str(path), "--names-from")]
    return list(dict.fromkeys([*guns, *listed]))


def run(names: Sequence[str], options: ServerOptions, out: Path) -> None:
    """Fetch `names` into the folder `out`; raises CeremonyError when any of them failed."""
    from ceremony.online.fetch import fetch  # noqa: PLC0415  the network library is loaded when it is needed

    with open_session(options) as session, progress("fetching", len(names)) as show:
        fetched = fetch(names, session, out, progress=show)
    if fetched.digest:
        click.echo(fetched.digest)
        click.echo(f"{out}: {fetched.new} new and {fetched.known} known repositories", err=True)
    check_failures(fetched.failures, len(names))
