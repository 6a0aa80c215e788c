# SPDX-License-Identifier: Apache-2.0
"""`ceremony audit --paper` and `--report`: write working paper and report to new files, outside the folder that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ceremony.cli.plan_files import create
from ceremony.core.audit.made import read_made_plan
from ceremony.core.audit.redacted import is_copy
from ceremony.core.audit.verdict import Audited
from ceremony.errors import CeremonyError
from ceremony.report import Report
from ceremony.report.paper import paper


def write_paper(path: Path, audited: Audited, verdict: Sequence[str], *, folder: Path) -> None:
    """Write the working paper of a folder under audit, which is still open; `verdict` are the lines that the audit prints.

    `folder` is where the audited folder, or its tar, is. Raises CeremonyError for a file that exists, or that would lie in that
    folder, and for a public copy, whose records do not answer what they withhold; StorageError when it cannot be written.
    """
    _refuse_inside(path, folder)
    if is_copy(audited.folder):
        raise CeremonyError(
            f"{folder} is a public copy, from which records are withheld", hint="take the whole folder; nothing was written"
        )
    plan = read_made_plan(replace(audited, findings=[]))  # what is wrong with the plan is in the verdict already
    create(path, paper(audited, plan, verdict).encode())


def write_report(path: Path, audited: Audited, *, folder: Path) -> None:
    """Write `report.html`, made again from a folder under audit that is still open; `folder` is where it, or its tar, is.

    Raises CeremonyError for a file that exists, or that would lie in that folder; StorageError when it cannot be written.
    """
    _refuse_inside(path, folder)
    create(path, Report().page(audited.folder))


def _refuse_inside(path: Path, folder: Path) -> None:
    if folder.is_dir() and path.resolve().is_relative_to(folder.resolve()):
        raise CeremonyError(
            f"{path} would lie in the folder that it is about", hint="name a file outside it; nothing was written"
        )
