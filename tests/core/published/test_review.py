# SPDX-License-Identifier: Apache-2.0
"""What people review of a rotation: equal differences together, outliers alone, nothing left out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ceremony.core.dialects import RootKey
from ceremony.core.dialects.notary_sequel import SEQUEL
from ceremony.core.keys import Algorithm
from ceremony.core.ports import Differences
from ceremony.core.published.changes import Changes
from ceremony.core.published.review import Changed, ChangedRepositories, drafts
from ceremony.core.software_key import make
from ceremony.errors import VerificationError
from tests.core.dialects.forged import certificate, key_id
from tests.core.published.made import APP, NEW, ROOT, TARGETS, Made, bare, certified, pinned, read, root

END = datetime(2034, 2, 3, 4, 5, 6, tzinfo=UTC)
WIDE = certified(ROOT.key, "docker.io/acme/*")
STOLEN = frozenset({TARGETS.key.public.sha256})


def changed(number: int, changes: Changes | None = None, version: int = 1) -> Changed:
    """Return a repository that shares the stolen key with all others, and gets a key of its own."""
    made = Made(f"docker.io/acme/app{number}")
    made.root, made.root_by = {version: root(version, [WIDE])}, {version: [WIDE]}
    new = make(Algorithm.ECDSA_P256).public
    return Changed(read(made, pinned(WIDE)), changes or Changes(remove=STOLEN, targets=new, targets_expires=END))


def words(found: Differences) -> dict[tuple[str, str], tuple[str, str, int]]:
    return {(g.change.role, g.change.field): (g.change.before, g.change.after, len(g.members)) for g in found.groups}


def test_equal_changes_are_one_group() -> None:
    found = ChangedRepositories(SEQUEL, [changed(1), changed(2, version=7), changed(3)])
    stolen = f"key {key_id(TARGETS.listed)}, ecdsa-p256"
    assert words(found) == {
        ("root", "version"): ("as published", "the next one", 3),
        ("root", "targets keys"): (stolen, "a key of its own, ecdsa-p256", 3),
        ("targets", "version"): ("as published", "the next one", 3),
        ("targets", "expires"): ("in 2029", "2034-02-03T04:05:06Z", 3),
    }
    assert found.names == tuple(f"docker.io/acme/app{number}" for number in (1, 2, 3))
    assert [change.after for change in found.of(1) if change.field == "version"] == ["8", "6"]


def test_an_outlier_stands_first_and_by_itself() -> None:
    struck = changed(3, Changes(remove=STOLEN, targets=NEW.key.public, targets_expires=END, strike=frozenset({"1.0"})))
    found = ChangedRepositories(SEQUEL, [changed(1), changed(2), struck])
    first = found.groups[0]
    assert (first.change.field, first.exception, list(first.members)) == ("tag 1.0", True, [2])


def test_a_key_that_serves_several_is_named() -> None:
    same = Changes(remove=STOLEN, targets=NEW.key.public)
    found = ChangedRepositories(SEQUEL, [changed(1, same), changed(2, same)])
    assert words(found)["root", "targets keys"][1] == f"key {key_id(NEW.listed)}, ecdsa-p256"


def test_documents_are_the_exact_bytes() -> None:
    one = changed(1)
    found = ChangedRepositories(SEQUEL, [one])
    roots, targets = found.documents(0)
    assert roots.before == one.published.files["root"]
    assert [roots.after, targets.after] == [draft.payload for draft in drafts(SEQUEL, one)]
    assert json.loads(targets.after)["version"] == 6


@pytest.mark.parametrize(
    ("changes", "roles"),
    [
        pytest.param(Changes(root_expires=END), ["root"], id="root alone"),
        pytest.param(Changes(targets_expires=END), ["targets"], id="targets alone"),
        pytest.param(Changes(remove=STOLEN, targets=NEW.key.public, elsewhere=True), ["root"], id="targets elsewhere"),
        pytest.param(Changes(), [], id="nothing"),
    ],
)
def test_only_what_changes_is_signed(changes: Changes, roles: list[str]) -> None:
    one = changed(1, changes)
    assert [draft.role for draft in drafts(SEQUEL, one)] == roles
    found = ChangedRepositories(SEQUEL, [one])
    assert {change.role for change in found.of(0)} == set(roles)


def test_a_review_and_the_judge_tell_the_same() -> None:
    root_key = RootKey(NEW.key.public, certificate(NEW.key, APP).decode())
    one = Changed(read(Made()), Changes(root_keys=(root_key,)))
    (keys,) = (change for change in ChangedRepositories(SEQUEL, [one]).of(0) if change.field == "root keys")
    assert "certificate for docker.io/acme/app until 2036-01-01" in keys.after
    assert bare(NEW.key).listed == NEW.listed


def test_what_cannot_be_made_cannot_be_reviewed() -> None:
    one = changed(1)
    with pytest.raises(VerificationError, match="targets would have 0 keys left"):
        ChangedRepositories(SEQUEL, [replace(one, changes=Changes(remove=STOLEN))])


def test_a_key_of_its_own_in_the_place_of_another_is_told() -> None:
    published = read(Made())
    changed = ChangedRepositories(SEQUEL, [Changed(published, Changes(targets=NEW.key.public))])
    (one,) = [group.change for group in changed.groups if group.change.field == "targets keys"]
    assert (one.before, one.after) == ("a key of its own, ecdsa-p256", "another: a key of its own, ecdsa-p256")
