# SPDX-License-Identifier: Apache-2.0
"""The worker's side of the bridge, without a screen."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Queue
from typing import Any

import pytest
from textual.message import Message

from ceremony.core.ports import Change, Deviation, Operator, Option, Watcher
from ceremony.core.secret import Secret
from ceremony.errors import Stopped, VerificationError
from ceremony.tui.messages import (
    Asked,
    AskSecret,
    Await,
    Closed,
    Noticed,
    Progressed,
    Recorded,
    ShowSecret,
    StepChanged,
    Told,
    WaitingEnded,
    WaitingStarted,
)
from ceremony.tui.operator import TuiOperator
from tests.fakes.differences import GivenDifferences
from tests.tui.demo import SUMMARY
from tests.tui.stage import PATIENCE, PROMPT

PEOPLE = ("Ada Example", "Wim Witness")
DIFFERENCES = GivenDifferences([Change("r", "root", "version", "", "1")])
QUESTIONS: list[Any] = [
    pytest.param(lambda operator: operator.ask(PROMPT), id="ask"),
    pytest.param(lambda operator: operator.ask_secret(PROMPT), id="ask_secret"),
    pytest.param(lambda operator: operator.show_secret(PROMPT, Secret("hidden")), id="show_secret"),
    pytest.param(lambda operator: operator.choose(PROMPT, [Option("a", "A")]), id="choose"),
    pytest.param(lambda operator: operator.confirm(PROMPT), id="confirm"),
    pytest.param(lambda operator: operator.compare(PROMPT, "00ff", PEOPLE), id="compare"),
    pytest.param(lambda operator: operator.review(PROMPT, DIFFERENCES), id="review"),
]
DEVIATION = Deviation("a red stick", "a blue one came", "go on", "Ada")


class Line:
    """An operator whose messages end in a queue, and a thread to call it from."""

    def __init__(self) -> None:
        self.messages: Queue[Message] = Queue()
        self.operator = TuiOperator(self._post)
        self._pool = ThreadPoolExecutor(1)

    def _post(self, message: Message) -> bool:
        self.messages.put(message)
        return True

    def call(self, question: Callable[[Operator], Any]) -> Future[Any]:
        return self._pool.submit(question, self.operator)

    def asked(self) -> Asked:
        message = self.messages.get(timeout=PATIENCE)
        assert isinstance(message, Asked)
        return message


def test_is_an_operator_and_a_watcher() -> None:
    operator = TuiOperator(lambda _message: True)
    ports: tuple[Operator, Watcher] = (operator, operator)
    assert len(ports) == 2


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_blocks_the_worker_until_it_is_answered(question: Callable[[Operator], Any]) -> None:
    line = Line()
    call = line.call(question)
    asked = line.asked()
    assert not call.done()
    line.operator.complete(asked.answer, answer := object())
    assert call.result(PATIENCE) is answer or call.result() is None


@pytest.mark.parametrize("question", QUESTIONS)
def test_stopping_ends_an_open_question_and_every_later_one(question: Callable[[Operator], Any]) -> None:
    line = Line()
    call = line.call(question)
    line.asked()
    line.operator.stop()
    with pytest.raises(Stopped, match="people stopped the ceremony"):
        call.result(PATIENCE)
    with pytest.raises(Stopped, match="people stopped the ceremony"):
        question(line.operator)
    assert line.messages.empty()


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_screen_that_takes_no_message_is_a_stop(question: Callable[[Operator], Any]) -> None:
    with pytest.raises(Stopped, match="people stopped the ceremony"):
        question(TuiOperator(lambda _message: False))


def test_the_first_answer_counts() -> None:
    line = Line()
    call = line.call(lambda operator: operator.confirm(PROMPT))
    asked = line.asked()
    line.operator.complete(asked.answer, answer=True)
    line.operator.complete(asked.answer, answer=False)
    line.operator.stop()
    assert call.result(PATIENCE) is True


def test_long_work_learns_of_a_stop_once_and_may_then_record_it() -> None:
    line = Line()
    line.operator.progress("signing", 1, 3)
    line.operator.stop()
    with pytest.raises(Stopped, match="people stopped"):
        line.operator.progress("signing", 2, 3)
    line.operator.progress("writing the log", 1, 1)
    line.operator.tell("stopping")
    with line.operator.waiting("the volumes"):
        line.operator.recorded(b"{}\n")
    line.operator.step("sign", "failed")
    kinds = [type(line.messages.get()) for _ in range(line.messages.qsize())]
    assert kinds == [Progressed, Progressed, Progressed, Told, WaitingStarted, Recorded, WaitingEnded, StepChanged]


def test_work_that_is_paused_goes_on_when_people_say_so() -> None:
    line = Line()
    line.operator.pause(paused=True)
    assert line.operator.paused
    call = line.call(lambda operator: operator.progress("signing", 1, 2))
    assert isinstance(line.messages.get(timeout=PATIENCE), Progressed)
    assert not call.done()
    line.operator.pause(paused=False)
    assert call.result(PATIENCE) is None
    assert not line.operator.paused


def test_work_that_is_paused_can_be_stopped_and_not_be_paused_again() -> None:
    line = Line()
    line.operator.pause(paused=True)
    call = line.call(lambda operator: operator.progress("signing", 1, 2))
    line.operator.stop()
    with pytest.raises(Stopped, match="people stopped"):
        call.result(PATIENCE)
    line.operator.pause(paused=True)
    assert not line.operator.paused


# --- what is noticed by itself ---


def test_what_is_there_already_is_asked_for_and_taken_away_at_once() -> None:
    line = Line()
    assert line.operator.until(PROMPT, lambda: "a stick") == "a stick"
    asked, noticed = (line.messages.get(timeout=PATIENCE) for _ in range(2))
    assert isinstance(asked, Asked)
    assert asked.question == Await(PROMPT)
    assert isinstance(noticed, Noticed)
    assert noticed.answer is asked.answer


def test_what_is_put_in_is_seen_without_a_key() -> None:
    line = Line()
    seen = iter([None, None, "a stick"])
    assert line.operator.until(PROMPT, seen.__next__) == "a stick"


def test_people_can_give_up_on_what_does_not_come() -> None:
    line = Line()
    call = line.call(lambda operator: operator.until(PROMPT, lambda: None))
    line.operator.complete(line.asked().answer, None)
    assert call.result(PATIENCE) is None
    assert isinstance(line.messages.get(timeout=PATIENCE), Noticed)


def test_people_can_stop_while_they_wait() -> None:
    line = Line()
    call = line.call(lambda operator: operator.until(PROMPT, lambda: None))
    line.asked()
    line.operator.stop()
    with pytest.raises(Stopped, match="people stopped"):
        call.result(PATIENCE)


def test_an_error_of_the_look_ends_the_wait_and_its_question() -> None:
    line = Line()

    def look() -> None:
        raise KeyError("two sticks")

    with pytest.raises(KeyError, match="two sticks"):
        line.operator.until(PROMPT, look)
    assert [type(line.messages.get(timeout=PATIENCE)) for _ in range(2)] == [Asked, Noticed]


def test_says_what_a_closed_ceremony_left() -> None:
    line = Line()
    line.operator.closed(SUMMARY)
    message = line.messages.get(timeout=PATIENCE)
    assert isinstance(message, Closed)
    assert message.summary is SUMMARY


def test_a_wait_ends_also_when_its_block_fails() -> None:
    line = Line()
    with pytest.raises(KeyError, match="pulled"), line.operator.waiting("a touch"):
        raise KeyError("pulled")
    assert [type(line.messages.get()) for _ in range(2)] == [WaitingStarted, WaitingEnded]


def test_a_deviation_is_handed_over_once() -> None:
    operator = Line().operator
    operator.note(DEVIATION)
    assert list(operator.deviations()) == [DEVIATION]
    assert list(operator.deviations()) == []


@pytest.mark.parametrize(
    "retries", [pytest.param(None, id="unknown"), pytest.param(2, id="two left"), pytest.param(1, id="the last")]
)
def test_a_secret_is_asked_for_with_the_tries_that_are_left(retries: int | None) -> None:
    line = Line()
    line.call(lambda operator: operator.ask_secret(PROMPT, retries))
    assert line.asked().question == AskSecret(PROMPT, retries)
    line.operator.stop()


def test_a_digest_that_is_none_is_refused_in_the_worker() -> None:
    with pytest.raises(VerificationError, match="digest: is not hexadecimal"):
        Line().operator.compare(PROMPT, "xyz", PEOPLE)


def test_no_message_shows_a_secret() -> None:
    future: Future[Secret] = Future()
    future.set_result(Secret("swordfish"))
    shown = [Asked(ShowSecret(PROMPT, Secret("swordfish")), future), Asked(AskSecret(PROMPT, 3), future)]
    assert "swordfish" not in repr(shown)
    assert "Secret(...)" in repr(shown)


def test_progress_gives_way_only_to_progress_of_the_same_work() -> None:
    progress = Progressed("signing", 1, 3)
    assert progress.can_replace(Progressed("signing", 2, 3))
    assert not progress.can_replace(Progressed("writing", 2, 3))
    assert not progress.can_replace(Told("signing"))
