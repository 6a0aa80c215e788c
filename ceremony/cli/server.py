# SPDX-License-Identifier: Apache-2.0
"""What the commands that speak with a server share: its options, its session, how failures are told.

A password is asked for without echo, or read from a file; never an option's
value, which every process of the machine can see.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from ceremony.core.secret import Secret
from ceremony.errors import CeremonyError, StorageError

if TYPE_CHECKING:  # the network library is loaded when a command needs it, not for --help
    from ceremony.online.pool import Failure, Progress
    from ceremony.online.session import Session

F = TypeVar("F", bound=Callable[..., object])

_MAX_PASSWORD = 4096


@dataclass(frozen=True, slots=True)
class ServerOptions:
    """Which server, how to trust it, who asks."""

    server: str
    ca_file: Path | None = None
    user: str | None = None
    password_file: Path | None = None
    insecure_http: bool = False


def server_options(command: F) -> F:
    """Add the options that name a server to a command, as its arguments `server`, `ca_file`, `user`, ..."""
    return _server_options(command, required=True)


def optional_server_options(command: F) -> F:
    """Add the same options to a command that can do without a server; `server` is None then."""
    return _server_options(command, required=False)


def _server_options(command: F, *, required: bool) -> F:
    file = click.Path(path_type=Path, dir_okay=False)
    options = [
        click.option("--server", required=required, metavar="URL", help="The Notary server, https://notary.example."),
        click.option("--ca-file", type=file, metavar="FILE", help="PEM certificates to trust instead of the system's."),
        click.option("--user", metavar="NAME", help="Who asks; the password is asked for."),
        click.option("--password-file", type=file, metavar="FILE", help="Read the password from the first line of FILE."),
        click.option("--insecure-http", is_flag=True, help="Allow http to a machine that is not this one."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@contextmanager
def open_session(options: ServerOptions) -> Iterator[Session]:
    """Open a session with the server that the options name; raises CeremonyError for options that cannot be used."""
    from ceremony.online.address import server_at  # noqa: PLC0415  see above
    from ceremony.online.auth import Credentials  # noqa: PLC0415  see above
    from ceremony.online.session import Session  # noqa: PLC0415  see above

    server = server_at(options.server, insecure_http=options.insecure_http)
    ca = None if options.ca_file is None else read_file(options.ca_file)
    credentials = None
    if options.user is not None:
        credentials = Credentials(options.user, _password(options))
    elif options.password_file is not None:
        raise click.UsageError("--password-file needs --user")
    with Session(server, ca=ca, credentials=credentials) as session:
        yield session


def read_file(path: Path, limit: int = 16 * 1024 * 1024) -> bytes:
    """Return the bytes of a small file that an option names; raises StorageError."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise StorageError(str(path), f"cannot be read ({error.strerror})", hint="check the path") from error
    if len(data) > limit:
        raise StorageError(str(path), f"is more than {limit} bytes", hint="check the path")
    return data


def _password(options: ServerOptions) -> Secret:
    if options.password_file is None:
        return Secret(click.prompt(f"Password of {options.user}", hide_input=True, err=True))
    first = read_file(options.password_file, _MAX_PASSWORD).split(b"\n", 1)[0].rstrip(b"\r")
    if not first:
        raise StorageError(
            str(options.password_file), "has an empty first line", hint="write the password there, and nothing else"
        )
    return Secret(first)


@contextmanager
def progress(what: str, total: int) -> Iterator[Progress]:
    """Say on stderr what is done, and show there how far it is where a terminal can move its cursor."""
    click.echo(f"{what} {total} {'repository' if total == 1 else 'repositories'}", err=True)
    hidden = not sys.stderr.isatty() or os.environ.get("TERM") == "dumb"
    with click.progressbar(length=total, file=sys.stderr, show_pos=True, hidden=hidden) as bar:
        yield lambda _gun, done, _total: bar.update(done - bar.pos)


def tell_failures(failures: Sequence[Failure]) -> None:
    """Say on stderr what failed, each in a sentence that names the repository; a hint that serves several, once."""
    by_hint = sorted(failures, key=lambda failure: failure.error.hint)
    for hint, group in groupby(by_hint, key=lambda failure: failure.error.hint):
        for failure in group:
            click.echo(failure.error.message, err=True)
        click.echo(f"hint: {hint}", err=True)


def check_failures(failures: Sequence[Failure], total: int) -> None:
    """Raise CeremonyError when some of `total` repositories failed, after telling which."""
    if failures:
        tell_failures(failures)
        raise CeremonyError(f"{len(failures)} of {total} repositories failed", hint="each is named above; the others are done")
