# SPDX-License-Identifier: Apache-2.0
"""The end: how it went, the final head in three forms, and what everybody does next."""

from __future__ import annotations

from dataclasses import replace

import pytest
import segno

from ceremony.core.ports import Deviation, Errand, Operator, Summary, Watcher
from ceremony.core.words import words
from ceremony.errors import CeremonyError, ExitCode, Stopped
from ceremony.tui.app import Work
from ceremony.tui.ending import Facts, ending_panel, last_words
from ceremony.tui.messages import Outcome
from ceremony.tui.modals.end import NOTHING_LEFT, EndModal
from ceremony.tui.widgets.code import QUIET, QrCode, half_blocks
from tests.tui.demo import DIGEST, record
from tests.tui.stage import Show, on_stage

pytestmark = pytest.mark.anyio

SIZES = [pytest.param((80, 24), id="80x24"), pytest.param((120, 40), id="120x40"), pytest.param((200, 60), id="200x60")]
FACTS = Facts(done=17, steps=17, records=1_234)
DONE = Outcome(ExitCode.DONE)
UNSIGNED = Outcome(ExitCode.INCOMPLETE)
STOPPED = Outcome(ExitCode.INCOMPLETE, Stopped("people stopped the ceremony", hint="go on later with `ceremony resume`"))
FAILED = Outcome(ExitCode.FAILED, CeremonyError("volume a: took 512 of 1,024 bytes", hint="put in another stick and resume"))
SUMMARY = Summary(
    folder="/media/ada/acme-root-2026/ceremony",
    head="heads/0002.txt",
    digest=DIGEST,
    signed=("Ada Example", "Bob Witness"),
    quorum_met=True,
    copies=("Kingston 4C530001: ceremony-5f3c/ceremony-5f3c.tar", "SanDisk 77: ceremony-5f3c.tar"),
    errands=(
        Errand(
            "Ada Example", ("Take both volumes out, and have them brought to two different places.", "Switch this computer off.")
        ),
        Errand("Bob Witness", ("Keep the words of the final head.",)),
    ),
)
CONTENT = f"ceremony-head:sha256:{DIGEST}"


def ends(outcome: Outcome, summary: Summary | None = SUMMARY) -> Work:
    """Return work that ends so at once, after one record."""

    def work(_operator: Operator, watcher: Watcher) -> ExitCode:
        watcher.recorded(record(0, "close"))
        if summary is not None:
            watcher.closed(summary)
        if outcome.error is not None:
            raise outcome.error
        return outcome.code

    return work


def flowing(show: Show) -> str:
    """Return the words in the frame, whatever the width they were wrapped to."""
    frame = show.app.screen.query_one(".dialog").region
    lines = [line.ljust(300)[frame.x : frame.right] for line in show.text().split("\n")[frame.y : frame.bottom]]
    return " ".join(" ".join(lines).replace("┃", " ").split())


def read_code(show: Show) -> list[list[bool]]:
    """Return the modules that are drawn, quiet zone included."""
    region = show.app.screen.query_one(QrCode).region
    lines = [line.ljust(300)[region.x : region.right] for line in show.text().split("\n")[region.y : region.bottom]]
    return [[char in halves for char in line] for line in lines for halves in ("▀█", "▄█")]


@pytest.mark.parametrize("size", SIZES)
async def test_a_ceremony_that_is_done_ends_with_three_pages(size: tuple[int, int]) -> None:
    async with on_stage(work=ends(DONE), size=size) as show:
        await show.modal(EndModal)
        text = flowing(show)
        assert "━ The ceremony is done ━" in text
        assert "[Summary] Head Next steps page 1 of 3" in text
        assert "the quorum signed the final head." in text
        for label, value in (
            ("Steps", "0 of 17 done in this sitting"),
            ("Records", "1 written in this sitting"),
            ("Quorum", "met"),
            ("Signed by", "Ada Example, Bob Witness"),
            ("Folder", SUMMARY.folder),
            ("Copies", " ".join(SUMMARY.copies)),
            ("Final head", SUMMARY.head),
        ):
            assert f"{label} {value}" in text
        await show.press("tab")
        text = flowing(show)
        assert "Summary [Head] Next steps page 2 of 3" in text
        assert DIGEST in text
        for number in range(8):
            digits, said = DIGEST[8 * number : 8 * number + 8], " ".join(words(DIGEST)[4 * number : 4 * number + 4])
            assert f"{number + 1} {digits[:4]} {digits[4:]} {said}" in text
        await show.press("right")
        text = flowing(show)
        assert "Summary Head [Next steps] page 3 of 3" in text
        assert "Ada Example 1. Take both volumes out, and have them brought to two different places. 2. Switch" in text
        assert "Bob Witness 1. Keep the words of the final head." in text
        await show.press("tab")
        assert "[Summary]" in show.text()
        await show.press("left", "shift+tab")
        assert "[Head]" in show.text()
        await show.press("x", "y", "space")
        assert show.app.return_value is None
        await show.press("enter")
    assert show.app.return_value is ExitCode.DONE


@pytest.mark.parametrize("size", [(120, 34), (120, 40), (200, 60), (80, 48), (100, 50)], ids=str)
async def test_the_code_is_whole_and_dark_on_light_where_it_fits(size: tuple[int, int]) -> None:
    async with on_stage(work=ends(DONE), size=size) as show:
        await show.modal(EndModal)
        await show.press("tab")
        code = segno.make_qr(CONTENT, error="m", boost_error=False)
        expected = [[bool(module) for module in row] for row in code.matrix_iter(border=QUIET)]
        drawn = read_code(show)
        assert drawn[: len(expected)] == expected
        assert not any(any(row) for row in drawn[len(expected) :])
        widget = show.app.screen.query_one(QrCode)
        assert (widget.styles.background.hex, widget.styles.color.hex) == ("#FFFFFF", "#000000")
        assert "too small" not in show.text()
        assert "PgDn" not in show.text()


@pytest.mark.parametrize("size", [(80, 24), (119, 40), (120, 33), (80, 47)], ids=str)
async def test_a_terminal_that_is_too_small_for_the_code_is_told_where_it_is_shown(size: tuple[int, int]) -> None:
    async with on_stage(work=ends(DONE), size=size) as show:
        await show.modal(EndModal)
        await show.press("tab")
        assert not show.app.screen.query_one(QrCode).display
        await show.press("pagedown")
        assert (
            f"too small for the QR code of the head ({size[0]} by {size[1]}). It is shown from 120 columns by 34 lines on,"
            " or below the words from 48 lines on."
        ) in flowing(show)
        await show.pilot.resize_terminal(120, 40)
        await show.until(lambda: show.app.screen.query_one(QrCode).display)
        assert "too small" not in show.text()


def test_the_code_is_as_large_as_one_of_41_modules_must_be() -> None:
    lines = half_blocks(CONTENT)
    assert {len(line) for line in lines} == {41 + 2 * QUIET}
    assert len(lines) == 25
    assert set("".join(lines)) == set(" ▀▄█")


async def test_pages_that_are_too_long_scroll() -> None:
    errands = tuple(Errand(f"Person {number}", ("Do this.", "Do that.")) for number in range(30))
    async with on_stage(work=ends(DONE, replace(SUMMARY, errands=errands))) as show:
        await show.modal(EndModal)
        assert "PgDn" not in show.text()
        await show.press("left")
        await show.until(lambda: "PgDn  more text" in show.text())
        assert "Person 0" in show.text()
        await show.press("down")
        assert "Person 0" not in show.text()
        await show.press("up")
        assert "Person 0" in show.text()
        await show.press(*["pagedown"] * 12)
        assert "Person 29" in show.text()
        await show.press(*["pageup"] * 12)
        assert "Person 0" in show.text()


async def test_nobody_may_have_anything_left_to_do() -> None:
    async with on_stage(work=ends(DONE, replace(SUMMARY, errands=()))) as show:
        await show.modal(EndModal)
        await show.press("left")
        assert NOTHING_LEFT in show.text()


async def test_a_quorum_that_has_not_signed_is_said_first() -> None:
    async with on_stage(work=ends(UNSIGNED, replace(SUMMARY, quorum_met=False, signed=()))) as show:
        await show.modal(EndModal)
        text = flowing(show)
        assert "━ The ceremony is closed, and its quorum has not signed yet ━" in text
        assert (
            "Who is missing signs when it is resumed, `ceremony resume DIR`, or on a machine of their own: `ceremony cosign DIR --key KEY`."
            in text
        )
        assert "Quorum NOT met yet Signed by nobody yet" in text
        assert "To resume:" not in text
        await show.press("enter")
    assert show.app.return_value is ExitCode.INCOMPLETE


@pytest.mark.parametrize("size", SIZES)
async def test_an_error_is_one_page_with_sentence_hint_and_how_to_resume(size: tuple[int, int]) -> None:
    async with on_stage(work=ends(FAILED, None), size=size) as show:
        await show.modal(EndModal)
        text = flowing(show)
        assert show.app.screen.has_class("failed")
        assert "━ The ceremony has failed ━" in text
        assert "took 512 of 1,024 bytes What to do: put in another stick and resume To resume: `ceremony resume DIR`" in text
        assert "Records 1 written in this sitting" in text
        assert "page 1" not in text
        await show.press("tab", "left", "escape")
    assert show.app.return_value is ExitCode.FAILED


async def test_an_endless_error_scrolls() -> None:
    async with on_stage(work=ends(Outcome(ExitCode.FAILED, CeremonyError("so " * 2000, hint="h")), None)) as show:
        await show.modal(EndModal)
        await show.until(lambda: "PgDn  more text" in show.text())
        assert "Enter  close" in show.text()
        await show.press(*["pagedown"] * 12)
        assert "Records" in show.text()


async def test_the_last_screen_cannot_be_closed_unseen() -> None:
    async with on_stage(work=ends(DONE)) as show:
        await show.modal(EndModal)
        await show.pilot.resize_terminal(60, 20)
        await show.until(lambda: "The terminal is too small" in show.text())
        await show.press("enter")
        assert show.app.return_value is None
        await show.pilot.resize_terminal(80, 24)
        await show.until(lambda: "[Summary]" in show.text())


async def test_hostile_text_is_shown_and_never_obeyed() -> None:
    evil = "evil\x1b[2J\u202e[bold]x[/][@click=app.stop]y[/]"
    summary = replace(
        SUMMARY, folder=evil, head=evil, signed=(evil,), copies=(evil,), errands=(Errand(evil, (evil,)),), quorum_met=False
    )
    async with on_stage(work=ends(UNSIGNED, summary)) as show:
        await show.modal(EndModal)
        for _ in range(3):
            assert "\x1b" not in show.text()
            assert "\u202e" not in show.text()
            assert r"evil\x1b[2J\u202e[bold]x[/]" in show.text()
            await show.press("tab")


async def test_every_character_is_one_that_a_console_has() -> None:
    async with on_stage(work=ends(DONE), size=(120, 40)) as show:
        await show.modal(EndModal)
        for _ in range(3):
            foreign = [
                char for char in flowing(show) if char > "\xff" and not "\u2500" <= char <= "\u257f" and char not in "█░▀▄"
            ]
            assert foreign == []
            await show.press("tab")


# --- the words ---------------------------------------------------------------------


def rows(panel: EndModal) -> list[str]:
    return [f"{label}: {text}" for label, text in panel.ending.rows]


LEFT = f"Ceremony folder: {SUMMARY.folder}\nFinal head: sha256:{DIGEST}"


@pytest.mark.parametrize(
    ("outcome", "summary", "title", "hint", "last"),
    [
        pytest.param(DONE, None, "The ceremony is done", "", "The ceremony is done.", id="done"),
        pytest.param(DONE, SUMMARY, "The ceremony is done", "", f"The ceremony is done.\n{LEFT}", id="done, and closed"),
        pytest.param(
            UNSIGNED,
            replace(SUMMARY, quorum_met=False),
            "The ceremony is closed, and its quorum has not signed yet",
            "",
            f"The ceremony is closed, and its quorum has not signed yet.\n{LEFT}",
            id="not signed",
        ),
        pytest.param(
            STOPPED,
            None,
            "The ceremony is not complete; it can be resumed",
            "",
            "The ceremony is not complete; it can be resumed.\npeople stopped the ceremony\ngo on later with `ceremony resume`",
            id="stopped",
        ),
        pytest.param(
            FAILED,
            None,
            "The ceremony has failed",
            "put in another stick and resume",
            "The ceremony has failed.\nvolume a: took 512 of 1,024 bytes\nput in another stick and resume",
            id="failed",
        ),
        pytest.param(
            Outcome(ExitCode.FAILED, KeyError("x")),
            SUMMARY,
            "The ceremony has failed",
            "nothing that was recorded is lost; go on with `ceremony resume`",
            "",
            id="unexpected",
        ),
    ],
)
def test_says_how_it_ended(outcome: Outcome, summary: Summary | None, title: str, hint: str, last: str) -> None:
    panel = ending_panel(outcome, FACTS, summary)
    assert panel.heading() == title
    assert panel.ending.hint == hint
    assert panel.ending.failed is (outcome.error is not None)
    assert rows(panel)[:2] == ["Steps: 17 of 17 done in this sitting", "Records: 1,234 written in this sitting"]
    assert last_words(outcome, summary) == last


def test_what_stays_on_the_terminal_holds_no_control_characters() -> None:
    outcome = Outcome(ExitCode.FAILED, CeremonyError("a\x1b[2Jb\nc", hint="h\x9b"))
    lines = last_words(outcome, replace(SUMMARY, folder="f\x1b")).split("\n")
    assert lines[1:5] == [r"a\x1b[2Jb", "c", r"h\x9b", r"Ceremony folder: f\x1b"]


@pytest.mark.parametrize(
    ("outcome", "facts", "summary", "told"),
    [
        pytest.param(STOPPED, FACTS, None, True, id="stopped"),
        pytest.param(FAILED, FACTS, None, True, id="failed"),
        pytest.param(UNSIGNED, FACTS, None, True, id="incomplete"),
        pytest.param(FAILED, replace(FACTS, records=0), None, False, id="nothing was recorded"),
        pytest.param(FAILED, FACTS, SUMMARY, False, id="it is closed"),
        pytest.param(DONE, FACTS, None, False, id="done"),
    ],
)
def test_says_how_to_resume_what_can_be_resumed(outcome: Outcome, facts: Facts, summary: Summary | None, told: bool) -> None:
    assert ("ceremony resume DIR" in ending_panel(outcome, facts, summary).ending.resume) is told


def test_names_what_came_too_late_for_the_log() -> None:
    facts = replace(FACTS, lost=(Deviation("a", "the light went out", "c", "d"),))
    assert "Too late: Noted too late for the log, write it on paper: the light went out" in rows(ending_panel(DONE, facts))
