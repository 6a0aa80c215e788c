# SPDX-License-Identifier: Apache-2.0
"""A secret that is shown to one person: who looks, what covers it, and that nothing of it stays."""

from __future__ import annotations

from typing import Any

import pytest
from textual._compositor import LayoutUpdate
from textual.drivers.headless_driver import HeadlessDriver
from textual.screen import Screen

from ceremony.core.ports import Prompt
from ceremony.core.secret import Secret
from ceremony.errors import ExitCode
from ceremony.tui.app import CeremonyApp
from ceremony.tui.modals.show_secret import SecretWords, ShowSecretModal
from ceremony.tui.scrollback import ERASE_SAVED_LINES, _erase
from tests.tui.demo import WORDS
from tests.tui.stage import Show, make_app, on_stage

pytestmark = pytest.mark.anyio

SIZES = [pytest.param((80, 24), id="80x24"), pytest.param((120, 40), id="120x40"), pytest.param((200, 60), id="200x60")]
PROMPT = Prompt("p", "The passphrase", who="Carol Custodian")


def seen(show: Show) -> bool:
    return "abandon" in show.text()


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what the driver is told to write, beside the screens."""
    texts: list[str] = []
    monkeypatch.setattr(HeadlessDriver, "write", lambda _driver, data: texts.append(data))
    return texts


@pytest.mark.parametrize("size", SIZES)
async def test_three_stages_cover_words_gone(size: tuple[int, int]) -> None:
    async with on_stage(lambda o: o.show_secret(PROMPT, Secret(WORDS)), size=size) as show:
        await show.modal(ShowSecretModal)
        for line in (
            "Carol Custodian alone looks at the screen.",
            "Cover the projector.",
            "Cover the camera.",
            "Everybody else turns away, and says so.",
        ):
            assert line in show.text()
        assert not seen(show)
        await show.press("enter")
        assert all(f"{number} {word}" in show.text() for number, word in enumerate(WORDS.split(), start=1))
        await show.press("enter")
        assert "It is off the screen" in show.text()
        assert not seen(show)
        await show.press("b")
        assert "Carol Custodian alone looks at the screen." in show.text()
        assert not seen(show)
        await show.press("enter", "enter", "enter")
        await show.outcome()
        assert show.answers == [None]


async def test_no_stage_passes_while_the_terminal_is_too_small() -> None:
    async with on_stage(lambda o: o.show_secret(PROMPT, Secret(WORDS))) as show:
        await show.modal(ShowSecretModal)
        await show.pilot.resize_terminal(60, 20)
        await show.until(lambda: "too small" in show.text())
        await show.press("enter", "enter", "enter")
        await show.pilot.resize_terminal(80, 24)
        await show.until(lambda: "Cover the projector." in show.text())
        assert show.answers == []


@pytest.mark.parametrize(
    ("who", "shown"),
    [
        pytest.param("evil\x1b[2J\u202e[bold]x[/]", r"evil\x1b[2J\u202e[bold]x[/] alone looks at the screen.", id="hostile"),
        pytest.param("Wolf " * 40, "alone looks at the screen.", id="200 characters"),
        pytest.param("W" * 200, "alone looks at the screen.", id="200 characters without a space"),
        pytest.param("\u0301" * 5000, "alone looks at the screen.", id="marks without a width"),
        pytest.param("custodian of its PIN", "The custodian of its PIN alone looks at the screen.", id="a custodian"),
        pytest.param("", "Its keeper alone looks at the screen.", id="nobody named"),
    ],
)
async def test_no_name_breaks_the_stages(who: str, shown: str) -> None:
    async with on_stage(lambda o: o.show_secret(Prompt("p", "The passphrase", who=who), Secret(WORDS))) as show:
        await show.modal(ShowSecretModal)
        assert shown in " ".join(show.text().replace("┃", " ").split())
        assert "Enter  it is covered, show it" in show.text()
        assert "\x1b" not in show.text()
        await show.press("enter")
        assert all(f"{number} {word}" in show.text() for number, word in enumerate(WORDS.split(), start=1))
        assert "Enter  it is written down, wipe it" in show.text()


async def test_the_saved_lines_are_erased_once_the_words_are_off_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_stage(lambda o: o.show_secret(PROMPT, Secret(WORDS))) as show:
        events: list[str] = []
        erased = "erased, words not in sight"
        display = CeremonyApp._display

        def note_display(app: CeremonyApp, screen: Screen[Any], renderable: object) -> None:
            if isinstance(renderable, LayoutUpdate):
                events.append("whole screen")
            display(app, screen, renderable)  # type: ignore[arg-type] # whatever the library draws

        def note_write(_driver: HeadlessDriver, data: str) -> None:
            if data == ERASE_SAVED_LINES:
                events.append(f"erased, words {'still' if seen(show) else 'not'} in sight")

        monkeypatch.setattr(CeremonyApp, "_display", note_display)
        monkeypatch.setattr(HeadlessDriver, "write", note_write)
        await show.modal(ShowSecretModal)
        await show.press("enter")
        events.clear()
        await show.press("enter")
        await show.until(lambda: "whole screen" in events[events.index(erased) :] if erased in events else False)
        assert [event for event in events if event.startswith("erased")] == [erased]


async def test_nothing_is_erased_before_any_word_was_shown(written: list[str]) -> None:
    async with on_stage(lambda o: o.show_secret(PROMPT, Secret(WORDS))) as show:
        await show.modal(ShowSecretModal)
        await show.press("f1")
        await show.press("escape", "enter")
        assert seen(show)
        assert ERASE_SAVED_LINES not in written


async def test_what_comes_on_top_takes_the_words_away_and_erases_the_saved_lines(written: list[str]) -> None:
    async with on_stage(lambda o: o.show_secret(PROMPT, Secret(WORDS))) as show:
        await show.modal(ShowSecretModal)
        await show.press("enter", "f1")
        await show.until(lambda: not seen(show) and ERASE_SAVED_LINES in written)
        await show.press("escape")
        await show.modal(ShowSecretModal)
        assert "Cover the projector." in show.text()
        assert not seen(show)


async def test_an_app_that_ends_while_the_words_are_shown_erases_them(written: list[str]) -> None:
    async with on_stage(lambda o: o.show_secret(PROMPT, Secret(WORDS))) as show:
        await show.modal(ShowSecretModal)
        await show.press("enter")
        modal, words = show.app.screen, show.app.screen.query_one(SecretWords)
        show.app.pop_screen()
        await show.until(lambda: ERASE_SAVED_LINES in written)
        assert isinstance(modal, ShowSecretModal)
        assert modal._secret is None
        assert words._secret is None
        show.app.operator.stop()


def test_an_app_without_a_driver_has_nothing_to_erase() -> None:
    _erase(make_app(lambda _operator, _watcher: ExitCode.DONE))


def test_the_sequence_is_the_one_that_terminals_know() -> None:
    assert ERASE_SAVED_LINES == "\x1b[3J"  # xterm, "Control Sequences": ED with 3


@pytest.mark.parametrize("key", ["ctrl+p", "ctrl+s", "ctrl+backslash", "super+c", "ctrl+insert", "f5", "f12", "print_screen"])
async def test_no_key_captures_the_words(key: str) -> None:
    async with on_stage(lambda o: o.show_secret(PROMPT, Secret(WORDS))) as show:
        await show.modal(ShowSecretModal)
        await show.press("enter", key)
        assert isinstance(show.app.screen, ShowSecretModal)
        assert len(show.app.screen_stack) == 2
        assert show.app.clipboard == ""


async def test_no_command_palette_and_no_binding_can_take_a_picture() -> None:
    async with on_stage(lambda o: o.show_secret(PROMPT, Secret(WORDS))) as show:
        await show.modal(ShowSecretModal)
        await show.press("enter")
        actions = {active.binding.action for active in show.app.screen.active_bindings.values()}
        assert not [action for action in actions if "palette" in action or "screenshot" in action]
        assert not CeremonyApp.ENABLE_COMMAND_PALETTE
        show.app.action_command_palette()
        await show.pilot.pause()
        assert isinstance(show.app.screen, ShowSecretModal)


async def test_the_words_cannot_be_selected() -> None:
    async with on_stage(lambda o: o.show_secret(PROMPT, Secret(WORDS))) as show:
        await show.modal(ShowSecretModal)
        await show.press("enter")
        words = show.app.screen.query_one(SecretWords)
        await show.pilot.mouse_down(words, offset=(1, 1))
        await show.pilot.hover(words, offset=(40, 9))
        await show.pilot.mouse_up(words, offset=(40, 9))
        await show.pilot.double_click(words, offset=(4, 1))
        assert not CeremonyApp.ALLOW_SELECT
        assert not show.app.screen.get_selected_text()
        await show.press("super+c")
        assert show.app.clipboard == ""


async def test_33_words_fit_into_80_by_24_below_the_longest_name() -> None:
    words = [f"word{number:02}" for number in range(1, 34)]
    async with on_stage(lambda o: o.show_secret(Prompt("p", "A share", who="W" * 200), Secret(" ".join(words)))) as show:
        await show.modal(ShowSecretModal)
        await show.press("enter")
        assert all(word in show.text() for word in words)
        assert "Enter  it is written down, wipe it" in show.text()


@pytest.mark.parametrize("who", ["Cara", "W" * 200])
async def test_a_whole_share_fits_into_80_by_24_below_what_is_said_of_it(who: str) -> None:
    """Sixteen shares, of which twelve are needed: what the step says is at its longest."""
    share = " ".join(["guilt", "walnut", "academic", *["romantic"] * 17])
    said = "Write down the words and the number 16. Any 12 of the 16 shares, with one volume, open every backup."
    async with on_stage(lambda o: o.show_secret(Prompt("share:16", "Share 16 of 16", said, who), Secret(share))) as show:
        await show.modal(ShowSecretModal)
        await show.press("enter")
        assert all(f"{number:>2} {word}" in show.text() for number, word in enumerate(share.split(), start=1))
        assert "Share 16 of 16" in show.text()
        assert "open every backup." in " ".join(show.text().replace("┃", " ").split())
        assert "Enter  it is written down, wipe it" in show.text()
