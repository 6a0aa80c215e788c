# SPDX-License-Identifier: Apache-2.0
"""The log on the screen: every record in words, the newest at the end, and a filter over all of them."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from textual.widgets import Input

from ceremony.core.ports import Operator, Watcher
from ceremony.errors import ExitCode
from ceremony.tui.widgets.log import UNREADABLE, LogView, row
from tests.tui.stage import Show, on_stage

pytestmark = pytest.mark.anyio

SIZES = [pytest.param(size, id=f"{size[0]}x{size[1]}") for size in ((80, 24), (120, 40), (200, 60))]


def line(seq: int, step: str = "sign", kind: str = "stop", outcome: str = "ok", **more: object) -> bytes:
    record = {
        "seq": seq,
        "utc": f"2026-11-19T09:{seq // 60 % 60:02}:{seq % 60:02}.000000Z",
        "kind": kind,
        "step": step,
        "outcome": outcome,
        "actor": "Ada",
        "body": {},
        **more,
    }
    return json.dumps(record).encode() + b"\n"


def deviation(seq: int, happened: str) -> bytes:
    """Return a record whose sentence holds a text from outside."""
    return line(seq, "roll-call", "deviation", body={"expected": "all", "happened": happened, "decided": "go on"})


class Source:
    """Where the records come from: what `say` is given is written by the ceremony's own thread."""

    def __init__(self) -> None:
        self._wanted: list[Sequence[bytes]] = []
        self._more = threading.Semaphore(0)

    def say(self, *lines: bytes) -> None:
        self._wanted.append(lines)
        self._more.release()

    def work(self, _operator: Operator, watcher: Watcher) -> ExitCode:
        while True:
            self._more.acquire()
            lines = self._wanted.pop(0)
            if not lines:
                return ExitCode.DONE
            for each in lines:
                watcher.recorded(each)


@asynccontextmanager
async def logged(*lines: bytes, size: tuple[int, int] = (80, 24)) -> AsyncIterator[tuple[Show, LogView, Callable[..., None]]]:
    source = Source()
    async with on_stage(work=source.work, size=size) as show:
        log = show.app.query_one(LogView)
        source.say(*lines)
        await show.until(lambda: log.count == len(lines))
        try:
            yield show, log, source.say
        finally:
            source.say()


def rows(show: Show) -> list[str]:
    """Return what stands in the log's place."""
    whole = show.text().split("\n")
    start = next(number for number, text in enumerate(whole) if "Log" in text and ("─" in text or "━" in text))
    return [text[30:].strip(" │") for text in whole[start:-1]]


# --- a record on one line ----------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "cells"),
    [
        pytest.param(line(12), ("    12", "09:00:12", "ok", "sign"), id="a record"),
        pytest.param(line(3, ""), ("     3", "09:00:03", "ok", "-"), id="no step"),
        pytest.param(b'{"step":"a\\u001b[2J","seq":1}\n', ("     1", "", "", r"a\x1b[2J"), id="an escape sequence"),
        pytest.param(b'{"seq":null,"step":["x"]}', ("      ", "", "", "['x']"), id="other types"),
        pytest.param(b"{", ("", "", "", "-"), id="no JSON"),
        pytest.param(b"[]", ("", "", "", "-"), id="no object"),
    ],
)
def test_shows_a_record_on_one_line(record: bytes, cells: tuple[str, ...]) -> None:
    *facts, words = row(record).cells
    assert tuple(facts) == cells
    assert words
    assert words.isprintable()


def test_tells_a_record_in_a_sentence_and_says_when_it_cannot() -> None:
    assert row(line(1, "sign", "step-begun")).cells[-1] != UNREADABLE
    assert row(b"{}x").cells[-1] == UNREADABLE


@pytest.mark.parametrize(("outcome", "strong"), [("ok", False), ("fail", True), ("refused", True), ("stopped", False)])
def test_a_record_of_a_failure_stands_out_and_says_so(outcome: str, strong: bool) -> None:
    shown = row(line(1, outcome=outcome))
    assert shown.strong == strong
    assert outcome in shown.cells


# --- the view -----------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_shows_number_time_outcome_and_words_the_newest_at_the_end(size: tuple[int, int]) -> None:
    async with logged(*map(line, range(100)), size=size) as (show, _, say):
        assert "Log, 100 records" in rows(show)[0]
        assert rows(show)[-1].startswith("99 09:01:39 ok")
        assert ("sign" in rows(show)[-1].split()) == (size[0] > 80)
        say(line(100, outcome="refused"))
        await show.until(lambda: "Log, 101 records" in rows(show)[0])
        assert rows(show)[-1].startswith("100 09:01:40 refused")


@pytest.mark.parametrize("size", SIZES)
async def test_what_is_too_long_is_cut_in_a_way_that_is_seen_and_shown_whole_when_marked(size: tuple[int, int]) -> None:
    long = " ".join(f"word{number}" for number in range(12))
    async with logged(line(1), line(2, kind=long), size=size) as (show, log, _):
        assert size[0] == 200 or rows(show)[2].endswith("...")
        log.focus()
        await show.press("end")
        assert "word1 " in show.text()
        if size[0] == 80:
            assert "(Enter: more)" in show.text()
            assert "word11" not in show.text()
            await show.press("enter")
        assert "word11" in show.text()
        if size[0] == 80:
            await show.press("enter")
            assert "(Enter: back)" in show.text()
            await show.press("enter")
        assert "word1 " in show.text()


async def test_follows_its_end_until_an_earlier_record_is_marked() -> None:
    async with logged(*map(line, range(100))) as (show, log, say):
        log.focus()
        await show.press("up", "up", "up")
        assert "▶     96 09:01:36" in show.text()
        say(*(line(seq) for seq in range(100, 150)))
        await show.until(lambda: log.count == 150)
        assert "▶     96 09:01:36" in show.text()
        await show.press("end")
        say(line(150))
        await show.until(lambda: "▶    150 09:02:30" in show.text())


async def test_marks_nothing_while_it_has_not_the_focus() -> None:
    async with logged(*map(line, range(10))) as (show, log, _):
        assert "▶      9" not in show.text()
        log.focus()
        await show.pilot.pause()
        assert "▶      9" in show.text()
        await show.press("tab")
        assert "▶      9" not in show.text()


async def test_scrolling_by_mouse_stays_where_it_is_while_records_come() -> None:
    async with logged(*map(line, range(100))) as (show, log, say):
        log.table.scroll_to(y=10, animate=False)
        await show.pilot.pause()
        assert rows(show)[1].startswith("10 09:00:10")
        say(line(100))
        await show.until(lambda: log.count == 101)
        assert rows(show)[1].startswith("10 09:00:10")


async def test_a_filter_shows_matching_records_of_those_to_come_too() -> None:
    noted = [deviation(seq, f"Person {seq}") for seq in range(245)]
    async with logged(*noted) as (show, log, say):
        log.focus()
        await show.press("slash")
        show.app.screen.query_one(Input).value = "PERSON 24"
        await show.until(lambda: "Log, 6 of 245 records match 'PERSON 24'" in show.text())
        assert "▶    244" in show.text()
        say(deviation(245, "Person 245"), deviation(246, "Somebody"))
        await show.until(lambda: "Log, 7 of 247 records match 'PERSON 24'" in show.text())
        assert "▶    245" in show.text()
        await show.press("enter", "up", "escape")
        assert "Log, 247 records" in show.text()
        assert "▶    244" in show.text()
        assert "Filter:" not in show.text()


async def test_clearing_a_filter_goes_on_following_the_end() -> None:
    async with logged(*map(line, range(100))) as (show, log, _):
        log.focus()
        await show.press("slash", "5", "escape")
        assert "▶     99" in show.text()


async def test_a_filter_that_matches_nothing_says_so() -> None:
    async with logged(*map(line, range(10))) as (show, log, say):
        log.focus()
        await show.press("slash")
        await show.type("zzz")
        assert "No record matches." in show.text()
        assert "Log, 0 of 10 records match 'zzz'" in show.text()
        say(deviation(10, "zzz"))
        await show.until(lambda: "Log, 1 of 11 records match 'zzz'" in show.text())
        assert "▶     10" in show.text()


async def test_the_footer_names_its_keys_only_while_it_has_the_focus() -> None:
    async with logged(line(1)) as (show, log, _):
        footer = show.text().split("\n")[-1]
        assert "/ Filter" not in footer
        log.focus()
        await show.pilot.pause()
        assert "/ Filter" in show.text().split("\n")[-1]
        assert "Esc All rows" not in show.text().split("\n")[-1]
        await show.press("slash")
        assert "Esc All rows" in show.text().split("\n")[-1]


def test_a_token_has_its_name_where_that_is_known() -> None:
    record = line(1, kind="intent", body={"action": "lock-key", "key": "S1/root"})
    assert "root-a (serial S1)" in row(record, {"S1": "root-a"}).cells[-1]
    assert "token S1" in row(record).cells[-1]


async def test_text_from_outside_is_shown_and_never_obeyed() -> None:
    async with logged(deviation(1, "evil\x1b[2J\u202e[bold red]x[/]"), size=(200, 60)) as (show, log, _):
        log.focus()
        await show.press("slash")
        show.app.screen.query_one(Input).value = "[bold red]"
        await show.until(lambda: "match '[bold red]'" in show.text())
        assert "\x1b" not in show.text()
        assert "\u202e" not in show.text()
        assert r"evil\x1b[2J" in show.text()
