# SPDX-License-Identifier: Apache-2.0
"""Each error message of the program has its section in docs/when-it-says.md, and each section tells of errors that there are.

When a test here fails because of an error that you added: `python -m tests.messages --missing` prints it with its place and
hint. Put its line into the section of its kind of trouble, or write one: what happened, whether anything is lost, what to do.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.messages import ENDINGS, PAGE, REASONS, ROOT, Message, collect, everything, listed
from tests.source_tree import Program, functions_of, letters


@cache
def source() -> Program:
    return Program(ROOT, "ceremony")


@cache
def program() -> tuple[list[Message], list[str]]:
    """Return every message of the program, and what could not be followed."""
    return everything(source())


def sections() -> list[tuple[str, list[str], str]]:
    return listed(PAGE.read_text())


def slug(heading: str) -> str:
    """Return the anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def errors(folder: Path, text: str) -> tuple[list[str], list[str]]:
    """Return the templates of a made-up program, and what could not be followed."""
    package = folder / "ceremony"
    package.mkdir()
    (package / "made_up.py").write_text(text)
    found, unknown = collect(Program(folder, "ceremony"))
    return [message.template for message in found], unknown


def test_every_message_of_the_program_can_be_told_from_its_source():
    found, unknown = program()
    assert unknown == []
    assert len(found) > 900


def test_every_message_of_the_program_has_its_section():
    page = {line for _, lines, _ in sections() for line in lines}
    missing = [f"{message.place}: {message.template}" for message in program()[0] if message.template not in page]
    assert missing == [], "python -m tests.messages --missing"


def test_every_message_of_the_page_is_one_of_the_program():
    said = {message.template for message in program()[0]}
    assert [line for _, lines, _ in sections() for line in lines if line not in said] == []


def test_every_message_stands_once_on_the_page():
    counted = Counter(line for _, lines, _ in sections() for line in lines)
    assert [line for line, times in counted.items() if times > 1] == []


@pytest.mark.parametrize("section", [pytest.param(section, id=slug(section[0])) for section in sections()])
def test_a_section_says_what_happened_what_to_do_and_which_messages_are_its_own(section):
    heading, lines, text = section
    steps = [line for line in text.splitlines() if re.match(r"\d\. ", line)]
    assert heading
    assert lines, "no message"
    assert len(text.partition("\n1. ")[0].split()) >= 15, "what happened, and what it means"
    assert steps, "what to do"
    assert [line[:2] for line in steps] == [f"{i + 1}." for i in range(len(steps))]
    assert len(re.findall("```", text)) == 0


def test_headings_of_the_page_are_unique_as_anchors():
    headings = re.findall(r"^#+ (.*)$", PAGE.read_text(), re.MULTILINE)
    assert len({slug(heading) for heading in headings}) == len(headings)


def test_the_page_and_what_links_to_it_lead_somewhere():
    page = PAGE.read_text()
    anchors = {slug(heading) for heading in re.findall(r"^#+ (.*)$", page, re.MULTILINE)}
    guide = (ROOT / "docs" / "ceremony-guide.md").read_text()
    guided = {slug(heading) for heading in re.findall(r"^#+ (.*)$", guide, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]*)\)", page)) <= anchors
    assert set(re.findall(r"\]\(ceremony-guide\.md#([^)]*)\)", page)) <= guided
    wrong = guide.partition("\n## 6. ")[2].partition("\n## 7. ")[0]
    assert "](when-it-says.md)" in wrong
    linked = re.findall(r"\]\((?:docs/)?when-it-says\.md#([^)]*)\)", guide + (ROOT / "README.md").read_text())
    assert set(linked) <= anchors
    assert "](docs/when-it-says.md)" in (ROOT / "README.md").read_text()


FORMS = [
    pytest.param('raise CeremonyError("it is so", hint="")', ["it is so"], id="a literal"),
    pytest.param(
        'def f(n):\n raise CeremonyError(f"there are {n} of them here", hint="")', ["there are … of them here"], id="a hole"
    ),
    pytest.param('def f(n):\n raise CeremonyError(f"{n}: it is so", hint="")', ["it is so"], id="a subject in front"),
    pytest.param(
        'def f(n):\n why = "one way" if n else "another"\n raise CeremonyError(why, hint="")',
        ["one way", "another"],
        id="a choice",
    ),
    pytest.param('def f(what):\n return CeremonyError(what, hint="")\nraise f("it is so")', ["it is so"], id="a helper"),
    pytest.param('T = {1: ("it is so", "h")}\nraise CeremonyError(T[1][0], hint="")', ["it is so"], id="a table"),
    pytest.param('for bad, why in ((1, "so"), (2, "or so")):\n raise CeremonyError(why, hint="")', ["so", "or so"], id="a loop"),
    pytest.param('class E(CeremonyError):\n pass\nraise E("it is so", hint="")', ["it is so"], id="a subclass"),
    pytest.param(
        'class E(CeremonyError):\n def __init__(self):\n  super().__init__("so", hint="")', ["so"], id="its own constructor"
    ),
    pytest.param('class E(TokenError):\n pass\nraise E("7", "it is so", hint="")', ["it is so"], id="a token's"),
    pytest.param(
        'def f():\n yield "why", "hint"\nfor why, h in f():\n raise CeremonyError(why, hint=h)', ["why"], id="a generator"
    ),
    pytest.param('try:\n pass\nexcept StorageError as e:\n raise CeremonyError(e.message, hint="")', [], id="passed on"),
    pytest.param('a.findings.append(Finding(Level.OK, "log", "all is well"))', [], id="good news"),
]


@pytest.mark.parametrize(("text", "expected"), FORMS)
def test_a_message_is_followed_to_where_it_is_written(tmp_path, text, expected):
    templates, unknown = errors(tmp_path, text)
    assert (sorted(templates), unknown) == (sorted(expected), [])


ESCAPES = [
    pytest.param("raise CeremonyError(input(), hint='')", id="what somebody typed"),
    pytest.param("def f(what):\n raise CeremonyError(what, hint='')", id="a helper that nobody calls"),
    pytest.param("def f(what):\n raise CeremonyError(what, hint='')\nf('so')\ng(f)", id="a helper that is handed on"),
    pytest.param(
        "import os\ntry:\n pass\nexcept OSError as e:\n raise CeremonyError(str(e), hint='')", id="the system's words alone"
    ),
    pytest.param("def f(a, b):\n raise CeremonyError(f'{a}: {b}', hint='')\nf(g(), h())", id="holes alone"),
    pytest.param("raise CeremonyError(hint='')", id="no message"),
    pytest.param(
        "from ceremony.errors import CeremonyError as E\nraise E('it is so', hint='')", id="an error under another name"
    ),
    pytest.param("E = CeremonyError\nraise E('it is so', hint='')", id="an error that is handed on"),
    pytest.param("raise CeremonyError(*made(), hint='')", id="arguments from elsewhere"),
]


@pytest.mark.parametrize("text", ESCAPES)
def test_a_message_that_cannot_be_followed_is_named_with_its_place(tmp_path, text):
    templates, unknown = errors(tmp_path, text)
    assert templates == []
    assert len(unknown) == 1
    assert re.match(r"ceremony/made_up\.py:\d+: ", unknown[0])


def test_what_is_no_error_and_is_said_all_the_same_is_listed_too():
    places = [("ceremony.cli.main", name) for name in ENDINGS] + list(REASONS)
    assert [(module, name) for module, name in places if not functions_of(source().modules[module], name)] == []
    said = {message.template for message in program()[0]}
    assert {"it was interrupted", "no file system is on it: format it as ext4 or FAT32 first"} <= said


def test_every_template_has_words_to_search_for():
    assert [message.template for message in program()[0] if letters(message.template) < 2] == []
