# SPDX-License-Identifier: Apache-2.0
"""Reads a log once that many attacks leave as it is, and tells at the end how many attacks there were, and how they went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

import pytest

from ceremony.core import log
from ceremony.core.audit import verdict
from ceremony.core.record import parse_lines


@pytest.fixture(autouse=True, scope="module")
def remembering() -> Iterator[None]:
    """Read the same log, and the same lines of one, once: what they say is a function of their bytes, and most attacks leave most as it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verdict, "recover", lru_cache(maxsize=8)(log.recover))
        parsed = lru_cache(maxsize=1024)(parse_lines)
        patch.setattr(log, "parse_lines", lambda lines: parsed(tuple(lines)))
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count no coverage while very many attacks are judged: other tests reach every line, and counting doubles the time."""
    for item in items:
        if item.path.parent.name == "attacks" and not item.nodeid.split("::")[1].startswith("test_the_audit_that_stops_early"):
            item.add_marker("no_cover")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print kind, cases, accepted, compared by all three verifiers, and disagreements."""
    table: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        for name, value in report.user_properties:
            if name in ("attacks", "agreement"):
                kind, count, bad = value
                row = table[kind]
                at = 0 if name == "attacks" else 2
                row[at], row[at + 1] = row[at] + count, row[at + 1] + bad
    if not table:
        return
    terminalreporter.section("attacks")
    width = max(map(len, table))
    terminalreporter.write_line(f"{'kind':<{width}}  {'cases':>8}  {'accepted':>8}  {'compared':>8}  {'disagree':>8}")
    total = [sum(row[i] for row in table.values()) for i in range(4)]
    for kind, row in [*sorted(table.items()), ("all", total)]:
        terminalreporter.write_line(f"{kind:<{width}}  " + "  ".join(f"{number:>8}" for number in row))
    terminalreporter.write_line(f"{total[0]} cases, {total[1]} accepted; {total[2]} compared, {total[3]} disagreements")
