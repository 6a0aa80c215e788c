# SPDX-License-Identifier: Apache-2.0
"""What did not go as the plan says: deviations, with the three questions; what went wrong; interruptions."""

from __future__ import annotations

from ceremony.core.chronicle import overview
from ceremony.report.page.markup import Element, Node, el
from ceremony.report.page.material import Material
from ceremony.report.page.parts import facts, more, note, record, section, table, time

_MOST = 100
_TITLES = ("What went wrong", "Interruptions")


def deviations(m: Material) -> Element:
    """Return the section."""
    noted = m.state.deviations
    return section(
        "deviations",
        "Deviations",
        [
            el(
                "article",
                el("h3", f"Deviation {number}"),
                facts(
                    [
                        ("Expected", one.expected),
                        ("Happened", one.happened),
                        ("Decided", one.decided),
                        ("Noted", [f"by {one.by}, {time(one.utc)} ", record(one.seq)]),
                    ]
                ),
                class_="card",
            )
            for number, one in enumerate(noted[:_MOST], start=1)
        ],
        more(_MOST, len(noted), "ceremony.jsonl"),
        None if noted else note("Nobody noted one."),
        [_events(m, title) for title in _TITLES],
    )


def _events(m: Material, title: str) -> Node:
    lines = next((part.lines for part in overview(m.state) if part.title == title), ())
    if not lines:
        return None
    return [el("h3", title), table(("When", "What"), list(lines[:_MOST])), more(_MOST, len(lines), "ceremony.jsonl")]
