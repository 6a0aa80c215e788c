# SPDX-License-Identifier: Apache-2.0
"""What a renewal or a rotation changes in one repository, and who has to sign that.

Whatever `Changes` does not say stays as it is published, to the letter. A key that
goes, goes from every role. Whether new metadata is needed follows: a new root for its
keys, thresholds and days, new targets for tags, signers and days, and whenever the key
that signs targets is another one.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime

from ceremony.core.dialects import RootKey, Signer
from ceremony.core.keys import PublicKey, from_spki
from ceremony.core.published.values import Published, PublishedKey, RoleKeys


@dataclass(frozen=True, slots=True)
class Changes:
    """What changes in one repository; times are aware UTC."""

    remove: frozenset[str] = frozenset()
    """Fingerprints (SHA-256 over SubjectPublicKeyInfo, hex) of keys that go from every role."""
    root_keys: tuple[RootKey, ...] = ()
    """All root keys from now on; empty: those that are published and do not go."""
    threshold: int = 0
    """Of the root from now on; 0: as it is."""
    targets: PublicKey | None = None
    """The only targets key from now on."""
    snapshot: PublicKey | None = None
    timestamp: PublicKey | None = None
    root_expires: datetime | None = None
    targets_expires: datetime | None = None
    remove_signers: frozenset[str] = frozenset()
    """Names of docker signers that go."""
    signers: tuple[Signer, ...] = ()
    """Docker signers that come, or whose only key this is from now on."""
    strike: frozenset[str] = frozenset()
    """Names of tags that go from targets."""
    elsewhere: bool = False
    """The new targets are signed by their team, outside the ceremony: the root is made alone, and waits for them."""

    def new_key(self, role: str) -> PublicKey | None:
        """Return the new only key of `targets`, `snapshot` or `timestamp`; None for none, and for other roles."""
        return {"targets": self.targets, "snapshot": self.snapshot, "timestamp": self.timestamp}.get(role)


def needs_root(published: Published, changes: Changes) -> bool:
    """Tell whether the changes make a new root."""
    said = changes.root_keys or changes.threshold or changes.targets or changes.snapshot or changes.timestamp
    return bool(said or changes.root_expires) or _removes(published.root.roles.values(), changes)


def needs_targets(published: Published, changes: Changes) -> bool:
    """Tell whether the changes make new targets, to be signed by the targets key that holds from now on."""
    said = changes.targets or changes.targets_expires or changes.remove_signers or changes.signers or changes.strike
    roles = (published.root.roles["targets"], *published.targets.delegations)
    return bool(said) or _removes(roles, changes)


def needs_snapshot(published: Published, changes: Changes) -> bool:
    """Tell whether a snapshot has to be signed: the server does not hold the key that signs it from now on.

    Where nothing of the server's keys was brought, a key that stays is taken for its own.
    """
    if changes.snapshot is None:
        return published.server is not None and not published.server_holds("snapshot")
    return published.server is None or changes.snapshot != published.server.snapshot


def _removes(roles: Iterable[RoleKeys], changes: Changes) -> bool:
    return any(role.fingerprints() & changes.remove for role in roles)


@dataclass(frozen=True, slots=True)
class RootSigner:
    """A root key that may sign the next root, and under which ids: a new certificate is a new key id."""

    fingerprint: str
    spki: bytes
    """DER SubjectPublicKeyInfo."""
    old_ids: tuple[str, ...]
    """What the published root knows it by; empty for a new key."""
    new_ids: tuple[str, ...]
    """What the next root knows it by; empty for a key that goes."""

    @property
    def key_ids(self) -> tuple[str, ...]:
        """Each id under which the file wants an entry, all with the same signature."""
        return tuple(dict.fromkeys((*self.old_ids, *self.new_ids)))


@dataclass(frozen=True, slots=True)
class RootSigners:
    """Whose signatures a new root needs: enough old ones, and enough new ones; one key may be both."""

    keys: tuple[RootSigner, ...]
    old_threshold: int
    new_threshold: int

    def missing(self, present: Container[str], expired: Container[str] = ()) -> tuple[int, int]:
        """Return how many signatures lack for the old threshold and for the new one, when these keys (fingerprints) sign.

        `expired` are the ids of certificates that are not good any more: clients still follow the old root by them, but
        count them for no new one.
        """
        here = [key for key in self.keys if key.fingerprint in present]
        old = sum(len(key.old_ids) for key in here)
        new = sum(key_id not in expired for key in here for key_id in key.new_ids)
        return max(0, self.old_threshold - old), max(0, self.new_threshold - new)


def root_key(key: PublishedKey) -> RootKey:
    """Return a published root key as `Changes.root_keys` takes it; raises VerificationError for an algorithm that no ceremony uses."""
    return RootKey(from_spki(key.spki), key.certificate.pem if key.certificate else "")
