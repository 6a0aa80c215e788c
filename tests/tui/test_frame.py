# SPDX-License-Identifier: Apache-2.0
"""What is in sight all the time: the room, the counts, the pace of long work; and what people open over it."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event

import pytest
from textual.filter import NoColor

from ceremony.core.plan import Mode
from ceremony.core.ports import Gauge, Operator, Prompt, Watcher
from ceremony.errors import ExitCode, Stopped
from ceremony.tui import theme
from ceremony.tui.messages import EndAsked, Gauged, Told
from ceremony.tui.modals.base import QuestionModal
from ceremony.tui.modals.confirm import ConfirmModal
from ceremony.tui.modals.end import EndModal
from ceremony.tui.modals.panel import PanelModal
from ceremony.tui.modals.state import StateModal
from ceremony.tui.modals.stop import StopModal
from ceremony.tui.modals.wait import AwaitModal
from ceremony.tui.widgets.status import StatusView, duration, pace
from ceremony.tui.widgets.vitals import NOTHING_YET
from tests.tui.demo import Room, record
from tests.tui.hands import Hands
from tests.tui.stage import PATIENCE, PROMPT, Show, on_stage

pytestmark = pytest.mark.anyio

OPEN = Gauge("air gap", good=False, saw="OPEN: up: eth0 (up), routes through eth0")
ALL_IN = [Gauge("air gap", good=True, saw="shut"), *(Gauge(name, good=True, saw="in") for name in ("volume a", "volume b"))]


class Given:
    """A room that stands as a test says."""

    def __init__(self, gauges: Sequence[Gauge]) -> None:
        self.gauges = gauges

    def look(self) -> Sequence[Gauge]:
        return self.gauges


def vitals(show: Show) -> str:
    """Return the second line of the screen."""
    return show.text().splitlines()[1]


# --- the room ---


@pytest.mark.parametrize(
    ("gauges", "size", "line"),
    [
        pytest.param(ALL_IN, (80, 24), "  air gap shut  volume a, volume b in", id="what is alike shares its word"),
        pytest.param([*ALL_IN, OPEN], (80, 24), "  ! air gap OPEN: up: eth0 (u...", id="a long one is cut, and comes first"),
        pytest.param([OPEN], (200, 60), "  ! air gap OPEN: up: eth0 (up), routes t...", id="less so where there is room"),
    ],
)
async def test_the_room_is_in_sight(gauges: Sequence[Gauge], size: tuple[int, int], line: str) -> None:
    async with on_stage(lambda o: o.confirm(PROMPT), size=size, monitor=Given(gauges)) as show:
        await show.until(lambda: vitals(show).startswith(line))


async def test_says_that_it_looks_before_anything_was_seen() -> None:
    async with on_stage(lambda o: o.confirm(PROMPT)) as show:
        await show.modal(ConfirmModal)
        assert NOTHING_YET in vitals(show)


async def test_counts_records_and_deviations_and_drops_them_before_the_room() -> None:
    def work(operator: Operator, watcher: Watcher) -> ExitCode:
        for seq, kind in enumerate(("step", "deviation")):
            watcher.recorded(record(seq, "preflight", kind))
        operator.confirm(PROMPT)
        return ExitCode.DONE

    async with on_stage(work=work, monitor=Room()) as show:
        await show.until(lambda: "1 deviation | 2 records" in vitals(show))

        def dropped() -> bool:
            show.app.post_message(Gauged((OPEN, OPEN, OPEN)))  # again: a look of the monitor's own may replace it
            return "records" not in vitals(show)

        await show.until(dropped)


def test_a_newer_look_replaces_an_older_one() -> None:
    assert Gauged(()).can_replace(Gauged((OPEN,)))
    assert not Gauged(()).can_replace(Told("x"))


# --- long work ---


@pytest.mark.parametrize(
    ("done", "left", "seconds", "said"),
    [
        pytest.param(100, 900, 1.0, "", id="too early to tell"),
        pytest.param(0, 900, 9.0, "", id="nothing done yet"),
        pytest.param(100, 900, 4.0, "25 a second, 36 s left", id="fast"),
        pytest.param(2, 8, 60.0, "4 min left", id="slow"),
    ],
)
def test_says_how_fast_and_how_long(done: int, left: int, seconds: float, said: str) -> None:
    assert pace(done, left, seconds) == said


@pytest.mark.parametrize(("seconds", "said"), [(0.4, "0 s"), (119.0, "119 s"), (120.0, "2 min"), (5_400.0, "90 min")])
def test_says_a_time_in_words(seconds: float, said: str) -> None:
    assert duration(seconds) == said


async def test_long_work_is_paused_between_two_reports_and_goes_on() -> None:
    reported = Event()

    def work(operator: Operator, _watcher: Watcher) -> ExitCode:
        operator.progress("signing with root-a", 1, 3)
        reported.wait(PATIENCE)
        operator.progress("signing with root-a", 2, 3)
        operator.confirm(PROMPT)
        return ExitCode.DONE

    async with on_stage(work=work) as show:
        await show.until(lambda: "1 of 3" in show.text() and " P Pause" in show.text())
        await show.press("p")
        assert "PAUSED" in show.text()
        reported.set()
        await show.until(lambda: "2 of 3" in show.text())
        assert "PAUSED" in show.text()
        assert len(show.app.screen_stack) == 1
        await show.press("P")
        await show.modal(ConfirmModal)
        assert "PAUSED" not in show.text()


async def test_a_pause_that_comes_with_the_last_report_holds_nothing_and_can_be_ended() -> None:
    reported = Event()

    def work(operator: Operator, watcher: Watcher) -> ExitCode:
        operator.progress("signing", 1, 2)
        reported.wait(PATIENCE)
        operator.progress("signing", 2, 2)
        watcher.step("verify", "running")
        operator.progress("checking", 1, 2)
        operator.confirm(PROMPT)
        return ExitCode.DONE

    async with on_stage(work=work) as show:
        await show.until(lambda: " P Pause" in show.text())
        await show.press("p")
        reported.set()
        await show.until(lambda: "checking" in show.text())
        assert "PAUSED" in show.text()
        await show.press("p")
        await show.modal(ConfirmModal)
        assert not show.app.operator.paused


async def test_without_long_work_there_is_nothing_to_pause() -> None:
    def work(operator: Operator, watcher: Watcher) -> ExitCode:
        operator.progress("signing", 1, 2)
        watcher.step("preflight", "done")
        operator.confirm(PROMPT)
        return ExitCode.DONE

    async with on_stage(work=work) as show:
        await show.modal(ConfirmModal)
        await show.press("p")
        assert not show.app.operator.paused
        assert " P Pause" not in show.text()


async def test_the_pace_counts_neither_the_pause_nor_what_was_done_before() -> None:
    hands = Hands()
    status = StatusView(hands)
    async with on_stage(lambda o: o.confirm(PROMPT)) as show:
        await show.app.mount(status)
        status.progress("signing", 1_000, 3_000)
        hands.now = 10.0
        status.progress("signing", 2_000, 3_000)
        assert str(status._pace.render()) == "100 a second, 10 s left"
        status.pause(paused=True)
        hands.now = 110.0
        status.progress("signing", 2_000, 3_000)
        assert str(status._pace.render()).startswith("PAUSED")
        status.pause(paused=False)
        status.pause(paused=False)
        status.progress("signing", 2_500, 3_000)
        assert str(status._pace.render()) == "150 a second, 3 s left"
        status.progress("writing", 1, 2)
        assert str(status._pace.render()) == ""


# --- what is noticed by itself ---


async def test_a_wait_leaves_the_screen_when_it_is_over() -> None:
    seen = Event()
    async with on_stage(lambda o: o.until(PROMPT, lambda: "a stick" if seen.is_set() else None)) as show:
        await show.modal(AwaitModal)
        seen.set()
        await show.modal(EndModal)
        assert show.answers == ["a stick"]


async def test_a_wait_that_is_over_leaves_what_people_opened_themselves() -> None:
    seen = Event()
    async with on_stage(lambda o: o.until(PROMPT, lambda: "a stick" if seen.is_set() else None)) as show:
        await show.modal(AwaitModal)
        await show.press("f9")
        await show.modal(StateModal)
        seen.set()
        await show.outcome()
        await show.pilot.pause()
        assert isinstance(show.app.screen, StateModal)
        await show.press("f9")
        await show.modal(EndModal)


async def test_a_wait_that_is_over_before_it_was_shown_is_never_shown() -> None:
    seen, wanted = Event(), Event()

    def work(operator: Operator, _watcher: Watcher) -> ExitCode:
        wanted.wait(PATIENCE)
        operator.until(PROMPT, lambda: "a stick" if seen.is_set() else None)
        operator.confirm(Prompt("next", "The next question"))
        return ExitCode.DONE

    async with on_stage(work=work) as show:
        await show.press("f1")
        await show.modal(PanelModal)
        wanted.set()
        await show.until(lambda: len(show.app._waiting) == 1)
        seen.set()
        await show.until(lambda: bool(show.app._waiting) and show.app._waiting[0].question.prompt.key == "next")
        await show.press("enter")
        await show.until(lambda: "The next question" in show.text())


async def test_people_give_up_on_a_wait() -> None:
    async with on_stage(lambda o: o.until(PROMPT, lambda: None)) as show:
        await show.modal(AwaitModal)
        await show.press("escape")
        await show.outcome()
        assert show.answers == [None]


async def test_a_touch_stands_over_everything_only_while_it_is_waited_for() -> None:
    touched = Event()

    def work(operator: Operator, _watcher: Watcher) -> ExitCode:
        with operator.waiting("root-a, serial 5f3c21", seconds=15):
            touched.wait(PATIENCE)
        operator.confirm(PROMPT)
        return ExitCode.DONE

    async with on_stage(work=work) as show:
        await show.until(lambda: "TOUCH root-a, serial 5f3c21 NOW" in show.text())
        touched.set()
        await show.modal(ConfirmModal)
        assert "TOUCH" not in show.text()


# --- what people open ---


async def test_the_state_of_the_ceremony_is_shown_and_taken_away_by_one_key() -> None:
    def work(operator: Operator, watcher: Watcher) -> ExitCode:
        watcher.recorded(record(0, "preflight", "begin"))
        operator.confirm(PROMPT)
        return ExitCode.DONE

    async with on_stage(work=work) as show:
        await show.modal(ConfirmModal)
        await show.press("f9")
        await show.modal(StateModal)
        assert "preflight" in show.text()
        await show.press("down", "f9")
        await show.modal(ConfirmModal)


async def test_a_state_without_records_says_so() -> None:
    async with on_stage(lambda o: o.confirm(PROMPT)) as show:
        await show.press("f9")
        await show.modal(StateModal)
        assert "Nothing is recorded yet." in show.text()
        await show.press("escape")


@pytest.mark.parametrize("key", ["f1", "f8", "f9"])
async def test_stopping_is_asked_over_anything_that_people_opened(key: str) -> None:
    async with on_stage(lambda o: o.confirm(PROMPT)) as show:
        await show.modal(ConfirmModal)
        await show.press(key, "ctrl+c", "ctrl+q")
        await show.modal(StopModal)
        await show.press("y")
        assert isinstance((await show.outcome()).error, Stopped)
        await show.modal(EndModal)


# --- the process is told to end ---


async def test_an_order_to_end_stops_without_a_question_and_without_a_last_key() -> None:
    async with on_stage(lambda o: o.confirm(PROMPT)) as show:
        await show.modal(ConfirmModal)
        await show.press("f8")
        show.app.post_message(EndAsked())
        assert isinstance((await show.outcome()).error, Stopped)
        await show.until(lambda: show.app.return_value is not None)
    assert show.app.return_value is ExitCode.INCOMPLETE


async def test_an_order_to_end_closes_the_last_screen() -> None:
    async with on_stage(lambda o: o.tell("done")) as show:
        await show.modal(EndModal)
        show.app.post_message(EndAsked())
        await show.until(lambda: show.app.return_value is not None)
    assert show.app.return_value is ExitCode.DONE


# --- the terminal ---


@pytest.mark.parametrize(("term", "marks"), [("linux", theme.CONSOLE_MARKS), ("xterm-256color", theme.MARKS)])
async def test_the_marks_are_those_that_the_terminal_has(term: str, marks: theme.Marks, monkeypatch) -> None:
    monkeypatch.setenv("TERM", term)

    def work(operator: Operator, watcher: Watcher) -> ExitCode:
        watcher.step("preflight", "done")
        watcher.step("roll-call", "running")
        operator.confirm(PROMPT)
        return ExitCode.DONE

    async with on_stage(work=work) as show:
        await show.modal(ConfirmModal)
        assert f"{marks.done}  1 Preflight" in show.text()
        assert f"{marks.now}  2 Roll call" in show.text()
        assert f"{marks.later}  3 Volumes" in show.text()


async def test_no_color_means_no_colour_at_all(monkeypatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with on_stage(lambda o: o.confirm(PROMPT), mode=Mode.PRODUCTION) as show:
        await show.modal(QuestionModal)
        assert any(isinstance(each, NoColor) for each in show.app.get_line_filters())
        assert "*** PRODUCTION ***" in show.text()
