# SPDX-License-Identifier: Apache-2.0
"""What stays is frozen where something large was just shown, and nowhere else."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from ceremony.core.ports import Prompt
from ceremony.tui.modals.review import ReviewModal
from ceremony.tui.pauses import settle
from ceremony.tui.view import app as view
from tests.fakes.differences import GivenDifferences
from tests.tui.stage import PROMPT, on_stage
from tests.tui.view.stage import a_folder, on_view


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


def test_what_is_there_is_never_looked_at_again() -> None:
    circle: list[object] = []
    circle.append(circle)
    settle()
    assert gc.get_freeze_count() > 1_000
    assert not any(each is circle for each in gc.get_objects())


@pytest.mark.anyio
async def test_the_review_settles_when_it_opens() -> None:
    async with on_stage(lambda o: o.confirm(PROMPT)) as show:
        await show.press("y")
        await show.outcome()
        assert gc.get_freeze_count() == 0, "a question is not large"
    async with on_stage(lambda o: o.review(Prompt("r", "Review"), GivenDifferences([]))) as show:
        await show.modal(ReviewModal)
        await show.until(lambda: gc.get_freeze_count() > 1_000)
        await show.press("n")
        await show.outcome()


@pytest.mark.anyio
async def test_the_view_settles_when_it_has_read_and_again_when_it_has_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []

    def settled() -> None:
        settle()
        counts.append(gc.get_freeze_count())

    monkeypatch.setattr(view, "settle", settled)
    async with on_view(a_folder()) as show:
        await show.until(lambda: len(counts) == 2)
        assert min(counts) > 1_000
        await show.press("2", "end", "3")
    assert len(counts) == 2
