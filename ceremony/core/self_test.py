# SPDX-License-Identifier: Apache-2.0
"""The record of a self-test: every line of it, whether it held and what it saw.

Bodies are read as anyone could have written them: one that no self-test writes counts as one that failed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ceremony.core.canonical import Json, JsonObject
from ceremony.core.port_values import Check

KIND = "self-test"


def body(checks: Sequence[Check]) -> JsonObject:
    """Return what is recorded of a self-test; names and what was seen are text that a record takes."""
    rows: list[Json] = [{"name": check.name, "passed": check.passed, "saw": check.saw} for check in checks]
    held = sum(check.passed for check in checks)
    return {"checks": rows, "passed": held, "failed": len(rows) - held}


def failed(recorded: Mapping[str, Json]) -> list[str]:
    """Return what did not hold: the names of lines, a line without a name by its number, and a list or numbers that are not of a self-test."""
    rows = recorded.get("checks")
    if not isinstance(rows, list) or not rows:
        return ["the list of its lines"]
    names = [_fault(row, number) for number, row in enumerate(rows, 1)]
    bad = [name for name in names if name]
    held = sum(isinstance(row, dict) and row.get("passed") is True for row in rows)
    told_of = [recorded.get("passed"), recorded.get("failed")]
    # A truth value equals a number here, and is none.
    if told_of != [held, len(rows) - held] or any(type(number) is not int for number in told_of):
        bad.append("the count of its lines")
    return bad


def _fault(row: Json, number: int) -> str:
    """Return how to name a line that did not hold; nothing for one that did."""
    name = row.get("name") if isinstance(row, dict) else None
    if not isinstance(row, dict) or not isinstance(name, str) or not name:
        return f"line {number}"
    return "" if row.get("passed") is True else name


def told(recorded: Mapping[str, Json]) -> str:
    """Return how it came out, in words."""
    names, rows = failed(recorded), recorded.get("checks")
    if names:
        return f"{', '.join(names)} did not hold"
    number = len(rows) if isinstance(rows, list) else 0
    return f"{number} {'line' if number == 1 else 'lines'} held"
