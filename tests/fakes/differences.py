# SPDX-License-Identifier: Apache-2.0
"""Differences that a test gives, in the form that a review takes: an implementation of `ports.Differences`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from ceremony.core.ports import Change, Document, Group
from ceremony.core.review import grouped


class GivenDifferences:
    """The given changes, by repository in order of first appearance; each repository's document lists its own."""

    def __init__(self, changes: Iterable[Change]) -> None:
        self._by_name: dict[str, list[Change]] = {}
        for change in changes:
            self._by_name.setdefault(change.repository, []).append(change)
        self.names: Sequence[str] = tuple(self._by_name)
        self.groups: Sequence[Group] = grouped(self._by_name.values(), len(self.names))

    def of(self, number: int) -> Sequence[Change]:
        return tuple(self._by_name[self.names[number]])

    def documents(self, number: int) -> Sequence[Document]:
        name = self.names[number]
        sides = [{f"{c.role} {c.field}": getattr(c, side) for c in self.of(number)} for side in ("before", "after")]
        before, after = (json.dumps(side).encode() for side in sides)
        return (Document(f"bundle/tuf/{name}/metadata/root.json", before, after),)
