# SPDX-License-Identifier: Apache-2.0
"""The Merkle tree hash of RFC 6962, section 2.1, built leaf by leaf.

A leaf is a raw line of the log with its newline. Both trees hold one hash per complete
subtree, so that memory grows with the logarithm of the log: a `Frontier` is a value, for
who writes a log and may have to stay where they were; a `Tree` grows, for who reads one.
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
        tree = Tree(self)
        tree.add(leaf)
        return tree.frontier()

    def root(self) -> str:
        """Return the tree's root hash, hex; that of the empty tree is SHA-256 of nothing."""
        if not self.subtrees:
            return hashlib.sha256(b"").hexdigest()
        node = self.subtrees[-1][1]
        for _, left in reversed(self.subtrees[:-1]):
            node = hashlib.sha256(b"\x01" + left + node).digest()
        return node.hex()


class Tree:
    """A tree that grows: its complete subtrees are the ones in the binary number of its leaves."""

    __slots__ = ("_leaves", "_nodes")

    def __init__(self, frontier: Frontier | None = None) -> None:
        subtrees = frontier.subtrees if frontier else ()
        self._leaves = sum(1 << height for height, _ in subtrees)
        self._nodes = [node for _, node in subtrees]

    def add(self, leaf: bytes) -> None:
        """Add a leaf (its raw bytes)."""
        node = hashlib.sha256(b"\x00" + leaf).digest()
        full = self._leaves
        while full & 1:
            node = hashlib.sha256(b"\x01" + self._nodes.pop() + node).digest()
            full >>= 1
        self._nodes.append(node)
        self._leaves += 1

    def frontier(self) -> Frontier:
        """Return the tree as it is now."""
        heights = [height for height in range(self._leaves.bit_length()) if self._leaves >> height & 1]
        return Frontier(tuple(zip(reversed(heights), self._nodes, strict=True)))
