# SPDX-License-Identifier: Apache-2.0
"""What people review before they sign: nothing that changes is left out, and nothing that does not is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ceremony.core.agenda.differences import differences
from ceremony.core.agenda.items import ChangedItem, NewItem
from ceremony.core.dialects import RepositorySpec, RootKey, Signer
from ceremony.core.dialects.notary_sequel import SEQUEL
from ceremony.core.published.changes import Changes
from ceremony.core.review import NewRepositories
from ceremony.errors import VerificationError
from tests.core.agenda.made import NOTARY
from tests.core.dialects.forged import certificate
from tests.core.published.made import (
    ALICE,
    APP,
    BOB,
    NEW,
    OFFERED,
    OTHER,
    ROOT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
    Made,
    certified,
    pinned,
    read,
    root,
)
from tests.fakes.fleet import changing_plan

END = datetime(2034, 2, 3, 4, 5, 6, tzinfo=UTC)
PLAN = changing_plan("renewal")
PUBLISHED = read(Made())
WIDE = certified(ROOT.key, "docker.io/acme/*")


def some(*values: Any) -> st.SearchStrategy[Any]:
    """Return nothing, or one of these."""
    return st.one_of(st.none(), st.sampled_from(values))


def subsets(*values: str) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(values))


ROOT_KEYS = {one.key.public.sha256: RootKey(one.key.public, certificate(one.key, APP).decode()) for one in (ROOT, OTHER)}
CHANGES = st.builds(
    Changes,
    remove=subsets(*(one.key.public.sha256 for one in (ALICE, BOB, TARGETS, TIMESTAMP, OTHER))),
    root_keys=st.sampled_from([(), (ROOT_KEYS[OTHER.key.public.sha256],), tuple(ROOT_KEYS.values())]),
    threshold=st.integers(0, 2),
    targets=some(NEW.key.public, TARGETS.key.public),
    snapshot=some(OFFERED, SNAPSHOT.key.public),
    timestamp=some(OFFERED),
    root_expires=some(END),
    targets_expires=some(END),
    remove_signers=subsets("alice", "bob"),
    signers=st.lists(
        st.sampled_from([Signer("alice", NEW.key.public), Signer("carol", OTHER.key.public)]), unique_by=lambda one: one.name
    ).map(tuple),
    strike=subsets("1.0", "2.0", "é<>"),
)


def flat_root(signed: dict[str, Any]) -> Iterator[tuple[str, object]]:
    yield from ((name, signed[name]) for name in ("version", "expires"))
    yield "consistent snapshot", signed["consistent_snapshot"]
    for name, role in signed["roles"].items():
        yield f"{name} keys", [(key_id, json.dumps(signed["keys"][key_id], sort_keys=True)) for key_id in sorted(role["keyids"])]
        yield f"{name} threshold", role["threshold"]
    # Whatever else there is would have no words.
    yield "unknown", signed.keys() - {"_type", "consistent_snapshot", "expires", "keys", "roles", "version"}
    yield "unused", signed["keys"].keys() - {key_id for role in signed["roles"].values() for key_id in role["keyids"]}


def flat_targets(signed: dict[str, Any]) -> Iterator[tuple[str, object]]:
    yield from ((name, signed[name]) for name in ("version", "expires"))
    keys, roles = signed["delegations"]["keys"], signed["delegations"]["roles"]
    for role in roles:
        name = role["name"]
        yield f"{name} keys", [(key_id, json.dumps(keys[key_id], sort_keys=True)) for key_id in sorted(role["keyids"])]
        yield f"{name} threshold", role["threshold"]
        yield f"{name} paths", role["paths"]
    for name, entry in signed["targets"].items():
        yield f"tag {name}", json.dumps(entry, sort_keys=True)
    yield "unknown", signed.keys() - {"_type", "delegations", "expires", "targets", "version"}
    yield "unused", keys.keys() - {key_id for role in roles for key_id in role["keyids"]}


def told_apart(role: str, before: bytes, after: bytes) -> set[tuple[str, str]]:
    """Return the role and field of everything in which two files differ, worked out from their JSON alone."""
    flat = {"root": flat_root, "targets": flat_targets}[role]
    old, new = dict(flat(json.loads(before)["signed"])), dict(flat(json.loads(after)))
    return {(role, name) for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


@settings(max_examples=150, deadline=None)
@given(CHANGES)
def test_what_is_said_of_changes_is_what_differs_in_the_bytes(changes):
    item = ChangedItem(NOTARY, SEQUEL, PUBLISHED, changes, here=True)
    try:
        drafts = item.drafts()
    except VerificationError:
        drafts = ()  # what cannot be made is not reviewed
    assume(drafts)
    differ = {one for d in drafts for one in told_apart(d.role, PUBLISHED.files[d.role], d.payload)}
    found = differences(NOTARY, PLAN, [item])
    assert {(change.role, change.field) for change in found.of(0)} == differ
    assert {(group.change.role, group.change.field) for group in found.groups} == differ
    assert [document.after for document in found.documents(0)] == [draft.payload for draft in drafts]


# --- several lists in one ---


def changed(name: str, changes: Changes) -> ChangedItem:
    made = Made(name)
    made.root, made.root_by = {1: root(1, [WIDE])}, {1: [WIDE]}
    return ChangedItem(NOTARY, SEQUEL, read(made, pinned(WIDE)), changes, here=False)


def new(name: str, **more: Any) -> NewItem:
    key = RootKey(ROOT.key.public, certificate(ROOT.key, "docker.io/acme/*").decode())
    spec = RepositorySpec(name, 1, (key,), 1, NEW.key.public, OFFERED, OFFERED, (), END, END)
    return NewItem(NOTARY, replace(spec, **more), here=True)


LATER = Changes(root_expires=END)


def test_repositories_that_change_come_before_new_ones_and_outliers_before_both():
    items = [new("docker.io/acme/n1"), *(changed(f"docker.io/acme/c{n}", LATER) for n in (1, 2, 3)), new("docker.io/acme/n2")]
    items += [new("docker.io/acme/n3"), new("docker.io/acme/n4", threshold=2)]
    items.append(changed("docker.io/acme/c4", replace(LATER, snapshot=OFFERED)))
    found = differences(NOTARY, PLAN, items)
    assert found.names == tuple(f"docker.io/acme/{name}" for name in ("c1", "c2", "c3", "c4", "n1", "n2", "n3", "n4"))
    exceptions = [group.exception for group in found.groups]
    assert exceptions == sorted(exceptions, reverse=True)
    assert any(exceptions)
    for group in found.groups:
        for member in group.members:
            assert (group.change.role, group.change.field) in {(c.role, c.field) for c in found.of(member)}
            assert {change.repository for change in found.of(member)} == {found.names[member]}
    for number, name in enumerate(found.names):
        assert all(name in document.path for document in found.documents(number))
    # Every difference of every repository is in a group.
    grouped = {(g.change.role, g.change.field, m) for g in found.groups for m in g.members}
    assert grouped == {(c.role, c.field, n) for n in range(len(found.names)) for c in found.of(n)}


def test_new_repositories_alone_are_reviewed_as_those_of_a_genesis():
    items = [new("docker.io/acme/n1")]
    found = differences(NOTARY, PLAN, items)
    assert isinstance(found, NewRepositories)
    assert found.names == ("docker.io/acme/n1",)
    assert differences(NOTARY, PLAN, []).names == ()
