# SPDX-License-Identifier: Apache-2.0
"""The tabs of the auditor's view, frozen at both sizes; see `tests/tui/test_snapshots.py` for how they are updated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from ceremony.core.audit.verdict import Finding, Level
from ceremony.core.bundle import LOG
from ceremony.errors import ExitCode
from ceremony.tui.view import verdict
from ceremony.tui.view.verdict import Verdict
from tests.tui.stage import PATIENCE
from tests.tui.view.stage import RECORDS, a_folder, make_view

Compare = Callable[..., bool]
DIGEST = "bc207fac5aaabf649eaa5bcad6febcb96af277612897a5aa2b6cac665291d5d3"
FOUND = Verdict(
    ExitCode.FAILED,
    (
        Finding(Level.FAILED, "README.txt", "is not the file that was recorded"),
        Finding(Level.INCOMPLETE, LOG, f"{len(RECORDS)} records chain; there is no close record"),
        Finding(Level.OK, "heads/0001.txt", "states the first 8 records"),
        Finding(Level.OK, "heads/0001.txt", "the root key on token 5f3c21 signed it"),
    ),
    chained=len(RECORDS),
    recorded={"README.txt": DIGEST, "evidence/inventory.json": DIGEST, "evidence/plan.toml": DIGEST},
    digests={"README.txt": DIGEST[::-1], "evidence/inventory.json": DIGEST},
)
"""A verdict as the audit gives it; the audit's own words are tested where they are made."""


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param((), id="verdict"),
        pytest.param(("2", "end", "up"), id="timeline"),
        pytest.param(("2", "end", "up", "enter"), id="record"),
        pytest.param(("2", "slash", *"root-a"), id="search"),
        pytest.param(("3",), id="keys"),
        pytest.param(("4",), id="devices"),
        pytest.param(("5",), id="deviations"),
        pytest.param(("6",), id="files"),
        pytest.param(("7",), id="summary"),
        pytest.param(("f1",), id="help"),
    ],
)
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_a_tab_is_drawn_as_before(
    snap_compare: Compare, monkeypatch: pytest.MonkeyPatch, keys: tuple[str, ...], size: tuple[int, int]
) -> None:
    monkeypatch.setattr(verdict, "judge", lambda _folder, _auditor: FOUND)
    view = make_view(a_folder())

    async def arrive(pilot: Pilot[Any]) -> None:
        async with asyncio.timeout(PATIENCE):
            while view.verdict is None:
                await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()

    assert snap_compare(view, terminal_size=size, run_before=arrive)
