# SPDX-License-Identifier: Apache-2.0
"""A wait for something that is put in or taken out."""

from __future__ import annotations

import pytest

from ceremony.core.ports import Prompt
from ceremony.tui.messages import Await
from ceremony.tui.modals.wait import AwaitModal
from tests.tui.hands import Hands
from tests.tui.stage import on_stage

pytestmark = pytest.mark.anyio

PUT_IN = Prompt("insert:root-b", "Put in root-b", "No token with serial 5f3c21 is plugged in.")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_people_can_only_give_up(size: tuple[int, int]) -> None:
    async with on_stage(lambda o: o.until(PUT_IN, lambda: None), size=size) as show:
        await show.modal(AwaitModal)
        assert "Put in root-b" in show.text()
        assert "No token with serial 5f3c21 is plugged in." in show.text()
        assert "It is noticed by itself." in show.text()
        assert "Esc  give up" in show.text()
        await show.press("enter", "space", "y", "n")
        assert isinstance(show.app.screen, AwaitModal)
        await show.press("escape")
        await show.outcome()
        assert show.answers == [None]


async def test_the_seconds_are_counted() -> None:
    hands = Hands()
    given: list[None] = []
    async with on_stage(lambda o: o.confirm(PUT_IN)) as show:
        waiting = AwaitModal(Await(PUT_IN), hands)
        await show.app.push_screen(waiting, given.append)
        await show.modal(AwaitModal)
        assert "Waiting for 0 s." in show.text()
        hands.now = 1234.9
        waiting.tick()
        await show.until(lambda: "Waiting for 1,234 s." in show.text())
        await show.press("escape")
        await show.until(lambda: given == [None])
