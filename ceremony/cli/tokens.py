# SPDX-License-Identifier: Apache-2.0
"""`ceremony tokens`: what is plugged in, without a PIN and without a login.

Standard output is the table, or one JSON object; what is being asked, and what is
wrong with a module, goes to standard error.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

import click

from ceremony.core.ports import PinState
from ceremony.devices import inventory
from ceremony.devices.inventory import ListedModule, ListedToken
from ceremony.errors import CeremonyError

_HEADINGS = ("SERIAL", "LABEL", "MANUFACTURER", "MODEL", "FIRMWARE", "MADE OF", "PIN", "OBJECTS", "MODULE")


@click.command()
@click.option(
    "modules", "--module", multiple=True, metavar="PATH", help="A PKCS#11 module to ask; by default those that are installed."
)
@click.option("as_json", "--json", is_flag=True, help="Print one JSON object.")
def tokens(modules: Sequence[str], as_json: bool) -> None:
    """List the tokens that are plugged in; no PIN is asked for or tried."""
    paths = tuple(modules) or inventory.modules()
    for path in paths:
        click.echo(f"asking {path}", err=True)
    listed = inventory.list_tokens(paths)
    if as_json:
        click.echo(json.dumps({"modules": [_object(module) for module in listed]}, indent=2))
    elif any(module.tokens for module in listed):
        click.echo(_table(listed))
    for module in listed:
        if module.problem:
            click.echo(f"{module.problem}; {module.hint}", err=True)
    if not any(module.tokens for module in listed):
        raise CeremonyError("no token was found", hint="plug one in, or name its module with --module PATH")


def _table(listed: Sequence[ListedModule]) -> str:
    rows = [_HEADINGS, *(_row(token) for module in listed for token in module.tokens)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def _row(token: ListedToken) -> tuple[str, ...]:
    one = token.identity
    return (
        one.serial or "-",
        one.label or "-",
        one.manufacturer or "-",
        one.model or "-",
        one.firmware,
        "files" if one.software else "hardware",
        _pin(token.pin, low=token.pin_count_low) if token.initialised else "token not initialised",
        "?" if token.public_objects is None else str(token.public_objects),
        one.module,
    )


def _pin(pin: PinState, *, low: bool) -> str:
    if not pin.initialised:
        return "not set"
    if pin.locked:
        return "blocked"
    if pin.retries_left == 1:
        return "set, last try"
    return "set, a try was wrong" if low else "set"


def _object(module: ListedModule) -> dict[str, object]:
    return {
        "module": module.module,
        "problem": module.problem,
        "hint": module.hint,
        "tokens": [
            {
                **{key: value for key, value in asdict(token.identity).items() if key != "name"},
                "initialised": token.initialised,
                "pin_initialised": token.pin.initialised,
                "pin_locked": token.pin.locked,
                "pin_count_low": token.pin_count_low,
                "retries_left": token.pin.retries_left,
                "public_objects": token.public_objects,
            }
            for token in module.tokens
        ],
    }
