# SPDX-License-Identifier: Apache-2.0
"""The record of a self-test: every line of it, whether it held and what it saw. Bodies are read as anyone could have written them."""

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
    """Return the names of the lines that did not hold."""
    rows = recorded.get("checks")
    rows = rows if isinstance(rows, list) else []
    return [str(row.get("name")) for row in rows if isinstance(row, dict) and row.get("passed") is not True]


def told(recorded: Mapping[str, Json]) -> str:
    """Return how it came out, in words."""
    names, rows = failed(recorded), recorded.get("checks")
    if names:
        return f"{', '.join(names)} did not hold"
    number = len(rows) if isinstance(rows, list) else 0
    return f"{number} {'line' if number == 1 else 'lines'} held"
