# SPDX-License-Identifier: Apache-2.0
"""`ceremony view`: look at a ceremony folder, or the tar of one, on a screen; the exit code is the audit's."""

from __future__ import annotations

from pathlib import Path

import click

from ceremony.cli.folder import open_folder
from ceremony.errors import ExitCode


@click.command("view")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
def view_command(folder: Path) -> ExitCode:
    """Look at a ceremony folder, read-only, with its verdict. DIR is the folder, or the tar that the courier carries."""
    from ceremony.tui.view.run import run_view  # noqa: PLC0415 - no screen is loaded until one is needed

    with open_folder(folder) as reader:
        return run_view(reader, reader.sizes, name=reader.name)
