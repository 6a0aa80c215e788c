# SPDX-License-Identifier: Apache-2.0
"""The table that people read: rows to search and sort in columns that fit, the marked one whole below, yes or no."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from textual.widgets import Static

from ceremony.core.ports import Listing, Prompt
from ceremony.errors import Stopped
from ceremony.tui import study
from ceremony.tui.modals.deviation import DeviationModal
from ceremony.tui.modals.stop import StopModal
from ceremony.tui.modals.study import StudyModal
from ceremony.tui.widgets.table import LineTable
from tests.tui.demo import IMPACT, STOLEN, impact
from tests.tui.stage import PROMPT, Show, on_stage

pytestmark = pytest.mark.anyio

SIZES = [pytest.param(size, id=f"{size[0]}x{size[1]}") for size in ((80, 24), (120, 40), (200, 60))]


@asynccontextmanager
async def studied(listing: Listing, size: tuple[int, int] = (80, 24), prompt: Prompt = IMPACT) -> AsyncIterator[Show]:
    async with on_stage(lambda o: o.study(prompt, listing), size=size) as show:
        await show.modal(StudyModal)
        yield show
        if not show.answers and not show.app.outcome.done():
            await show.press("escape", "n")
            await show.outcome()


def simple(*names: str) -> Listing:
    return Listing(("Repository", "Tags"), [(name, f"{number} signed") for number, name in enumerate(names)])


def rows(show: Show) -> list[str]:
    """Return the lines of the table, from its titles on."""
    lines = [line.strip("┃") for line in show.text().split("\n")]
    first = next(number for number, line in enumerate(lines) if line.startswith("   Repository "))
    last = next(number for number, line in enumerate(lines) if line.startswith((" ─The marked", " ─Nothing", " Filter:")))
    return [" ".join(line.strip(" █░").split()) for line in lines[first:last]]


def marked(show: Show) -> str:
    return next(line for line in rows(show) if line.startswith("▶"))[2:]


def pane(show: Show) -> list[str]:
    lines = [line.strip("┃ ") for line in show.text().split("\n")]
    start = next(number for number, line in enumerate(lines) if line.startswith("─"))
    return lines[start:]


def counts(show: Show) -> str:
    return str(show.app.screen.query_one(".counts", Static).content)


# --- what is shown ---------------------------------------------------------------


async def test_shows_title_detail_and_person_the_rows_and_how_many_they_are() -> None:
    async with studied(impact(2_000)) as show:
        assert "Whom the stolen keys touch" in show.text()
        assert "everything that a stolen key signed is suspect." in " ".join(show.text().replace("┃", "").split())
        assert "For everybody" in show.text()
        assert counts(show) == "1,003 rows."
        assert rows(show)[:4] == [
            "Repository Role Tags Signer",
            "▶ -",
            "...legacy/billing-export",
            "docker.io/acme/base-0001 targets 10 signed, 1 suspect",
        ]


@pytest.mark.parametrize(("number", "said"), [pytest.param(0, "0 rows.", id="none"), pytest.param(1, "1 row.", id="one")])
async def test_counts_a_row_or_none(number: int, said: str) -> None:
    async with studied(simple(*"a" * number)) as show:
        assert counts(show) == said
        await show.press("s", "r", "end", "y")
        await show.outcome()
        assert show.answers == [True]


@pytest.mark.parametrize("size", SIZES)
async def test_everything_stays_inside_the_frame_and_aligned(size: tuple[int, int]) -> None:
    long = [(f"registry.example:5000/{'long/' * 40}{n}", "x" * 300, "\u4e00" * 90, "word " * n) for n in range(40)]
    listing = Listing(("Repository", "A title that is long", "\u4e00\u4e8c", ""), long)
    async with studied(listing, size, replace(PROMPT, detail="A sentence. " * 40)) as show:
        for keys in ((), ("s",), ("s", "r"), ("slash", *"long"), ("enter", "down")):
            await show.press(*keys)
            framed = [line for line in show.text().split("\n") if line.startswith("┃")]
            assert len(framed) >= size[1] - 5
            assert all(line.endswith("┃") for line in framed)
            assert "N  no: stop" in show.text()


async def test_a_wide_terminal_shows_every_column_and_a_narrow_one_those_that_fit() -> None:
    async with studied(impact(2_000)) as show:
        assert rows(show)[0] == "Repository Role Tags Signer"
        await show.pilot.resize_terminal(120, 40)
        await show.until(lambda: show.app.screen.size.width == 120)
        assert rows(show)[0] == "Repository Role Tags Signer Key To know"
        await show.pilot.resize_terminal(80, 24)
        await show.until(lambda: show.app.screen.size.width == 80)
        assert rows(show)[0] == "Repository Role Tags Signer"


async def test_the_marked_row_stands_whole_below_what_has_no_room_above_first() -> None:
    async with studied(impact(2_000)) as show:
        assert pane(show)[1] == "Repository  -"
        await show.press("down")
        assert pane(show)[1] == "Repository  docker.io/acme/legacy/billing-export"
        await show.press("down")
        text = pane(show)
        assert text[1] == "Repository  docker.io/acme/base-0001"
        assert text[2] == f"Key         {STOLEN[0]}"
        assert text[3].startswith("To know     The only key of this role. The server does not hold its")
        assert "(PgDn: more)" in text[0]
        await show.press("pagedown")
        assert "Role        targets" in pane(show)
        assert "Tags        10 signed, 1 suspect" in pane(show)
        assert "(PgUp: back)" in pane(show)[0]
        await show.press("pageup")
        assert pane(show)[1] == "Repository  docker.io/acme/base-0001"


async def test_page_keys_scroll_a_long_detail_first() -> None:
    detail = "\n".join(f"line {number}" for number in range(6))
    async with studied(simple(*"abc"), prompt=replace(PROMPT, detail=detail)) as show:
        assert "PgDn  more" in show.text()
        await show.press(*["pagedown"] * 6)
        assert "line 5" in show.text()
        await show.press(*["pageup"] * 6)
        assert "line 0" in show.text()


async def test_the_keys_move_through_all_rows() -> None:
    async with studied(impact(2_000)) as show:
        await show.press("end")
        assert marked(show).startswith("docker.io/acme/base-1999 targets")
        await show.press("up")
        assert marked(show).startswith("docker.io/acme/tool-1997 targets/releases")
        await show.press("home", "right", "left", "down")
        assert marked(show) == "...legacy/billing-export"


async def test_fifty_thousand_rows_open_at_once_and_are_all_reached() -> None:
    listing = impact(100_000)
    assert len(listing.rows) > 50_000
    began = time.process_time()
    async with studied(listing, (120, 40)) as show:
        assert counts(show) == f"{len(listing.rows):,} rows."
        assert time.process_time() - began < 5
        await show.press("end")
        assert listing.rows[-1][0][-9:] in marked(show)
        await show.press("s", "end", "slash")
        await show.type("tool-99998")
        assert counts(show) == f"1 of {len(listing.rows):,} rows match 'tool-99998', sorted by Repository."


# --- filter and order -------------------------------------------------------------


async def test_a_filter_finds_a_text_in_any_column_in_any_case_those_without_room_too() -> None:
    async with studied(impact(2_000)) as show:
        await show.press("slash")
        assert "Esc  all rows" in show.text()
        await show.type("ALICE")
        assert counts(show) == "167 of 1,003 rows match 'ALICE'."
        assert all("targets/alice" in line for line in rows(show)[1:])
        await show.press(*["backspace"] * 5)
        await show.type(STOLEN[1][:5])
        assert counts(show) == f"334 of 1,003 rows match {STOLEN[1][:5]!r}."
        await show.press("enter", "down")
        assert marked(show).startswith("docker.io/acme/tool-0005 targets/releases")
        await show.press("escape")
        assert counts(show) == "1,003 rows."
        assert "/  filter" in show.text()
        assert marked(show).startswith("docker.io/acme/tool-0005 targets/releases")


async def test_a_filter_does_not_go_over_from_one_column_to_the_next() -> None:
    async with studied(Listing(("Repository", "Role"), [("app", "root")])) as show:
        await show.press("slash")
        await show.type("app root")
        assert "No row matches." in show.text()
        assert "Nothing is marked" in show.text()
        assert counts(show) == "0 of 1 rows match 'app root'."
        await show.press("enter", "down", "s", "end", "escape")
        assert marked(show) == "app root"


async def test_letters_in_the_filter_are_no_keys() -> None:
    async with studied(simple("sorry", "other")) as show:
        await show.press("slash")
        await show.type("sory")
        assert show.answers == []
        assert counts(show) == "0 of 2 rows match 'sory'."


async def test_sorts_by_each_column_in_turn_and_puts_it_beside_the_first() -> None:
    async with studied(simple("app-10", "app-9", "App-1")) as show:
        assert "R  reverse" not in show.text()
        await show.press("r")
        assert [line.split()[-3] for line in rows(show)[1:4]] == ["app-10", "app-9", "App-1"]
        await show.press("s")
        assert counts(show) == "3 rows, sorted by Repository."
        assert [line.split()[-3] for line in rows(show)[1:4]] == ["App-1", "app-9", "app-10"]
        assert "R  reverse" in show.text()
        await show.press("r")
        assert counts(show) == "3 rows, sorted by Repository, backwards."
        assert [line.split()[-3] for line in rows(show)[1:4]] == ["app-10", "app-9", "App-1"]
        await show.press("S", "R")
        assert counts(show) == "3 rows, sorted by Tags, backwards."
        assert [line.split()[-3] for line in rows(show)[1:4]] == ["App-1", "app-9", "app-10"]
        await show.press("s")
        assert counts(show) == "3 rows."
        assert [line.split()[-3] for line in rows(show)[1:4]] == ["app-10", "app-9", "App-1"]
        assert "R  reverse" not in show.text()


async def test_the_column_that_is_sorted_by_has_room_however_narrow_the_screen() -> None:
    async with studied(impact(2_000)) as show:
        await show.press("down", *["s"] * 5, "r")
        assert counts(show) == "1,003 rows, sorted by Key, backwards."
        assert rows(show)[0] == "Repository Key Role"
        assert marked(show) == f"docker.io/acme/tool-0002 {STOLEN[1]} targets/alice"


async def test_a_filter_stays_while_the_order_changes_and_the_marked_row_is_the_one_below() -> None:
    async with studied(impact(2_000)) as show:
        await show.press("slash", *"alice", "enter", *["s"] * 3, "r")
        assert counts(show) == "167 of 1,003 rows match 'alice', sorted by Tags, backwards."
        assert marked(show).startswith("docker.io/acme/tool-0074 41 signed, 41 suspect")
        assert pane(show)[1] == "Repository  docker.io/acme/tool-0074"
        await show.press("down")
        assert pane(show)[1].split()[-1] == marked(show).split()[0]


# --- the answer -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        pytest.param("y", True, id="yes"),
        pytest.param("Y", True, id="yes, capital"),
        pytest.param("n", False, id="no"),
        pytest.param("N", False, id="no, capital"),
    ],
)
async def test_people_say_whether_it_is_what_they_expected(key: str, answer: bool) -> None:
    async with studied(simple("a")) as show:
        await show.press("enter", "space", "escape")
        assert show.answers == []
        await show.press(key)
        await show.outcome()
        assert show.answers == [answer]


async def test_the_keys_work_also_when_nothing_has_the_focus() -> None:
    async with studied(simple("a", "b")) as show:
        show.app.screen.set_focus(None)
        await show.press("down", "up", "down", "slash", "b")
        show.app.screen.set_focus(None)
        await show.press("escape", "y")
        await show.outcome()
        assert show.answers == [True]


async def test_people_can_stop_or_note_a_deviation_over_it() -> None:
    async with studied(simple("a")) as show:
        await show.press("f8")
        await show.modal(DeviationModal)
        await show.press("escape")
        await show.modal(StudyModal)
        await show.press("f1")
        await show.until(lambda: "This is what we expected" in show.text())
        await show.press("escape", "ctrl+q")
        await show.modal(StopModal)
        await show.press("y")
        assert isinstance((await show.outcome()).error, Stopped)


async def test_nothing_is_answered_in_a_terminal_that_is_too_small() -> None:
    async with studied(simple("a")) as show:
        for width, height in ((60, 10), (6, 3)):
            await show.pilot.resize_terminal(width, height)
            await show.until(lambda: show.app.screen.has_class("too-small"))
            await show.press("y", "n", "down")
        await show.pilot.resize_terminal(80, 24)
        await show.until(lambda: not show.app.screen.has_class("too-small"))
        assert show.answers == []
        assert counts(show) == "1 row."


HOSTILE = "evil\x1b[2J\u202e[bold red]name[/]\n"


async def test_text_from_outside_is_shown_and_never_obeyed() -> None:
    listing = Listing((HOSTILE, "Repository", HOSTILE), [(HOSTILE,) * 3, (HOSTILE, "9" * 100_000, "\u202e" * 100_000)])
    async with studied(listing, prompt=Prompt("k", HOSTILE, HOSTILE, HOSTILE)) as show:
        for keys in ((), ("down",), ("s", "s"), ("r",), ("slash", "e")):
            await show.press(*keys)
            assert "\x1b" not in show.text()
            assert "\u202e" not in show.text()
            assert r"evil\x1b[2J" in show.text()


async def test_without_colours_the_mark_is_a_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "linux")
    async with studied(simple("a", "b")) as show:
        await show.press("down")
        assert any(line.strip("┃ ").startswith("> b") for line in show.text().split("\n"))
        assert show.app.screen.query_one(LineTable).number == 1


# --- columns and order, without a screen -------------------------------------------

WIDE = Listing(
    ("Repository", "Role", "Signer", "Key", "To know"),
    [(f"docker.io/acme/app-{n:04}", "targets", "", "8f3a" * 4, f"{n} " + "a long text " * 9) for n in range(20)],
)


@pytest.mark.parametrize(
    ("total", "titles"),
    [
        pytest.param(200, ["Repository", "Role", "Key", "To know"], id="all fit"),
        pytest.param(100, ["Repository", "To know"], id="those go first that tell no row from another"),
        pytest.param(30, ["Repository", "To know"], id="the first two"),
        pytest.param(20, ["Repository"], id="the first alone"),
        pytest.param(-7, ["Repository"], id="no room at all"),
    ],
)
def test_columns_are_shown_as_there_is_room(total: int, titles: Sequence[str]) -> None:
    shown = study.laid_out(study.shapes(WIDE), None, total, 2)
    assert [column.title for column in shown.values()] == titles
    assert sum(column.width + 2 for column in shown.values()) - 2 <= max(total, study.NARROWEST)
    assert all(column.width >= study.NARROWEST for column in shown.values())


def test_a_column_that_all_rows_share_is_shown_when_it_is_sorted_by() -> None:
    shapes = study.shapes(WIDE)
    assert [shape.title for shape in shapes] == ["Repository", "Role", "Key", "To know"]
    shown = study.laid_out(shapes, shapes[2], 80, 2)
    assert [column.title for column in shown.values()] == ["Repository", "Key", "To know"]


def test_one_long_name_in_ten_takes_no_room_from_the_other_columns() -> None:
    listing = simple(*(f"app-{n}" for n in range(20)), "x" * 60)
    assert [shape.width for shape in study.shapes(listing)] == [len("Repository"), len("10 signed")]


@pytest.mark.parametrize(
    ("backwards", "expected"),
    [
        pytest.param(False, [1, 3, 0, 4, 2], id="forwards"),
        pytest.param(True, [4, 0, 1, 3, 2], id="backwards"),
    ],
)
def test_rows_are_sorted_by_the_numbers_in_a_text_those_without_come_last(backwards: bool, expected: Sequence[int]) -> None:
    tags = ("10 signed, 9 suspect", "9 signed", "", "009 Signed", f"{'9' * 5_000} signed")
    listing = Listing(("Repository", "Tags"), [("a", text) for text in tags])
    found = study.order(listing, study.shapes(listing)[1], backwards=backwards)
    assert found == expected
    assert study.order(listing, None) == range(5)
