# SPDX-License-Identifier: Apache-2.0
"""The script for paper: one self-contained HTML file, made to be printed, A4 or letter, one page a step.

It is the document of `core.script`, so it says what the Markdown says. No script, nothing
from anywhere, no size of paper of its own; the same document makes the same bytes. What a
plan said is text on it and can be nothing else (`report.page.markup`).
"""

from __future__ import annotations

import base64
import hashlib

from ceremony.core.script.document import (
    Block,
    Choice,
    Cue,
    Digest,
    Document,
    Facts,
    Field,
    Form,
    Guidance,
    Heard,
    Items,
    Paragraph,
    Section,
    Table,
)
from ceremony.core.words import words
from ceremony.report.page.markup import Element, Node, Sheet, el
from ceremony.report.script.style import css

VERSION = "1"
"""Of the form of the page; another form is another version."""
_TICKED = frozenset([Cue.CHECK, Cue.HEAD])
HEX_GROUP, WORD_GROUP = 8, 4
"""How many digits, and words, are read aloud together, as on the screens."""


def for_paper(document: Document) -> bytes:
    """Return a script as HTML, UTF-8."""
    return ("<!DOCTYPE html>\n" + "".join(_html(document).write()) + "\n").encode()


def _html(document: Document) -> Element:
    style = css(document.name, document.sha256)
    hashed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'"
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="ceremony-script", content=VERSION),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", f"{document.title}, plan {document.sha256[:HEX_GROUP]}"),
        Sheet("style", (), (), style),
    )
    over = el("p", "Script of the ceremony", class_="over")
    under = el("p", document.subtitle, class_="under")
    title = el("section", over, el("h1", document.name), under, [_block(block) for block in document.blocks], class_="title")
    return el("html", head, el("body", el("main", title, [_section(section, 2) for section in document.sections])), lang="en")


def _section(section: Section, depth: int) -> Element:
    aside = el("span", section.aside, class_="aside") if section.aside else None
    kind = "page" if section.page else "part" if depth == 2 else "block"
    written = " kept" if section.blocks and all(isinstance(block, Form | Heard) for block in section.blocks) else ""
    step = " step" if any(isinstance(block, Guidance) for block in section.blocks) else ""
    return el(
        "section",
        el("div", el(f"h{depth}", section.title), aside, class_="heading"),
        [_block(block) for block in section.blocks],
        [_section(below, depth + 1) for below in section.sections],
        class_=f"{kind}{step}{written}",
    )


def _block(block: Block) -> Element:
    match block:
        case Paragraph():
            made = el("p", block.text)
        case Items():
            made = el("ul", [el("li", text) for text in block.texts], class_="names" if block.names else "")
        case Facts():
            made = el("dl", [el("div", el("dt", label), el("dd", text)) for label, text in block.rows], class_="facts")
        case Table():
            made = _table(block)
        case Digest():
            made = _digest(block.hex)
        case Guidance():
            made = el("dl", [_cue(cue, text) for cue, text in block.lines], class_="guidance")
        case Form():
            made = _form(block)
        case Heard():
            made = _heard(block)
        case _:
            made = el("div", el("p", "Notes", class_="label"), [el("p", class_="line")] * block.count, class_="lines")
    return made


def _table(table: Table) -> Element:
    head = el(
        "tr", [el("th", name, scope="col", class_=f"w{width}") for name, width in zip(table.header, table.widths, strict=True)]
    )
    body = [el("tr", [el("td", cell, class_="" if cell else "blank") for cell in row]) for row in table.rows]
    return el("table", el("thead", head), el("tbody", body), class_="tall" if table.tall else "")


def _digest(digest: str) -> Element:
    spoken = words(digest)
    groups = [
        el(
            "li",
            el("code", digest[at * 2 : at * 2 + HEX_GROUP]),
            [el("span", word) for word in spoken[at : at + WORD_GROUP]],
        )
        for at in range(0, len(spoken), WORD_GROUP)
    ]
    return el("ol", groups, class_="digest")


def _heard(heard: Heard) -> Element:
    words_of = [el("span", class_="room")] * WORD_GROUP if heard.whole else None
    boxes = [el("li", el("span", str(number), class_="number"), words_of) for number in range(1, heard.groups + 1)]
    return el("ol", boxes, class_="heard whole" if heard.whole else "heard")


def _cue(cue: Cue, text: str) -> Element:
    label: Node = None if cue is Cue.BUT else cue.value
    seen = el("span", class_="tick") if cue in _TICKED else None
    return el("div", el("dt", label), el("dd", text), seen, class_=cue.value.lower())


def _form(form: Form) -> Element:
    label = el("span", form.label, class_="label") if form.label else None
    return el("div", label, [_choice(choice) for choice in form.choices], [_field(field) for field in form.fields], class_="form")


def _choice(choice: Choice) -> Element:
    number = el("span", class_="number") if choice.numbered else None
    return el("span", el("span", class_="tick"), choice.text, number, class_="choice")


def _field(field: Field) -> Element:
    label = el("span", field.label, class_="label") if field.label else None
    return el("span", label, el("span", class_="room"), class_=f"field {field.space}")
