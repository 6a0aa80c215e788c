# SPDX-License-Identifier: Apache-2.0
"""The people of the step tests do what their script says."""

from __future__ import annotations

import pytest

from ceremony.core.ports import Listing, Option, Prompt, Watcher
from ceremony.core.secret import Secret
from ceremony.errors import Stopped
from tests.fakes.operator import ScriptedOperator


def prompt(key: str) -> Prompt:
    return Prompt(key, key.title())


def test_knows_the_secrets_it_was_given_in_turn() -> None:
    people = ScriptedOperator(secrets={"pin:a": ["0000", "1234"], "pin:b": "77"})
    assert [people.ask_secret(prompt("pin:a"), 3).text() for _ in range(3)] == ["0000", "1234", "1234"]
    assert people.ask_secret(prompt("pin:b")).text() == "77"
    assert people.question("pin:a").retries_left == 3


def test_writes_a_secret_down_and_types_it_back() -> None:
    people = ScriptedOperator()
    people.show_secret(prompt("passphrase"), Secret("four words in all"))
    assert people.ask_secret(prompt("passphrase")).text() == "four words in all"
    assert people.shown == {"passphrase": "four words in all"}


def test_a_secret_of_the_script_comes_before_one_that_was_shown() -> None:
    people = ScriptedOperator(secrets={"passphrase": "mistyped"})
    people.show_secret(prompt("passphrase"), Secret("right"))
    assert people.ask_secret(prompt("passphrase")).text() == "mistyped"


def test_fails_for_a_secret_that_nobody_knows() -> None:
    with pytest.raises(AssertionError, match="nobody knows the secret 'pin:c'"):
        ScriptedOperator(secrets={"pin:a": "1"}).ask_secret(prompt("pin:c"))


@pytest.mark.parametrize(
    "people",
    [
        pytest.param(ScriptedOperator(stop_at="sign"), id="by the key"),
        pytest.param(ScriptedOperator(answers={"sign": Stopped("people stopped", hint="resume")}), id="by an answer"),
        pytest.param(ScriptedOperator(answers={"sign": lambda _: Stopped("people stopped", hint="resume")}), id="by a function"),
    ],
)
def test_stops_at_a_key(people: ScriptedOperator) -> None:
    assert people.confirm(prompt("review"))
    with pytest.raises(Stopped, match="people stopped"):
        people.confirm(prompt("sign"))
    assert people.keys == ["review", "sign"]


def test_answers_by_a_function_of_the_prompt() -> None:
    people = ScriptedOperator(answers={"name": lambda asked: f"{asked.title}!"})
    assert people.ask(prompt("name")) == "Name!"


def test_refuses_an_option_that_is_not_offered() -> None:
    people = ScriptedOperator(answers={"volume": "c"})
    with pytest.raises(AssertionError, match="'c' is not an option of 'volume'"):
        people.choose(prompt("volume"), [Option("a", "A")])


def test_refuses_an_answer_of_the_wrong_kind() -> None:
    with pytest.raises(AssertionError, match="the answer to 'sign' must be a bool"):
        ScriptedOperator(answers={"sign": "yes"}).confirm(prompt("sign"))


def test_remembers_the_table_that_it_was_shown() -> None:
    people, listing = ScriptedOperator(), Listing(("Repository",), [("docker.io/acme/app",)])
    assert people.study(prompt("impact"), listing)
    assert people.question("impact").listing is listing


def test_refuses_a_table_whose_rows_are_not_as_long_as_its_columns() -> None:
    with pytest.raises(AssertionError, match=r"'impact' has rows that are not as long as its columns: \[\('a', 'b'\)\]"):
        ScriptedOperator().study(prompt("impact"), Listing(("Repository",), [("a",), ("a", "b")]))


def test_says_what_was_asked_when_a_question_is_missing() -> None:
    people = ScriptedOperator()
    people.confirm(prompt("begin"))
    with pytest.raises(AssertionError, match=r"nobody asked 'end'; asked were \['begin'\]"):
        people.question("end")


def test_watches() -> None:
    people = ScriptedOperator()
    watcher: Watcher = people
    watcher.step("sign", "running")
    watcher.recorded(b"{}\n")
    assert people.steps == [("sign", "running")]
    assert people.lines == [b"{}\n"]
