# SPDX-License-Identifier: Apache-2.0
"""A digest that two people hear: who ticks what, who waits for whom, and when they may agree."""

from __future__ import annotations

import pytest

from ceremony.core.ports import Operator, Prompt
from ceremony.tui.modals.compare import CompareModal
from ceremony.tui.widgets.code import QrCode
from tests.tui.demo import DIGEST
from tests.tui.stage import PROMPT, Show, on_stage

pytestmark = pytest.mark.anyio

SIZES = [pytest.param((80, 24), id="80x24"), pytest.param((120, 40), id="120x40"), pytest.param((200, 60), id="200x60")]
TWO = ("Ada Example", "Bob Witness")
ALONE = ("Ada Example", "Ada Example")
GROUPS = 8


def group(show: Show, number: int) -> str:
    digits = DIGEST[8 * (number - 1) : 8 * number]
    return next(line for line in show.text().split("\n") if f"{number:>2}  {digits[:4]} {digits[4:]}" in line)


@pytest.mark.parametrize("size", SIZES)
async def test_two_people_tick_every_group_before_they_agree(size: tuple[int, int]) -> None:
    async with on_stage(lambda o: o.compare(PROMPT, DIGEST.upper(), TWO), size=size) as show:
        await show.modal(CompareModal)
        assert " 1  Ada Example ─" in show.text()
        assert " 2  Bob Witness ─" in show.text()
        assert "Read group 1 of 8 aloud; 1 and 2 tick what they heard." in show.text()
        assert all("[ ] [ ]" in group(show, number) for number in range(1, GROUPS + 1))
        await show.press(*["1", "2"] * 3, "2", "1", *["1", "2"] * 3)
        assert "[x] [x]" in group(show, 7)
        await show.press("1", "y")
        assert "[x] [ ]" in group(show, 8)
        assert "Read and tick every group first." in show.text()
        assert show.answers == []
        await show.press("2")
        assert "Every group is ticked. Y: all the same. N: they differ." in show.text()
        await show.press("y")
        await show.outcome()
        assert show.answers == [True]


async def test_the_group_that_is_read_is_pointed_at() -> None:
    async with on_stage(lambda o: o.compare(PROMPT, DIGEST, TWO)) as show:
        await show.modal(CompareModal)
        assert ">  1  " in group(show, 1)
        await show.press("1")
        assert ">  1  " in group(show, 1)
        assert "Group 1 of 8: Bob Witness (2) has not ticked it yet." in show.text()
        await show.press("2")
        assert ">" not in group(show, 1)
        assert ">  2  " in group(show, 2)


@pytest.mark.parametrize(
    ("key", "other"), [pytest.param("1", "Bob Witness", id="first"), pytest.param("2", "Ada Example", id="second")]
)
async def test_nobody_gets_more_than_a_group_ahead(key: str, other: str) -> None:
    async with on_stage(lambda o: o.compare(PROMPT, DIGEST, TWO)) as show:
        await show.modal(CompareModal)
        await show.press("1", "2", key, key, key)
        assert f"Wait for {other}, who has not ticked group 2 yet." in show.text()
        assert "[ ] [ ]" in group(show, 3)


async def test_who_has_ticked_everything_is_told_so() -> None:
    async with on_stage(lambda o: o.compare(PROMPT, DIGEST, TWO)) as show:
        await show.modal(CompareModal)
        await show.press(*["1", "2"] * 7, "1", "1")
        assert "Ada Example has ticked every group." in show.text()


async def test_the_last_tick_is_taken_back_whoever_made_it() -> None:
    async with on_stage(lambda o: o.compare(PROMPT, DIGEST, TWO)) as show:
        await show.modal(CompareModal)
        await show.press("escape", "1", "2", "2", "backspace")
        assert "[x] [x]" in group(show, 1)
        assert "[ ] [ ]" in group(show, 2)
        await show.press("escape")
        assert "[x] [ ]" in group(show, 1)
        await show.press("2", *["1", "2"] * 7, "escape", "y")
        assert show.answers == []


@pytest.mark.parametrize("key", ["enter", "space"])
async def test_nobody_agrees_or_ticks_by_habit(key: str) -> None:
    async with on_stage(lambda o: o.compare(PROMPT, DIGEST, TWO)) as show:
        await show.modal(CompareModal)
        await show.press(key)
        assert "Press 1 when Ada Example heard the group, 2 when Bob Witness did." in show.text()
        assert "[ ] [ ]" in group(show, 1)
        await show.press(*["1", "2"] * GROUPS, *[key] * 3)
        assert show.answers == []


@pytest.mark.parametrize("keys", [("n",), ("1", "N"), ("1", "2") * GROUPS + ("n",)], ids=["at once", "after one", "at the end"])
async def test_people_say_at_any_time_that_it_differs(keys: tuple[str, ...]) -> None:
    async with on_stage(lambda o: o.compare(PROMPT, DIGEST, TWO)) as show:
        await show.modal(CompareModal)
        await show.press(*keys)
        await show.outcome()
        assert show.answers == [False]


@pytest.mark.parametrize("key", ["1", "enter", "space"])
async def test_one_who_is_alone_has_one_column(key: str) -> None:
    async with on_stage(lambda o: o.compare(PROMPT, DIGEST, ALONE)) as show:
        await show.modal(CompareModal)
        assert show.text().count("Ada Example ─") == 1
        assert "Read group 1 of 8 aloud; tick it when it is the same." in show.text()
        await show.press("2", *[key] * (GROUPS - 1), "y")
        assert show.answers == []
        assert group(show, 7).count("[x]") == 1
        assert "[ ]" in group(show, 8)
        await show.press(key, key, "y")
        await show.outcome()
        assert show.answers == [True]


async def test_hostile_and_endless_names_leave_every_column_in_its_place() -> None:
    people = ("evil\x1b[2J\u202e[bold]x[/]" + "W" * 300, "あ" * 200 + "\u0301" * 5000)
    async with on_stage(lambda o: o.compare(PROMPT, DIGEST, people)) as show:
        await show.modal(CompareModal)
        text = show.text()
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert r"1  evil\x1b[2J\u202e[bold]x[/]WWWW... ─" in text
        assert "あ... ─" in text
        assert "[ ] [ ]" in group(show, 8)
        await show.press("1", "1")
        assert "..., who has not ticked group 1 yet." in show.text()


async def test_all_groups_fit_below_a_long_detail_and_a_long_text_that_was_told() -> None:
    prompt = Prompt("head", "The head", "line\n" * 30, "everybody")

    def tell_and_compare(operator: Operator) -> object:
        operator.tell("told " * 100)
        return operator.compare(prompt, DIGEST, TWO)

    async with on_stage(tell_and_compare) as show:
        await show.modal(CompareModal)
        assert all("[ ] [ ]" in group(show, number) for number in range(1, GROUPS + 1))
        assert "N  they differ" in show.text()
        assert "PgDn  more text" in show.text()


async def test_nothing_is_ticked_while_the_terminal_is_too_small() -> None:
    async with on_stage(lambda o: o.compare(PROMPT, DIGEST, TWO)) as show:
        await show.modal(CompareModal)
        await show.press("1")
        await show.pilot.resize_terminal(60, 20)
        await show.until(lambda: "too small" in show.text())
        await show.press("2", "1", "escape", "n")
        await show.pilot.resize_terminal(80, 24)
        await show.until(lambda: "too small" not in show.text())
        assert "[x] [ ]" in group(show, 1)
        assert show.answers == []


@pytest.mark.parametrize(
    ("size", "shown"), [pytest.param((80, 24), False, id="80x24"), pytest.param((140, 45), True, id="140x45")]
)
async def test_a_head_is_a_code_too_where_there_is_room_for_it(size: tuple[int, int], shown: bool) -> None:
    prompt = Prompt("head", "The head", "heads/0001.txt states 31 records.", "everybody", code=f"ceremony-head:sha256:{DIGEST}")
    async with on_stage(lambda o: o.compare(prompt, DIGEST, TWO), size=size) as show:
        await show.modal(CompareModal)
        code = show.app.screen.query_one(QrCode)
        assert code.display is shown
        assert not shown or "█▀▀▀▀▀█" in show.text()
        assert all(group(show, number) for number in range(1, GROUPS + 1 if shown else 3))
        await show.press(*["1", "2"] * GROUPS, "y")
        await show.outcome()
        assert show.answers == [True]
