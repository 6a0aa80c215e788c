# SPDX-License-Identifier: Apache-2.0
"""What is about to be signed, as differences from what is published.

Equal differences of several repositories become one line with their number, so
that what stands alone is seen; nothing that changes is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ceremony.core.dialects import Dialect, RepositorySpec
from ceremony.core.log import format_utc
from ceremony.core.ports import Change


def shared_keys(dialect: Dialect, specs: Iterable[RepositorySpec]) -> frozenset[str]:
    """Return the ids of the server's keys that serve more than one repository or role."""
    counts = Counter(dialect.key_id(key) for spec in specs for key in (spec.snapshot, spec.timestamp))
    return frozenset(key_id for key_id, count in counts.items() if count > 1)


def created(
    dialect: Dialect, spec: RepositorySpec, *, targets_made_here: bool, shared: frozenset[str] = frozenset()
) -> tuple[Change, ...]:
    """Return the differences that a new repository makes, for which nothing is published; `shared` is what `shared_keys` gave."""

    def held_by_server(key_id: str) -> str:
        return f"key {key_id}, which serves others too" if key_id in shared else "a key of its own, held by the server"

    def new(role: str, field: str, after: str) -> Change:
        return Change(spec.name, role, field, before="", after=after)

    roots = ", ".join(sorted(key.public.sha256[:16] for key in spec.root_keys))
    targets = "a key of its own, made here" if targets_made_here else f"key {dialect.key_id(spec.targets)}"
    changes = [
        new("root", "version", str(spec.version)),
        new("root", "keys", f"{spec.threshold} of {len(spec.root_keys)}: {roots}"),
        new("root", "expires", format_utc(spec.root_expires)),
        new("root", "targets key", targets),
        new("root", "snapshot key", held_by_server(dialect.key_id(spec.snapshot))),
        new("root", "timestamp key", held_by_server(dialect.key_id(spec.timestamp))),
    ]
    if targets_made_here:
        changes += [new("targets", "version", str(spec.version)), new("targets", "expires", format_utc(spec.targets_expires))]
    changes += [new("targets", "signer", f"{s.name}: key {dialect.key_id(s.public)}") for s in spec.signers]
    return tuple(changes)


def grouped(changes: Iterable[Change]) -> Sequence[Change]:
    """Return the changes with equal ones of several repositories as one, in order of first appearance."""
    groups: dict[tuple[str, str, str, str], list[Change]] = {}
    for change in changes:
        groups.setdefault((change.role, change.field, change.before, change.after), []).append(change)
    return tuple(
        group[0] if len(group) == 1 else Change(f"{len(group)} repositories", role, field, before, after)
        for (role, field, before, after), group in groups.items()
    )
