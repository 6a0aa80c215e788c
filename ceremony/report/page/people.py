# SPDX-License-Identifier: Apache-2.0
"""Who was there: role, organisation, key, how they answered the roll call, and what they said at the end."""

from __future__ import annotations

import base64
import binascii
import hashlib

from ceremony.core.chronicle.facts import Facts, facts
from ceremony.report.page.markup import Element, Node, el
from ceremony.report.page.material import Material
from ceremony.report.page.parts import code, counted, more, note, record, role, section, table

_MOST = 200
_ANSWERS = {
    "agree": "agrees: present, script followed, a true record",
    "agree-with-exceptions": "agrees, with the exceptions that are noted",
    "do-not-agree": "does not agree",
}


def people(m: Material) -> Element:
    """Return the section."""
    seats = m.opened.items("people")
    return section(
        "people",
        "Who was there",
        table(
            ("Name", "Role", "Organisation", "Own key", "Roll call", "At the end"),
            [_row(m, facts(seat)) for seat in seats[:_MOST]],
            class_="people",
        ),
        more(_MOST, len(seats), "ceremony.jsonl, record 0"),
        _quorum(m.opened.inner("quorum")),
        _approved(m),
    )


def _row(m: Material, seat: Facts) -> tuple[Node, ...]:
    name = seat.text("name")
    independent = el("span", "independent", class_="tag") if seat.flag("independent") else None
    return (
        el("strong", name),
        [role(seat.text("role")), " ", independent],
        seat.text("organisation"),
        _key(seat.text("key")),
        _answered(m, name),
        _agreed(m, name),
    )


def _key(line: str) -> Node:
    """Return a key's type and fingerprint, as ssh-keygen -l prints it."""
    kind, _, rest = line.partition(" ")
    try:
        blob = base64.b64decode(rest.partition(" ")[0], validate=True)
    except (ValueError, binascii.Error):
        blob = b""
    if not blob:
        return "none" if not line else "a key that cannot be read"
    fingerprint = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return [kind, " ", code(f"SHA256:{fingerprint}")]


def _answered(m: Material, name: str) -> Node:
    how, seq = m.body("roll-call", name).text("how"), m.seq("roll-call", name)
    if seq is None:
        return "was not called"
    words = {"key": "with that key", "absent": "was absent", "typed name": "by typing the name: practice only"}.get(how, how)
    return [words, " ", record(seq)]


def _agreed(m: Material, name: str) -> Node:
    body, seq = m.body("answer", name), m.seq("answer", name)
    if seq is None:
        return "gave no answer"
    said, reason = body.text("answer"), body.text("reason")
    return [_ANSWERS.get(said, said), f": {reason}" if reason else "", " ", record(seq)]


def _quorum(quorum: Facts) -> Element:
    wanted = [counted(quorum.count(name), role(name)) for name in quorum]
    who = " and ".join(wanted[:12]) or "nobody that could be told"
    return note(
        f"The last head of the log has to be signed by {who}, at least one of them independent. "
        "These signatures are made after this page; they stand beside the head, in heads/."
    )


def _approved(m: Material) -> Element | None:
    approvals = len(m.opened.inner("approvals"))
    if not approvals:
        return note("No approval of the plan is in the folder.") if m.practice else None
    return note(f"The plan was approved before the day by {counted(approvals, 'signature')}, in evidence/approvals/.")
