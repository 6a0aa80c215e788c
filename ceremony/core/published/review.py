# SPDX-License-Identifier: Apache-2.0
"""What is about to be signed for repositories that are published, as differences from what is.

`ChangedRepositories` implements `ports.Differences`. Equal differences of several
repositories are one group. So that they are equal, a group says of a key that serves one
repository alone only that it does, of versions that they go on by one, and of the days
that end only the year; `of` says each in full, and `documents` gives the exact bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ceremony.core.dialects import Draft
from ceremony.core.dialects.sequel import Sequel
from ceremony.core.port_values import Change, Document, Group
from ceremony.core.published.changes import Changes, needs_root, needs_targets
from ceremony.core.published.differences import State, differences, key_words
from ceremony.core.published.values import Published, PublishedKey
from ceremony.core.review import grouped

_YEAR = 4


@dataclass(frozen=True, slots=True)
class Changed:
    """One repository and what changes in it."""

    published: Published
    changes: Changes
    made: Sequence[Draft] | None = None
    """What is to be signed, where it was made before."""


def drafts(sequel: Sequel, changed: Changed) -> Iterator[Draft]:
    """Yield what is to be signed here for one repository, root before targets; raises VerificationError when it cannot be made."""
    if needs_root(changed.published, changed.changes):
        yield sequel.next_root(changed.published, changed.changes)
    if needs_targets(changed.published, changed.changes) and not changed.changes.elsewhere:
        yield sequel.next_targets(changed.published, changed.changes)


class ChangedRepositories:
    """The differences that a renewal or a rotation makes; raises VerificationError for a repository whose drafts cannot be made."""

    def __init__(self, sequel: Sequel, changed: Sequence[Changed]) -> None:
        self._sequel, self._changed = sequel, changed
        counted = Counter(fingerprint for one in changed for fingerprint in _keys(one))
        self._shared = frozenset(fingerprint for fingerprint, count in counted.items() if count > 1)
        self.names: Sequence[str] = tuple(one.published.repository for one in changed)
        self.groups: Sequence[Group] = grouped((self._grouped(one) for one in changed), len(changed))

    def of(self, number: int) -> Sequence[Change]:
        """Return the differences of one repository, each in full."""
        one = self._changed[number]
        return differences(one.published.repository, _before(one), self._after(one))

    def documents(self, number: int) -> Sequence[Document]:
        """Return the bytes that are to be signed for one repository, and those that are published, signatures included."""
        one = self._changed[number]
        return tuple(Document(d.path, one.published.files[d.role], d.payload) for d in self._drafts(one))

    def _after(self, one: Changed) -> State:
        return self._sequel.outlook(one.published, self._drafts(one))

    def _drafts(self, one: Changed) -> Sequence[Draft]:
        return tuple(drafts(self._sequel, one)) if one.made is None else one.made

    def _grouped(self, one: Changed) -> Sequence[Change]:
        found = differences(one.published.repository, _before(one), self._after(one), self._words)
        return tuple(alike(change) for change in found)

    def _words(self, key: PublishedKey) -> str:
        if key.fingerprint in self._shared:
            return key_words(key)
        return f"a key of its own, {key.kind}"


def _before(one: Changed) -> State:
    return State(one.published.root, one.published.targets)


def _keys(one: Changed) -> set[str]:
    changes = one.changes
    new = [changes.targets, changes.snapshot, changes.timestamp]
    new += [key.public for key in changes.root_keys] + [one.public for one in changes.signers]
    published = {key.fingerprint for role in one.published.roles() for key in role.keys}
    return published | {key.sha256 for key in new if key is not None}


def alike(change: Change) -> Change:
    """Return a change in words that are the same for repositories that go on alike."""
    if change.before == change.after:  # one key of its own in the place of another
        return replace(change, after=f"another: {change.after}")
    if change.field == "version" and change.after == str(int(change.before) + 1):
        return replace(change, before="as published", after="the next one")
    if change.field == "expires":
        return replace(change, before=f"in {change.before[:_YEAR]}")
    return change
