# SPDX-License-Identifier: Apache-2.0
"""What is published of a repository, as values that were verified.

Made by a dialect's reader from a server's bytes, and by nothing else. Whoever holds
a `Published` may rely on this: its root follows the trusted root by the rules of
that trust system's clients, and everything else verifies under that root. What
clients would refuse and a ceremony can repair (something expired, a signer's metadata
that no longer verifies) is no error but one of its `notes`.

Equal keys of thousands of repositories are one object: fleets are large.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ceremony.core.keys import PublicKey
from ceremony.core.served import ServerKeys

ROLES = ("root", "targets", "snapshot", "timestamp")
RELEASES = "releases"
"""The delegation that docker reads tags from; every docker signer's key stands there too."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a key's certificate says."""

    pem: str
    """Exactly as published, with whatever follows the first certificate."""
    common_name: str
    not_before: datetime
    not_after: datetime
    fault: str
    """Why no client takes it for a root key, whatever the day; empty when they do."""

    def covers(self, repository: str) -> bool:
        """Tell whether it is for this repository: by name, or by a prefix that ends in `*`."""
        prefix = self.common_name.removesuffix("*")
        return self.common_name == repository or (prefix not in ("", self.common_name) and repository.startswith(prefix))


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A key as metadata lists it; of any algorithm that clients take, also those that no ceremony makes."""

    key_id: str
    fingerprint: str
    """SHA-256 over the DER SubjectPublicKeyInfo, hex: the same for every certificate of a key."""
    spki: bytes
    """DER SubjectPublicKeyInfo."""
    kind: str
    """Algorithm and size, such as ecdsa-p256 or rsa-2048."""
    entry: bytes
    """As the metadata lists it, canonical JSON."""
    certificate: Certificate | None = None


@dataclass(frozen=True, slots=True)
class RoleKeys:
    """Whom a role's metadata must be signed by."""

    name: str
    keys: tuple[PublishedKey, ...]
    """In the order of the metadata."""
    threshold: int
    paths: tuple[str, ...] = ()
    """Of a delegation: what it may sign, by prefix."""

    def by_id(self) -> dict[str, PublishedKey]:
        """Return the keys by key id."""
        return {key.key_id: key for key in self.keys}

    def fingerprints(self) -> frozenset[str]:
        """Return the fingerprints of the keys."""
        return frozenset(key.fingerprint for key in self.keys)


@dataclass(frozen=True, slots=True)
class Tag:
    """One entry of targets."""

    name: str
    entry: bytes
    """Hashes, length and what else the entry says, canonical JSON."""
    since: int
    """The version of its role in which it first had this value, of those versions that were read."""


@dataclass(frozen=True, slots=True)
class TagChange:
    """What one version did to a tag; the entries are canonical JSON, empty where there was or is none."""

    name: str
    before: bytes
    after: bytes


@dataclass(frozen=True, slots=True)
class Release:
    """One version of targets or of a delegation: who signed it, and what it changed."""

    version: int
    signed_by: tuple[str, ...]
    """Key ids whose signatures verify; empty when it is by keys that no root of the chain names."""
    changes: tuple[TagChange, ...]


@dataclass(frozen=True, slots=True)
class TargetsFacts:
    """The newest targets metadata, or that of a delegation, with its history."""

    role: str
    version: int
    expires: str
    """As the metadata writes it."""
    expires_at: datetime
    tags: tuple[Tag, ...]
    """Sorted by name."""
    delegations: tuple[RoleKeys, ...]
    """In the order of the metadata."""
    history: tuple[Release, ...]
    """Versions ascending, those that were read; the last is the newest."""
    dropped: tuple[str, ...] = ()
    """Members that clients of this trust system do not know and do not write again."""

    @property
    def oldest(self) -> int:
        """The oldest version that was read."""
        return self.history[0].version

    @property
    def signed_by(self) -> tuple[str, ...]:
        """The key ids that signed the newest version."""
        return self.history[-1].signed_by


@dataclass(frozen=True, slots=True)
class RootFacts:
    """The newest root metadata."""

    version: int
    expires: str
    """As the metadata writes it."""
    expires_at: datetime
    roles: Mapping[str, RoleKeys]
    consistent_snapshot: bool
    signed_by: tuple[str, ...]
    """Key ids of its own root role whose signatures verify."""
    trusted_since: int
    """The version that the trusted root vouches for; every version from there to the newest was followed."""
    dropped: tuple[str, ...] = ()
    """Members, and keys without a role, that clients do not need and do not write again."""


@dataclass(frozen=True, slots=True)
class Served:
    """What a server serves of one repository, as bytes."""

    repository: str
    metadata: Mapping[str, Sequence[tuple[int, bytes]]]
    """By role: versions and bytes, ascending."""
    server: ServerKeys | None
    """The public keys that the server offers, where the request brought both."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that clients refuse or warn of, and that a ceremony or its team can repair."""

    role: str
    words: str


@dataclass(frozen=True, slots=True)
class Published:
    """What is published of one repository."""

    repository: str
    root: RootFacts
    targets: TargetsFacts
    delegated: Mapping[str, TargetsFacts]
    """Metadata of delegations that verifies, by role."""
    snapshot_version: int
    timestamp_version: int
    server: ServerKeys | None
    """The public keys that the server offers, where the request brought them."""
    files: Mapping[str, bytes]
    """The newest root, targets and snapshot, byte for byte, by role."""
    notes: tuple[Note, ...]

    def roles(self) -> Iterator[RoleKeys]:
        """Yield every role that some key can sign for: those of the root, and each delegation, parents first."""
        yield from self.root.roles.values()
        yield from self.targets.delegations
        for metadata in self.delegated.values():
            yield from metadata.delegations

    def server_holds(self, role: str) -> bool:
        """Tell whether the key of `snapshot` or `timestamp` is the one that the server offers."""
        offered: PublicKey | None = getattr(self.server, role) if self.server is not None else None
        return offered is not None and hashlib.sha256(offered.spki).hexdigest() in self.root.roles[role].fingerprints()


def signer(role: str) -> str:
    """Return the docker signer of a delegation's name: `alice` of `targets/alice`; empty for any other role."""
    top, _, name = role.partition("/")
    return name if top == "targets" and name != RELEASES and "/" not in name else ""
