# SPDX-License-Identifier: Apache-2.0
"""A whole genesis rehearsal, typed from the first screen to the last, on a text console and on a wide terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.peers.program import command
from tests.terminal.conftest import Audit, Begin
from tests.terminal.person import not_on_a_console, shown


@pytest.mark.parametrize(
    ("term", "size"),
    [
        pytest.param("linux", (80, 24), id="80x24 on a text console"),
        pytest.param("xterm-256color", (120, 40), id="120x40 in a window"),
    ],
)
def test_a_genesis_is_typed_from_the_first_screen_to_the_last(
    begin: Begin, audit: Audit, root: Path, term: str, size: tuple[int, int]
) -> None:
    with begin(term=term, size=size) as person:
        person.walk("PIN of root-a")
        person.looks_at("F1", "Keys")
        person.looks_at("F9", "State of the ceremony, by its log")
        assert "The ceremony is done" in person.walk()
        for page in ("page 2 of 3", "page 3 of 3"):
            person.terminal.keys("Tab")
            person.terminal.until(page)
        person.terminal.keys("Enter")
        assert person.terminal.ended() == 0
        left = person.terminal.history()
    assert audit() == 0

    assert len(person.words) == 16
    assert shown(person.words, left) == []
    assert " ".join(person.words) not in " ".join(left.split())
    with_words = [screen for screen in person.terminal.screens if shown(person.words, screen)]
    assert len({frozenset(shown(person.words, screen)) for screen in with_words}) == 1
    assert str(root / "ceremony") in left.replace("\n", "")

    first = next(number for number, screen in enumerate(person.terminal.screens) if "PRACTICE" in screen)
    screens = person.terminal.screens[first:]
    assert [screen for screen in screens if "PRACTICE" not in screen.splitlines()[0]] == []
    assert all(len(screen.splitlines()) == size[1] for screen in screens)
    if term == "linux":
        assert not_on_a_console(screens) == set()


@pytest.mark.parametrize("term", ["linux", "xterm-256color"])
def test_what_stays_on_the_terminal_is_how_it_ended_and_nothing_else(begin: Begin, root: Path, term: str) -> None:
    with begin(term=term) as person:
        person.walk("Digest of the request")
        person.stops()
        person.terminal.keys("Enter")
        assert person.terminal.ended() == 3
        lines = person.terminal.screen().splitlines()
    lines = [line for line in lines if line.strip()]
    ended = lines.index("The ceremony is not complete; it can be resumed.")
    assert "".join(lines[ended:]).endswith(str(root / "ceremony"))
    assert not any("━" in line or "PRACTICE" in line for line in lines)


@pytest.mark.parametrize("term", ["linux", "xterm-256color"])
def test_the_words_leave_screen_and_scrollback_when_anything_comes_on_top_of_them(begin: Begin, root: Path, term: str) -> None:
    after_many_lines = ["sh", "-c", 'seq 1000; exec "$@"', "sh", *command("rehearse", "--out", root)]
    with begin(run=after_many_lines, term=term) as person:
        terminal = person.terminal
        person.walk("Passphrase of the backups")
        assert "\n500\n" in terminal.history()
        for key, heading in (("F1", "Keys"), ("F8", "Record a deviation"), ("C-c", "Stop the ceremony?")):
            terminal.until("it is covered, show it")
            terminal.keys("Enter")
            words = person.passphrase()
            assert shown(words, terminal.until("it is written down, wipe it")) == words
            terminal.keys(key)
            person.until_asked(heading)
            assert shown(words, terminal.history()) == []
            terminal.keys("Escape")
        assert "\n500\n" not in terminal.history()
