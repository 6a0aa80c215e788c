# SPDX-License-Identifier: Apache-2.0
"""Differences as rows to search and as passages to read: what the review screen shows, with no screen in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ceremony.core.ports import Change, Differences, Group
from ceremony.core.review import json_lines
from ceremony.tui.widgets.pane import Passage, Tone
from ceremony.tui.widgets.table import Column, Row

NAMES = 12
"""Repositories of a group that the pane names; the others are in the table of all."""
LABEL = 22
"""Cells of a role and field in the pane."""
HANG = 9
"""Blanks before the further lines of a text: a digest still stands in one line at 80 columns."""

GROUP_COLUMNS = (Column("Look", 6), Column("Where", 24, 2, tail=True), Column("What", 18, 1), Column("Will be", 18, 4))
REPOSITORY_COLUMNS = (Column("No", 6), Column("Repository", 30, 3, tail=True), Column("Exceptions", 20, 2))

_TONES = {"+": Tone.COMES, "-": Tone.GOES}


def group_row(differences: Differences, number: int, seen: bool) -> Row:
    """Return a group's row: whether it must be looked at, where, what, and how it changes."""
    group = differences.groups[number]
    look = "rule" if not group.exception else "! seen" if seen else "! look"
    return Row((look, where(group, differences.names), what(group.change), said(group.change)), strong=look == "! look")


def group_texts(differences: Differences) -> Sequence[str]:
    """Return what a filter looks into: where, what, and both sides of the change, whole."""
    names = differences.names
    return [
        f"{where(group, names)} {what(group.change)} {group.change.before} {group.change.after}".casefold()
        for group in differences.groups
    ]


def exceptions(differences: Differences) -> Mapping[int, str]:
    """Return the fields in which a repository is an exception, by its number."""
    fields: dict[int, list[str]] = {}
    for group in differences.groups:
        for number in group.members if group.exception else ():
            fields.setdefault(number, []).append(what(group.change))
    return {number: ", ".join(found) for number, found in fields.items()}


def repository_row(differences: Differences, number: int, fields: str) -> Row:
    """Return a repository's row: its number, its name, the fields in which it is an exception."""
    return Row((f"{number + 1:>6,}", differences.names[number], fields or "-"), strong=bool(fields))


def repository_texts(differences: Differences, fields: Mapping[int, str]) -> Sequence[str]:
    """Return what a filter looks into: names, and fields with exceptions."""
    return [f"{name} {fields.get(number, '')}".casefold() for number, name in enumerate(differences.names)]


def what(change: Change) -> str:
    """Return what changes: role and field."""
    return f"{change.role} {change.field}"


def where(group: Group, names: Sequence[str]) -> str:
    """Return the one repository's name, or how many of all they are."""
    if len(group.members) == 1:
        return names[group.members[0]]
    return f"all {len(names):,}" if len(group.members) == len(names) else f"{len(group.members):,} of {len(names):,}"


def said(change: Change) -> str:
    """Return how a change goes, in words; what is new is said by what it will be alone."""
    if not change.before:
        return change.after
    return f"{change.before} -> {change.after}" if change.after else f"goes; it was {change.before}"


def group_passages(differences: Differences, group: Group) -> Sequence[Passage]:
    """Return a group's change, whole, and whom it concerns."""
    names, members, change = differences.names, group.members, group.change
    return (
        Passage("", f"{what(change)}: {_kind(group, len(names))}", Tone.STRONG),
        Passage("before:  ", change.before or "(nothing)", hang=HANG),
        Passage("will be: ", change.after or "(nothing)", hang=HANG),
        Passage("in:      ", _listed(names, members), hang=HANG),
        *_others(names, members),
    )


def _kind(group: Group, total: int) -> str:
    number = f"{len(group.members):,} of {total:,} repositories"
    return f"an exception, in {number}" if group.exception else f"in {number}"


def _others(names: Sequence[str], members: Sequence[int]) -> Iterator[Passage]:
    if 0 < len(names) - len(members) <= NAMES:
        inside = set(members)
        yield Passage("not in:  ", _listed(names, [number for number in range(len(names)) if number not in inside]), hang=HANG)


def _listed(names: Sequence[str], members: Sequence[int]) -> str:
    more = len(members) - NAMES
    return ", ".join(names[number] for number in members[:NAMES]) + (f", and {more:,} more" if more > 0 else "")


def repository_passages(differences: Differences, number: int) -> Sequence[Passage]:
    """Return every difference of one repository, in words."""
    changes = differences.of(number)
    new = bool(changes) and not any(change.before for change in changes)
    number_of = "1 difference" if len(changes) == 1 else f"{len(changes):,} differences"
    title = f"{differences.names[number]}: {'new, nothing of it is published' if new else number_of}"
    return (
        Passage("", title, Tone.STRONG),
        *(Passage(f"{what(change):<{LABEL}}", said(change) or "(nothing)", hang=HANG) for change in changes),
    )


def json_passages(differences: Differences, number: int) -> Sequence[Passage]:
    """Return every document of one repository, line by line, each with the mark that it comes, goes or stays."""
    return tuple(_documents(differences, number))


def _documents(differences: Differences, number: int) -> Iterator[Passage]:
    for document in differences.documents(number):
        yield Passage("", document.path, Tone.STRONG)
        for mark, line in json_lines(document):
            yield Passage(f"{mark} ", line, _TONES.get(mark, Tone.PLAIN), code=True)
