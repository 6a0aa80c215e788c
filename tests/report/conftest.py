# SPDX-License-Identifier: Apache-2.0
"""Which cases of the long tables are run: every fifth in a usual run, all of them with `CEREMONY_ATTACKS=all`.

A run of the shell verifier starts a hundred programs. The tables are the page's too, where every case is run.
"""

from __future__ import annotations

import os

import pytest

LONG = ("test_verify_sh_rules.py", "test_verify_sh_hostile.py")
EVERY = 5


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out four of five cases of each long table; count no coverage where other programs verify."""
    for item in items:
        if item.path.name.startswith("test_verify_"):
            item.add_marker("no_cover")
    if os.environ.get("CEREMONY_ATTACKS") == "all":
        return
    seen: dict[str, int] = {}
    left_out: list[pytest.Item] = []
    for item in items:
        table = item.nodeid.split("[", maxsplit=1)[0]
        number = seen[table] = seen.get(table, -1) + 1
        if item.path.name in LONG and number % EVERY:
            left_out.append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]
