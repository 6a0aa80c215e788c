# SPDX-License-Identifier: Apache-2.0
"""The root keys of a repository from now on, and which certificates have to be made for that.

A certificate is a key id of its own in Notary, and clients pin it, so one that is
published stays for as long as it outlives the root that names it, or the day that the
plan sets for certificates. Only a token that is in the room can certify its key anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ceremony.core.agenda.entries import Agenda, Entry
from ceremony.core.dialects import RootKey
from ceremony.core.keys import PublicKey, from_spki
from ceremony.core.plan import PER_REPOSITORY, Kind, Plan, RootPlan
from ceremony.core.published.values import Certificate, PublishedKey, RoleKeys
from ceremony.errors import VerificationError


@dataclass(frozen=True, slots=True)
class Held:
    """A root key that is on a token in the room."""

    token: str
    """The plan's name."""
    serial: str
    public: PublicKey


@dataclass(frozen=True, slots=True)
class Member:
    """A root key of a repository from now on, with its certificate: one that is published, or one to be made."""

    public: PublicKey
    certificate: str = ""
    """PEM, as published; empty where it is to be made, and where root keys have none."""
    serial: str = ""
    """Of the token that certifies it; empty when nothing is to be made."""
    common_name: str = ""


@dataclass(frozen=True, slots=True)
class RootSet:
    """All root keys of a repository from now on; without members they stay as they are published."""

    members: tuple[Member, ...] = ()
    threshold: int = 0
    """0: as it is published."""


@dataclass(frozen=True, slots=True)
class Roots:
    """What root sets are made from."""

    plan: Plan
    held: tuple[Held, ...]
    """Those that are in the room: first those that sign what is published, then those that are made; by the plan's order."""
    certified: bool
    """Whether the dialect's root keys are certificates."""
    sibling: RoleKeys | None = None
    """The root role that most published repositories have: a new one gets the same."""

    def of(self, entry: Entry) -> RootSet:
        """Return the root set of a repository; raises VerificationError, naming it, when there can be none."""
        change = self.plan.change
        if change is None:
            return RootSet(self._made(entry), self.plan.root.threshold)
        if change.new_root is not None:
            return RootSet(self._made(entry), change.new_root.threshold)
        if entry.published is None:
            return self._as_siblings(entry)
        if "certificate" in change.expires and self.certified:
            return self._reissued(entry)
        return RootSet()

    def _made(self, entry: Entry) -> tuple[Member, ...]:
        root = self.plan.root
        by_token = {held.token: held for held in self.held}
        return tuple(self._member(entry, by_token[name], _common_name(root, entry.name)) for name in root.tokens)

    def _member(self, entry: Entry, held: Held, common_name: str) -> Member:
        if not self.certified:
            return Member(held.public)
        published = _published(entry).get(held.public.sha256)
        if published is not None and _outlives(published.certificate, entry.name, self._until(entry)):
            return Member(held.public, _pem(published))
        return self._fresh(entry, held, common_name)

    def _reissued(self, entry: Entry) -> RootSet:
        by_key = {held.public.sha256: held for held in self.held}
        members = []
        for fingerprint, key in _published(entry).items():
            held = by_key.get(fingerprint)
            own = key.certificate.common_name if key.certificate else entry.name
            members.append(self._member(entry, held, own) if held else Member(from_spki(key.spki), _pem(key)))
        return RootSet(tuple(members)) if any(member.serial for member in members) else RootSet()

    def _as_siblings(self, entry: Entry) -> RootSet:
        """Return the keys that the others have, as far as there can be certificates of them for this repository."""
        by_key = {held.public.sha256: held for held in self.held}
        until, members = self._until(entry), []
        for key in self.sibling.keys if self.sibling else ():
            held = by_key.get(key.fingerprint)
            if not self.certified or _outlives(key.certificate, entry.name, until):
                members.append(Member(from_spki(key.spki), _pem(key)))
            elif held is not None:
                covers = key.certificate is not None and key.certificate.covers(entry.name)
                own = key.certificate.common_name if key.certificate and covers else entry.name
                members.append(self._fresh(entry, held, own))
        threshold = self.sibling.threshold if self.sibling else 1
        if len(members) < threshold:
            what = f"could have {len(members)} of the {threshold} root keys that the others have"
            raise VerificationError(entry.name, what, hint="bring the tokens of more root keys: they certify themselves for it")
        return RootSet(tuple(members), threshold)

    def _fresh(self, entry: Entry, held: Held, common_name: str) -> Member:
        if self.plan.kind is not Kind.GENESIS and "certificate" not in (self.plan.change.expires if self.plan.change else {}):
            what = "needs new root certificates, and the plan does not say until when"
            raise VerificationError(entry.name, what, hint="write expires.certificate in the plan")
        if common_name.endswith("*") and not entry.name.startswith(common_name[:-1]):
            raise VerificationError(
                entry.name,
                f"is not covered by certificates for {common_name}",
                hint=f'write certificate = "{PER_REPOSITORY}", or a shorter prefix',
            )
        return Member(held.public, serial=held.serial, common_name=common_name)

    def _until(self, entry: Entry) -> datetime | None:
        """Return how long a certificate has to be good to stay."""
        expires = self.plan.change.expires if self.plan.change else {}
        days = [expires[name] for name in ("root", "certificate") if name in expires]
        if entry.published is not None and "root" not in expires:
            days.append(entry.published.root.expires_at)
        if "certificate" in expires and self.plan.kind is Kind.RENEWAL:
            return expires["certificate"]
        return min(days) if days else None


def sibling(agenda: Agenda, others: Iterable[RoleKeys] = ()) -> RoleKeys | None:
    """Return the root role that most of the published repositories have, by its keys; None when there is none."""
    roles = [*others, *(entry.published.root.roles["root"] for entry in agenda.entries.values() if entry.published)]
    counted = Counter((role.fingerprints(), role.threshold) for role in roles)
    if not counted:
        return None
    (fingerprints, threshold), _ = counted.most_common(1)[0]
    alike = (role for role in roles if (role.fingerprints(), role.threshold) == (fingerprints, threshold))
    # Of equal roles, one with certificates for a prefix can serve more repositories than one for a single name.
    return max(
        alike, key=lambda role: sum(k.certificate is not None and k.certificate.common_name.endswith("*") for k in role.keys)
    )


def wanted(sets: Iterable[RootSet]) -> Mapping[str, Sequence[str]]:
    """Return serial → the common names that its root key certifies itself for, each once, in the order of the repositories."""
    found: dict[str, dict[str, None]] = {}
    for root_set in sets:
        for member in root_set.members:
            if member.serial:
                found.setdefault(member.serial, {})[member.common_name] = None
    return {serial: tuple(names) for serial, names in found.items()}


def root_keys(root_set: RootSet, certificates: Mapping[str, Mapping[str, str]]) -> tuple[RootKey, ...]:
    """Return the keys of a root set with their certificates; raises KeyError for one that was not made."""
    return tuple(
        RootKey(member.public, certificates[member.serial][member.common_name] if member.serial else member.certificate)
        for member in root_set.members
    )


def _common_name(root: RootPlan, name: str) -> str:
    return name if root.certificate == PER_REPOSITORY else root.certificate


def _published(entry: Entry) -> dict[str, PublishedKey]:
    """Return the published root keys by fingerprint; of several certificates of one key, the one that is good for longest."""
    keys = entry.published.root.roles["root"].keys if entry.published else ()
    return {key.fingerprint: key for key in sorted(keys, key=_good_until)}


def _good_until(key: PublishedKey) -> float:
    return key.certificate.not_after.timestamp() if key.certificate else 0.0


def _outlives(certificate: Certificate | None, name: str, until: datetime | None) -> bool:
    usable = certificate is not None and not certificate.fault and certificate.covers(name)
    return usable and certificate is not None and (until is None or certificate.not_after >= until)


def _pem(key: PublishedKey) -> str:
    return key.certificate.pem if key.certificate else ""
