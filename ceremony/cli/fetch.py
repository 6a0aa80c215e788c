# SPDX-License-Identifier: Apache-2.0
"""`ceremony fetch`: bring a server's public keys and metadata into a request folder.

On stdout: the request's digest, which the plan names. On stderr: everything else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ceremony.cli import trust_folders
from ceremony.cli.server import ServerOptions, check_failures, open_session, optional_server_options, progress, read_file
from ceremony.cli.trusted_files import trusted_root_of
from ceremony.core import plan_names
from ceremony.core.dialects import sequel
from ceremony.core.request import KEY_ROLES

if TYPE_CHECKING:  # the network library is loaded when it is needed, not for --help
    from ceremony.online.fetch import Fetched, Judge

_DIALECT = "notary"
"""What speaks this protocol."""
_SHOWN = 10
"""Repositories named of those that have the same to be told."""


@click.command("fetch")
@click.argument("guns", nargs=-1, metavar="GUN...")
@optional_server_options
@click.option(
    "--trust-folder", type=click.Path(path_type=Path), metavar="DIR", help="Instead of a server: ~/.docker/trust or ~/.notary."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The request folder; must not exist.")
@click.option("--names-from", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="More GUNs, one a line.")
@click.option(
    "--trusted-root", metavar="PATH", help="What published roots must chain to: a path, or key ids with blanks between."
)
@click.option(
    "--fresh-server-keys",
    type=click.Choice(KEY_ROLES),
    multiple=True,
    help="Let the server make a new key for this role; may be given for both.",
)
def fetch_command(
    guns: Sequence[str],
    *,
    server: str | None,
    ca_file: Path | None,
    user: str | None,
    password_file: Path | None,
    insecure_http: bool,
    trust_folder: Path | None,
    out: Path,
    names_from: Path | None,
    trusted_root: str | None,
    fresh_server_keys: Sequence[str],
) -> None:
    """Fetch what a server has of repositories into a request folder, and print its digest.

    Run it on an online machine. A repository that the server does not know yet is no
    error: the server makes its keys. Of one that it knows, the histories of root, targets
    and delegations come too; with --trusted-root they are verified. Name the digest in the
    plan, and carry the folder into the room. --fresh-server-keys wants the right to push.

    Without a server, --trust-folder turns what a client cached into a request: of the GUNs
    that are named, or of all. It has no server keys, and no histories.
    """
    if (server is None) == (trust_folder is None):
        raise click.UsageError("name one place to fetch from: --server, or --trust-folder")
    names = _names(guns, names_from)
    if trust_folder is not None:
        if fresh_server_keys:
            raise click.UsageError("--fresh-server-keys needs --server: a trust folder has no server keys")
        convert(trust_folder, names, out, trusted_root)
        return
    if not names:
        raise click.UsageError("name a repository (GUN), or a file of them with --names-from")
    options = ServerOptions(server or "", ca_file, user, password_file, insecure_http)
    run(names, options, out, trusted_root, fresh_server_keys)


def _names(guns: Iterable[str], path: Path | None) -> list[str]:
    listed = [] if path is None else [name for _, name in plan_names.names_from(read_file(path), str(path), "--names-from")]
    return list(dict.fromkeys([*guns, *listed]))


def run(
    names: Sequence[str], options: ServerOptions, out: Path, trusted_root: str | None = None, new_keys: Sequence[str] = ()
) -> None:
    """Fetch `names` into the folder `out`; raises CeremonyError when any of them failed."""
    from ceremony.online.fetch import fetch  # noqa: PLC0415  see above

    judge = _judge(trusted_root)
    with open_session(options) as session, progress("fetching", len(names)) as show:
        fetched = fetch(names, session, out, progress=show, judge=judge, new_keys=new_keys)
    _tell(fetched, out, verified=judge is not None, passed_over=new_keys)
    check_failures(fetched.failures, len(names))


def convert(folder: Path, names: Sequence[str], out: Path, trusted_root: str | None) -> None:
    """Turn a trust folder into the request folder `out`; raises CeremonyError when any repository failed."""
    if trusted_root is not None and Path(trusted_root).resolve().is_relative_to(folder.resolve()):
        raise click.UsageError("--trusted-root lies in the trust folder, and no folder can vouch for itself")
    judge = _judge(trusted_root)
    fetched = trust_folders.bring(folder, names, out, judge)
    _tell(fetched, out, verified=judge is not None)
    if fetched.digest:
        click.echo(
            "a trust folder has no server keys: the ceremony leaves snapshot and timestamp keys as the roots name them; "
            "nor has it histories: every root must follow the trusted root directly",
            err=True,
        )
    check_failures(fetched.failures, fetched.known + len(fetched.failures))


def _judge(trusted_root: str | None) -> Judge | None:
    from ceremony.online.fetch import Judge  # noqa: PLC0415  see above

    if trusted_root is None:
        return None
    return Judge(trusted_root_of(trusted_root, _DIALECT), sequel.get(_DIALECT), datetime.now(UTC))


def _tell(fetched: Fetched, out: Path, *, verified: bool, passed_over: Sequence[str] = ()) -> None:
    """Print the digest, and on stderr what people should know; `passed_over` are roles of which a note says nothing new."""
    if not fetched.digest:
        return
    click.echo(fetched.digest)
    click.echo(f"{out}: {fetched.new} new and {fetched.known} known repositories", err=True)
    if fetched.known:
        click.echo(
            "the known ones were verified against --trusted-root, as the ceremony will do again"
            if verified
            else "nothing was verified yet, the ceremony will do that; to do it while fetching, name --trusted-root",
            err=True,
        )
    told: dict[str, list[str]] = defaultdict(list)
    for gun, histories in fetched.short.items():
        for history in histories:
            told[f"the server's history of {history}"].append(gun)
    for gun, notes in fetched.notes.items():
        for note in notes:
            if note.role not in passed_over:
                told[f"{note.role}: {note.words}"].append(gun)
    _tell_of_many(told)


def _tell_of_many(told: Mapping[str, Sequence[str]]) -> None:
    for words, guns in told.items():
        more = f" and {len(guns) - _SHOWN} more" if len(guns) > _SHOWN else ""
        click.echo(f"note: {', '.join(guns[:_SHOWN])}{more}: {words}", err=True)
