# SPDX-License-Identifier: Apache-2.0
"""`ceremony plan`: make, check, print and approve a plan, before the day.

Standard output is data: a plan, a summary, a script. Warnings and narration go to
standard error. Nothing is ever overwritten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from ceremony.cli.plan_files import EXAMPLES, approvals_folder, create, judge, load_plan, make_folder
from ceremony.cli.trusted_files import load_trusted_root
from ceremony.core import approval, dialects, words
from ceremony.core.plan import Kind, Mode, Plan
from ceremony.core.plan_lint import PlanWarning, unsupported
from ceremony.core.plan_reader import files_named
from ceremony.core.procedure import StepInfo, procedure
from ceremony.core.script import document
from ceremony.core.script.as_markdown import as_markdown
from ceremony.errors import CeremonyError, VerificationError
from ceremony.host.ssh_keygen import sign_with_key
from ceremony.report.script import for_paper

_PLAN = click.argument("path", metavar="PLAN", type=click.Path(path_type=Path))
_OUT = click.option("--out", metavar="FILE", type=click.Path(path_type=Path), help="Write a new file; its folder must exist.")
_PAPER = frozenset([".html", ".htm"])
"""Endings of a script that is to be a page."""


@click.group()
def plan() -> None:
    """Make, check, print and approve plans."""


@plan.command()
@click.argument("kind", type=click.Choice([kind.value for kind in Kind]))
@_OUT
def new(kind: str, out: Path | None) -> None:
    """Write an annotated example plan of KIND, with the files that it names."""
    example = EXAMPLES[Kind(kind)]
    source = example.read_bytes()
    named = files_named(source)
    if out is None:
        click.echo(source, nl=False)
        if named:
            click.echo(f"it names {', '.join(named)}; with --out FILE, examples of these are written too", err=True)
        return
    files = {out: source} | {out.parent / name: (example.parent / name).read_bytes() for name in named}
    for path in files:
        if path.exists():
            raise CeremonyError(f"{path} exists already", hint="name a plan in another folder; nothing is overwritten")
    for path, data in files.items():
        if path != out:
            make_folder(path.parent)
        create(path, data)
        click.echo(f"wrote {path}", err=True)


@plan.command()
@_PLAN
def check(path: Path) -> None:
    """Read PLAN and every file that it names, and say whether a ceremony can be held from it."""
    read, approvals = load_plan(path)
    warnings = judge(read, now=datetime.now(UTC), mode=Mode.PRACTICE)
    _say(warnings)
    for refusal in unsupported(read, None, Mode.PRACTICE):
        _warn(refusal.message, refusal.hint)
    click.echo("\n".join(_summary(read, _steps(read), _approved(read, approvals, load_trusted_root(path, read, Mode.PRACTICE)))))


@plan.command()
@_PLAN
@_OUT
def script(path: Path, out: Path | None) -> None:
    """Print the script of PLAN: who does what, what is said aloud, sheets to fill in.

    As Markdown; to a FILE that ends in .html as a page made for paper, A4 or letter.
    """
    read, _ = load_plan(path)
    warnings = judge(read, now=datetime.now(UTC), mode=Mode.PRACTICE)
    made = document(read, _steps(read), warnings)
    if out is None:
        click.echo(as_markdown(made), nl=False)
    else:
        create(out, for_paper(made) if out.suffix.lower() in _PAPER else as_markdown(made).encode())
        click.echo(f"wrote {out}", err=True)


@plan.command()
@_PLAN
@click.option(
    "--key", required=True, metavar="KEY", type=click.Path(path_type=Path), help="Your private key, or its .pub with an agent."
)
def approve(path: Path, key: Path) -> None:
    """Sign PLAN and every file that it names with your own key, beside the plan."""
    read, _ = load_plan(path)
    _say(judge(read, now=datetime.now(UTC), mode=Mode.PRACTICE))
    click.echo(f"plan {read.sha256}", err=True)
    click.echo(" ".join(words.words(read.sha256)), err=True)
    trusted = load_trusted_root(path, read, Mode.PRODUCTION)  # nobody approves what they have not got
    armored = sign_with_key(key, approval.NAMESPACE, approval.statement(read, trusted))
    person = approval.approver(read, armored, str(key), trusted)
    folder = approvals_folder(path)
    make_folder(folder)
    file = folder / approval.approval_name(person.key)
    if file.exists():
        hint = "if the plan has changed since, set that file aside and approve it again"
        raise CeremonyError(f"{file} exists already: {person.name} has approved before", hint=hint)
    create(file, armored)
    click.echo(f"{person.name} approves {read.name}", err=True)
    click.echo(file)


def _steps(read: Plan) -> tuple[StepInfo, ...]:
    return procedure(read, needs_certificate=dialects.get(read.dialect).needs_certificate)


def _approved(read: Plan, approvals: dict[str, bytes], trusted: Mapping[str, bytes]) -> str:
    """Return how many of those who must approve have; says on standard error which approvals do not count."""
    must, counted = approval.signs_for(read), dict(approvals)
    for name, armored in approvals.items():
        try:
            approval.missing_approvals(read, {name: armored}, trusted)
        except VerificationError as error:
            _warn(error.message, error.hint)
            del counted[name]
    return f"{len(must) - len(approval.missing_approvals(read, counted, trusted))} of {len(must)}"


def _summary(read: Plan, steps: tuple[StepInfo, ...], approved: str) -> Iterable[str]:
    root = read.root
    yield f"OK            {read.name}"
    yield f"sha256        {read.sha256}"
    yield f"kind          {read.kind}, dialect {read.dialect}"
    if root.threshold:
        yield f"root          {root.algorithm}, {root.threshold} of {len(root.tokens)} tokens, custody {root.custody}"
    yield f"repositories  {len(read.repositories)}"
    yield f"people        {len(read.people)}, approved by {approved}"
    yield f"steps         {len(steps)}, about {sum(step.minutes for step in steps)} minutes"


def _say(warnings: Iterable[PlanWarning]) -> None:
    for warning in warnings:
        _warn(str(warning), warning.hint)


def _warn(message: str, hint: str) -> None:
    click.echo(f"warning: {message}", err=True)
    click.echo(f"hint: {hint}", err=True)
