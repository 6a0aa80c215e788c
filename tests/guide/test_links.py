# SPDX-License-Identifier: Apache-2.0
"""Every link of the pages leads somewhere: files, pictures, and the headings of pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.peers.program import ROOT

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
_LINK = re.compile(r"!?\[[^\]\n]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_MADE = re.compile(r'<a (?:id|name)="([^"]+)">')


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return _FENCE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page, as GitHub makes them of its headings: a heading that is there again is numbered."""
    found: dict[str, int] = {}
    names = set(_MADE.findall(prose(page)))
    for heading in _HEADING.findall(prose(page)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        names.add(f"{name}-{found[name]}" if name in found else name)
        found[name] = found.get(name, 0) + 1
    return names


def links(page: Path) -> list[str]:
    """Return where the links and pictures of a page lead, code left out."""
    return _LINK.findall(re.sub(r"`[^`\n]*`", "", prose(page)))


def test_the_anchors_of_a_page_are_those_of_its_headings(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        '# 3. When it "breaks" …\n## The plan\n```sh\n# no heading\n```\n## The plan\n## `ceremony`, [a](b.md)\n<a id="x-1"></a>\n'
    )
    assert anchors(page) == {"3-when-it-breaks-", "the-plan", "the-plan-1", "ceremony-a", "x-1"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page):
    broken = []
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        place = (page.parent / path).resolve() if path else page
        if not place.exists() or (anchor and anchor not in anchors(place)):
            broken.append(link)
    assert broken == []


def test_the_pages_have_links_to_be_looked_at():
    guide = links(ROOT / "docs" / "ceremony-guide.md")
    assert sum(link.startswith("#") for link in guide) > 20
    assert sum(link.startswith("screens/") for link in guide) > 20
