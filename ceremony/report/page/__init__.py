# SPDX-License-Identifier: Apache-2.0
"""`report.html`: a ceremony as a page that an auditor and a manager read, on a screen and on paper.

One self-contained HTML file: data and a style sheet, no script, nothing from anywhere.
It is made from the folder as it stands just before the log's `close` record, and from
nothing else, so the same bytes make the same page, on any machine. It tells what the
folder says and never states a verdict: that is for the verifiers. Whatever a plan, a
device or a person said is text on it and can be nothing else (`markup`).

- `markup`      HTML that is escaped by construction
- `parts`       what sections are made of
- `style`       the style sheet, for screens and for paper
- `material`    the log and the files, read without trust
- `changes`     what was signed, beside what was published
- `opening`     the title, and what came of it in numbers
- `people`, `devices`, `keys`, `custody`, `timeline`, `signed`, `impact`, `deviations`, `heads`, `clauses`   a section each
"""

from __future__ import annotations

import base64
import hashlib

from ceremony.core.audit.before_close import as_before_close
from ceremony.core.ports import Readable
from ceremony.report.page import changes, material
from ceremony.report.page.clauses import limits, table_of_clauses, verify
from ceremony.report.page.custody import custody
from ceremony.report.page.deviations import deviations
from ceremony.report.page.devices import devices
from ceremony.report.page.heads import heads
from ceremony.report.page.impact import impact
from ceremony.report.page.keys import keys
from ceremony.report.page.markup import Element, Sheet, el
from ceremony.report.page.material import Material
from ceremony.report.page.opening import in_short, running, title
from ceremony.report.page.parts import link
from ceremony.report.page.people import people
from ceremony.report.page.signed import signed
from ceremony.report.page.style import CSS
from ceremony.report.page.timeline import timeline

VERSION = "1"
"""Of the form of the page; another form is another version."""


def page(folder: Readable) -> bytes:
    """Return the page of a ceremony folder, UTF-8; of a closed one, as it was before its close.

    Raises StorageError when the folder holds no log, or cannot be read.
    """
    m = material.read(as_before_close(folder))
    return ("<!DOCTYPE html>\n" + "".join(_document(m).write()) + "\n").encode()


def _document(m: Material) -> Element:
    hashed = base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{hashed}'; img-src data:; base-uri 'none'; form-action 'none'"
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="ceremony-report", content=VERSION),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", f"{m.state.name}, {m.mode}: report of a key ceremony"),
        Sheet("style", (), (), CSS),
    )
    return el("html", head, _body(m), lang="en")


def _body(m: Material) -> Element:
    found = changes.read(m)
    made = [
        *(people(m), devices(m), keys(m, found), custody(m), timeline(m), signed(m, found), impact(m), deviations(m), heads(m)),
        *(limits(m), verify(), table_of_clauses(m)),
    ]
    sections = [one for one in made if one is not None]
    return el(
        "body",
        el("div", m.mode, class_="watermark", aria_hidden="true"),
        el("div", running(m), class_="top"),
        el("main", title(m), in_short(m, found), _contents(sections), sections),
        class_="practice" if m.practice else "production",
    )


def _contents(sections: list[Element]) -> Element:
    return el("nav", el("ol", [el("li", link(one)) for one in sections]), aria_label="Contents")
