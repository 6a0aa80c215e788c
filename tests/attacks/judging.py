# SPDX-License-Identifier: Apache-2.0
"""Judge the folder of a case: by an audit that stops where it fails, by a whole one, from memory, from a disk or a tar."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from ceremony.cli.folder import open_folder
from ceremony.core import bundle, signers
from ceremony.core.audit import audit, judge
from ceremony.core.signers import Signers
from ceremony.errors import CeremonyError, ExitCode
from tests.attacks.bases import Held
from tests.attacks.cases import Case


@cache
def parsed(data: bytes) -> Signers | None:
    """Return the signers of a file; None of an empty one, which stands for none."""
    return signers.parse(data) if data else None


def quick(case: Case) -> ExitCode:
    """Return the exit code of an audit that stops where it fails."""
    try:
        return judge(Held(case.files), parsed(case.signers), reporter=case.base.reporter)
    except CeremonyError as error:
        return error.exit_code


def whole(case: Case) -> ExitCode:
    """Return the exit code of a whole audit."""
    try:
        return audit(Held(case.files), parsed(case.signers), reporter=case.base.reporter).verdict
    except CeremonyError as error:
        return error.exit_code


def on_disk(path: Path, data: bytes, reporter: object) -> ExitCode:
    """Return the exit code of a whole audit of a folder on the disk, or its tar."""
    try:
        with open_folder(path) as folder:
            return audit(folder, parsed(data), reporter=reporter).verdict
    except CeremonyError as error:
        return error.exit_code


def tar_of(files: Mapping[str, bytes]) -> bytes:
    """Return the tar that the courier carries."""
    return b"".join(bundle.tar(iter(sorted(files.items(), key=lambda item: item[0].encode()))))
