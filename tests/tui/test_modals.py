# SPDX-License-Identifier: Apache-2.0
"""Each question on the screen: which keys give which value, and what is said on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.widgets import Input

from ceremony.core.ports import Operator, Option, Prompt
from ceremony.core.secret import Secret
from ceremony.tui.app import CeremonyApp
from ceremony.tui.messages import Question
from ceremony.tui.modals import _MODALS
from ceremony.tui.modals.base import Modal, QuestionModal
from ceremony.tui.modals.choose import ChooseModal
from ceremony.tui.modals.confirm import ConfirmModal, ConfirmWordModal
from ceremony.tui.modals.secret import SecretModal
from ceremony.tui.modals.show_secret import SecretWords, ShowSecretModal
from ceremony.tui.modals.text import TextModal
from ceremony.tui.widgets.entry import MAX_LINE, MAX_SECRET, LineEntry, SecretEntry
from tests.tui.demo import WORDS
from tests.tui.stage import PROMPT, on_stage

pytestmark = pytest.mark.anyio

SIZES = [pytest.param((80, 24), id="80x24"), pytest.param((120, 40), id="120x40")]
MEGABYTE = "x" * 1_000_000


@pytest.mark.parametrize(
    ("key", "agreed"),
    [("enter", True), ("y", True), ("Y", True), ("escape", False), ("n", False), ("N", False)],
)
async def test_confirm_is_answered_by_one_key(key: str, agreed: bool) -> None:
    async with on_stage(lambda o: o.confirm(PROMPT)) as show:
        await show.modal(ConfirmModal)
        assert "Enter  yes" in show.text()
        assert "Esc  no" in show.text()
        await show.press(key)
        await show.outcome()
        assert show.answers == [agreed]


async def test_confirm_takes_no_other_key() -> None:
    async with on_stage(lambda o: o.confirm(PROMPT)) as show:
        await show.modal(ConfirmModal)
        await show.press("x", "space", "backspace", "tab")
        assert show.answers == []


async def test_a_word_must_be_typed_exactly() -> None:
    async with on_stage(lambda o: o.confirm(PROMPT, "GENERATE")) as show:
        await show.modal(ConfirmWordModal)
        assert "Type GENERATE to agree." in show.text()
        for wrong in ("", "generate", "yes"):
            show.app.screen.query_one(LineEntry).value = ""
            await show.type(wrong)
            await show.press("enter")
            assert "That is not the word GENERATE." in show.text()
        show.app.screen.query_one(LineEntry).value = ""
        await show.type("GENERATE")
        await show.press("enter")
        await show.outcome()
        assert show.answers == [True]


@pytest.mark.parametrize("size", SIZES)
async def test_a_text_starts_from_its_default_and_can_be_cleared(size: tuple[int, int]) -> None:
    async with on_stage(lambda o: o.ask(PROMPT, "Ada Example"), size=size) as show:
        await show.modal(TextModal)
        assert "Ada Example" in show.text()
        await show.press("escape")
        await show.type("Bob B")
        await show.press("enter")
        await show.outcome()
        assert show.answers == ["Bob B"]


async def test_a_paste_of_a_megabyte_is_refused_in_words() -> None:
    async with on_stage(lambda o: o.ask(PROMPT)) as show:
        await show.modal(TextModal)
        show.app.screen.query_one(LineEntry).insert_text_at_cursor(MEGABYTE)
        await show.until(lambda: f"A line has at most {MAX_LINE} characters" in show.text())
        await show.type("ok")
        await show.press("enter")
        await show.outcome()
        assert show.answers == ["ok"]


async def test_a_line_holds_no_control_characters_and_is_in_normal_form() -> None:
    async with on_stage(lambda o: o.ask(PROMPT)) as show:
        await show.modal(TextModal)
        show.app.screen.query_one(LineEntry).insert_text_at_cursor(" Zoe\u0308 \x1b[31m\u202eX\x00 ")
        await show.press("enter")
        await show.outcome()
        assert show.answers == ["Zo\xeb [31mX"]


async def test_a_secret_is_never_drawn() -> None:
    async with on_stage(lambda o: o.ask_secret(PROMPT, 3).text()) as show:
        await show.modal(SecretModal)
        assert "3 tries are left." in show.text()
        assert "nothing typed yet" in show.text()
        await show.type("hunter2 x")
        assert "typed, not shown" in show.text()
        assert "hunter2" not in show.text()
        await show.press("backspace", "backspace", "enter")
        await show.outcome()
        assert show.answers == ["hunter2"]


async def test_an_empty_secret_spends_no_try() -> None:
    async with on_stage(lambda o: o.ask_secret(PROMPT).text()) as show:
        await show.modal(SecretModal)
        await show.press("backspace", "enter")
        assert "Nothing was typed, so nothing was tried." in show.text()
        await show.type("12")
        await show.press("escape", "enter")
        assert show.answers == []
        await show.type("34")
        await show.press("enter")
        await show.outcome()
        assert show.answers == ["34"]


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        pytest.param(MEGABYTE, f"The paste is longer than a secret, {MAX_SECRET:,} characters", id="a megabyte"),
        pytest.param("12\x1b34", "The paste holds control characters or line ends", id="an escape"),
        pytest.param("12\n34", "The paste holds control characters or line ends", id="two lines"),
    ],
)
async def test_a_bad_paste_into_a_secret_is_refused_whole(pasted: str, said: str) -> None:
    from textual.events import Paste

    async with on_stage(lambda o: o.ask_secret(PROMPT).text()) as show:
        await show.modal(SecretModal)
        entry = show.app.screen.query_one(SecretEntry)
        entry.post_message(Paste(pasted))
        await show.until(lambda: said in show.text())
        assert entry.empty
        entry.post_message(Paste("5\xe96\n"))
        await show.until(lambda: not entry.empty)
        await show.press("enter")
        await show.outcome()
        assert show.answers == ["5\xe96"]


async def test_a_secret_has_an_end() -> None:
    from textual.events import Paste

    async with on_stage(lambda o: len(o.ask_secret(PROMPT).reveal())) as show:
        await show.modal(SecretModal)
        show.app.screen.query_one(SecretEntry).post_message(Paste("\U0001f511" * MAX_SECRET))
        await show.press("x")
        await show.until(lambda: f"A secret has at most {MAX_SECRET:,} characters." in show.text())
        await show.press("enter")
        await show.outcome()
        assert show.answers == [4 * MAX_SECRET]


@pytest.mark.parametrize("size", SIZES)
async def test_a_secret_is_shown_only_behind_a_cover_and_then_wiped(size: tuple[int, int]) -> None:
    async with on_stage(lambda o: o.show_secret(Prompt("p", "Passphrase", who="Carol"), Secret(WORDS)), size=size) as show:
        await show.modal(ShowSecretModal)
        assert "Carol alone looks at the" in show.text()
        assert "abandon" not in show.text()
        await show.press("b")
        assert "abandon" not in show.text()
        await show.press("enter")
        for number, word in enumerate(WORDS.split(), start=1):
            assert f"{number} {word}" in show.text()
        await show.press("enter")
        assert "It is off the screen." in show.text()
        assert "abandon" not in show.text()
        await show.press("b")
        assert "Carol alone looks at the" in show.text()
        await show.press("enter", "enter", "enter")
        await show.outcome()
        assert show.answers == [None]


async def test_a_secret_leaves_the_screen_when_anything_comes_on_top() -> None:
    async with on_stage(lambda o: o.show_secret(Prompt("p", "Passphrase"), Secret(WORDS))) as show:
        await show.modal(ShowSecretModal)
        await show.press("enter")
        assert "abandon" in show.text()
        await show.press("f1")
        await show.until(lambda: "abandon" not in show.text())
        await show.press("escape")
        await show.modal(ShowSecretModal)
        assert "Its keeper alone looks at the" in show.text()
        assert "abandon" not in show.text()


@pytest.mark.parametrize(
    ("secret", "seen"),
    [pytest.param("0123456789abcdef", "0123456789abcdef", id="one word"), pytest.param("", "Write this down", id="nothing")],
)
async def test_a_secret_of_one_word_has_no_number(secret: str, seen: str) -> None:
    async with on_stage(lambda o: o.show_secret(PROMPT, Secret(secret))) as show:
        await show.modal(ShowSecretModal)
        await show.press("enter")
        assert seen in show.text()
        assert " 1 " not in show.text().split("exactly as it stands.")[1]


async def test_a_share_of_33_words_fits_into_80_by_24() -> None:
    words = [f"word{number:02}" for number in range(1, 34)]
    async with on_stage(lambda o: o.show_secret(PROMPT, Secret(" ".join(words)))) as show:
        await show.modal(ShowSecretModal)
        await show.press("enter")
        assert all(word in show.text() for word in words)


async def test_nothing_of_a_secret_stays_in_a_widget() -> None:
    calls = (
        lambda o: o.ask_secret(PROMPT).text(),
        lambda o: o.show_secret(PROMPT, Secret("four quokka words here")),
        lambda o: o.confirm(PROMPT),
    )
    async with on_stage(*calls) as show:
        await show.modal(SecretModal)
        asking, entry = show.app.screen, show.app.screen.query_one(SecretEntry)
        await show.type("swordfish")
        await show.press("enter")
        await show.modal(ShowSecretModal)
        showing, words = show.app.screen, show.app.screen.query_one(SecretWords)
        await show.press("enter", "enter", "enter")
        await show.modal(ConfirmModal)
        assert entry.empty
        assert not any(entry._buffer)
        assert words._secret is None
        assert isinstance(showing, ShowSecretModal)
        assert showing._secret is None
        assert not asking.is_attached
        assert not showing.is_attached
        seen = repr([vars(widget) for widget in (entry, words, *show.app.query("*"))])
        assert "swordfish" not in seen
        assert "quokka" not in seen


@pytest.mark.parametrize("size", SIZES)
async def test_an_option_is_chosen_by_arrows_and_enter(size: tuple[int, int]) -> None:
    options = [Option("a", "Stick A", "32 GB"), Option("b", "Stick B", "32 GB"), Option("c", "None of them")]
    async with on_stage(lambda o: o.choose(PROMPT, options), size=size) as show:
        await show.modal(ChooseModal)
        assert "Stick A" in show.text()
        await show.press("escape", "tab", "down", "up", "down", "enter")
        await show.outcome()
        assert show.answers == ["b"]


@pytest.mark.parametrize(
    ("call", "keys", "answer"),
    [
        pytest.param(
            lambda o: o.choose(PROMPT, [Option("a", "A"), Option("b", "B")]), ("down", "down", "enter"), "b", id="choose"
        ),
        pytest.param(lambda o: o.choose(PROMPT, [Option("a", "A"), Option("b", "B")]), ("enter",), "a", id="choose at once"),
    ],
)
async def test_the_keys_work_also_when_nothing_has_the_focus(
    call: Callable[[Operator], object], keys: tuple[str, ...], answer: object
) -> None:
    async with on_stage(call) as show:
        await show.modal(QuestionModal)
        show.app.screen.set_focus(None)
        await show.press(*keys)
        await show.outcome()
        assert show.answers == [answer]


async def test_a_long_detail_scrolls_while_the_field_has_the_focus() -> None:
    detail = "\n".join(f"line {number}" for number in range(100))
    async with on_stage(lambda o: o.ask(Prompt("k", "Long", detail))) as show:
        await show.modal(TextModal)
        assert "Enter  done" in show.text()
        assert "line 60" not in show.text()
        await show.press(*["pagedown"] * 10)
        await show.until(lambda: "line 99" in show.text())
        await show.press(*["pageup"] * 10)
        await show.until(lambda: "line 0" in show.text())
        assert isinstance(show.app.focused, Input)


HOSTILE = "evil\x1b[2J\u202e[bold red]name[/][@click=app.stop]x[/]\n"


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda o: o.confirm(Prompt("k", HOSTILE, HOSTILE, HOSTILE)), id="confirm"),
        pytest.param(lambda o: o.choose(Prompt("k", HOSTILE), [Option("a", HOSTILE, HOSTILE)]), id="choose"),
        pytest.param(lambda o: o.show_secret(Prompt("k", HOSTILE, who=HOSTILE), Secret("x")), id="show_secret"),
        pytest.param(lambda o: o.confirm(Prompt("k", "title"), HOSTILE), id="confirm by a word"),
    ],
)
async def test_text_from_outside_is_shown_and_never_obeyed(call: Callable[[Operator], object]) -> None:
    async with on_stage(call, title=HOSTILE) as show:
        await show.modal(QuestionModal)
        text = show.text()
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert r"evil\x1b[2J" in text
        assert "*** PRACTICE ***" in text


def test_every_question_has_a_modal() -> None:
    kinds = {kind.__name__ for kind in Question.__subclasses__()}
    assert {kind.__name__ for kind in _MODALS} == kinds


def kinds_of(base: type[Modal[Any]]) -> list[type[Modal[Any]]]:
    return [base, *(kind for child in base.__subclasses__() for kind in kinds_of(child))]


@pytest.mark.parametrize("kind", [CeremonyApp, *kinds_of(Modal)], ids=lambda kind: kind.__name__)
def test_every_key_is_explained(kind: type[CeremonyApp | Modal[Any]]) -> None:
    for binding in kind.__dict__.get("BINDINGS", ()):
        assert binding.id
        assert binding.tooltip
