# SPDX-License-Identifier: Apache-2.0
"""Write the signatures of RFC 6979, appendix A.2, with PyCryptodome; `--check` compares with the file that is there."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from Crypto.Hash import SHA256, SHA384
from Crypto.PublicKey import ECC
from Crypto.Signature import DSS

FILE = Path(__file__).parent / "rfc6979.json"
KEYS = {
    "ecdsa-p256": ("P-256", "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"),
    "ecdsa-p384": (
        "P-384",
        "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5",
    ),
}
SCHEMES = {"ecdsa-sha256": SHA256, "ecdsa-sha384": SHA384}


def _vectors() -> str:
    found = []
    for algorithm, (curve, private) in KEYS.items():
        key = ECC.construct(curve=curve, d=int(private, 16))
        for scheme, digest in SCHEMES.items():
            for message in ("sample", "test"):
                signature = DSS.new(key, "deterministic-rfc6979").sign(digest.new(message.encode()))
                half = len(signature) // 2
                found.append(
                    {
                        "algorithm": algorithm,
                        "private": private,
                        "scheme": scheme,
                        "message": message,
                        "r": signature[:half].hex(),
                        "s": signature[half:].hex(),
                    }
                )
    return json.dumps(found, indent=2) + "\n"


def main(arguments: list[str]) -> str:
    """Return what is wrong, in words; nothing when all is well."""
    if arguments == ["--check"]:
        return "" if FILE.read_text() == _vectors() else f"{FILE.name} is not what this script writes"
    FILE.write_text(_vectors())
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) or 0)
