# SPDX-License-Identifier: Apache-2.0
"""Merkle roots, judged by the recursive definition of RFC 6962 and by published trees."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceremony.core.merkle import Frontier

PUBLISHED = json.loads((Path(__file__).parent.parent / "vectors/merkle/trees.json").read_text())


def _root(leaves: Sequence[bytes]) -> str:
    frontier = Frontier()
    for leaf in leaves:
        frontier = frontier.add(leaf)
    return frontier.root()


def _definition(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) < 2:
        return hashlib.sha256(b"\x00" + leaves[0] if leaves else b"").digest()
    split = 2 ** ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + _definition(leaves[:split]) + _definition(leaves[split:])).digest()


@pytest.mark.parametrize("count", range(9))
def test_gives_the_published_roots_of_certificate_transparency(count: int) -> None:
    leaves = [bytes.fromhex(leaf) for leaf in PUBLISHED["leaves"]]
    assert _root(leaves[:count]) == PUBLISHED["roots"][count]


def test_the_empty_tree_is_the_hash_of_nothing() -> None:
    assert Frontier().root() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert PUBLISHED["roots"][8] == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


@given(st.lists(st.binary(max_size=8), max_size=80))
def test_gives_the_root_that_rfc_6962_defines(leaves: list[bytes]) -> None:
    assert _root(leaves) == _definition(leaves).hex()


def test_every_size_up_to_two_hundred_is_as_defined() -> None:
    leaves = [b"%d\n" % i for i in range(200)]
    frontier = Frontier()
    for count, leaf in enumerate(leaves, 1):
        frontier = frontier.add(leaf)
        assert frontier.root() == _definition(leaves[:count]).hex()
        assert len(frontier.subtrees) == count.bit_count()


def test_a_leaf_is_not_a_node() -> None:
    left, right = hashlib.sha256(b"\x00a").digest(), hashlib.sha256(b"\x00b").digest()
    assert _root([b"a", b"b"]) != _root([left + right])


def test_adding_leaves_the_frontier_before_as_it_was() -> None:
    before = Frontier().add(b"a")
    root = before.root()
    before.add(b"b")
    assert before.root() == root
