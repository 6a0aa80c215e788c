# SPDX-License-Identifier: Apache-2.0
"""One of several options; and, for an alarm, what went wrong above them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ceremony.core.ports import Option, Prompt
from ceremony.errors import Stopped
from ceremony.tui import operator
from ceremony.tui.modals.choose import ChooseModal
from ceremony.tui.modals.stop import StopModal
from tests.tui.stage import PROMPT, Show, on_stage

pytestmark = pytest.mark.anyio

SIZES = [pytest.param((80, 24), id="80x24"), pytest.param((120, 40), id="120x40"), pytest.param((200, 60), id="200x60")]
STICKS = (Option("a", "Stick A", "serial 1, 32 GB"), Option("b", "Stick B", "serial 2, 32 GB"), Option("c", "None of them"))
SENTENCE = (
    "volume a: the medium with serial 4C530001 took 512 of 1,024 bytes, and then it did not answer any more, so that nothing more"
    " was written to it"
)
HINT = "put in another stick of at least 32 MB, and try again"
ALARM = Prompt("error:volumes", SENTENCE, HINT, alarm=True)
REST = (Option("retry", "Try again"), Option("stop", "Stop here", "the ceremony can be resumed later"))


def flowing(show: Show) -> str:
    """Return the words in the frame, whatever the width they were wrapped to."""
    frame = show.app.screen.query_one(".dialog").region
    lines = [line.ljust(300)[frame.x : frame.right] for line in show.text().split("\n")[frame.y : frame.bottom]]
    return " ".join(" ".join(lines).replace("┃", " ").split())


@pytest.mark.parametrize("size", SIZES)
async def test_an_option_is_chosen_by_arrows_and_enter(size: tuple[int, int]) -> None:
    async with on_stage(lambda o: o.choose(PROMPT, STICKS), size=size) as show:
        await show.modal(ChooseModal)
        await show.press("down", "up", "down", "enter")
        await show.outcome()
        assert show.answers == ["b"]


async def test_the_marked_option_has_a_sign_and_not_only_a_colour() -> None:
    async with on_stage(lambda o: o.choose(PROMPT, STICKS)) as show:
        await show.modal(ChooseModal)
        assert "> Stick A" in show.text()
        assert "    serial 1, 32 GB" in show.text()
        await show.press("down", "down")
        assert "> None of them" in show.text()
        assert "> Stick A" not in show.text()
        assert "  Stick A" in show.text()


@pytest.mark.parametrize("size", SIZES)
async def test_an_alarm_says_what_went_wrong_what_to_do_and_what_can_be_chosen(size: tuple[int, int]) -> None:
    async with on_stage(lambda o: o.choose(ALARM, REST), size=size) as show:
        await show.modal(ChooseModal)
        assert show.app.screen.has_class("failed")
        assert "━ Error ━" in show.text()
        assert f"Something went wrong. {SENTENCE} What to do: {HINT}" in flowing(show)
        assert "> Try again" in show.text()
        assert "Stop here" in show.text()
        assert "the ceremony can be resumed later" in show.text()
        await show.press("down", "enter")
        await show.outcome()
        assert show.answers == ["stop"]


async def test_an_alarm_without_a_hint_says_none() -> None:
    async with on_stage(lambda o: o.choose(Prompt("error:x", "It is full", alarm=True), REST)) as show:
        await show.modal(ChooseModal)
        assert "Something went wrong. It is full > Try again" in flowing(show)
        assert "What to do" not in show.text()


async def test_a_question_that_is_no_alarm_keeps_its_title_on_the_frame() -> None:
    async with on_stage(lambda o: o.choose(PROMPT, REST)) as show:
        await show.modal(ChooseModal)
        assert not show.app.screen.has_class("failed")
        assert f"━ {PROMPT.title} ━" in show.text()
        assert "Something went wrong" not in show.text()


async def test_an_endless_alarm_scrolls_above_its_choices() -> None:
    prompt = Prompt("error:x", "long " * 300, "do " * 300 + "END", alarm=True)
    async with on_stage(lambda o: o.choose(prompt, REST)) as show:
        await show.modal(ChooseModal)
        assert "> Try again" in show.text()
        assert "Enter  choose" in show.text()
        assert "END" not in show.text()
        await show.press(*["pagedown"] * 12)
        await show.until(lambda: "END" in show.text())
        await show.press("enter")
        await show.outcome()
        assert show.answers == ["retry"]


async def test_a_long_list_turns_its_pages_below_a_short_question() -> None:
    options = [Option(str(number), f"Stick {number}") for number in range(40)]
    async with on_stage(lambda o: o.choose(PROMPT, options)) as show:
        await show.modal(ChooseModal)
        await show.press("pagedown", "pagedown", "pageup")
        assert "> Stick 7" in show.text()
        await show.press(*["pagedown"] * 5)
        assert "> Stick 39" in show.text()
        await show.press(*["pageup"] * 7)
        assert "> Stick 0" in show.text()


async def test_the_keys_work_also_when_nothing_has_the_focus() -> None:
    async with on_stage(lambda o: o.choose(PROMPT, STICKS), lambda o: o.choose(PROMPT, STICKS)) as show:
        await show.modal(ChooseModal)
        show.app.screen.set_focus(None)
        await show.press("down", "down", "enter")
        await show.until(lambda: len(show.app.screen_stack) == 2 and show.app.focused is not None and "> Stick A" in show.text())
        show.app.screen.set_focus(None)
        await show.press("enter")
        await show.outcome()
        assert show.answers == ["b", "a"]


async def test_hostile_text_is_shown_and_never_obeyed() -> None:
    evil = "evil\x1b[2J\u202e[bold red]x[/][@click=app.stop]y[/]"
    async with on_stage(lambda o: o.choose(Prompt("error:x", evil, evil, alarm=True), [Option("a", evil, evil)])) as show:
        await show.modal(ChooseModal)
        assert "\x1b" not in show.text()
        assert "\u202e" not in show.text()
        assert show.text().count(r"evil\x1b[2J\u202e[bold red]x[/]") == 4


# --- options that come and go ---

GONE_BAD = Option("d", "Stick D", "serial 4, 8 GB", "it is full: 12 bytes are free")


class Now:
    """What can be chosen now, as a test changes it."""

    def __init__(self, *options: Option) -> None:
        self.options: tuple[Option, ...] = options

    def __call__(self) -> Sequence[Option]:
        return self.options


async def test_what_cannot_serve_stands_there_with_the_reason_and_cannot_be_chosen() -> None:
    now = Now(*STICKS[:2], GONE_BAD)
    async with on_stage(lambda o: o.choose(PROMPT, now(), now)) as show:
        await show.modal(ChooseModal)
        assert "Stick D" in show.text()
        assert "Cannot serve: it is full: 12 bytes are free" in show.text()
        await show.press("down", "down", "down", "up")
        assert "> Stick D" not in show.text()
        await show.press("enter")
        await show.outcome()
        assert show.answers[0] in {"a", "b"}


async def test_what_comes_and_goes_is_seen_and_the_mark_stays_on_what_it_is_on() -> None:
    now = Now(*STICKS[:2])
    async with on_stage(lambda o: o.choose(PROMPT, now(), now)) as show:
        await show.modal(ChooseModal)
        await show.press("down")
        assert "> Stick B" in show.text()
        now.options = (GONE_BAD, STICKS[2], *STICKS[:2])
        await show.until(lambda: "Stick D" in show.text())
        await show.until(lambda: "> Stick B" in show.text())
        assert "What was marked" not in show.text()
        now.options = (STICKS[1],)
        await show.until(lambda: "Stick A" not in show.text() and "> Stick B" in show.text())
        await show.press("enter")
        await show.outcome()
        assert show.answers == ["b"]


async def test_what_is_marked_and_goes_leaves_no_mark_behind_and_nothing_is_chosen_by_a_late_key() -> None:
    now = Now(*STICKS[:2])
    async with on_stage(lambda o: o.choose(PROMPT, now(), now)) as show:
        await show.modal(ChooseModal)
        now.options = (STICKS[1],)
        await show.until(lambda: "What was marked is not here any more: choose again." in show.text())
        await show.press("enter")
        assert isinstance(show.app.screen, ChooseModal)
        assert "> Stick" not in show.text()
        await show.press("down")
        await show.until(lambda: "> Stick B" in show.text())
        assert "What was marked" not in show.text()
        await show.press("enter")
        await show.outcome()
        assert show.answers == ["b"]


async def test_where_nothing_can_be_chosen_any_more_it_is_waited_for() -> None:
    now = Now(*STICKS[:2])
    async with on_stage(lambda o: o.choose(PROMPT, now(), now)) as show:
        await show.modal(ChooseModal)
        now.options = ()
        await show.until(lambda: "Stick A" not in show.text())
        await show.press("enter", "down", "pagedown", "enter")
        assert isinstance(show.app.screen, ChooseModal)
        now.options = STICKS[:2]
        await show.until(lambda: "Stick A" in show.text())
        await show.press("down", "enter")
        await show.outcome()
        assert show.answers == ["a"]


async def test_people_can_stop_while_options_come_and_go() -> None:
    now = Now(*STICKS[:2])
    async with on_stage(lambda o: o.choose(PROMPT, now(), now)) as show:
        await show.modal(ChooseModal)
        await show.press("ctrl+q")
        await show.modal(StopModal)
        now.options = (STICKS[0],)
        await show.press("y")
        assert isinstance((await show.outcome()).error, Stopped)


def test_what_a_look_raises_ends_the_question() -> None:
    posted: list[object] = []
    asks = operator.TuiOperator(lambda message: posted.append(message) or True)

    def broken() -> Sequence[Option]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asks.choose(PROMPT, STICKS, broken)
    assert not asks._open
