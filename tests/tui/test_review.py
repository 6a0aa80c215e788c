# SPDX-License-Identifier: Apache-2.0
"""The review: what differs, exceptions first, and every repository; nobody agrees before they have looked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from textual.widgets import Static

from ceremony.core.ports import Change, Differences, Prompt
from ceremony.tui.differences import said
from ceremony.tui.modals.review import ReviewModal
from ceremony.tui.widgets.columns import fit_end
from ceremony.tui.widgets.entry import LineEntry
from ceremony.tui.widgets.table import LineTable
from tests.fakes.differences import GivenDifferences
from tests.tui.stage import PROMPT, Show, on_stage

pytestmark = pytest.mark.anyio

SIZES = [pytest.param(size, id=f"{size[0]}x{size[1]}") for size in ((80, 24), (120, 40), (200, 60))]
DIGEST = "ab" * 32


def name(number: int) -> str:
    return f"docker.io/acme/app-{number:05}"


def changes(number: int, **odd: str) -> Sequence[Change]:
    """Return what is new of a repository; `odd` are fields in which it is an exception."""
    fields = {"version": "1", "keys": f"2 of 3, ecdsa-p256: {DIGEST}", "expires": "2036-11-19 00:00:00 UTC"}
    return [Change(name(number), "root", field, "", value) for field, value in {**fields, **odd}.items()]


def differences(total: int, odd: Sequence[int] = ()) -> GivenDifferences:
    return GivenDifferences(
        change for number in range(total) for change in changes(number, **({"version": f"9{number}"} if number in odd else {}))
    )


@asynccontextmanager
async def reviewed(shown: Differences, size: tuple[int, int] = (80, 24), prompt: Prompt = PROMPT) -> AsyncIterator[Show]:
    async with on_stage(lambda o: o.review(prompt, shown), size=size) as show:
        await show.modal(ReviewModal)
        yield show
        if not show.answers:
            await show.press("escape", "n")
            await show.outcome()


def lines(show: Show) -> list[str]:
    return [line.strip("┃ ") for line in show.text().split("\n")]


def counts(show: Show) -> str:
    return str(show.app.screen.query_one(".counts", Static).content)


def pane(show: Show) -> str:
    """Return the text below the tables."""
    whole = lines(show)
    start = next(number for number, line in enumerate(whole) if line.startswith("─"))
    return "\n".join(whole[start:])


# --- what is shown ---------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_exceptions_come_first_and_rules_say_how_many_they_hold_for(size: tuple[int, int]) -> None:
    async with reviewed(differences(1_000, odd=(7, 999)), size) as show:
        assert "2 exceptions (1 to look at), then 3 rules, in 1,000 repositories." in show.text()
        rows = [" ".join(line.split()) for line in lines(show) if line.split() and line.split()[0] in {"!", "▶", "rule"}]
        assert rows[0].startswith(f"▶ ! seen {name(7)} root version 97")
        assert rows[1].startswith(f"! look {name(999)} root version 9999")
        assert rows[2].startswith("rule 998 of 1,000 root version 1")
        assert rows[3].startswith("rule all 1,000 root keys 2 of 3, ecdsa-")


@pytest.mark.parametrize("size", SIZES)
async def test_everything_stays_inside_the_frame_and_aligned(size: tuple[int, int]) -> None:
    odd = GivenDifferences(
        Change(f"registry.example:5000/{'long/' * 40}{number}", "root", "expires", "x" * 300, f"{number}" * 300)
        for number in range(5)
    )
    async with reviewed(odd, size, replace(PROMPT, detail="A sentence. " * 40)) as show:
        assert "..." in show.text()
        for keys in ((), ("tab",), ("slash", *"long"), ("enter", "y")):
            await show.press(*keys)
            framed = [line for line in show.text().split("\n") if line.startswith("┃")]
            assert len(framed) >= size[1] - 5
            assert {line.rindex("┃") for line in framed} == {size[0] - 1}
            assert "N  refuse" in show.text()


async def test_a_title_says_when_nothing_is_an_exception() -> None:
    async with reviewed(differences(3)) as show:
        assert "No exceptions, then 3 rules, in 3 repositories." in show.text()
        await show.press("y")
        await show.outcome()
        assert show.answers == [True]


async def test_the_marked_group_is_shown_whole_below() -> None:
    async with reviewed(differences(30, odd=(3,))) as show:
        assert "root version: an exception, in 1 of 30 repositories" in pane(show)
        assert f"in:      {name(3)}" in pane(show)
        await show.press("down")
        assert "root version: in 29 of 30 repositories" in pane(show)
        assert "before:  (nothing)" in pane(show)
        assert "will be: 1" in pane(show)
        await show.press("pagedown")
        assert "and 17 more" in pane(show)
        assert f"not in:  {name(3)}" in pane(show)
        await show.press("down")
        assert DIGEST in pane(show)


async def test_tab_changes_to_all_repositories_and_back() -> None:
    async with reviewed(differences(10_000, odd=(7,))) as show:
        assert "Tab  repositories" in show.text()
        await show.press("tab")
        assert counts(show) == "10,000 repositories, 1 with exceptions."
        assert "Tab  differences" in show.text()
        assert f"{name(0)}: new, nothing of it is published" in pane(show)
        await show.press("end")
        assert f"▶ 10,000  {name(9_999)}" in show.text()
        assert f"{name(9_999)}: new" in pane(show)
        await show.press("home", *["down"] * 7)
        assert [line.split() for line in lines(show) if "▶" in line] == [["▶", "8", name(7), "root", "version"]]
        assert "root version          97" in pane(show)
        await show.press("shift+tab")
        assert "Tab  repositories" in show.text()


async def test_j_shows_the_documents_as_lines_that_come_go_and_stay() -> None:
    given = GivenDifferences([Change(name(n), "root", "version", "1", "2") for n in range(3)])
    async with reviewed(given, (120, 40)) as show:
        assert "root version: in 3 of 3 repositories" in pane(show)
        await show.press("j")
        assert "J  words" in show.text()
        assert f"As JSON: {name(0)}, the first of 3" in pane(show)
        assert f"bundle/tuf/{name(0)}/metadata/root.json" in pane(show)
        assert '-   "root version": "1"' in pane(show)
        assert '+   "root version": "2"' in pane(show)
        await show.press("tab", "down")
        assert f"As JSON: {name(1)}" in pane(show)
        assert "the first of" not in pane(show)
        await show.press("J")
        assert f"{name(1)}: 1 difference\n" in pane(show)
        assert "root version          1 -> 2" in pane(show)


async def test_page_keys_scroll_the_detail_then_the_pane_and_back() -> None:
    detail = "\n".join(f"line {number}" for number in range(6))
    async with reviewed(differences(2), prompt=replace(PROMPT, detail=detail)) as show:
        await show.press("tab", "j")
        assert "(PgDn: more)" in show.text()
        await show.press(*["pagedown"] * 20)
        assert "line 5" in show.text()
        assert "\n}\n" in pane(show)
        assert "(PgUp: back)" in pane(show)
        await show.press(*["pageup"] * 20)
        assert "line 0" in show.text()
        assert "(PgDn: more)" in pane(show)
        assert "\n{\n" in pane(show)


# --- the filter -------------------------------------------------------------------


async def test_a_filter_finds_any_part_of_a_row_in_any_case_in_both_tables() -> None:
    async with reviewed(differences(10_000, odd=(7, 1_234))) as show:
        await show.press("slash")
        assert "Esc  all rows" in show.text()
        await show.type("EXP")
        assert counts(show) == "1 of 5 differences match 'EXP'; 2 exceptions (1 to look at)."
        assert "root expires: in 10,000 of 10,000 repositories" in pane(show)
        await show.press("tab", "slash")
        await show.type("P-0123")
        assert counts(show) == "10 of 10,000 repositories match 'P-0123'."
        assert f"{name(1_230)}: new" in pane(show)
        await show.press("down", "down", "down", "down")
        assert f"{name(1_234)}: new" in pane(show)
        await show.press("enter", "up")
        assert f"{name(1_233)}: new" in pane(show)
        await show.press("escape")
        assert "/  filter" in show.text()
        assert counts(show) == "10,000 repositories, 2 with exceptions."
        assert f"{name(1_233)}: new" in pane(show)
        await show.press("slash")
        await show.type("version")
        assert counts(show) == "2 of 10,000 repositories match 'version'."


async def test_a_filter_that_matches_nothing_marks_nothing() -> None:
    async with reviewed(differences(3)) as show:
        await show.press("slash")
        show.app.screen.query(LineEntry).first().value = "nowhere to be found at all"
        await show.pilot.pause()
        assert "No difference matches." in show.text()
        assert "Nothing is marked" in pane(show)
        assert counts(show).startswith("0 of 3 differences match 'nowhere to be found a...'")
        await show.press("enter", "down", "up", "end", "home", "left", "right", "j")
        assert "Nothing is marked" in pane(show)
        await show.press("escape")
        assert "Nothing is marked" not in pane(show)


async def test_an_empty_filter_goes_away_on_enter_and_letters_in_it_are_no_keys() -> None:
    async with reviewed(differences(3)) as show:
        await show.press("slash")
        await show.type("yn")
        assert show.answers == []
        assert "Filter:" in show.text()
        await show.press("backspace", "backspace", "enter")
        assert "Filter:" not in show.text()


# --- the answer -------------------------------------------------------------------


async def test_agreeing_waits_until_every_exception_was_marked() -> None:
    async with reviewed(differences(20, odd=(3, 5, 8))) as show:
        await show.press("y")
        assert "2 exceptions were not looked at yet. Mark each with the arrows." in show.text()
        await show.press("down", "tab", "y")
        assert "1 exception was not looked at yet. Tab, then mark each with the arrows." in show.text()
        await show.press("tab", "down")
        assert "not looked at yet" not in show.text()
        assert "3 exceptions, then 3 rules" in show.text()
        assert "! look" not in show.text()
        await show.press("enter", "space")
        assert show.answers == []
        await show.press("Y")
        await show.outcome()
        assert show.answers == [True]


async def test_a_jump_over_exceptions_is_no_look_at_them_but_a_page_in_sight_is() -> None:
    async with reviewed(differences(60, odd=range(20))) as show:
        await show.press("end", "y")
        assert "19 exceptions were not looked at yet" in show.text()
        await show.press("home", *["right"] * 10, "y")
        await show.outcome()
        assert show.answers == [True]


async def test_where_exceptions_are_many_their_end_must_be_reached() -> None:
    async with reviewed(differences(60, odd=range(21)), (120, 40)) as show:
        await show.press("y")
        assert "20 exceptions were not looked at yet. Go to the end of the list." in show.text()
        await show.press("end", "home", "y")
        await show.outcome()
        assert show.answers == [True]


async def test_a_filter_hides_nothing_that_must_be_looked_at() -> None:
    async with reviewed(differences(60, odd=range(21)), (120, 40)) as show:
        await show.press("slash")
        show.app.screen.query(LineEntry).first().value = "0020"
        await show.press("enter", "y")
        assert "19 exceptions were not looked at yet. Go to the end of the list." in show.text()
        await show.press("escape", "home")
        assert "not looked at yet" not in show.text()
        await show.press("end")
        await show.press("home", "y")
        await show.outcome()
        assert show.answers == [True]


@pytest.mark.parametrize("key", ["n", "N"])
async def test_refusing_needs_no_look(key: str) -> None:
    async with reviewed(differences(60, odd=range(21))) as show:
        await show.press(key)
        await show.outcome()
        assert show.answers == [False]


async def test_the_keys_work_also_when_nothing_has_the_focus() -> None:
    async with reviewed(differences(20, odd=(3, 5))) as show:
        show.app.screen.set_focus(None)
        await show.press("down", "up", "slash", "x")
        show.app.screen.set_focus(None)
        await show.press("escape", "y")
        await show.outcome()
        assert show.answers == [True]


async def test_nothing_is_looked_at_or_agreed_to_in_a_terminal_that_is_too_small() -> None:
    async with reviewed(differences(20, odd=(3, 5))) as show:
        await show.pilot.resize_terminal(60, 10)
        await show.until(lambda: show.app.screen.has_class("too-small"))
        await show.press("down", "y")
        await show.pilot.resize_terminal(80, 24)
        await show.until(lambda: not show.app.screen.has_class("too-small"))
        await show.press("y")
        assert "1 exception was not looked at yet" in show.text()
        await show.press("down", "y")
        await show.outcome()
        assert show.answers == [True]


async def test_a_click_marks_a_row_and_one_beside_the_rows_does_not() -> None:
    async with reviewed(differences(20)) as show:
        table = show.app.screen.query(LineTable).first()
        assert await show.pilot.click(table, offset=(4, 2))
        await show.pilot.pause()
        assert table.number == 1
        for line in (0, table.size.height - 1):
            await show.pilot.click(table, offset=(4, line))
            await show.pilot.pause()
            assert table.number == 1


async def test_a_resize_keeps_the_marked_row_in_sight() -> None:
    async with reviewed(differences(500), (200, 60)) as show:
        await show.press("tab", *["right"] * 2)
        marked = next(line for line in lines(show) if "▶" in line).split()[1:3]
        await show.pilot.resize_terminal(80, 24)
        await show.until(lambda: show.app.screen.size.height == 24)
        assert next(line for line in lines(show) if "▶" in line).split()[1:3] == marked


HOSTILE = "evil\x1b[2J\u202e[bold red]name[/]\n"


async def test_text_from_outside_is_shown_and_never_obeyed() -> None:
    change = Change(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    async with reviewed(GivenDifferences([change]), prompt=Prompt("k", HOSTILE, HOSTILE, HOSTILE)) as show:
        for keys in ((), ("j",), ("tab",), ("j",), ("slash", "e")):
            await show.press(*keys)
            assert "\x1b" not in show.text()
            assert "\u202e" not in show.text()
            assert r"evil\x1b[2J" in pane(show)


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        pytest.param("docker.io/acme/app", 18, "docker.io/acme/app", id="it fits"),
        pytest.param("docker.io/acme/app", 10, "...cme/app", id="its end"),
        pytest.param("漢字漢字漢字", 8, "...漢字", id="wide characters"),
        pytest.param("aa\x1bb", 5, "...bb", id="an escape"),
    ],
)
def test_a_repository_is_told_apart_by_its_end(text: str, width: int, shown: str) -> None:
    assert fit_end(text, width) == shown


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [("", "2", "2"), ("1", "2", "1 -> 2"), ("1", "", "goes; it was 1"), ("", "", "")],
    ids=["new", "changed", "gone", "nothing"],
)
def test_a_change_in_words(before: str, after: str, words: str) -> None:
    assert said(Change("name", "root", "version", before, after)) == words


async def test_a_text_console_can_draw_every_character(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "linux")
    async with reviewed(differences(40, odd=(3, 5)), prompt=replace(PROMPT, detail="A sentence. " * 40)) as show:
        for keys in ((), ("j",), ("tab", "y"), ("slash", "9")):
            await show.press(*keys)
            strange = {char for char in show.text() if not (char < "\u0100" or "\u2500" <= char < "\u2580" or char in "█░")}
            assert not strange
        assert "> " in show.text()
