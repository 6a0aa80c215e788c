# SPDX-License-Identifier: Apache-2.0
"""The impact of stolen keys on a fleet: where each can sign, what it signed, where nothing else can.

A key is its public half: a certificate, another certificate of the same key and the
bare key are one, under several key ids. Metadata holds no times of signing, so what was
signed after a theft can only be told by versions: `last-good` is a version of targets.
A time is compared with nothing, and that is said.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ceremony.core.dialects.sequel import Sequel
from ceremony.core.published.reading import Fleet, broken, usable
from ceremony.core.published.values import Published, TargetsFacts, signer
from ceremony.core.rotation.advice import Advice, advice
from ceremony.errors import PlanRefused

_KEY_ID = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Compromised:
    """A stolen key as somebody named it: by key id, or by its public half."""

    name: str
    """The key id, or the path of the file."""
    key_id: str = ""
    fingerprint: str = ""
    """SHA-256 over SubjectPublicKeyInfo, hex; empty when only the key id is known."""


@dataclass(frozen=True, slots=True)
class Place:
    """One role that a stolen key can sign for."""

    repository: str
    role: str
    key_id: str
    alone: bool
    """No other key can sign for the role."""

    @property
    def signer(self) -> str:
        """The docker signer whose key it is; empty when it is none's."""
        return signer(self.role)


@dataclass(frozen=True, slots=True)
class Past:
    """Versions that a key signed for a role that it cannot sign for any more."""

    repository: str
    role: str
    versions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeyImpact:
    """What one stolen key can do."""

    compromised: Compromised
    key_ids: tuple[str, ...]
    """Every id that the fleet knows it by."""
    places: tuple[Place, ...]
    """Empty when it signs for nothing; what it signed before is then in `past`."""
    past: tuple[Past, ...]


@dataclass(frozen=True, slots=True)
class SignedTag:
    """What a stolen key did to a tag, in one version; entries are canonical JSON, empty for none."""

    role: str
    tag: str
    version: int
    first: bool
    """It is the oldest version that was brought, so it may have been done in an earlier one."""
    before: bytes
    after: bytes
    stands: bool
    """The tag still has this value, or is still gone."""
    suspect: bool
    """It is not known to be good: done after the last good version, or none is known."""


@dataclass(frozen=True, slots=True)
class Affected:
    """One repository that stolen keys can sign for; what they signed there is worked out when it is asked for."""

    published: Published
    places: tuple[Place, ...]
    stolen: frozenset[str]
    """Fingerprints of all stolen keys."""
    last_good: int | datetime | None
    here: bool
    """Its targets are signed in this ceremony."""

    @property
    def repository(self) -> str:
        """The repository's name."""
        return self.published.repository

    def tags(self) -> Sequence[SignedTag]:
        """Return what the stolen keys did to tags, by role and version."""
        found: list[SignedTag] = []
        for facts in (self.published.targets, *self.published.delegated.values()):
            key_ids = {place.key_id for place in self.places if place.role == facts.role}
            if key_ids:
                # A signer's versions are counted apart from those of targets: what is good there is not known.
                good = self.last_good if isinstance(self.last_good, int) and facts.role == "targets" else 0
                found += _signed_tags(facts, key_ids, good)
        return found

    def advice(self) -> Sequence[Advice]:
        """Return what to know and to do."""
        roles = dict.fromkeys(place.role for place in self.places)
        return tuple(advice(self.published, roles, self.stolen, here=self.here))


@dataclass(frozen=True, slots=True)
class Impact:
    """The whole answer."""

    keys: tuple[KeyImpact, ...]
    repositories: tuple[Affected, ...]
    """In the fleet's order."""
    asked: int
    """How many repositories were looked at."""
    broken: Mapping[str, str]
    """Repositories that could not be read, and why: nothing is known of them."""
    last_good: str
    """What the last good version or time means here, in words."""

    def fingerprints(self) -> frozenset[str]:
        """Return the fingerprints of the stolen keys that are known: what `Changes.remove` takes."""
        return frozenset(key.compromised.fingerprint for key in self.keys if key.compromised.fingerprint)


@dataclass(slots=True)
class Index:
    """A fleet, by key."""

    repositories: dict[str, list[Published]] = field(default_factory=dict)
    """By fingerprint: those in which the key may sign for something."""
    fingerprints: dict[str, str] = field(default_factory=dict)
    """By key id."""


def compromised(named: Sequence[str], files: Mapping[str, bytes], sequel: Sequel) -> tuple[Compromised, ...]:
    """Return what a plan's `compromised.keys` name: key ids, several with a blank between, or paths of `files`, PEM.

    Raises PlanRefused for a path that is not there, VerificationError for a file that is no
    certificate or public key.
    """
    found: dict[str, Compromised] = {}
    for name in named:
        if name in files:
            found[name] = Compromised(name, fingerprint=sequel.fingerprint(files[name], name))
            continue
        for key_id in name.split():
            if not _KEY_ID.fullmatch(key_id):
                hint = "write key ids, or the path of a certificate or public key in PEM"
                raise PlanRefused("compromised.keys", f"{name[:80]!r} is no key id, and no file that is there", hint=hint)
            found[key_id] = Compromised(key_id, key_id=key_id)
    return tuple(found.values())


def index(fleet: Fleet) -> Index:
    """Return where each key of a fleet may sign; made once, asked often."""
    found = Index()
    for published in usable(fleet).values():
        for role in published.roles():
            for key in role.keys:
                found.fingerprints[key.key_id] = key.fingerprint
                listed = found.repositories.get(key.fingerprint)
                if listed is None:
                    found.repositories[key.fingerprint] = [published]
                elif listed[-1] is not published:
                    listed.append(published)
    return found


def impact(
    fleet: Fleet,
    keys: Sequence[Compromised],
    *,
    last_good: int | datetime | None = None,
    elsewhere: Collection[str] = (),
    indexed: Index | None = None,
) -> Impact:
    """Return what stolen keys touch.

    `last_good` is the last version of targets that is known to be good, or a time;
    `elsewhere` names the repositories whose targets are not signed in this ceremony.
    A key that signs nothing is told as such, and is no error.
    """
    known = index(fleet) if indexed is None else indexed
    told = tuple(_key_impact(key, known, fleet) for key in keys)
    stolen = frozenset(key.compromised.fingerprint for key in told if key.compromised.fingerprint)
    by_repository: dict[str, list[Place]] = {}
    for key in told:
        for place in key.places:
            by_repository.setdefault(place.repository, []).append(place)
    affected = tuple(
        Affected(published, tuple(by_repository[name]), stolen, last_good, here=name not in elsewhere)
        for name, published in usable(fleet).items()
        if name in by_repository
    )
    faults = {name: error.message for name, error in broken(fleet).items()}
    return Impact(told, affected, len(fleet), faults, _last_good_words(last_good))


def _key_impact(key: Compromised, known: Index, fleet: Fleet) -> KeyImpact:
    fingerprint = key.fingerprint or known.fingerprints.get(key.key_id, "")
    places = []
    for published in known.repositories.get(fingerprint, ()):
        for role in published.roles():
            places += [
                Place(published.repository, role.name, one.key_id, alone=len(role.fingerprints()) == 1)
                for one in role.keys
                if one.fingerprint == fingerprint
            ]
    key_ids = {place.key_id for place in places} | ({key.key_id} if key.key_id else set())
    past = () if places else tuple(_past(fleet, key_ids))
    return KeyImpact(Compromised(key.name, key.key_id, fingerprint), tuple(sorted(key_ids)), tuple(places), past)


def _past(fleet: Fleet, key_ids: Collection[str]) -> Iterator[Past]:
    for published in usable(fleet).values() if key_ids else ():
        for facts in (published.targets, *published.delegated.values()):
            versions = tuple(r.version for r in facts.history if not set(r.signed_by).isdisjoint(key_ids))
            if versions:
                yield Past(published.repository, facts.role, versions)


def _signed_tags(facts: TargetsFacts, key_ids: Collection[str], good: int) -> Iterator[SignedTag]:
    last = {change.name: release.version for release in facts.history for change in release.changes}
    for release in facts.history:
        if set(release.signed_by).isdisjoint(key_ids):
            continue
        for change in release.changes:
            yield SignedTag(
                role=facts.role,
                tag=change.name,
                version=release.version,
                first=release.version == facts.oldest,
                before=change.before,
                after=change.after,
                stands=last[change.name] == release.version,
                suspect=release.version > good,
            )


def _last_good_words(last_good: int | datetime | None) -> str:
    if isinstance(last_good, int):
        return (
            f"Targets up to version {last_good} are known to be good; what a stolen key signed after that is suspect. "
            "The versions of signers are counted apart: everything that a stolen key signed there is suspect."
        )
    if last_good is None:
        return "No version is known to be good: everything that a stolen key signed is suspect."
    return (
        f"Metadata holds no times of signing, so {last_good:%Y-%m-%d %H:%M:%S} UTC is compared with nothing: "
        "everything that a stolen key signed is suspect. Name the last good version of targets instead."
    )
