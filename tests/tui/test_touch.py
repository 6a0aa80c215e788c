# SPDX-License-Identifier: Apache-2.0
"""The panel that asks for a finger: when it comes, what it says, and when it goes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.pilot import Pilot

from ceremony.tui.widgets.touch import BAR, DELAY, OVER, TouchPanel, large
from tests.tui.hands import Hands

pytestmark = pytest.mark.anyio

KEY = "root-a, serial 5f3c21"


class Host(App[None]):
    """A screen with nothing but the panel."""

    CSS = "Screen { layers: base over; }"

    def __init__(self, panel: TouchPanel) -> None:
        super().__init__()
        self._panel = panel

    def compose(self) -> ComposeResult:
        yield self._panel


class Stage:
    """The panel, its clock, and what is to be seen."""

    def __init__(self, pilot: Pilot[None], panel: TouchPanel, hands: Hands) -> None:
        self.pilot = pilot
        self.app = pilot.app
        self.panel = panel
        self._hands = hands

    def at(self, seconds: float) -> str:
        """Move the clock, and return what is on the screen then."""
        self._hands.now = seconds
        self.panel.tick()
        return self.panel.render().plain if self.panel.display else ""


@asynccontextmanager
async def on_stage(size: tuple[int, int] = (80, 24)) -> AsyncIterator[Stage]:
    hands = Hands()
    panel = TouchPanel(hands)
    app = Host(panel)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield Stage(pilot, panel, hands)


async def test_it_appears_after_half_a_second_and_goes_with_the_wait() -> None:
    async with on_stage() as stage:
        assert stage.at(0) == ""
        stage.panel.start(KEY, 15)
        assert stage.at(DELAY - 0.01) == ""
        assert f"TOUCH {KEY} NOW" in stage.at(DELAY)
        stage.panel.stop(KEY)
        assert stage.at(DELAY + 0.1) == ""


async def test_a_token_that_answers_at_once_flashes_nothing() -> None:
    async with on_stage() as stage:
        stage.panel.start(KEY, 15)
        assert stage.at(0.3) == ""
        stage.panel.stop(KEY)
        assert stage.at(20) == ""


async def test_a_wait_for_something_else_is_not_shown() -> None:
    async with on_stage() as stage:
        stage.panel.start("the volumes", 0)
        assert stage.at(10) == ""
        stage.panel.stop("the volumes")


async def test_it_counts_down_in_digits_words_and_a_bar() -> None:
    async with on_stage() as stage:
        stage.panel.start(KEY, 15)
        text = stage.at(1)
        assert "14 seconds left" in text
        assert all(row.rstrip() in text for row in large("14"))
        assert text.count("░") == BAR - 38
        assert f"{'█' * (BAR // 2)}{'░' * (BAR // 2)}" in stage.at(7.5)
        assert "1 second left" in stage.at(14.5)
        assert "No key is to be pressed." in stage.at(14.5)


async def test_at_zero_it_says_what_may_have_happened_and_stays() -> None:
    async with on_stage() as stage:
        stage.panel.start(KEY, 15)
        for seconds in (15, 16, 60):
            text = stage.at(seconds)
            assert OVER in text
            assert "█" * BAR not in text
        stage.panel.stop(KEY)
        assert stage.at(61) == ""


async def test_the_newest_of_several_waits_is_shown_and_the_end_of_another_takes_nothing_away() -> None:
    async with on_stage() as stage:
        stage.panel.start("root-a", 15)
        stage.at(1)
        stage.panel.start("root-b", 15)
        assert "TOUCH root-a NOW" in stage.at(1.2)
        assert "TOUCH root-b NOW" in stage.at(2)
        stage.panel.stop("root-x")
        assert "TOUCH root-b NOW" in stage.at(3)
        stage.panel.stop("root-b")
        assert "TOUCH root-a NOW" in stage.at(4)
        stage.panel.stop("root-a")
        assert stage.at(5) == ""


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=["80x24", "120x40", "200x60"])
async def test_it_stands_in_the_middle_takes_no_focus_and_leaves_the_header_in_sight(size: tuple[int, int]) -> None:
    async with on_stage(size) as stage:
        stage.panel.start("evil\x1b[2J\u202e" + "W" * 300, 15)
        assert r"TOUCH evil\x1b[2J\u202eWWW" in stage.at(1)
        await stage.pilot.pause()
        assert stage.panel.region == Region(0, 2, size[0], size[1] - 3)
        assert not stage.app.screen.max_scroll_y
        assert not stage.panel.can_focus
        lines = stage.panel.render().plain.split("\n")
        assert max(map(len, lines)) <= size[0] - 2
        left = len(lines[0]) - len(lines[0].lstrip())
        assert abs(left - (size[0] - 2 - len(lines[0]))) <= 1


async def test_a_wait_that_began_before_the_panel_was_mounted_is_shown() -> None:
    hands = Hands()
    panel = TouchPanel(hands)
    app = Host(panel)
    panel.start(KEY, 15)
    async with app.run_test():
        hands.now = 1
        panel.tick()
        assert f"TOUCH {KEY} NOW" in panel.render().plain


@pytest.mark.parametrize("char", "TOUCH0123456789")
def test_large_characters_are_of_one_size_and_told_apart(char: str) -> None:
    rows = large(char)
    assert [len(row) for row in rows] == [6] * 5
    assert set("".join(rows)) <= {"█", " "}
    others = [large(other) for other in "TUCH123456789" if other != char]
    assert rows not in others
