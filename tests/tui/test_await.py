# SPDX-License-Identifier: Apache-2.0
"""A wait for something that is put in or taken out."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from ceremony.core.ports import Option, Prompt
from ceremony.tui import operator
from ceremony.tui.messages import Await
from ceremony.tui.modals.panel import PanelModal
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


# --- what is there meanwhile ---

STRANGER = Option("9", "SanDisk Ultra, serial 9", "31.0 GB, vfat, label 'X', /dev/sdc1", "it is not volume a, which has serial 1")
FULL = Option("8", "SanDisk Ultra, serial 8", "1.0 GB, ext4, /dev/sdd", "it is full: 12 bytes are free")


class Ports:
    """What is plugged in, as a test changes it; `right` is what is waited for."""

    def __init__(self, *there: Option) -> None:
        self.there: tuple[Option, ...] = there
        self.right = False
        self.looked = threading.Event()

    def look(self) -> bool | None:
        self.looked.set()
        return True if self.right else None

    def now(self) -> Sequence[Option]:
        return self.there


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_what_is_plugged_in_is_listed_with_the_reason_why_it_is_not_taken(size: tuple[int, int]) -> None:
    ports = Ports(STRANGER, FULL)
    async with on_stage(lambda o: o.until(PUT_IN, ports.look, ports.now), size=size) as show:
        await show.modal(AwaitModal)
        text = show.text()
        for line in ("Plugged in now:", STRANGER.label, STRANGER.detail, f"Cannot serve: {STRANGER.trouble}", FULL.label):
            assert line in text
        ports.right = True
        await show.outcome()
        assert show.answers == [True]


async def test_coming_and_going_is_seen_within_a_second() -> None:
    ports = Ports()
    async with on_stage(lambda o: o.until(PUT_IN, ports.look, ports.now)) as show:
        await show.modal(AwaitModal)
        assert "Nothing is plugged in." in show.text()
        for there, seen in (((STRANGER,), STRANGER.label), ((), "Nothing is plugged in."), ((FULL,), FULL.label)):
            ports.there = there
            await show.until(lambda seen=seen: seen in show.text())
        assert STRANGER.label not in show.text()
        ports.right = True
        await show.outcome()
    assert operator.LOOK_EVERY + 0.25 < 1, "a look at the machine takes less than a quarter of a second: see test_usb"


async def test_a_wait_of_which_nobody_looks_at_anything_else_lists_nothing() -> None:
    async with on_stage(lambda o: o.until(PUT_IN, lambda: None)) as show:
        await show.modal(AwaitModal)
        assert "plugged in." in show.text()  # its own sentence
        assert "Plugged in now" not in show.text()
        await show.press("escape")
        await show.outcome()


async def test_the_list_scrolls_where_it_is_longer_than_its_place() -> None:
    ports = Ports(STRANGER)
    async with on_stage(lambda o: o.until(PUT_IN, ports.look, ports.now)) as show:
        await show.modal(AwaitModal)
        assert "PgDn" not in show.text()
        ports.there = tuple(Option(str(n), f"Stick {n}", "1.0 GB", "it is full") for n in range(12))
        await show.until(lambda: "PgDn" in show.text())
        assert "Esc  give up" in show.text()
        assert "Stick 11" not in show.text()
        await show.press(*["pagedown"] * 4)
        assert "Stick 11" in show.text()
        await show.press("escape")
        await show.outcome()
        assert show.answers == [None]


async def test_what_came_while_people_read_something_else_is_there_when_they_are_back() -> None:
    ports = Ports()

    def later(o: object) -> object:
        return o.until(PUT_IN, ports.look, ports.now)  # type: ignore[attr-defined]  # any Operator

    async with on_stage(lambda o: o.confirm(PUT_IN), later) as show:
        await show.until(lambda: len(show.app.screen_stack) == 2)
        await show.press("f1")
        await show.modal(PanelModal)
        first = next(iter(show.app.operator._open))
        show.app.operator.complete(first, answer=True)  # as if something else than the modal had answered
        await show.until(lambda: len(show.app._waiting) == 1)
        ports.there = (STRANGER,)
        ports.looked.clear()
        await show.until(lambda: show.app._waiting[0].question.options == (STRANGER,))
        await show.press("enter", "enter")  # the help, and the first question
        await show.modal(AwaitModal)
        assert STRANGER.label in show.text()
        ports.right = True
        await show.outcome()


async def test_hostile_names_of_sticks_are_shown_and_never_obeyed() -> None:
    evil = "evil\x1b[2J\u202e[bold red]x[/]"
    ports = Ports(Option(evil, evil, evil, evil))
    async with on_stage(lambda o: o.until(PUT_IN, ports.look, ports.now)) as show:
        await show.modal(AwaitModal)
        assert "\x1b" not in show.text()
        assert show.text().count(r"evil\x1b[2J\u202e[bold red]x[/]") == 3
        await show.press("escape")
        await show.outcome()


def test_what_a_look_raises_ends_the_wait_and_takes_its_question_away() -> None:
    posted: list[object] = []
    asks = operator.TuiOperator(lambda message: posted.append(message) or True)

    def broken() -> Sequence[Option]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asks.until(PUT_IN, lambda: None, broken)
    assert not asks._open
