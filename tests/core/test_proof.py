# SPDX-License-Identifier: Apache-2.0
"""Inclusion proofs, judged by a verifier written from RFC 9162, section 2.1.3.2: another algorithm, from the leaf up."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ceremony.core import proof
from ceremony.core.merkle import Frontier
from ceremony.errors import VerificationError

PUBLISHED = json.loads((Path(__file__).parent.parent / "vectors/merkle/trees.json").read_text())
LARGEST = 70


def lines(count: int) -> list[bytes]:
    return [b'{"seq":%d}\n' % seq for seq in range(count)]


def leaves(count: int) -> list[bytes]:
    return [proof.leaf(line) for line in lines(count)]


def frontier_root(count: int) -> str:
    frontier = Frontier()
    for line in lines(count):
        frontier = frontier.add(line)
    return frontier.root()


def independent(line: bytes, seq: int, entries: int, path: Sequence[str], root: str) -> bool:
    """Verify as RFC 9162, section 2.1.3.2, says."""
    if seq >= entries:
        return False
    fn, sn, r = seq, entries - 1, hashlib.sha256(b"\0" + line).digest()
    for p in map(bytes.fromhex, path):
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = hashlib.sha256(b"\1" + p + r).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = hashlib.sha256(b"\1" + r + p).digest()
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r.hex() == root


def holds(line: bytes, seq: int, entries: int, path: Sequence[str], root: str) -> bool:
    """Tell what our own check says, and that the independent one says the same."""
    try:
        proof.check(proof.leaf(line), seq, entries, path, root)
        own = True
    except VerificationError:
        own = False
    assert independent(line, seq, entries, path, root) is own
    return own


def test_every_record_of_every_small_log_is_proven():
    for entries in range(1, LARGEST + 1):
        root = frontier_root(entries)
        assert proof.root(leaves(entries)) == root
        for seq in range(entries):
            path = proof.prove(leaves(entries), seq, entries)
            assert holds(lines(entries)[seq], seq, entries, path, root), (seq, entries)


def test_a_log_that_went_on_proves_its_records_under_the_head_before():
    for entries in range(1, LARGEST):
        assert proof.prove(leaves(LARGEST), entries - 1, entries) == proof.prove(leaves(entries), entries - 1, entries)


def test_no_other_record_place_size_or_path_is_taken():
    refused = 0
    for entries in range(1, 24):
        root, all_lines = frontier_root(entries), lines(LARGEST)
        for seq in range(entries):
            path = proof.prove(leaves(entries), seq, entries)
            wrong = [
                *((all_lines[other], seq, entries, path, root) for other in range(entries + 2) if other != seq),
                *((all_lines[seq], other, entries, path, root) for other in range(entries + 2) if other != seq),
                (all_lines[seq], seq, entries, path, frontier_root(entries + 1)),
                (all_lines[seq], seq, entries, (*path, root), root),
                (all_lines[seq], seq, entries, (root, *path), root),
                *((all_lines[seq], seq, entries, path[:at] + path[at + 1 :], root) for at in range(len(path))),
                *((all_lines[seq], seq, entries, (*path[:at], root, *path[at + 1 :]), root) for at in range(len(path))),
            ]
            assert not any(holds(*case) for case in wrong), (seq, entries)
            refused += len(wrong)
    assert refused > 10_000


def test_the_size_of_the_log_is_told_by_the_path_only_as_far_as_both_verifiers_agree():
    # The size is signed with the root; what a path alone cannot tell, neither verifier claims to.
    for entries in range(1, 20):
        root = frontier_root(entries)
        for seq in range(entries):
            path = proof.prove(leaves(entries), seq, entries)
            for other in range(LARGEST):
                holds(lines(entries)[seq], seq, other, path, root)


@given(st.integers(1, 3000), st.data())
def test_larger_logs_are_proven_too(entries, data):
    seq = data.draw(st.integers(0, entries - 1))
    hashes = leaves(entries)
    assert holds(lines(entries)[seq], seq, entries, proof.prove(hashes, seq, entries), proof.root(hashes))


@pytest.mark.parametrize("count", range(9))
def test_gives_the_published_roots_of_certificate_transparency(count):
    assert proof.root([proof.leaf(bytes.fromhex(leaf)) for leaf in PUBLISHED["leaves"][:count]]) == PUBLISHED["roots"][count]


@pytest.mark.parametrize(("seq", "entries"), [(-1, 3), (3, 3), (0, 0), (0, 4)])
def test_a_record_that_is_not_there_is_not_proven(seq, entries):
    with pytest.raises(VerificationError, match=f"record {seq}: is not among the first {entries} of 3 records"):
        proof.prove(leaves(3), seq, entries)


@pytest.mark.parametrize(
    ("seq", "entries", "path", "said"),
    [
        pytest.param(3, 3, [], "is not among the first 3 records", id="after the end"),
        pytest.param(-1, 3, [], "is not among the first 3 records", id="before the beginning"),
        pytest.param(0, 2, ["AB" * 32], "something else than SHA-256", id="upper case"),
        pytest.param(0, 2, ["ab" * 31], "something else than SHA-256", id="too few digits"),
        pytest.param(0, 1, ["ab" * 32], "its path is too long", id="too long"),
        pytest.param(0, 2, [], "its path is too short", id="too short"),
        pytest.param(0, 2, ["ab" * 32], "does not lead to the root", id="another root"),
    ],
)
def test_a_path_that_is_none_is_refused_and_said_why(seq, entries, path, said):
    with pytest.raises(VerificationError, match=f"record {seq}: .*{said}"):
        proof.check(proof.leaf(b"x\n"), seq, entries, path, "00" * 32)
