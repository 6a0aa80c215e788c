# SPDX-License-Identifier: Apache-2.0
"""What is about to be signed: a `RepositorySpec` for each repository, from what earlier steps made."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from ceremony.core.dialects import Draft, RepositorySpec, RootKey
from ceremony.core.plan import Source
from ceremony.steps.certificates import PER_REPOSITORY, certificates
from ceremony.steps.repository_keys import repository_keys
from ceremony.steps.room import Room
from ceremony.steps.root_keys import MadeRoot, made_roots

FIRST_VERSION = 1


def repository_specs(room: Room) -> Sequence[RepositorySpec]:
    """Return the specification of every repository's metadata, in the plan's order."""
    public = repository_keys(room)
    roots = made_roots(room)
    pems = certificates(room) if room.dialect.needs_certificate else {}
    shared: dict[str, tuple[RootKey, ...]] = {}
    specs = []
    for repository in room.plan.repositories:
        name = repository.name if room.plan.root.certificate == PER_REPOSITORY else room.plan.root.certificate
        if name not in shared:
            shared = {name: _root_keys(roots, pems, name)}
        keys = public[repository.name]
        specs.append(
            RepositorySpec(
                name=repository.name,
                version=FIRST_VERSION,
                root_keys=shared[name],
                threshold=room.plan.root.threshold,
                targets=keys.targets,
                snapshot=keys.snapshot,
                timestamp=keys.timestamp,
                signers=keys.signers,
                root_expires=room.plan.expires.root,
                targets_expires=room.plan.expires.targets,
            )
        )
    return specs


def made_here(room: Room) -> frozenset[str]:
    """Return the names of the repositories whose targets key is made in this ceremony: it signs their targets here."""
    return frozenset(r.name for r in room.plan.repositories if r.targets.source is Source.GENERATE)


def drafts(room: Room, specs: Sequence[RepositorySpec]) -> Iterator[Draft]:
    """Yield everything that is about to be signed, root before targets, in the plan's order."""
    own = made_here(room)
    for spec in specs:
        yield room.dialect.root(spec)
        if spec.name in own:
            yield room.dialect.targets(spec)


def digest(room: Room, specs: Sequence[RepositorySpec]) -> str:
    """Return SHA-256, hex, over the manifest lines of all drafts: what people agreed to sign."""
    whole = hashlib.sha256()
    for draft in drafts(room, specs):
        whole.update(f"{hashlib.sha256(draft.payload).hexdigest()}  {draft.path}\n".encode())
    return whole.hexdigest()


def _root_keys(roots: Sequence[MadeRoot], pems: Mapping[str, Mapping[str, str]], name: str) -> tuple[RootKey, ...]:
    return tuple(RootKey(root.public, pems[root.serial][name] if pems else "") for root in roots)
