# SPDX-License-Identifier: Apache-2.0
"""What nobody should do to a terminal program, and somebody does: each is handled in words, and nothing is lost."""

from __future__ import annotations

import os
import re
import shlex
import signal
from pathlib import Path

import pytest

from tests.peers.program import command
from tests.peers.terminal import Terminal
from tests.terminal.conftest import Begin, ChangedPlan, Records
from tests.terminal.person import title

MEGABYTE = 1_000_000
FIRST = "Digest of the request"
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:[;:]\d+)*m")
"""An SGR sequence (ECMA-48, 8.3.117) that sets a colour; 39 and 49 set the terminal's own."""
NO_TERMINAL = "ceremony: there is no terminal to show the ceremony on"


def asked_for(records: Records) -> list:
    """Return the comparisons of that digest; a head was compared before it."""
    return [record for record in records("compared") if record["body"]["what"] == FIRST]


def unwrapped(screen: str) -> str:
    """Return what stands on a screen as one line."""
    return " ".join(screen.split())


# --- the size ---------------------------------------------------------------------------------


def test_a_terminal_too_small_says_so_answers_nothing_and_loses_nothing(begin: Begin, records: Records) -> None:
    with begin(size=(79, 24), first="too small") as person:
        terminal = person.terminal
        terminal.keys("n", "y", "Enter")
        terminal.resize(80, 24)
        person.until_asked("Preflight: is it so?")
        person.walk(FIRST)
        for width, height in ((79, 24), (80, 23), (20, 6)):
            terminal.resize(80, 24)
            person.until_asked(FIRST)
            terminal.resize(width, height)
            terminal.until(lambda screen: "too small" in unwrapped(screen))
            terminal.keys("n")
            terminal.until_bell()
        terminal.resize(1, 1)
        terminal.until(lambda screen: len(screen.splitlines()) == 1)
        terminal.resize(200, 60)
        terminal.until(lambda screen: len(screen.splitlines()) == 60 and title(screen) == FIRST)
        terminal.resize(80, 24)
        terminal.until(lambda screen: len(screen.splitlines()) == 24 and title(screen) == FIRST)
        assert asked_for(records) == records("error") == []
        person.compares(FIRST)
        person.walk("Passphrase of the backups")
    (compared,) = asked_for(records)
    assert compared["body"]["same"] is True


# --- what is pasted ---------------------------------------------------------------------------


def test_a_megabyte_pasted_into_a_field_is_refused_in_words_and_the_program_goes_on(begin: Begin) -> None:
    with begin() as person:
        terminal = person.terminal
        person.walk("Type the passphrase back")
        terminal.paste("a" * MEGABYTE)
        assert "nothing typed yet" in terminal.until("The paste is longer than a secret", patience=10)
        terminal.keys("F8")
        terminal.until("Record a deviation")
        terminal.paste("b" * MEGABYTE)
        terminal.until("A line has at most 500 characters", patience=10)
        terminal.type("c")
        terminal.keys("Escape")
        person.until_asked("Type the passphrase back")
        person.walk("Is root-a the token")
        person.stops()
        terminal.keys("Enter")
        assert terminal.ended() == 3


# --- Ctrl+C -----------------------------------------------------------------------------------


def test_an_interrupt_asks_to_stop_whatever_is_on_the_screen(begin: Begin, records: Records) -> None:
    with begin() as person:
        terminal = person.terminal
        person.walk(FIRST)
        for opened in ("", "F1", "F8"):
            if opened:
                terminal.keys(opened)
                terminal.until(lambda screen: title(screen) != FIRST)
            terminal.keys("C-c")
            person.until_asked("Stop the ceremony?")
            terminal.keys("Escape")
            terminal.until(lambda screen: "Stop the ceremony?" not in screen)
            if opened:
                terminal.keys("Escape")
                person.until_asked(FIRST)
        assert asked_for(records) == []
        person.walk("Type the passphrase back")
        person.gives_passphrase("Type the passphrase back", and_then="C-c")
        person.until_asked("Stop the ceremony?")
        terminal.keys("Escape")
        terminal.until(lambda screen: title(screen) not in {"Stop the ceremony?", "Type the passphrase back"})
        person.walk("Is root-a the token")
        os.kill(terminal.pid, signal.SIGINT)
        person.until_asked("Stop the ceremony?")
        terminal.keys("C-c", "Enter")
        person.decides_to_stop()
        terminal.keys("C-c", "Enter")
        assert terminal.ended() == 3
    assert len(records("stop")) == 1


# --- no terminal, and lesser ones --------------------------------------------------------------


@pytest.mark.parametrize(
    "redirection",
    [
        pytest.param("< /dev/null", id="nobody can type"),
        pytest.param("> /dev/null", id="standard output is a file"),
        pytest.param("2> >(cat)", id="standard error is a pipe"),
        pytest.param("< /dev/null 2> >(cat) | cat", id="none at all"),
    ],
)
def test_without_a_terminal_it_refuses_in_words_and_makes_nothing(tmp_path: Path, root: Path, redirection: str) -> None:
    line = f"set -o pipefail; {shlex.join(command('rehearse', '--out', root))} {redirection}"
    with Terminal(run=["bash", "-c", line]) as terminal:
        assert terminal.ended() == 1
        said = unwrapped(terminal.until("hint: "))
    assert NO_TERMINAL in said
    assert "hint: start it in a terminal" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_terminal_that_cannot_show_a_screen_is_refused_in_words_and_nothing_is_made(
    tmp_path: Path, root: Path, term: str
) -> None:
    with Terminal("rehearse", "--out", root, term=term) as terminal:
        assert terminal.ended() == 1
        said = unwrapped(terminal.until("hint: "))
    assert NO_TERMINAL in said
    assert list(tmp_path.iterdir()) == []


def test_a_variable_that_would_record_the_keys_is_refused_in_words_and_nothing_is_made(tmp_path: Path, root: Path) -> None:
    with Terminal("rehearse", "--out", root, env={"TEXTUAL_LOG": str(tmp_path / "log")}) as terminal:
        assert terminal.ended() == 1
        said = unwrapped(terminal.until("hint: "))
    assert "the variable TEXTUAL_LOG is set" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("term", ["linux", "xterm-256color"])
@pytest.mark.parametrize(
    ("env", "coloured"), [pytest.param({}, True, id="colour"), pytest.param({"NO_COLOR": "1"}, False, id="none")]
)
def test_no_color_takes_the_colours_away_and_no_word(begin: Begin, term: str, env: dict[str, str], coloured: bool) -> None:
    with begin(term=term, env=env) as person:
        screen = person.walk(FIRST)
        assert (COLOUR.search(person.terminal.styled()) is not None) is coloured
    assert all(word in screen for word in ("PRACTICE", "step 4 of 18", "done", "now", "later"))


# --- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        pytest.param("Carla\\u001b[2J", "Carla\\u001b[2J", id="an escape sequence"),
        pytest.param("Carla\x1b[2J", "", id="an escape sequence that TOML forbids"),
        pytest.param("Carla\\u0007\\u0000", "Carla\\u0007\\u0000", id="a bell and a null"),
        pytest.param("Carla\\u202eelpmaxE", "Carla\\u202eelpmaxE", id="a turned reading direction"),
        pytest.param("Carla\u202eelpmaxE", "Carla\\u202eelpmaxE", id="the same, unescaped"),
    ],
)
def test_control_characters_in_a_name_of_the_plan_are_refused_and_never_reach_the_terminal(
    plan: ChangedPlan, root: Path, written: str, shown: str
) -> None:
    with Terminal("rehearse", plan("Carla Example", written), "--out", root) as terminal:
        assert terminal.ended() == 1
        said = unwrapped(terminal.until("hint: "))
        drawn = terminal.history()
    assert re.search(r"^ceremony: .+ hint: .+", said)
    assert shown in said.replace(" ", "")
    assert all(char == "\n" or char.isprintable() for char in drawn)
    assert not root.exists()
