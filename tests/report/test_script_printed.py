# SPDX-License-Identifier: Apache-2.0
"""The script for paper as a browser prints it, on A4 and on letter: a page a step, nothing cut off, nothing asked for.

Chromium makes the PDF, and notes in its outline on which page each heading stands: the
judge of where pages end is the program that prints, not the style sheet.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ceremony.cli.plan_files import EXAMPLES, load_plan
from ceremony.core.plan import Kind, Person, Plan, Role, Waiver
from ceremony.core.plan_lint import PlanWarning
from ceremony.core.procedure import StepInfo, procedure
from ceremony.core.script import document
from ceremony.report.script import for_paper
from tests.fakes.plans import FILES, read
from tests.peers.chromium import Browser

A4, LETTER = (210 / 25.4, 297 / 25.4), (8.5, 11.0)
"""Inches, as the DevTools protocol takes them."""
MARGINS = 2 * 15 / 25.4
LONG = "Wilhelmina-Maximiliana von und zu Musterhausen-Langenfeld " * 3


def crowded() -> Plan:
    """Return a plan of 12 people with long names, 200 repositories with long names, 6 tokens and every waiver."""
    guns = "".join(f"registry.example.internal:5000/{'division/' * 20}app-{i:04}\n" for i in range(200))
    plan = read(files={**FILES, "guns.txt": guns.encode()})
    roles = [*plan.people, *(Person("", Role.SECURITY_OFFICER, "", "") for _ in range(12 - len(plan.people)))]
    people = tuple(replace(one, name=f"{LONG}{i}", organisation=LONG) for i, one in enumerate(roles))
    tokens = tuple(f"{letter * 30}" for letter in "abcdef")
    waivers = tuple(Waiver(f"check {i}", LONG) for i in range(10))
    root = replace(plan.root, tokens=tokens)
    return replace(plan, name="x" * 64, facility=LONG, people=people, waivers=waivers, root=root)


PLANS = {
    **{str(kind): lambda kind=kind: load_plan(EXAMPLES[kind])[0] for kind in Kind},
    "imported": lambda: read(('"token-only"', '"imported"')),
    "crowded": crowded,
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all plans."""
    with Browser.start(tmp_path_factory.mktemp("browser")) as started:
        started.ask("POST", "/url", {"url": "about:blank"})  # what its own first page asks for is over then
        yield started


@dataclass(frozen=True)
class Printed:
    """A PDF, and on which of its pages each heading stands."""

    pdf: bytes
    headings: Mapping[str, int]
    pages: int


def steps_of(plan: Plan) -> tuple[StepInfo, ...]:
    return procedure(plan, needs_certificate=True)


def open_script(browser: Browser, folder: Path, plan: Plan, *, paper: tuple[float, float]) -> None:
    """Open the script of a plan, as wide as it is on paper."""
    browser.requested()
    browser.complaints()
    warnings = [PlanWarning("people", LONG, LONG)] * 3
    (folder / "script.html").write_bytes(for_paper(document(plan, steps_of(plan), warnings)))
    browser.tell("Emulation.setEmulatedMedia", media="print")
    width = int((paper[0] - MARGINS) * 96)
    browser.tell("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
    browser.go(folder / "script.html")


def printed(browser: Browser, paper: tuple[float, float]) -> Printed:
    """Print the page that is open."""
    options = {"paperWidth": paper[0], "paperHeight": paper[1], "preferCSSPageSize": False, "generateDocumentOutline": True}
    answer = browser.tell("Page.printToPDF", **options, generateTaggedPDF=True)
    return read_pdf(base64.b64decode(answer["data"]))


def read_pdf(pdf: bytes) -> Printed:
    """Return where the headings of a PDF of Chromium's stand: its objects are plain, only what is drawn is compressed."""
    objects = {int(number): body for number, body in re.findall(rb"\n(\d+) 0 obj\n(.*?)\nendobj", pdf, re.DOTALL)}
    leaves = [number for number, body in objects.items() if re.search(rb"/Type\s*/Page\b", body)]
    order: list[int] = []

    def walk(number: int) -> None:
        kids = re.search(rb"/Kids\s*\[(.*?)\]", objects[number], re.DOTALL)
        if kids is None:
            order.append(number)
        for kid in re.findall(rb"(\d+) 0 R", kids[1]) if kids else ():
            walk(int(kid))

    (root,) = (int(found) for found in re.findall(rb"/Type\s*/Catalog.*?/Pages (\d+) 0 R", pdf, re.DOTALL)[:1])
    walk(root)
    assert sorted(order) == sorted(leaves)
    headings = {}
    for body in objects.values():
        found = re.search(rb"/Title\s*(\(.*?[^\\]\)|<[0-9A-Fa-f]+>).*?/Dest\s*\[(\d+) 0 R", body, re.DOTALL)
        if found:
            headings[_text(found[1])] = order.index(int(found[2])) + 1
    return Printed(pdf, headings, len(order))


def _text(written: bytes) -> str:
    if written.startswith(b"<"):
        return bytes.fromhex(written[1:-1].decode()).decode("utf-16")
    return re.sub(rb"\\(.)", rb"\1", written[1:-1]).decode("latin-1")


CUT = """
const wide = document.documentElement.clientWidth;
return [...document.querySelectorAll("body, body *")]
  .filter((one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0
    || one.getBoundingClientRect().right > wide + 1)
  .map((one) => `${one.tagName}.${one.className}: ${one.textContent.slice(0, 60)}`);
"""


@pytest.mark.parametrize("paper", [pytest.param(A4, id="A4"), pytest.param(LETTER, id="letter")])
@pytest.mark.parametrize("name", list(PLANS))
def test_each_step_has_a_page_of_its_own_and_nothing_is_cut_off(name, paper, browser, tmp_path):
    plan = PLANS[name]()
    open_script(browser, tmp_path, plan, paper=paper)
    assert browser.run(CUT) == []
    assert browser.requested() == [(tmp_path / "script.html").as_uri()]
    assert browser.complaints() == []
    found = printed(browser, paper)
    first = found.headings["Steps"] + 1
    steps = {f"{number}. {step.title}": first + number - 1 for number, step in enumerate(steps_of(plan), 1)}
    assert {title: page for title, page in found.headings.items() if title in steps} == steps
    assert found.headings["Head sheet"] == first + len(steps)
    assert found.headings["The final head"] == first + len(steps) + 1
    assert found.headings["Custody sheet"] == first + len(steps) + 2
    assert found.headings["Sign-off"] == found.headings["Deviations"] + 1
    assert found.headings["What is decided"] == 2


@pytest.mark.parametrize("paper", [pytest.param(A4, id="A4"), pytest.param(LETTER, id="letter")])
def test_the_paper_is_the_printers(paper, browser, tmp_path):
    open_script(browser, tmp_path, PLANS["recovery"](), paper=paper)
    found = printed(browser, paper)
    boxes = {tuple(float(n) for n in box.split()) for box in re.findall(rb"/MediaBox\s*\[([^]]*)\]", found.pdf)}
    assert len(boxes) == 1
    _, _, width, height = boxes.pop()
    assert (width / 72, height / 72) == pytest.approx(paper, abs=0.02)


def test_boxes_are_large_enough_to_be_written_in(browser, tmp_path):
    open_script(browser, tmp_path, PLANS["genesis"](), paper=A4)
    millimetres = """
    return Array.from(document.querySelectorAll(arguments[0]),
      (one) => { const box = one.getBoundingClientRect(); return [box.width / 96 * 25.4, box.height / 96 * 25.4]; });
    """
    for what, width, height in (
        (".initials .room", 24, 11),
        (".field.short .room", 25, 11),
        ("td.blank", 9, 10),
        (".heard.whole .room", 38, 11),
    ):
        boxes = browser.run(millimetres, what)
        assert len(boxes) > 4, what
        assert all(w >= width and h >= height for w, h in boxes), (what, min(boxes))
    points = "return [...document.querySelectorAll(arguments[0])].map((one) => parseFloat(getComputedStyle(one).fontSize) * 0.75)"
    assert all(size >= 20 for size in browser.run(points, ".say dd"))
    assert all(size >= 8 for size in browser.run(points, "body *"))
