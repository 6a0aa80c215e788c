# SPDX-License-Identifier: Apache-2.0
"""The screen and the worker together: questions, stops, deviations, sizes, errors, the end."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

import pytest

from ceremony.core.plan import Mode
from ceremony.core.ports import Deviation, Operator, Watcher
from ceremony.core.secret import Secret
from ceremony.errors import CeremonyError, ExitCode, Stopped, StorageError
from ceremony.tui.messages import StopAsked
from ceremony.tui.modals.base import QuestionModal
from ceremony.tui.modals.confirm import ConfirmModal
from ceremony.tui.modals.deviation import DeviationModal
from ceremony.tui.modals.end import EndModal
from ceremony.tui.modals.panel import PanelModal
from ceremony.tui.modals.secret import SecretModal
from ceremony.tui.modals.stop import StopModal
from ceremony.tui.modals.text import TextModal
from ceremony.tui.widgets.entry import LineEntry, SecretEntry
from tests.tui.demo import PEOPLE, everything, record
from tests.tui.stage import PATIENCE, PROMPT, Show, on_stage

pytestmark = pytest.mark.anyio

DEVIATION = Deviation("red", "blue", "go on", "Ada")


async def note_deviation(show: Show) -> None:
    """Fill the form of F8 as a person does."""
    await show.press("f8")
    await show.modal(DeviationModal)
    for text in (DEVIATION.expected, DEVIATION.happened, DEVIATION.decided, DEVIATION.by):
        await show.type(text)
        await show.press("enter")


async def test_the_worker_goes_on_from_answer_to_answer() -> None:
    async with on_stage(lambda o: o.confirm(PROMPT), lambda o: o.ask(PROMPT), lambda o: o.confirm(PROMPT)) as show:
        await show.modal(ConfirmModal)
        await show.press("enter")
        await show.modal(TextModal)
        await show.type("Ada")
        await show.press("enter")
        await show.modal(ConfirmModal)
        await show.press("n")
        await show.modal(EndModal)
        assert show.answers == [True, "Ada", False]
        assert "The ceremony is done" in show.text()
        await show.press("enter")
    assert show.app.return_value is ExitCode.DONE
    assert show.app.return_code == ExitCode.DONE


@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+c"])
async def test_stopping_is_asked_and_ends_the_worker_with_its_question_open(key: str) -> None:
    async with on_stage(lambda o: o.ask_secret(PROMPT)) as show:
        await show.modal(SecretModal)
        entry = show.app.screen.query_one(SecretEntry)
        await show.type("12")
        await show.press(key)
        await show.modal(StopModal)
        await show.press("enter", "x")
        await show.modal(StopModal)
        await show.press("y")
        outcome = await show.outcome()
        assert isinstance(outcome.error, Stopped)
        await show.modal(EndModal)
        assert "it can be resumed" in show.text()
        assert not any(entry._buffer)
        await show.press("enter")
    assert show.app.return_value is ExitCode.INCOMPLETE
    assert show.app.return_code == ExitCode.INCOMPLETE


@pytest.mark.parametrize("key", ["escape", "n"])
async def test_who_does_not_stop_after_all_goes_on_where_they_were(key: str) -> None:
    async with on_stage(lambda o: o.ask(PROMPT)) as show:
        await show.modal(TextModal)
        await show.type("Ad")
        await show.press("ctrl+q")
        await show.modal(StopModal)
        await show.press(key)
        await show.modal(TextModal)
        await show.type("a")
        await show.press("enter")
        await show.outcome()
        assert show.answers == ["Ada"]


async def test_a_step_may_record_its_stop() -> None:
    def work(operator: Operator, watcher: Watcher) -> ExitCode:
        try:
            operator.confirm(PROMPT)
        except Stopped:
            operator.tell("The stop is recorded.")
            watcher.recorded(record(1, "review", "stopped"))
            return ExitCode.INCOMPLETE
        return ExitCode.DONE

    async with on_stage(work=work, size=(120, 50)) as show:
        await show.modal(ConfirmModal)
        await show.press("ctrl+q", "y")
        await show.modal(EndModal)
        assert "The stop is recorded." in show.text()
        assert "1 written in this sitting" in show.text()
        await show.press("enter")
    assert show.app.return_value is ExitCode.INCOMPLETE


async def test_a_signal_is_the_same_question() -> None:
    async with on_stage(lambda o: o.confirm(PROMPT)) as show:
        await show.modal(ConfirmModal)
        show.app.post_message(StopAsked())
        await show.modal(StopModal)


async def test_work_without_questions_learns_of_a_stop_from_its_progress() -> None:
    stopping = Event()

    def work(operator: Operator, _watcher: Watcher) -> ExitCode:
        operator.progress("signing", 1, 2)
        stopping.wait(PATIENCE)
        operator.progress("signing", 2, 2)
        return ExitCode.DONE

    async with on_stage(work=work) as show:
        await show.until(lambda: "signing" in show.text())
        await show.press("ctrl+q")
        await show.modal(StopModal)
        await show.press("y")
        assert "Stopping: what runs now is finished first." in show.text()
        await show.press("ctrl+q")
        assert "The ceremony is stopping" in show.text()
        stopping.set()
        assert isinstance((await show.outcome()).error, Stopped)


async def test_closing_the_app_ends_the_worker() -> None:
    async with on_stage(lambda o: o.confirm(PROMPT)) as show:
        await show.modal(ConfirmModal)
        show.app.exit()
    assert isinstance((await show.outcome()).error, Stopped)


async def test_a_screen_that_fails_ends_the_worker_and_shows_no_variables(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AssertionError, match="the screen failed"):
        async with on_stage(lambda o: o.confirm(PROMPT)) as show:
            await show.modal(ConfirmModal)

            def fail() -> None:
                raise AssertionError("the screen failed")

            show.app.call_next(fail)
    assert isinstance((await show.outcome()).error, Stopped)
    assert isinstance(show.app.crash, AssertionError)
    assert capsys.readouterr() == ("", "")


async def test_a_deviation_can_be_noted_over_an_open_question() -> None:
    async with on_stage(lambda o: o.confirm(PROMPT), lambda o: list(o.deviations())) as show:
        await show.modal(ConfirmModal)
        await note_deviation(show)
        await show.modal(ConfirmModal)
        await show.press("enter")
        await show.outcome()
        assert show.answers == [True, [DEVIATION]]


async def test_a_deviation_is_recorded_only_when_every_line_is_filled() -> None:
    async with on_stage(lambda o: o.confirm(PROMPT), lambda o: list(o.deviations())) as show:
        await show.modal(ConfirmModal)
        await show.press("f8")
        await show.modal(DeviationModal)
        await show.press("enter")
        assert "What was expected is still empty." in show.text()
        await show.type("a")
        await show.press("enter", "enter")
        assert "What happened is still empty." in show.text()
        show.app.screen.query_one("#happened", LineEntry).insert_text_at_cursor("x" * 1_000_000)
        await show.until(lambda: "A line has at most" in show.text())
        await show.press("escape")
        await show.modal(ConfirmModal)
        await show.press("enter")
        await show.outcome()
        assert show.answers == [True, []]


async def test_a_question_waits_until_people_closed_what_they_opened() -> None:
    async with on_stage(lambda o: o.confirm(PROMPT), lambda o: o.confirm(PROMPT)) as show:
        await show.modal(ConfirmModal)
        await show.press("f1")
        await show.modal(PanelModal)
        first = next(iter(show.app.operator._open))
        show.app.operator.complete(first, answer=True)  # as if something else than the modal had answered
        await show.until(lambda: len(show.app._waiting) == 1)
        assert isinstance(show.app.screen, PanelModal)
        await show.press("enter")
        await show.modal(ConfirmModal)


async def test_the_end_waits_until_people_closed_what_they_opened() -> None:
    async with on_stage(lambda o: o.confirm(PROMPT)) as show:
        await show.modal(ConfirmModal)
        await show.press("enter")
        await show.modal(EndModal)
        await show.press("f8", "f1", "ctrl+q")
        assert "The ceremony is done" in show.text()
        assert len(show.app.screen_stack) == 2


async def test_a_deviation_that_came_too_late_for_the_log_is_not_lost() -> None:
    async with on_stage(lambda o: o.confirm(PROMPT)) as show:
        await show.modal(ConfirmModal)
        await note_deviation(show)
        await show.modal(ConfirmModal)
        await show.press("enter")
        await show.modal(EndModal)
        assert "Noted too late for the log, write it on paper: blue" in show.text()


async def test_help_is_made_from_the_bindings() -> None:
    async with on_stage(lambda o: o.confirm(PROMPT)) as show:
        await show.modal(ConfirmModal)
        await show.press("f1")
        await show.modal(PanelModal)
        for line in (
            "Enter     Agree",
            "Esc       Do not agree",
            "F8        Record a deviation",
            "Ctrl+Q    Ask whether to stop",
        ):
            assert line in show.text()
        await show.press("f1", "f8", "f9")
        assert len(show.app.screen_stack) == 3


async def test_a_resize_under_a_question_loses_nothing() -> None:
    async with on_stage(lambda o: o.ask(PROMPT)) as show:
        await show.modal(TextModal)
        await show.type("Ada")
        await show.pilot.resize_terminal(60, 15)
        await show.until(lambda: "The terminal is too small" in show.text())
        assert "A question" not in show.text()
        await show.press("enter", "escape")
        assert show.answers == []
        await show.type("Ada")
        await show.pilot.resize_terminal(120, 40)
        await show.until(lambda: "too small" not in show.text())
        await show.press("enter")
        await show.outcome()
        assert show.answers == ["Ada"]


@pytest.mark.parametrize(
    ("call", "keys"),
    [
        pytest.param(lambda o: o.confirm(PROMPT), ("enter",), id="confirm"),
        pytest.param(lambda o: o.ask_secret(PROMPT), ("1", "enter"), id="secret"),
        pytest.param(lambda o: o.compare(PROMPT, "00ff", PEOPLE), ("1", "2", "y"), id="compare"),
        pytest.param(lambda o: o.compare(PROMPT, "00ff", PEOPLE), ("n",), id="differ"),
        pytest.param(lambda o: o.show_secret(PROMPT, Secret("hidden")), ("enter",) * 3, id="show_secret"),
    ],
)
async def test_nothing_is_answered_unseen(call: Callable[[Operator], object], keys: tuple[str, ...]) -> None:
    async with on_stage(call, size=(79, 24)) as show:
        await show.modal(QuestionModal)
        await show.until(lambda: "too small" in show.text())
        await show.press(*keys)
        assert isinstance(show.app.screen, QuestionModal)
        assert show.answers == []
        assert "hidden" not in show.text()


async def test_a_small_terminal_says_so_before_any_question_and_recovers() -> None:
    async with on_stage(lambda o: o.confirm(PROMPT), size=(80, 23)) as show:
        await show.until(lambda: "The terminal is too small" in show.text())
        await show.pilot.resize_terminal(80, 24)
        await show.until(lambda: "too small" not in show.text() and "A question" in show.text())


def fails_with(error: BaseException) -> Callable[[Operator, Watcher], ExitCode]:
    def work(_operator: Operator, _watcher: Watcher) -> ExitCode:
        raise error

    return work


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_an_error_is_a_panel_with_its_sentence_and_hint(size: tuple[int, int]) -> None:
    error = StorageError("volume \x1b[31ma", "is full", hint="take [bold]another[/] one")
    async with on_stage(work=fails_with(error), size=size) as show:
        await show.modal(EndModal)
        text = show.text()
        assert "The ceremony has failed" in text
        assert r"volume \x1b[31ma: is full" in text
        assert "What to do: take [bold]another[/] one" in text
        await show.press("x", "y", "enter")
    assert show.app.return_value is ExitCode.FAILED
    assert show.app.crash is None


class NativePanic(BaseException):
    """As native libraries raise it: no Exception at all."""


@pytest.mark.parametrize("error", [KeyError("nowhere"), NativePanic("nowhere")], ids=repr)
async def test_an_unexpected_error_is_a_panel_without_a_traceback(error: BaseException) -> None:
    async with on_stage(work=fails_with(error)) as show:
        await show.modal(EndModal)
        assert f"Something unexpected happened: {type(error).__name__}: " in show.text()
        assert "nowhere" in show.text()
        assert "Traceback" not in show.text()
        outcome = await show.outcome()
        assert outcome.unexpected is error
        await show.press("escape")
    assert show.app.return_value is ExitCode.FAILED


async def test_an_incomplete_error_gives_its_own_code() -> None:
    class Halted(CeremonyError):
        exit_code = ExitCode.INCOMPLETE

    async with on_stage(work=fails_with(Halted("halted", hint="resume"))) as show:
        await show.modal(EndModal)
        await show.press("enter")
    assert show.app.return_value is ExitCode.INCOMPLETE


async def test_the_screen_follows_the_ceremony() -> None:
    def work(operator: Operator, watcher: Watcher) -> ExitCode:
        watcher.step("preflight", "done")
        watcher.step("roll-call", "skipped")
        watcher.step("volumes", "failed")
        watcher.step("no-such-step", "running")
        watcher.step("tokens", "odd")
        watcher.step("root-keys", "running")
        operator.tell("Swap is off.")
        watcher.recorded(record(7, "root-keys", "intent", "pending"))
        with operator.waiting("a touch on root-a"):
            operator.progress("signing", 5, 10)
            operator.confirm(PROMPT)
            operator.progress("signing", 10, 10)
        operator.confirm(PROMPT)
        return ExitCode.DONE

    async with on_stage(work=work, size=(120, 50)) as show:
        await show.modal(ConfirmModal)
        text = show.text()
        assert "✓  1 Preflight         done" in text
        assert "-  2 Roll call      skipped" in text
        assert "✗  3 Volumes         failed" in text
        assert "·  4 Load request     later" in text
        assert "?  6 Tokens             odd" in text
        assert "▶  7 Root keys          now" in text
        assert "step 7 of 17" in text
        assert "2026-11-19 12:00:00 UTC" in text
        assert "What is done in this step cannot be undone." in text
        assert "Swap is off." in text
        assert "Log, 1 records" in text
        assert "7 09:30:49 pending" in text
        assert "Waiting: a touch on root-a" in text
        assert "signing  ██████████░░░░░░░░░░  50 %  5 of 10" in text
        await show.press("enter")
        await show.until(lambda: "Waiting" not in show.text())
        assert "signing" not in show.text()


async def test_a_question_repeats_what_its_own_step_told_last() -> None:
    def work(operator: Operator, watcher: Watcher) -> ExitCode:
        operator.tell("the preflight")
        watcher.step("roll-call", "running")
        operator.confirm(PROMPT)
        operator.tell("the PIN was wrong " + "again and " * 50)
        operator.confirm(PROMPT)
        operator.confirm(PROMPT)
        return ExitCode.DONE

    async with on_stage(work=work) as show:
        await show.modal(ConfirmModal)
        assert not show.app.screen.query(".said")
        await show.press("enter")
        await show.until(lambda: bool(show.app.screen.query(".said")))
        said = str(show.app.screen.query_one(".said").render())
        assert said.startswith("the PIN was wrong again")
        assert said.endswith(" ...")
        await show.press("enter")
        await show.until(lambda: isinstance(show.app.screen, ConfirmModal) and not show.app.screen.query(".said"))


@pytest.mark.parametrize(("mode", "badge"), [(Mode.PRACTICE, "*** PRACTICE ***"), (Mode.PRODUCTION, "*** PRODUCTION ***")])
async def test_the_mode_stays_in_sight_whatever_is_open(mode: Mode, badge: str) -> None:
    async with on_stage(work=everything, mode=mode, title="x" * 300) as show:
        await show.modal(ConfirmModal)
        assert badge in show.text()
        assert "12:00:00 UTC  step 1 of 17" in show.text()
        for key in ("f1", "f8", "ctrl+q"):
            await show.press(key)
            await show.until(lambda: len(show.app.screen_stack) == 3)
            assert badge in show.text()
            await show.press("escape")
            await show.modal(ConfirmModal)


async def test_no_palette_no_selection_and_no_screenshot_key() -> None:
    async with on_stage(lambda o: o.ask(PROMPT)) as show:
        await show.modal(TextModal)
        assert not show.app.use_command_palette
        assert not show.app.ALLOW_SELECT
        actions = {active.binding.action for active in show.app.screen.active_bindings.values()}
        assert not [action for action in actions if "palette" in action or "screenshot" in action]


async def test_a_flood_of_progress_and_records_is_taken() -> None:
    def work(operator: Operator, watcher: Watcher) -> ExitCode:
        for number in range(2_000):
            operator.progress("signing", number, 2_000)
            watcher.recorded(record(number, "sign"))
        operator.confirm(PROMPT)
        return ExitCode.DONE

    async with on_stage(work=work) as show:
        await show.modal(ConfirmModal)
        assert show.app._frame.records == 2_000
