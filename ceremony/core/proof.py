# SPDX-License-Identifier: Apache-2.0
"""Inclusion proofs of single records: the audit paths of RFC 6962, section 2.1.1, over the tree of `merkle`.

A leaf is the hash of a raw line of the log with its newline, so that a record that is
withheld takes part by its hash alone. A path is the hashes beside the way from the leaf
to the root, the one beside the leaf first.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from ceremony.errors import VerificationError

_HASH = re.compile("[0-9a-f]{64}")
_HINT = "use the proof as `ceremony audit DIR --prove` printed it"


def leaf(line: bytes) -> bytes:
    """Return the hash of a leaf, given its raw line, newline included."""
    return hashlib.sha256(b"\x00" + line).digest()


def root(leaves: Sequence[bytes]) -> str:
    """Return the root, hex, of the tree of these leaves (hashes)."""
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0].hex() if level else hashlib.sha256(b"").hexdigest()


def prove(leaves: Sequence[bytes], seq: int, entries: int) -> tuple[str, ...]:
    """Return the path, hex, of leaf `seq` (from 0) to the root of the first `entries` of these leaves (hashes).

    Raises VerificationError when there are not so many leaves, or `seq` is none of them.
    """
    if not 0 <= seq < entries <= len(leaves):
        raise VerificationError(
            f"record {seq}", f"is not among the first {entries} of {len(leaves)} records", hint="name a record of this log"
        )
    path: list[str] = []
    level, at = list(leaves[:entries]), seq
    while len(level) > 1:
        if at ^ 1 < len(level):  # else it stands alone at the end, and goes up as it is
            path.append(level[at ^ 1].hex())
        level, at = _above(level), at // 2
    return tuple(path)


def check(leaf_hash: bytes, seq: int, entries: int, path: Sequence[str], expected: str) -> None:
    """Check that a path leads from leaf `seq` (from 0, of `entries`) to the root `expected`, hex.

    Raises VerificationError when it does not, or is no path of such a leaf.
    """
    subject = f"record {seq}"
    if not 0 <= seq < entries:
        raise VerificationError(subject, f"is not among the first {entries} records", hint=_HINT)
    if not all(_HASH.fullmatch(node) for node in path):
        raise VerificationError(subject, "its path holds something else than SHA-256 in lower-case hex", hint=_HINT)
    if _climb(leaf_hash, seq, entries, [bytes.fromhex(node) for node in path]).hex() != expected:
        raise VerificationError(subject, "its path does not lead to the root", hint=_HINT)


def _climb(node: bytes, seq: int, entries: int, path: list[bytes]) -> bytes:
    """Return the root that a path leads to: the definition of PATH, read from its last hash down."""
    if entries == 1:
        if path:
            raise VerificationError(f"record {seq}", "its path is too long", hint=_HINT)
        return node
    if not path:
        raise VerificationError(f"record {seq}", "its path is too short", hint=_HINT)
    split = 1 << ((entries - 1).bit_length() - 1)
    if seq < split:
        return _node(_climb(node, seq, split, path[:-1]), path[-1])
    return _node(path[-1], _climb(node, seq - split, entries - split, path[:-1]))


def _above(level: Sequence[bytes]) -> list[bytes]:
    """Return the nodes above; a last one without a neighbour goes up as it is."""
    nodes = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return nodes + [level[-1]] * (len(level) % 2)


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
