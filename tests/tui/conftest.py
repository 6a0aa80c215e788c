# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the screen tests: one event loop, and a guard over the snapshots."""

from __future__ import annotations

from importlib.metadata import version

import pytest

SNAPSHOTS_OF = "8.2.8"
"""The textual version that drew the snapshots; another one draws other bytes."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def check_snapshot_update(updating: bool, installed: str) -> None:
    if updating and installed != SNAPSHOTS_OF:
        raise pytest.UsageError(
            f"snapshots are drawn with textual {SNAPSHOTS_OF}, this is {installed}: install requirements.lock, then update them"
        )


@pytest.fixture(autouse=True, scope="session")
def guard_snapshots(request: pytest.FixtureRequest) -> None:
    check_snapshot_update(bool(request.config.getoption("--snapshot-update")), version("textual"))


@pytest.fixture(autouse=True)
def usual_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw as in a usual terminal, whatever the one is that runs the tests."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
