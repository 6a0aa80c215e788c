# SPDX-License-Identifier: Apache-2.0
"""`ceremony plan script`: Markdown, or a page for paper by the ending of the file that it is written to."""

import re

import pytest
from click.testing import CliRunner

from ceremony.cli.plan import plan
from ceremony.cli.plan_files import EXAMPLES
from ceremony.core.plan import Kind
from ceremony.errors import CeremonyError
from tests.fakes.plans import FILES, GENESIS


@pytest.fixture
def path(tmp_path):
    """A plan and the files it names, on disk."""
    for name, data in {"plan.toml": GENESIS.encode(), **FILES}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path / "plan.toml"


def script(*arguments):
    return CliRunner().invoke(plan, ["script", *map(str, arguments)])


@pytest.mark.parametrize("ending", [".html", ".htm", ".HTML"])
def test_a_file_that_ends_in_html_is_a_page_for_paper(path, ending):
    out = path.with_suffix(ending)
    done = script(path, "--out", out)
    assert (done.exception, done.stdout, done.stderr) == (None, "", f"wrote {out}\n")
    assert out.read_bytes().startswith(b"<!DOCTYPE html>\n")
    assert b"Read the digest of the plan aloud." in out.read_bytes()


@pytest.mark.parametrize("ending", [".md", ".txt", ".html.md", ""])
def test_any_other_file_is_markdown_as_on_standard_output(path, ending):
    out = path.with_name(f"script{ending}")
    assert script(path, "--out", out).exception is None
    assert out.read_text() == script(path).stdout
    assert out.read_text().startswith("# Script of the ceremony acme-root\n")


def test_a_page_is_never_written_over(path):
    out = path.with_suffix(".html")
    out.write_text("mine")
    error = script(path, "--out", out).exception
    assert isinstance(error, CeremonyError)
    assert error.message == f"{out} exists already"
    assert out.read_text() == "mine"


def test_the_same_plan_makes_the_same_page(path):
    pages = [path.with_name(name) for name in ("one.html", "two.html")]
    for page in pages:
        assert script(path, "--out", page).exception is None
    assert pages[0].read_bytes() == pages[1].read_bytes()


@pytest.mark.parametrize("kind", list(Kind))
def test_prints_the_example_of_every_kind(kind, tmp_path):
    out = tmp_path / "script.html"
    assert script(EXAMPLES[kind], "--out", out).exception is None
    steps = len(re.findall("^### [0-9]+\\. ", script(EXAMPLES[kind]).stdout, re.MULTILINE))
    assert out.read_text().count('class="page step"') == steps > 10
