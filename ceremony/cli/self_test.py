# SPDX-License-Identifier: Apache-2.0
"""`ceremony self-test`: whether this program, on this machine, still does what it must.

On stdout: a table, each line as soon as it is known, then a second one of what preflight sees
of the machine; with `--json` one object. The exit code is that of the first table: the machine
of a rehearsal need not be fit for a production.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from ceremony.cli.self_test_checks import ProgramTest
from ceremony.core.known_answers import HINT
from ceremony.core.ports import Check
from ceremony.errors import CeremonyError
from ceremony.host import memory, tool
from ceremony.host.clocks import SystemClock
from ceremony.host.preflight import SystemHost
from ceremony.steps.preflight import BYTES_AT_LEAST

_NAME = 38
"""Characters of the longest name."""


@click.command("self-test")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of two tables.")
def self_test_command(*, as_json: bool) -> None:
    """Test this program on this machine: its files, known answers, the sample ceremony, SoftHSM, clocks, entropy, memory.

    Ends with 0 when every line of the first table holds, else with 1. The second table shows what preflight
    sees of the machine; it changes nothing about that.
    """
    lines = []
    for check, milliseconds in _timed():
        lines.append((check, milliseconds))
        if not as_json:
            click.echo(_line(check, f"{milliseconds:>6} ms  "))
    machine = _machine()
    if as_json:
        click.echo(json.dumps(_object(lines, machine), indent=2))
    else:
        click.echo("\n".join(["", *(_line(check) for check in machine), _fit(machine)]))
    _refuse([check for check, _ in lines if not check.passed])


def _timed() -> Iterator[tuple[Check, int]]:
    for line in ProgramTest().lines():
        begun = time.monotonic()
        check = line.check()
        yield check, round((time.monotonic() - begun) * 1000)


def _line(check: Check, took: str = "") -> str:
    line = f"{check.name:<{_NAME}}  {'ok' if check.passed else 'FAILED':<6}  {took}{check.saw}"
    more = () if check.passed else tuple((label, said) for label, said in (("why", check.why), ("hint", check.hint)) if said)
    return "\n".join([line, *(f"{'':{_NAME}}  {label}: {said}" for label, said in more)])


def _machine() -> Sequence[Check]:
    host = SystemHost(Path.cwd(), clock=SystemClock(), protection=memory.protect())
    return host.preflight(BYTES_AT_LEAST)


def _fit(machine: Sequence[Check]) -> str:
    unfit = ", ".join(check.name for check in machine if not check.passed)
    return f"fit for a production: {f'no: {unfit}' if unfit else 'yes'}"


def _object(lines: Sequence[tuple[Check, int]], machine: Sequence[Check]) -> dict[str, object]:
    facts = tool.tool()
    return {
        "passed": all(check.passed for check, _ in lines),
        "version": facts.version,
        "sha256": facts.sha256,
        "checks": [{**asdict(check), "milliseconds": milliseconds} for check, milliseconds in lines],
        "machine": [asdict(check) for check in machine],
        "fit_for_production": all(check.passed for check in machine),
    }


def _refuse(failed: Sequence[Check]) -> None:
    """Raise CeremonyError when a line did not hold; its hint is that of the lines, where they have one and the same."""
    if failed:
        hints = {check.hint for check in failed}
        names = ", ".join(check.name for check in failed)
        raise CeremonyError(f"self-test: failed: {names}", hint=hints.pop() if len(hints) == 1 else HINT)
