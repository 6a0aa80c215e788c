# SPDX-License-Identifier: Apache-2.0
"""What is about to be signed, from what earlier steps made; how it is put together is in `ceremony.core.specs`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ceremony.core import specs as core
from ceremony.core.dialects import Draft, RepositorySpec
from ceremony.steps.certificates import certificates
from ceremony.steps.repository_keys import repository_keys
from ceremony.steps.room import Room
from ceremony.steps.root_keys import made_roots


def repository_specs(room: Room) -> Sequence[RepositorySpec]:
    """Return the specification of every repository's metadata, in the plan's order."""
    keys = {
        name: core.RepositoryKeys(own.targets, own.snapshot, own.timestamp, own.signers)
        for name, own in repository_keys(room).items()
    }
    roots = {root.serial: root.public for root in made_roots(room)}
    return core.repository_specs(room.plan, roots, certificates(room) if room.dialect.needs_certificate else {}, keys)


def made_here(room: Room) -> frozenset[str]:
    """Return the names of the repositories whose targets key is made in this ceremony: it signs their targets here."""
    return core.made_here(room.plan)


def drafts(room: Room, specs: Sequence[RepositorySpec]) -> Iterator[Draft]:
    """Yield everything that is about to be signed, root before targets, in the plan's order."""
    return core.drafts(room.dialect, room.plan, specs)


def digest(room: Room, specs: Sequence[RepositorySpec]) -> str:
    """Return SHA-256, hex, over the manifest lines of all drafts: what people agreed to sign."""
    return core.digest(drafts(room, specs))
