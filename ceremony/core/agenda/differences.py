# SPDX-License-Identifier: Apache-2.0
"""The items of an agenda as people review them: repositories that change first, new ones after them."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from ceremony.core.agenda.items import ChangedItem, Item, NewItem
from ceremony.core.dialects import Dialect
from ceremony.core.dialects.sequel import get
from ceremony.core.plan import Plan
from ceremony.core.port_values import Change, Document, Group
from ceremony.core.ports import Differences
from ceremony.core.published.review import Changed, ChangedRepositories
from ceremony.core.review import NewRepositories


def differences(dialect: Dialect, plan: Plan, items: Sequence[Item]) -> Differences:
    """Return everything that is about to be signed, as differences; implements `ports.Differences`."""
    new = [item for item in items if isinstance(item, NewItem)]
    changed = [item for item in items if isinstance(item, ChangedItem)]
    parts: list[Differences] = []
    if changed:
        parts.append(
            ChangedRepositories(get(plan.dialect), [Changed(item.published, item.changes, item.drafts()) for item in changed])
        )
    if new or not changed:
        parts.append(NewRepositories(dialect, [item.spec for item in new], frozenset(item.name for item in new if item.here)))
    return parts[0] if len(parts) == 1 else _Joined(parts)


class _Joined:
    """Several lists of differences, one after the other."""

    def __init__(self, parts: Sequence[Differences]) -> None:
        self._parts = parts
        self.names: Sequence[str] = tuple(name for part in parts for name in part.names)
        exceptions: list[Group] = []
        rules: list[Group] = []
        first = 0
        for part in parts:
            for group in part.groups:
                moved = Group(group.change, array("L", (first + member for member in group.members)), group.exception)
                (exceptions if group.exception else rules).append(moved)
            first += len(part.names)
        self.groups: Sequence[Group] = (*exceptions, *rules)

    def of(self, number: int) -> Sequence[Change]:
        """Return the differences of one repository."""
        part, own = self._part(number)
        return part.of(own)

    def documents(self, number: int) -> Sequence[Document]:
        """Return what is to be signed for one repository."""
        part, own = self._part(number)
        return part.documents(own)

    def _part(self, number: int) -> tuple[Differences, int]:
        first = 0
        for part in self._parts[:-1]:
            if number < first + len(part.names):
                return part, number - first
            first += len(part.names)
        return self._parts[-1], number - first
