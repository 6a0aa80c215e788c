# SPDX-License-Identifier: Apache-2.0
"""Text from outside, made visible; text from people, made plain; the small renderings of the widgets."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceremony.core import canonical
from ceremony.core.ports import Deviation
from ceremony.errors import CeremonyError, ExitCode, Stopped
from ceremony.tui.ending import Facts, ending_panel, last_words
from ceremony.tui.messages import Outcome
from ceremony.tui.modals.secret import tries
from ceremony.tui.text import typed_line, visible, visible_lines
from ceremony.tui.widgets.log import short_line
from ceremony.tui.widgets.status import bar
from tests.tui.demo import record


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("docker.io/acme/app:1", "docker.io/acme/app:1", id="plain"),
        pytest.param("Zo\xeb 漢字", "Zo\xeb 漢字", id="letters of any script"),
        pytest.param("a\x1b[2Jb", r"a\x1b[2Jb", id="an escape sequence"),
        pytest.param("a\nb\tc\0", r"a\x0ab\x09c\x00".replace(r"\x0a", r"\n").replace(r"\x09", r"\t"), id="control characters"),
        pytest.param("a\x7f\x9b", r"a\x7f\x9b", id="delete and C1"),
        pytest.param("a\u202eb\u200d", r"a\u202eb\u200d", id="direction and joiner"),
        pytest.param("a\xa0b\u2028", r"a\xa0b\u2028", id="other spaces and line ends"),
        pytest.param("a\U000e0041", r"a\U000e0041", id="tags"),
        pytest.param("a\ud800", r"a\ud800", id="half a pair"),
    ],
)
def test_shows_what_cannot_be_seen(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_keeps_line_feeds_where_lines_are_meant() -> None:
    assert visible_lines("a\nb\r\n\x1b") == "a\nb\\r\n\\x1b"


@given(st.text())
def test_what_is_shown_is_printable_and_what_was_typed_can_be_logged(text: str) -> None:
    assert visible(text).isprintable()
    line = typed_line(text)
    assert json.loads(canonical.encode(line)) == line


@pytest.mark.parametrize(
    ("done", "total", "shown"),
    [
        (0, 10, "░" * 20 + "   0 %  0 of 10"),
        (9_999, 10_000, "█" * 19 + "░" + "  99 %  9,999 of 10,000"),
        (10, 10, "█" * 20 + " 100 %  10 of 10"),
        (12, 10, "█" * 20 + " 100 %  12 of 10"),
        (0, 0, "█" * 20 + " 100 %  0 of 0"),
    ],
)
def test_draws_a_bar_with_its_numbers(done: int, total: int, shown: str) -> None:
    assert bar(done, total) == shown


@pytest.mark.parametrize(("left", "said"), [(0, "No tries are left."), (1, "One try is left."), (3, "3 tries are left.")])
def test_says_how_many_tries_are_left(left: int, said: str) -> None:
    assert tries(left) == said


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        pytest.param(record(12, "sign"), "  12 09:31:24 ok      sign result (Ada Example)", id="a record"),
        pytest.param(record(3, "", "stop", "fail"), "   3 09:30:21 fail    - stop (Ada Example)", id="no step"),
        pytest.param(b'{"actor":"a\\u001b[2J","seq":1}\n', r"   1                  -  (a\x1b[2J)", id="an escape sequence"),
        pytest.param(b"{", "a record that cannot be shown: record: is not the JSON", id="no JSON"),
        pytest.param(b"[]", "a record that cannot be shown: it is not an object", id="no object"),
    ],
)
def test_shows_a_record_in_one_line(line: bytes, shown: str) -> None:
    assert short_line(line).plain.startswith(shown)
    assert "\n" not in short_line(line).plain


def test_a_record_of_a_failure_stands_out() -> None:
    assert not short_line(record(1, "sign")).spans
    assert short_line(record(1, "sign", outcome="refused")).spans


FACTS = Facts(done=3, steps=17, records=1_234)


@pytest.mark.parametrize(
    ("outcome", "title", "last"),
    [
        pytest.param(Outcome(ExitCode.DONE), "The ceremony is done", "The ceremony is done.", id="done"),
        pytest.param(
            Outcome(ExitCode.INCOMPLETE, Stopped("people stopped", hint="resume it")),
            "The ceremony is not complete; it can be resumed",
            "The ceremony is not complete; it can be resumed.\npeople stopped\nresume it",
            id="stopped",
        ),
        pytest.param(
            Outcome(ExitCode.FAILED, CeremonyError("it is full", hint="take another")),
            "The ceremony has failed",
            "The ceremony has failed.\nit is full\ntake another",
            id="failed",
        ),
        pytest.param(Outcome(ExitCode.FAILED, KeyError("x")), "The ceremony has failed", "", id="unexpected"),
    ],
)
def test_says_how_it_ended(outcome: Outcome, title: str, last: str) -> None:
    panel = ending_panel(outcome, FACTS)
    assert panel.heading() == title
    assert "Steps done in this sitting: 3 of 17\nRecords written in this sitting: 1,234" in panel._text
    assert last_words(outcome) == last


def test_names_what_came_too_late_for_the_log() -> None:
    facts = Facts(1, 2, 3, (Deviation("a", "the light went out", "c", "d"),))
    assert "write it on paper: the light went out" in ending_panel(Outcome(ExitCode.DONE), facts)._text
