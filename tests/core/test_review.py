# SPDX-License-Identifier: Apache-2.0
"""What is about to be signed, as differences: nothing is left out, and outliers stand alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from ceremony.core.dialects import RepositorySpec, RootKey, Signer
from ceremony.core.dialects.notary import Notary
from ceremony.core.keys import Algorithm
from ceremony.core.ports import Change
from ceremony.core.review import created, grouped
from tests.vectors.known_keys import known

P256, P384, RSA, ED = (
    known(a).public for a in (Algorithm.ECDSA_P256, Algorithm.ECDSA_P384, Algorithm.RSA_3072, Algorithm.ED25519)
)
SPEC = RepositorySpec(
    name="docker.io/acme/app",
    version=1,
    root_keys=(RootKey(P384), RootKey(P256)),
    threshold=2,
    targets=P256,
    snapshot=RSA,
    timestamp=RSA,
    signers=(Signer("alice", ED),),
    root_expires=datetime(2036, 11, 19, tzinfo=UTC),
    targets_expires=datetime(2029, 11, 19, tzinfo=UTC),
)


def _said(changes: tuple[Change, ...]) -> dict[tuple[str, str], str]:
    assert {(c.repository, c.before) for c in changes} == {("docker.io/acme/app", "")}
    return {(c.role, c.field): c.after for c in changes}


def test_says_all_that_a_new_repository_is() -> None:
    roots = ", ".join(sorted([P256.sha256[:16], P384.sha256[:16]]))
    assert _said(created(Notary(), SPEC, targets_made_here=True)) == {
        ("root", "version"): "1",
        ("root", "keys"): f"2 of 2: {roots}",
        ("root", "expires"): "2036-11-19T00:00:00.000000Z",
        ("root", "targets key"): "a key of its own, made here",
        ("root", "snapshot key"): "a key of its own, held by the server",
        ("root", "timestamp key"): "a key of its own, held by the server",
        ("targets", "version"): "1",
        ("targets", "expires"): "2029-11-19T00:00:00.000000Z",
        ("targets", "signer"): f"alice: key {Notary().key_id(ED)}",
    }


def test_says_which_key_a_team_brings_and_nothing_of_targets_that_are_not_signed_here() -> None:
    said = _said(created(Notary(), replace(SPEC, signers=()), targets_made_here=False))
    assert said["root", "targets key"] == f"key {Notary().key_id(P256)}"
    assert {role for role, _ in said} == {"root"}


def test_the_order_of_root_keys_makes_no_difference() -> None:
    turned = replace(SPEC, root_keys=SPEC.root_keys[::-1])
    assert created(Notary(), turned, targets_made_here=True) == created(Notary(), SPEC, targets_made_here=True)


def test_equal_changes_are_one_line_and_an_outlier_stands_alone() -> None:
    specs = [replace(SPEC, name=f"docker.io/acme/{i}") for i in range(5)]
    specs[3] = replace(specs[3], version=7)
    shown = grouped(change for spec in specs for change in created(Notary(), spec, targets_made_here=True))
    assert [(c.repository, c.after) for c in shown if c.field == "version" and c.role == "root"] == [
        ("4 repositories", "1"),
        ("docker.io/acme/3", "7"),
    ]
    assert {c.repository for c in shown if c.field != "version"} == {"5 repositories"}
    assert grouped([]) == ()


CHANGES = st.builds(Change, *[st.sampled_from(["a", "b", "c"])] * 5)


@given(st.lists(CHANGES))
def test_nothing_that_changes_is_left_out(changes: list[Change]) -> None:
    def kind(change: Change) -> tuple[str, ...]:
        return change.role, change.field, change.before, change.after

    shown = grouped(changes)
    numbers = Counter(kind(change) for change in changes)
    assert [kind(change) for change in shown] == list(numbers)
    for change in shown:
        number = numbers[kind(change)]
        assert change in changes if number == 1 else change.repository == f"{number} repositories"
