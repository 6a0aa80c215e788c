# SPDX-License-Identifier: Apache-2.0
"""Text from outside, made visible; text from people, made plain; the small renderings of the widgets."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceremony.core import canonical
from ceremony.tui.modals.secret import tries
from ceremony.tui.text import typed_line, visible, visible_lines
from ceremony.tui.widgets.status import bar


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
