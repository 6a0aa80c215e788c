# SPDX-License-Identifier: Apache-2.0
"""`ceremony audit`: verify a ceremony folder, or the tar of one, and say what was found.

On stdout: a verdict a line, what failed first; with `--json` one object. The exit
code is 0 when all of it verifies, 1 when anything recorded was changed, 3 when
something is missing that an unfinished ceremony has not written yet.
"""

from __future__ import annotations

from pathlib import Path

import click

from ceremony.cli.folder import FolderReader, open_folder
from ceremony.core.audit import audit
from ceremony.core.audit.verdict import Audited, Level, by_subject
from ceremony.core.canonical import Json, encode
from ceremony.core.plan import Mode
from ceremony.errors import CeremonyError, ExitCode

_VERDICTS = {ExitCode.DONE: "VERIFIED", ExitCode.FAILED: "FAILED", ExitCode.INCOMPLETE: "INCOMPLETE"}


@click.command("audit")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def audit_command(folder: Path, *, as_json: bool) -> int:
    """Verify a ceremony folder. DIR is the folder, or the tar that the courier carries."""
    with open_folder(folder) as reader:
        result = audit(reader)
    click.echo(_json(result) if as_json else _text(result))
    return result.verdict


def audited(reader: FolderReader) -> Mode:
    """Return the mode of a folder that may be published; raises CeremonyError for any other."""
    result = audit(reader)
    if result.verdict is ExitCode.FAILED or (result.verdict is ExitCode.INCOMPLETE and not _only_lacks_an_anchor(result)):
        worst = next(by_subject(result.findings))
        raise CeremonyError(
            f"{reader.name} does not verify: {worst.subject}: {worst.text}",
            hint="run `ceremony audit` on it; nothing was published",
        )
    return Mode(result.mode)


def _only_lacks_an_anchor(result: Audited) -> bool:
    """Whether all that is missing is a key from outside the folder, which its own publishers hold."""
    return all(f.subject == "mode" for f in result.findings if f.level is Level.INCOMPLETE)


def _text(result: Audited) -> str:
    lines = [f"{finding.level.name:<10}  {finding.subject}: {finding.text}" for finding in by_subject(result.findings)]
    mode = f" ({result.mode.upper()})" if result.mode else ""
    return "\n".join([*lines, f"{_VERDICTS[result.verdict]}{mode}"])


def _json(result: Audited) -> str:
    findings: list[Json] = [
        {"level": f.level.name.lower(), "subject": f.subject, "text": f.text} for f in by_subject(result.findings)
    ]
    ceremony = result.found.records[0].ceremony if result.found.records else ""
    return encode(
        {
            "verdict": _VERDICTS[result.verdict].lower(),
            "mode": result.mode,
            "ceremony": ceremony,
            "records": len(result.found.records),
            "findings": findings,
        }
    ).decode()
