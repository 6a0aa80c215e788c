# SPDX-License-Identifier: Apache-2.0
"""What README and guide tell people to type exists: every command, every option, nothing left out."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from ceremony.cli.main import COMMANDS, ceremony

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "docs/ceremony-guide.md")


def lines(page: str) -> list[str]:
    """Return what stands in code on a page: the lines of its blocks, and its inline code."""
    text = (ROOT / page).read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", prose)


def typed(page: str) -> list[list[str]]:
    """Return the words of each command that a page tells to type, without the program's name and without remarks."""
    found = []
    for line in lines(page):
        if "ceremony" not in line and "rehearse" not in line:  # nor need it be quoted as a shell wants it
            continue
        words = shlex.split(re.split(r"   +|\s[#>]", line.strip())[0].replace("[", " ").replace("]", " ").replace("...", ""))
        if words[:1] and words[0].removeprefix(".venv/bin/") == "ceremony" and len(words) > 1:
            found.append(words[1:])
        elif words[:1] == ["./scripts/rehearse"]:
            found.append(["rehearse", *words[1:]])
    return found


def command_of(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that the first words name, and the words that are left."""
    command: click.Command = ceremony
    while isinstance(command, click.Group) and words:
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, f"there is no command {words[0]!r}"
        command, words = found, words[1:]
    return command, words


@pytest.mark.parametrize("page", PAGES)
def test_every_command_on_a_page_is_one_that_the_program_takes(page):
    assert len(typed(page)) >= 8
    for words in typed(page):
        command, rest = command_of(words)
        if rest:  # else it is only mentioned
            with command.make_context(command.name, list(rest)):  # raises for what it does not know, and for what is missing
                pass


def test_the_readme_lists_the_commands_that_the_help_lists():
    section = (ROOT / "README.md").read_text().partition("## Commands")[2].partition("```")[2].partition("```")[0]
    listed = [line.split()[1] for line in section.splitlines() if line.startswith("ceremony ")]
    shown = subprocess.run(
        [sys.executable, "-m", "ceremony", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    helped = [line.split()[0] for line in shown.partition("Commands:\n")[2].splitlines()]
    assert sorted(set(listed)) == sorted(helped) == sorted(COMMANDS)
    group = ceremony.get_command(click.Context(ceremony), "plan")
    assert isinstance(group, click.Group)
    subcommands = [line.split()[2] for line in section.splitlines() if line.startswith("ceremony plan ")]
    assert sorted(subcommands) == sorted(group.list_commands(click.Context(group)))


def test_the_readme_shows_every_option_of_a_rehearsal():
    section = (ROOT / "README.md").read_text().partition("## Commands")[2]
    (line,) = [line for line in section.splitlines() if line.startswith("ceremony rehearse ")]
    rehearse, _ = command_of(["rehearse"])
    options = {name for option in rehearse.params if isinstance(option, click.Option) for name in option.opts}
    assert set(re.findall(r"--[a-z]+", line)) == options


def test_the_exit_codes_of_the_readme_are_those_of_the_program():
    text = (ROOT / "README.md").read_text()
    assert re.search(r"Exit codes: 0 done or verified · 1 refused or failed, .* · 2 wrong usage · 3 incomplete", text)


def test_the_guide_shows_every_screen_that_is_drawn_for_it_and_no_other():
    guide = ROOT / "docs/ceremony-guide.md"
    shown = re.findall(r"!\[[^]]+\]\((screens/[a-z-]+\.svg)\)", guide.read_text())
    drawn = [f"screens/{path.name}" for path in (ROOT / "docs/screens").glob("*.svg")]
    assert len(drawn) >= 20
    assert sorted(shown) == sorted(drawn)


def test_no_drawing_fetches_anything_or_names_a_folder_of_a_machine():
    for path in (ROOT / "docs/screens").glob("*.svg"):
        drawing = path.read_text()
        assert not re.findall(r"url\((?!#)|@font-face|@import|href=|/(?:tmp|home|root)/", drawing), path.name
        assert set(re.findall(r"https?://[^\s\"<]+", drawing)) == {"http://www.w3.org/2000/svg"}, path.name


def test_every_command_that_the_program_names_is_one_that_it_has():
    named = {
        (path.name, command)
        for path in (ROOT / "ceremony").rglob("*.py")
        for command in re.findall(r"`ceremony ([a-z]+(?:-[a-z]+)*)", path.read_text())
    }
    assert len({command for _, command in named}) >= 5
    assert {(name, command) for name, command in named if command not in COMMANDS} == set()
