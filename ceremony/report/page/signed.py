# SPDX-License-Identifier: Apache-2.0
"""What was signed, as differences from what was published: equal ones together, outliers by themselves, and what was left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ceremony.core.chronicle.facts import Facts
from ceremony.core.port_values import Group
from ceremony.report.page.changes import Signed
from ceremony.report.page.markup import Element, Node, el
from ceremony.report.page.material import LEFT_OUT, Material
from ceremony.report.page.opening import cited
from ceremony.report.page.parts import alarm, both, counted, facts, listed, more, note, section, table

_MOST, _NAMES = 120, 12


def signed(m: Material, found: Signed) -> Element:
    """Return the section."""
    return section(
        "signed",
        "What was signed",
        _summary(m, found),
        _differences(found),
        _left_out(m),
    )


def _summary(m: Material, found: Signed) -> Node:
    if not found.names:
        return note("No metadata was signed.")
    agreed, verified = m.body("agreed"), m.body("verified")
    return [
        facts(
            [
                ("Signed", f"{counted(found.files, 'file')} for {_repositories(len(found.names))}{_new(found)}"),
                ("Repositories", listed(found.names, _NAMES * 2)),
                (
                    "Agreed to",
                    ["everybody agreed to what has the SHA-256 ", both(agreed.text("digest")), cited(m, "agreed")]
                    if len(agreed)
                    else "",
                ),
                (
                    "Verified",
                    [
                        f"{counted(verified.count('signatures'), 'signature')} judged again as clients do, by other code ",
                        cited(m, "verified"),
                    ]
                    if len(verified)
                    else "",
                ),
            ]
        ),
        alarm("The metadata of these cannot be told here: ", listed(found.unread, _NAMES), ". See bundle/tuf/.")
        if found.unread
        else None,
    ]


def _new(found: Signed) -> str:
    if found.new == len(found.names):
        return ", of which nothing was published before"
    return f", {found.new:,} of them new" if found.new else ""


def _differences(found: Signed) -> Node:
    rules = [group for group in found.groups if not group.exception]
    outliers = [group for group in found.groups if group.exception]
    if len(found.names) == 1:
        return _table(found, "Differences", found.groups, "")
    return [
        _table(found, "Alike in most", rules, "What holds for more than half of the repositories."),
        _table(found, "Outliers", outliers, "What holds for half of them or fewer, each by itself."),
    ]


def _table(found: Signed, title: str, groups: Sequence[Group], words: str) -> Node:
    if not groups:
        return None
    return [
        el("h3", title),
        note(words) if words else None,
        _rows(found, groups[:_MOST]),
        more(_MOST, len(groups), "bundle/tuf/"),
    ]


def _rows(found: Signed, groups: Sequence[Group]) -> Element:
    rows = [_row(found, group) for group in groups]
    if any(group.change.before for group in groups):
        return table(("Repositories", "What", "Was", "Is now"), rows, class_="changes")
    return table(("Repositories", "What", "Is now"), [(where, what, after) for where, what, _, after in rows], class_="news")


def _row(found: Signed, group: Group) -> tuple[Node, Node, Node, Node]:
    change = group.change
    before: Node = el("del", change.before) if change.before and not change.after else change.before or "nothing"
    after: Node = el("ins", change.after) if change.after else "nothing: it goes"
    return (
        _where(found.names, len(found.names) - len(found.unread), group.members),
        f"{change.role} {change.field}",
        before,
        after,
    )


def _where(names: Sequence[str], total: int, members: Sequence[int]) -> Node:
    if len(members) == total and total > 1:
        return f"all {total:,}"
    said: list[Node] = [el("div", f"{len(members):,} of {total:,}")] if len(members) > 1 else []
    if 0 < total - len(members) <= _NAMES < len(members):
        inside = set(members)
        return [*said, el("div", "not in ", listed([names[number] for number in range(total) if number not in inside], _NAMES))]
    return [
        *said,
        el(
            "div",
            listed([names[number] for number in members[: _NAMES + 1]], _NAMES)
            if len(members) <= _NAMES
            else _first(names, members),
        ),
    ]


def _first(names: Sequence[str], members: Sequence[int]) -> str:
    return f"{', '.join(names[number] for number in members[:_NAMES])} and {len(members) - _NAMES:,} more"


def _left_out(m: Material) -> Node:
    left: Facts = m.json(LEFT_OUT)
    if not len(left):
        return None
    return [
        el("h3", "Left out"),
        note(f"Nothing was signed for {_repositories(len(left))}, which should have been here."),
        table(("Repository", "Why"), list(_reasons(left)), class_="left-out"),
        more(_MOST, len(left), LEFT_OUT),
    ]


def _reasons(left: Facts) -> Iterator[tuple[Node, ...]]:
    for name in list(left)[:_MOST]:
        yield name, left.text(name)


def _repositories(number: int) -> str:
    return counted(number, "repository", "repositories")
