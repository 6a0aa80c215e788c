# SPDX-License-Identifier: Apache-2.0
"""`ceremony audit`: verify a ceremony folder, the tar of one, or a volume, and say what was found.

People's keys, copies of the log and the key's other ceremonies may be brought beside it.
On stdout: a verdict a line, what failed first; with `--json` one object. The exit code
is 0 when all of it verifies, 1 when anything recorded was changed, 3 when something is
missing that an unfinished ceremony has not written yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict, Unpack

import click

from ceremony.cli.audit_inputs import Target, chapters, copies_at, locate, log_of, read_published, read_signers, shown
from ceremony.cli.audit_paper import write_paper, write_report
from ceremony.cli.audit_prove import check_proof, is_proof, print_proof
from ceremony.cli.folder import FolderReader, open_folder
from ceremony.core.audit import audit
from ceremony.core.audit.copies import Copy, check_copies
from ceremony.core.audit.history import Chapter, chapter, check_history, check_published, in_order
from ceremony.core.audit.redacted import audit_copy, is_copy
from ceremony.core.audit.verdict import Audited, Level, by_subject
from ceremony.core.canonical import Json, JsonObject, encode
from ceremony.core.plan import Mode
from ceremony.core.signers import Signers
from ceremony.errors import CeremonyError, ExitCode
from ceremony.report import Report

_PATH = click.Path(path_type=Path)
_VERDICTS = {ExitCode.DONE: "VERIFIED", ExitCode.FAILED: "FAILED", ExitCode.INCOMPLETE: "INCOMPLETE"}


class Asked(TypedDict):
    """What is asked for beside the verdict over the folder itself."""

    copies: tuple[Path, ...]
    history: Path | None
    published: Path | None
    prove: int | None
    report: Path | None
    paper: Path | None


@click.command("audit")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--signers", type=_PATH, metavar="FILE", help="People's keys, from outside the folder: ssh-keygen's allowed_signers."
)
@click.option(
    "--copy", "copies", type=_PATH, multiple=True, metavar="PATH", help="A copy of the log: volume, folder, tar; again for more."
)
@click.option("--history", type=_PATH, metavar="DIR", help="All ceremonies of this key, the first to the last: folders and tars.")
@click.option("--published", type=_PATH, metavar="DIR", help="With --history: what `ceremony fetch` brought, or a trust folder.")
@click.option(
    "--prove", type=click.IntRange(min=0), metavar="SEQ", help="Print the proof of one record instead: who signed its head."
)
@click.option("--report", type=_PATH, metavar="FILE", help="Make report.html again, and write it to a new file.")
@click.option(
    "--paper", type=_PATH, metavar="FILE", help="Write an auditor's working paper, Markdown: each clause and what answers it."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def audit_command(folder: Path, *, signers: Path | None, as_json: bool, **beside: Unpack[Asked]) -> int:
    """Verify a ceremony folder. DIR is the folder, the tar that the courier carries, or a volume.

    A production is verified only with --signers, keys that you got from its people, not from the folder.
    --copy compares other copies of the log. --history shows that no ceremony of the key is missing, and
    with --published that no root was made elsewhere.

    --prove prints one record and all that shows that it is in the log that people signed; such a proof, and a
    public copy that `ceremony redact` made, can stand in the place of DIR.
    """
    if beside["published"] is not None and beside["history"] is None:
        raise click.UsageError("--published needs --history: the ceremonies that may have made what is published")
    brought = read_signers(signers) if signers else None
    if is_proof(folder):
        _refuse_beside("a proof", beside)
        return _print(check_proof(folder, brought), as_json=as_json)
    target, prove = locate(folder), beside["prove"]
    with open_folder(target.path) as reader:
        if is_copy(reader) or prove is not None:
            _refuse_beside("a public copy" if prove is None else "--prove", {**beside, "prove": None})
            result = audit_copy(reader, brought) if is_copy(reader) else _audited(reader, brought)
            return _print(result, as_json=as_json) if prove is None else print_proof(result, prove)
        result = _audited(reader, brought)
        before = _look_beside(target, reader, result, brought, beside)
        if beside["report"] is not None:
            write_report(beside["report"], result, folder=target.path)
        if beside["paper"] is not None:
            write_paper(beside["paper"], result, _text(result).splitlines(), folder=target.path)
    return _print(result, before, as_json=as_json)


def _look_beside(
    target: Target, reader: FolderReader, result: Audited, brought: Signers | None, beside: Asked
) -> tuple[Chapter, ...]:
    """Add findings on the copies of the log and on the key's other ceremonies, and return these."""
    result.findings += check_copies(result, _copies(target, beside["copies"], result), shown(target.path))
    if beside["history"] is None:
        return ()
    own = chapter(reader.name, result)
    before = tuple(chapters(beside["history"], lambda other: _audited(other, brought)))
    result.findings += check_history(before, own)
    if beside["published"] is not None:
        result.findings += check_published(before, read_published(beside["published"]))
    return before


def _refuse_beside(what: str, beside: Mapping[str, object]) -> None:
    if any(value is not None and value != () for value in beside.values()):
        raise click.UsageError(f"{what} is judged by itself: leave every option but --signers and --json away")


def _print(result: Audited, history: Sequence[Chapter] = (), *, as_json: bool) -> ExitCode:
    click.echo(_json(result, history) if as_json else _text(result))
    return result.verdict


def _audited(reader: FolderReader, signers: Signers | None) -> Audited:
    return audit(reader, signers, reporter=Report())


def _copies(target: Target, named: Sequence[Path], result: Audited) -> Sequence[Copy]:
    beside = [log_of(target.beside)] if target.beside else []
    return [*beside, *(copy for path in named for copy in copies_at(path, _ceremony(result)))]


def audited(reader: FolderReader) -> Mode:
    """Return the mode of a folder that may be published; raises CeremonyError for any other."""
    result = audit(reader, reporter=Report())
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


def _ceremony(result: Audited) -> str:
    """Return the id of the ceremony; empty when its log does not begin."""
    return result.found.records[0].ceremony if result.found.records else ""


def _json(result: Audited, history: Sequence[Chapter]) -> str:
    findings: list[Json] = [
        {"level": f.level.name.lower(), "subject": f.subject, "text": f.text} for f in by_subject(result.findings)
    ]
    members: JsonObject = {
        "verdict": _VERDICTS[result.verdict].lower(),
        "mode": result.mode,
        "ceremony": _ceremony(result),
        "records": len(result.found.records),
        "findings": findings,
    }
    if history:
        members["history"] = [_timeline(one) for one in in_order(history)]
    return encode(members).decode()


def _timeline(one: Chapter) -> Json:
    """Return a ceremony of the history, for `--json`."""
    return {
        "ceremony": one.ceremony,
        "place": one.place,
        "kind": one.kind,
        "mode": one.mode,
        "utc": one.began,
        "previous": one.previous,
        "sha256": one.head,
        "closed": one.closed,
        "verdict": one.verdict.name.lower(),
    }
