# SPDX-License-Identifier: Apache-2.0
"""What every Operator must do, whoever answers: the screen, with a person at its keys, and the script of the step tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from ceremony.core.ports import Change, Deviation, Listing, Operator, Option
from ceremony.core.secret import Secret
from ceremony.tui.modals.base import QuestionModal
from tests.fakes.differences import GivenDifferences
from tests.fakes.operator import Answer, ScriptedOperator
from tests.tui.demo import PEOPLE
from tests.tui.stage import PROMPT, on_stage

OPTIONS = [Option("a", "The first"), Option("b", "The second", "with a detail")]
CHANGES = [Change("docker.io/acme/app", "root", "version", "", "1")]
LISTING = Listing(("Repository", "Tags"), [("docker.io/acme/app", "3 signed, 1 suspect")])
DEVIATION = Deviation("a", "b", "c", "d")


@dataclass(frozen=True)
class Case:
    """A call, what people do about it at the keys and in the script, and what the step gets."""

    call: Callable[[Operator], Any]
    keys: tuple[str, ...]
    script: Answer | None
    expected: object


CASES = [
    pytest.param(Case(lambda o: o.ask(PROMPT), (*"Ada", "enter"), script="Ada", expected="Ada"), id="ask"),
    pytest.param(Case(lambda o: o.ask(PROMPT, "Bob"), ("enter",), script=None, expected="Bob"), id="ask, the default"),
    pytest.param(
        Case(lambda o: o.ask_secret(PROMPT).text(), (*"1234", "enter"), script="1234", expected="1234"), id="ask_secret"
    ),
    pytest.param(
        Case(lambda o: o.ask_secret(PROMPT, 2).text(), (*"1234", "enter"), script="1234", expected="1234"),
        id="ask_secret, two tries",
    ),
    pytest.param(Case(lambda o: o.show_secret(PROMPT, Secret("a b")), ("enter",) * 3, None, None), id="show_secret"),
    pytest.param(Case(lambda o: o.choose(PROMPT, OPTIONS), ("enter",), script=None, expected="a"), id="choose the first"),
    pytest.param(Case(lambda o: o.choose(PROMPT, OPTIONS), ("down", "enter"), script="b", expected="b"), id="choose another"),
    pytest.param(
        Case(lambda o: o.choose(PROMPT, OPTIONS, lambda: OPTIONS), ("down", "enter"), script="b", expected="b"),
        id="choose among what comes and goes",
    ),
    pytest.param(
        Case(lambda o: o.until(PROMPT, lambda: None, lambda: OPTIONS), ("escape",), script=False, expected=None), id="until"
    ),
    pytest.param(Case(lambda o: o.confirm(PROMPT), ("enter",), script=None, expected=True), id="confirm"),
    pytest.param(Case(lambda o: o.confirm(PROMPT), ("escape",), script=False, expected=False), id="confirm, no"),
    pytest.param(
        Case(lambda o: o.confirm(PROMPT, "GO"), ("G", "O", "enter"), script=None, expected=True), id="confirm by a word"
    ),
    pytest.param(Case(lambda o: o.confirm(PROMPT, "GO"), ("escape",), script=False, expected=False), id="confirm by a word, no"),
    pytest.param(Case(lambda o: o.compare(PROMPT, "0a0b", PEOPLE), ("1", "2", "y"), script=None, expected=True), id="compare"),
    pytest.param(
        Case(lambda o: o.compare(PROMPT, "0a0b", PEOPLE), ("n",), script=False, expected=False), id="compare, it differs"
    ),
    pytest.param(Case(lambda o: o.review(PROMPT, GivenDifferences(CHANGES)), ("y",), script=None, expected=True), id="review"),
    pytest.param(
        Case(lambda o: o.review(PROMPT, GivenDifferences(CHANGES)), ("n",), script=False, expected=False), id="review, no"
    ),
    pytest.param(Case(lambda o: o.study(PROMPT, LISTING), ("y",), script=None, expected=True), id="study"),
    pytest.param(Case(lambda o: o.study(PROMPT, LISTING), ("n",), script=False, expected=False), id="study, no"),
]


@pytest.mark.parametrize("case", CASES)
def test_the_script_answers(case: Case) -> None:
    operator = ScriptedOperator(answers={} if case.script is None else {PROMPT.key: case.script})
    assert case.call(operator) == case.expected


@pytest.mark.anyio
@pytest.mark.parametrize("case", CASES)
async def test_the_screen_answers(case: Case) -> None:
    async with on_stage(case.call) as show:
        await show.modal(QuestionModal)
        await show.press(*case.keys)
        await show.outcome()
        assert show.answers == [case.expected]


def speak(operator: Operator) -> list[Deviation]:
    """Call all that needs no answer."""
    operator.tell("Something was done.")
    operator.progress("writing", 1, 2)
    with operator.waiting("a touch"):
        operator.progress("writing", 2, 2)
    return list(operator.deviations())


def test_the_script_takes_what_needs_no_answer() -> None:
    operator = ScriptedOperator(deviations=[DEVIATION])
    assert speak(operator) == [DEVIATION]
    assert speak(operator) == []


@pytest.mark.anyio
async def test_the_screen_takes_what_needs_no_answer() -> None:
    async with on_stage(lambda o: o.confirm(PROMPT), speak, speak) as show:
        show.app.operator.note(DEVIATION)
        await show.modal(QuestionModal)
        await show.press("enter")
        await show.outcome()
        assert show.answers == [True, [DEVIATION], []]
