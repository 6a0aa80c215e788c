# SPDX-License-Identifier: Apache-2.0
"""The Merkle tree hash of RFC 6962, section 2.1, built leaf by leaf.

A leaf is a raw line of the log with its newline. The frontier holds one hash per
complete subtree, so that memory grows with the logarithm of the log.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Frontier:
    """The tree so far: `(height, hash)` of each complete subtree, largest first."""

    subtrees: tuple[tuple[int, bytes], ...] = ()

    def add(self, leaf: bytes) -> Frontier:
        """Return the frontier with one more leaf (its raw bytes)."""
        height, node = 0, hashlib.sha256(b"\x00" + leaf).digest()
        rest = list(self.subtrees)
        while rest and rest[-1][0] == height:
            _, left = rest.pop()
            height, node = height + 1, hashlib.sha256(b"\x01" + left + node).digest()
        return Frontier((*rest, (height, node)))

    def root(self) -> str:
        """Return the tree's root hash, hex; that of the empty tree is SHA-256 of nothing."""
        if not self.subtrees:
            return hashlib.sha256(b"").hexdigest()
        node = self.subtrees[-1][1]
        for _, left in reversed(self.subtrees[:-1]):
            node = hashlib.sha256(b"\x01" + left + node).digest()
        return node.hex()
