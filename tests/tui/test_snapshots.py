# SPDX-License-Identifier: Apache-2.0
"""A few frozen screens, at both sizes: drawn again and compared byte for byte.

They hold for one version of textual (see `conftest`). After a wanted change:
`pytest tests/tui/test_snapshots.py --snapshot-update`, and look at each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from ceremony.core.plan import Mode
from ceremony.core.ports import Operator, Prompt, Watcher
from ceremony.core.secret import Secret
from ceremony.errors import ExitCode, StorageError
from tests.tui.conftest import SNAPSHOTS_OF, check_snapshot_update
from tests.tui.demo import CHANGES, DIGEST, STEPS, WORDS, record
from tests.tui.stage import PATIENCE, make_app

Compare = Callable[..., bool]


def sign(operator: Operator) -> object:
    return operator.confirm(Prompt("sign", "Sign the metadata?", "12 repositories, each root signed by root-a.", "everybody"))


def fail(_operator: Operator) -> object:
    raise StorageError("volume a", "took 512 of 1,024 bytes", hint="put in another stick and resume")


SCREENS = [
    pytest.param(sign, (), id="main"),
    pytest.param(
        lambda o: o.compare(Prompt("head", "The head of the log", "Everybody reads along."), DIGEST), ("enter",) * 3, id="compare"
    ),
    pytest.param(lambda o: o.review(Prompt("review", "All that is about to be signed"), CHANGES), ("down",), id="review"),
    pytest.param(
        lambda o: o.ask_secret(Prompt("pin", "PIN of root-a", "Token root-a, serial 5f3c21", "Ada Example"), 3),
        ("1",),
        id="secret",
    ),
    pytest.param(
        lambda o: o.show_secret(Prompt("p", "The passphrase", who="Carol"), Secret(WORDS)), ("enter",), id="show-secret"
    ),
    pytest.param(sign, ("f8",), id="deviation"),
    pytest.param(fail, (), id="error"),
]


def half_way(question: Callable[[Operator], object]) -> Callable[[Operator, Watcher], ExitCode]:
    """Return work that stands in the middle of a ceremony, at `question`."""

    def work(operator: Operator, watcher: Watcher) -> ExitCode:
        for seq, info in enumerate(STEPS[:13]):
            watcher.step(info.name, "skipped" if info.name == "load-request" else "done")
            watcher.recorded(record(seq, info.name))
        watcher.step(STEPS[13].name, "running")
        operator.tell("root-a is unlocked.")
        question(operator)
        return ExitCode.DONE

    return work


@pytest.mark.parametrize(("question", "keys"), SCREENS)
@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=["80x24", "120x40"])
def test_a_screen_is_drawn_as_before(
    snap_compare: Compare, question: Callable[[Operator], object], keys: tuple[str, ...], size: tuple[int, int]
) -> None:
    async def arrive(pilot: Pilot[Any]) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(pilot.app.screen_stack) < 2:
                await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()

    assert snap_compare(make_app(half_way(question), mode=Mode.PRODUCTION), terminal_size=size, run_before=arrive)


def test_a_practice_looks_different(snap_compare: Compare) -> None:
    async def arrive(pilot: Pilot[Any]) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(pilot.app.screen_stack) < 2:
                await pilot.pause()

    assert snap_compare(make_app(half_way(sign)), terminal_size=(80, 24), run_before=arrive)


def test_snapshots_are_updated_only_with_the_version_that_draws_them() -> None:
    check_snapshot_update(updating=True, installed=SNAPSHOTS_OF)
    check_snapshot_update(updating=False, installed="1.0")
    with pytest.raises(pytest.UsageError, match=f"snapshots are drawn with textual {SNAPSHOTS_OF}, this is 1.0"):
        check_snapshot_update(updating=True, installed="1.0")
