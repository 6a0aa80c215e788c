# SPDX-License-Identifier: Apache-2.0
"""Write the trees of Certificate Transparency's tests, by the definition of RFC 6962; `--check` compares with the file."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

FILE = Path(__file__).parent / "trees.json"
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]


def tree_hash(leaves: Sequence[bytes]) -> bytes:
    """Return MTH(D[n]) as RFC 6962, section 2.1, defines it."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + tree_hash(leaves[:split]) + tree_hash(leaves[split:])).digest()


def _vectors() -> str:
    leaves = [bytes.fromhex(leaf) for leaf in LEAVES]
    roots = [tree_hash(leaves[:count]).hex() for count in range(len(leaves) + 1)]
    return json.dumps({"leaves": LEAVES, "roots": roots}, indent=2) + "\n"


def main(arguments: list[str]) -> str:
    """Return what is wrong, in words; nothing when all is well."""
    if arguments == ["--check"]:
        return "" if FILE.read_text() == _vectors() else f"{FILE.name} is not what this script writes"
    FILE.write_text(_vectors())
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) or 0)
