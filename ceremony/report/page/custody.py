# SPDX-License-Identifier: Apache-2.0
"""Who keeps what after the ceremony: volumes, secrets, tokens; by the log, with room to write by hand what comes later."""

from __future__ import annotations

from collections.abc import Iterator

from ceremony.core.chronicle import overview
from ceremony.report.page.markup import Element, Node, el
from ceremony.report.page.material import Material
from ceremony.report.page.parts import code, digest, facts, items, more, note, record, section, table

_MOST = 60
_TITLES = ("Backups", "Comparisons")


def custody(m: Material) -> Element:
    """Return the section."""
    rows = list(_rows(m))
    written = list(m.state.written.items())
    told = [part for part in overview(m.state) if part.title in _TITLES]
    return section(
        "custody",
        "Custody",
        note(
            "What each thing holds, and who takes it from the room, is told by the log. Where it is brought, and who has it later, "
            "is written by hand, on paper."
        ),
        table(("What", "Who, by the log", "Later, by hand"), rows[:_MOST], class_="custody"),
        more(_MOST, len(rows), "ceremony.jsonl"),
        [[el("h3", part.title), facts([(label, value) for label, value in part.lines[:_MOST]])] for part in told],
        [
            el("h3", "On both volumes"),
            items([[code(path), " ", digest(sha256)] for path, sha256 in written[:_MOST]]),
            more(_MOST, len(written), "ceremony.jsonl"),
        ]
        if written
        else None,
    )


def _rows(m: Material) -> Iterator[tuple[Node, ...]]:
    blank = el("span", class_="blank")
    for role, medium in m.state.media.items():
        if role == "courier":
            what = f"Courier, serial {medium.serial}: the ceremony folder, nothing secret in the clear"
            yield what, _taken(m, role, role, medium.serial), blank
        else:
            yield (
                f"Volume {role.upper()}, serial {medium.serial}: the log, the backups under encryption, the ceremony folder",
                _taken(m, "volume", role, medium.serial),
                blank,
            )
    yield from _secret(m, blank)
    for name, device in m.state.tokens.items():
        yield f"Token {name}, serial {device.serial}", _taken(m, "token", name, device.serial), blank


def _taken(m: Material, what: str, name: str, serial: str) -> Node:
    kept = m.state.custody.get((what, name, serial))
    return [str(kept), " ", record(kept.seq)] if kept else ""


def _secret(m: Material, blank: Node) -> Iterator[tuple[Node, ...]]:
    keepers, needed = m.state.keepers, m.state.shares_needed
    for number, keeper in enumerate(keepers, start=1):
        yield f"Share {number} of the backups' secret; {needed} of {len(keepers)} open it", keeper, blank
    alone = m.made("protector").text("custodian")
    if alone and not keepers:
        yield "The passphrase of the backups, whole: one person opens them, with a volume", alone, blank
