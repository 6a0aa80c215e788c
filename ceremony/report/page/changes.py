# SPDX-License-Identifier: Apache-2.0
"""What was signed, read from the bundle: each repository's metadata, beside what the request says was published.

Equal differences are one group, in the words that people reviewed. Signatures are not
looked at: that is an audit's part. One repository is read after the other, and of each
only what differs is kept, so that a fleet fits into memory.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ceremony.core import bundle
from ceremony.core.dialects import sequel
from ceremony.core.dialects.sequel import Sequel
from ceremony.core.port_values import Change, Group
from ceremony.core.published.differences import State, differences
from ceremony.core.published.review import alike
from ceremony.core.published.values import PublishedKey, RoleKeys
from ceremony.core.request import INDEX, Repository, parse_index, path_of
from ceremony.core.review import grouped
from ceremony.errors import CeremonyError
from ceremony.report.page.material import Material

_PREFIX, _SUFFIX = "bundle/tuf/", "/metadata/"
_ROLES = ("root", "targets")
_BEGIN, _END = "\ue000", "\ue001"
"""Around a key's fingerprint until all repositories were read: whether it is one's own is known only then."""
_KEY = re.compile(f"{_BEGIN}([0-9a-f]{{64}}){_END}")
_KEPT = 3


@dataclass(slots=True)
class RootIds:
    """Under which ids metadata names a root key, and what its certificates say."""

    seen: set[str] = field(default_factory=set)
    ids: list[str] = field(default_factory=list)
    """The first few."""
    until: set[str] = field(default_factory=set)
    """Days on which its certificates end."""

    def note(self, key: PublishedKey) -> None:
        """Take in the key as one repository's root names it."""
        if key.key_id in self.seen:
            return
        self.seen.add(key.key_id)
        if len(self.ids) < _KEPT:
            self.ids.append(key.key_id)
        if key.certificate is not None and len(self.until) <= _KEPT:
            self.until.add(f"{key.certificate.not_after:%Y-%m-%d}")


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed."""

    names: tuple[str, ...]
    """Repositories that the bundle holds metadata of, sorted."""
    files: int
    groups: Sequence[Group] = ()
    new: int = 0
    """Repositories of which nothing was published."""
    unread: tuple[str, ...] = ()
    """Repositories whose metadata cannot be told."""
    roots: Mapping[str, RootIds] = field(default_factory=dict)
    """By fingerprint: the root keys that the signed roots name."""


def read(m: Material) -> Signed:
    """Return what the bundle holds; never raises for what is in it."""
    paths = _repositories(m)
    files = sum(map(len, paths.values()))
    try:
        own = sequel.get(m.state.dialect)
    except CeremonyError:
        return Signed(tuple(paths), files, unread=tuple(paths))
    reading = _Reading(m, own, _published(m))
    read_names = [name for name, roles in paths.items() if reading.take(name, roles)]
    unread = tuple(sorted(paths.keys() - set(read_names)))
    groups = [reading.full(group) for group in grouped(reading.changes(), len(read_names))]
    return Signed(tuple(read_names) + unread, files, groups, reading.new, unread, reading.roots)


def _repositories(m: Material) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for path in sorted(m.names):
        if path.startswith(_PREFIX) and _SUFFIX in path and path.endswith(".json"):
            name, role = path.removeprefix(_PREFIX).rsplit(_SUFFIX, 1)
            found.setdefault(name, {})[role.removesuffix(".json")] = path
    return found


def _published(m: Material) -> Mapping[str, Repository]:
    try:
        return parse_index(m.read(bundle.REQUEST + INDEX)).repositories
    except (CeremonyError, RecursionError):
        return {}


class _Reading:
    """One repository after the other."""

    def __init__(self, m: Material, own: Sequel, published: Mapping[str, Repository]) -> None:
        self._m, self._own, self._published = m, own, published
        self._users: Counter[str] = Counter()
        """Fingerprint → in how many repositories it stands."""
        self._found: list[Sequence[Change]] = []
        self._texts: dict[str, str] = {}
        self.roots: dict[str, RootIds] = {}
        self.new = 0

    def take(self, name: str, paths: Mapping[str, str]) -> bool:
        """Read one; return whether its metadata could be told."""
        old = self._before(name)
        files = old | {role: self._m.read(path) for role, path in paths.items() if role in _ROLES}
        try:
            before = self._own.stated(name, old) if "root" in old else None
            after = self._own.stated(name, files)
            found = differences(name, before, after, _words(name))
        except (CeremonyError, KeyError, ValueError, RecursionError):  # a stranger's file may be anything
            return False
        self._users.update({key.fingerprint for state in (before, after) if state for key in _keys(state)})
        self._found.append([self._kept(change) for change in found])
        self.new += before is None
        for key in after.root.roles["root"].keys:
            self.roots.setdefault(key.fingerprint, RootIds()).note(key)
        return True

    def changes(self) -> Iterator[Sequence[Change]]:
        """Yield what differs in each, in words that are equal where they go on alike."""
        for found in self._found:
            yield [self._told(change) for change in found]

    def full(self, group: Group) -> Group:
        """Return a group of one repository with each key and version named: there is nothing that it has to be equal to."""
        if len(group.members) > 1:
            return group
        change = group.change
        raw = next(one for one in self._found[group.members[0]] if (one.role, one.field) == (change.role, change.field))
        named = replace(raw, before=_KEY.sub(r"key \1", raw.before), after=_KEY.sub(r"key \1", raw.after))
        return replace(group, change=named)

    def _told(self, change: Change) -> Change:
        said = replace(change, before=self._say(change.before), after=self._say(change.after))
        return alike(said) if said.before else said

    def _before(self, name: str) -> dict[str, bytes]:
        metadata = self._published[name].metadata if name in self._published else {}
        newest = {role: metadata[role][-1].sha256 for role in _ROLES if metadata.get(role)}
        return {role: self._m.read(bundle.REQUEST + path_of(digest)) for role, digest in newest.items()}

    def _kept(self, change: Change) -> Change:
        """Return a change whose texts are one object for all that say the same: there are a hundred thousand."""
        return replace(change, before=self._one(change.before), after=self._one(change.after))

    def _one(self, text: str) -> str:
        return text if _BEGIN in text else self._texts.setdefault(text, text)

    def _say(self, text: str) -> str:
        return _KEY.sub(self._named, text) if _BEGIN in text else text

    def _named(self, match: re.Match[str]) -> str:
        return f"key {match[1]}" if self._users[match[1]] > 1 else "a key of its own"


def _words(repository: str) -> Callable[[PublishedKey], str]:
    def words(key: PublishedKey) -> str:
        said = f"{_BEGIN}{key.fingerprint}{_END}, {key.kind}"
        certificate = key.certificate
        if certificate is None:
            return said
        name = "its own name" if certificate.common_name == repository else certificate.common_name
        return f"{said}, certificate for {name} until {certificate.not_after:%Y-%m-%d}"

    return words


def _keys(state: State) -> Iterator[PublishedKey]:
    delegations: tuple[RoleKeys, ...] = state.targets.delegations if state.targets else ()
    for role in (*state.root.roles.values(), *delegations):
        yield from role.keys
