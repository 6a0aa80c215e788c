# SPDX-License-Identifier: Apache-2.0
"""`ceremony view`: look at a ceremony folder, or the tar of one, on a screen; the exit code is the audit's."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from ceremony.cli.audit_inputs import read_signers
from ceremony.cli.folder import open_folder
from ceremony.core.audit import audit
from ceremony.errors import ExitCode
from ceremony.report import Report


@click.command("view")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--signers",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="People's keys, from outside the folder: ssh-keygen's allowed_signers.",
)
def view_command(folder: Path, *, signers: Path | None) -> ExitCode:
    """Look at a ceremony folder, read-only, with its verdict. DIR is the folder, or the tar that the courier carries."""
    from ceremony.tui.view.run import run_view  # noqa: PLC0415 - no screen is loaded until one is needed

    brought = read_signers(signers) if signers else None
    with open_folder(folder) as reader:
        auditor = partial(audit, signers=brought, reporter=Report())
        return run_view(reader, reader.sizes, name=reader.name, auditor=auditor)
