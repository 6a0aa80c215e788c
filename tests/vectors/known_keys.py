# SPDX-License-Identifier: Apache-2.0
"""The test keys of `tests/vectors/keys`, as the libraries and the program read them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ceremony.core.keys import Algorithm, from_crypto
from ceremony.core.software_key import PrivateKey, SoftwareKey

FOLDER = Path(__file__).parent / "keys"


def pem(algorithm: Algorithm) -> bytes:
    """Return the private key, PEM PKCS#8 as openssl wrote it."""
    return (FOLDER / f"{algorithm}.pem").read_bytes()


@cache
def known(algorithm: Algorithm) -> SoftwareKey:
    """Return the private key as the program holds it."""
    private = load_pem_private_key(pem(algorithm), password=None)
    assert isinstance(private, PrivateKey)
    return SoftwareKey(from_crypto(private.public_key()), private)
