# SPDX-License-Identifier: Apache-2.0
"""The heads: statements of how long the log was and what it hashed to, at each gate; as hex, and as the words that people heard."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from ceremony.core import bundle
from ceremony.core.chronicle.facts import Facts
from ceremony.core.log import parse_head
from ceremony.errors import VerificationError
from ceremony.report.page.markup import Element, Node, el
from ceremony.report.page.material import Material
from ceremony.report.page.parts import both, code, digest, facts, more, note, record, section

_MOST = 40


def heads(m: Material) -> Element:
    """Return the section."""
    paths = sorted((bundle.head_number(path), path) for path in m.names if bundle.head_number(path))
    return section(
        "heads",
        "Heads of the log",
        note(
            "A head states the log up to there; whoever signed it, or heard its words, can tell a log that was cut or changed. "
            "The last head is made after this page, states the whole log, this page's digest with it, and is what people sign."
        ),
        [_head(m, path) for _, path in paths[:_MOST]],
        more(_MOST, len(paths), "heads/"),
        None if paths else note("None is recorded yet."),
    )


def _head(m: Material, path: str) -> Element:
    data = m.read(path)
    told = hashlib.sha256(data).hexdigest()
    rows: list[tuple[str, Node]] = [("SHA-256", both(told))]
    try:
        stated = parse_head(data, path)
        rows += [
            ("States", f"the first {stated.entries:,} records, {stated.size:,} bytes"),
            ("Log", digest(stated.sha256)),
            ("Last line", digest(stated.chain)),
            ("Merkle root", digest(stated.merkle)),
        ]
    except VerificationError:
        rows.append(("States", "nothing that can be read"))
    rows += [("Heard", list(_heard(m, told))), ("Signed by", list(_signed(m, told)))]
    return el("article", el("h3", code(path)), facts(rows), class_="card")


def _heard(m: Material, told: str) -> Iterator[Node]:
    for one in m.state.comparisons:
        if one.digest == told:
            came = "the same" if one.same else el("strong", "NOT the same")
            yield el("div", f"{' and '.join(one.by)}: ", came, " ", record(one.seq))


def _signed(m: Material, told: str) -> Iterator[Node]:
    for (action, key), found in m.latest.items():
        if action == "sign-head" and Facts(found.body).text("head") == told:
            yield el("div", f"the root key on token {m.state.names.get(key, key)} ", record(found.seq))
