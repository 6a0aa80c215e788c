# SPDX-License-Identifier: Apache-2.0
"""A secret that is typed: what stands beside the field."""

from __future__ import annotations

import pytest

from ceremony.core.ports import Prompt
from ceremony.tui.modals.secret import LAST, SecretModal, tries
from tests.tui.stage import on_stage

pytestmark = pytest.mark.anyio

SIZES = [pytest.param((80, 24), id="80x24"), pytest.param((120, 40), id="120x40")]
PIN = Prompt("pin:root-a", "PIN of root-a", "Token root-a, serial 5f3c21", "Ada Example")


@pytest.mark.parametrize("size", SIZES)
async def test_serial_and_tries_stand_beside_the_field(size: tuple[int, int]) -> None:
    async with on_stage(lambda o: o.ask_secret(PIN, 3).text(), size=size) as show:
        await show.modal(SecretModal)
        lines = show.text().split("\n")
        top = next(number for number, line in enumerate(lines) if "serial 5f3c21" in line)
        assert "┏━━━━" in lines[top][2:]
        assert "nothing typed yet" in lines[top + 1]
        assert "3 tries are left." in lines[top + 1]
        assert LAST not in show.text()
        await show.type("1234")
        await show.press("enter")
        await show.outcome()
        assert show.answers == ["1234"]


@pytest.mark.parametrize("size", SIZES)
async def test_the_last_try_is_said_loudly(size: tuple[int, int]) -> None:
    async with on_stage(lambda o: o.ask_secret(PIN, 1).text(), size=size) as show:
        await show.modal(SecretModal)
        assert "*** THIS IS THE LAST TRY *** If it is wrong, the token is blocked." in show.text()
        assert "One try is left." in show.text()


async def test_a_passphrase_has_no_tries() -> None:
    async with on_stage(lambda o: o.ask_secret(Prompt("p", "The passphrase", "Sixteen words.")).text()) as show:
        await show.modal(SecretModal)
        assert "Sixteen words." in show.text()
        assert "left" not in show.text()


async def test_a_secret_that_needs_no_words_has_only_its_field() -> None:
    async with on_stage(lambda o: o.ask_secret(Prompt("p", "The passphrase")).text()) as show:
        await show.modal(SecretModal)
        assert "nothing typed yet" in show.text()


async def test_a_long_detail_scrolls_beside_the_field() -> None:
    detail = "\n".join(f"line {number}" for number in range(60))
    async with on_stage(lambda o: o.ask_secret(Prompt("p", "The passphrase", detail), 1).text()) as show:
        await show.modal(SecretModal)
        assert "One try is left." in show.text()
        assert "Enter  done" in show.text()
        await show.press(*["pagedown"] * 8)
        await show.until(lambda: "line 59" in show.text())


@pytest.mark.parametrize(
    ("left", "words"), [(0, "No tries are left."), (1, "One try is left."), (2, "2 tries are left."), (8, "8 tries are left.")]
)
def test_tries_are_said_in_words(left: int, words: str) -> None:
    assert tries(left) == words
