# SPDX-License-Identifier: Apache-2.0
"""What is signed for one repository: its drafts, whose signatures they need, and the judgement over the finished files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from itertools import product

from ceremony.core import second_opinion
from ceremony.core.dialects import Dialect, Draft, RepositorySpec
from ceremony.core.dialects.sequel import Sequel
from ceremony.core.keys import PublicKey
from ceremony.core.published.changes import Changes, RootSigners
from ceremony.core.published.review import Changed, drafts
from ceremony.core.published.values import Published
from ceremony.errors import VerificationError

_HINT = "nothing may be carried out; stop"


class Item(ABC):
    """What is signed for one repository."""

    here: bool
    """Whether its targets are signed in this ceremony, by the key that was made for it."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The repository's name."""

    @property
    @abstractmethod
    def pins(self) -> Sequence[str]:
        """The ids of its root keys from now on: what consumers pin."""

    @abstractmethod
    def drafts(self) -> Sequence[Draft]:
        """Return what is signed, root before targets; raises VerificationError when it cannot be made."""

    @abstractmethod
    def root_ids(self) -> Mapping[str, Sequence[str]]:
        """Return fingerprint → the ids under which that root key's signature stands in the root."""

    @abstractmethod
    def check(self, files: Mapping[str, bytes], held: Collection[str], now: datetime) -> int:
        """Judge the finished files (role → bytes) as clients would at `now`, and return how many signatures there are.

        `held` are the fingerprints of the root keys whose tokens signed. Raises VerificationError, naming
        repository and role, for what a client would refuse and for what is not what the drafts say.
        """


@dataclass(frozen=True, slots=True)
class NewItem(Item):
    """A repository of which nothing is published."""

    dialect: Dialect
    spec: RepositorySpec
    here: bool

    @property
    def name(self) -> str:
        """The repository's name."""
        return self.spec.name

    @property
    def pins(self) -> Sequence[str]:
        """The ids of its root keys."""
        return tuple(self.dialect.root_key_id(key) for key in self.spec.root_keys)

    def drafts(self) -> Sequence[Draft]:
        """Return its root, and its targets when they are signed here."""
        return (self.dialect.root(self.spec), *((self.dialect.targets(self.spec),) if self.here else ()))

    def root_ids(self) -> Mapping[str, Sequence[str]]:
        """Return the id of each root key's certificate."""
        return {key.public.sha256: (self.dialect.root_key_id(key),) for key in self.spec.root_keys}

    def check(self, files: Mapping[str, bytes], held: Collection[str], now: datetime) -> int:
        """Judge as a fresh client would."""
        counted = self.dialect.check(self.name, files, now)
        roots = {key.public.sha256 for key in self.spec.root_keys if key.public.sha256 in held}
        for draft in self.drafts():
            own = [signature for signature in counted if signature.payload == draft.payload]
            expected = roots if draft.role == "root" else {self.spec.targets.sha256}
            _check_signed(f"{self.name} {draft.role}", {signature.public.sha256 for signature in own}, expected, agreed=bool(own))
            for one in own if draft.role == "targets" else ():
                second_opinion.verify(one.public, one.scheme, one.payload, one.value, f"{self.name} targets")
        return len(counted)


@dataclass(slots=True)
class _WorkedOut:
    """What follows from an item's values, kept once it was asked for: a fleet's steps ask again and again."""

    drafts: tuple[Draft, ...] | None = None
    signers: RootSigners | None = None


@dataclass(frozen=True, slots=True)
class ChangedItem(Item):
    """A repository that is published, and what changes in it."""

    dialect: Dialect
    sequel: Sequel
    published: Published
    changes: Changes
    here: bool
    _known: _WorkedOut = field(default_factory=_WorkedOut, init=False, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The repository's name."""
        return self.published.repository

    @property
    def pins(self) -> Sequence[str]:
        """The ids of the root keys that its next root names; where there is none, they are those of the published one."""
        return tuple(key_id for key in self.signers().keys for key_id in key.new_ids)

    def drafts(self) -> Sequence[Draft]:
        """Return its next root and targets, as far as the changes make them."""
        if self._known.drafts is None:
            self._known.drafts = tuple(drafts(self.sequel, Changed(self.published, self.changes)))
        return self._known.drafts

    def signers(self) -> RootSigners:
        """Return whose signatures its next root needs."""
        if self._known.signers is None:
            self._known.signers = self.sequel.root_signers(self.published, self.changes)
        return self._known.signers

    def root_ids(self) -> Mapping[str, Sequence[str]]:
        """Return each root key's ids, old ones and new ones."""
        return {key.fingerprint: key.key_ids for key in self.signers().keys}

    def check(self, files: Mapping[str, bytes], held: Collection[str], now: datetime) -> int:
        """Judge as a client that cached what is published, and as a fresh one."""
        self.sequel.check_next(self.published, files, self.changes, now)
        drafts = {draft.role: draft for draft in self.drafts()}
        count = 0
        for role, data in files.items():
            opened = self.sequel.opened(self.name, role, data)
            agreed = role in drafts and opened.payload == drafts[role].payload
            _check_signed(f"{self.name} {role}", opened.signatures.keys(), self._ids(role, held), agreed=agreed)
            for key, signature in product(self._targets(), opened.signatures.values()) if role == "targets" else ():
                scheme = self.dialect.scheme(key.algorithm)
                second_opinion.verify(key, scheme, opened.payload, signature, f"{self.name} targets")
            count += len(opened.signatures)
        return count

    def _ids(self, role: str, held: Collection[str]) -> set[str]:
        if role == "root":
            return {key_id for fingerprint, ids in self.root_ids().items() if fingerprint in held for key_id in ids}
        return {self.dialect.key_id(key) for key in self._targets()}

    def _targets(self) -> tuple[PublicKey, ...]:
        """Return its new targets key: no other signs here."""
        return (self.changes.targets,) if self.changes.targets is not None else ()


def _check_signed(subject: str, found: AbstractSet[str], expected: AbstractSet[str], *, agreed: bool) -> None:
    if not agreed:
        raise VerificationError(subject, "was signed over something else than was agreed", hint=_HINT)
    if found != expected:
        raise VerificationError(subject, "is not signed by every key that it should be", hint=_HINT)
