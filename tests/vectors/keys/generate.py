# SPDX-License-Identifier: Apache-2.0
"""Make the test keys that are missing, with openssl; `--check` lets openssl judge those that are there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
KEYS = {
    "ecdsa-p256": (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], b"NIST CURVE: P-256"),
    "ecdsa-p384": (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], b"NIST CURVE: P-384"),
    "rsa-3072": (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"], b"(3072 bit, 2 primes)"),
    "rsa-4096": (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096"], b"(4096 bit, 2 primes)"),
    "ed25519": (["-algorithm", "ed25519"], b"ED25519 Private-Key"),
}


def _openssl(*arguments: str) -> bytes:
    return subprocess.run(["openssl", *arguments], capture_output=True, check=True).stdout


def main(arguments: list[str]) -> str:
    """Return what is wrong, in words; nothing when all is well."""
    for name, (options, says) in KEYS.items():
        path = HERE / f"{name}.pem"
        if arguments == ["--check"]:
            if not path.is_file():
                return f"{path.name} is missing"
            if says not in _openssl("pkey", "-in", str(path), "-check", "-text", "-noout"):
                return f"{path.name} is not a {name} key"
        elif not path.exists():
            path.write_bytes(_openssl("genpkey", *options))
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) or 0)
