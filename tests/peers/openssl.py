# SPDX-License-Identifier: Apache-2.0
"""The `openssl` command line: an independent judge of keys, signatures and certificates.

A test that uses it fails when it is missing. Signatures are as openssl writes
them: ECDSA in DER.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from ceremony.core.keys import Algorithm, Scheme

_KEYS = {
    Algorithm.ECDSA_P256: ("EC", "ec_paramgen_curve:P-256"),
    Algorithm.ECDSA_P384: ("EC", "ec_paramgen_curve:P-384"),
    Algorithm.RSA_3072: ("RSA", "rsa_keygen_bits:3072"),
    Algorithm.RSA_4096: ("RSA", "rsa_keygen_bits:4096"),
}
_PSS = ("rsa_padding_mode:pss", "rsa_pss_saltlen:32", "rsa_mgf1_md:sha256")


def openssl(*arguments: str | Path, stdin: bytes = b"") -> bytes:
    """Return what the program prints; fails, showing what it said, unless it ends 0."""
    done = _run(*arguments, stdin=stdin)
    assert done.returncode == 0, f"openssl {arguments}: {done.stdout!r} {done.stderr!r}"
    return done.stdout


def make_key(algorithm: Algorithm) -> bytes:
    """Return a new private key, PEM PKCS#8."""
    if algorithm is Algorithm.ED25519:
        return openssl("genpkey", "-algorithm", "ed25519")
    name, option = _KEYS[algorithm]
    return openssl("genpkey", "-algorithm", name, "-pkeyopt", option)


def public_key(private: bytes) -> bytes:
    """Return the public half of a private key, PEM."""
    return openssl("pkey", "-pubout", stdin=private)


def sign(folder: Path, private: bytes, scheme: Scheme, message: bytes) -> bytes:
    """Return a signature over `message` by a private key, PEM."""
    (folder / "key.pem").write_bytes(private)
    (folder / "message").write_bytes(message)
    if scheme is Scheme.ED25519:
        return openssl("pkeyutl", "-sign", "-rawin", "-inkey", folder / "key.pem", "-in", folder / "message")
    return openssl("dgst", *_digest(scheme), "-sign", folder / "key.pem", folder / "message")


def verifies(folder: Path, public: bytes, scheme: Scheme, message: bytes, signature: bytes) -> bool:
    """Tell whether the program takes a signature over `message` by the key `public`, PEM."""
    (folder / "public.pem").write_bytes(public)
    (folder / "message").write_bytes(message)
    (folder / "signature").write_bytes(signature)
    key = ("-inkey", folder / "public.pem", "-pubin", "-in", folder / "message", "-sigfile", folder / "signature")
    if scheme is Scheme.ED25519:
        done = _run("pkeyutl", "-verify", "-rawin", *key)
    else:
        files = ("-verify", folder / "public.pem", "-signature", folder / "signature", folder / "message")
        done = _run("dgst", *_digest(scheme), *files)
    assert b"erif" in done.stdout, done.stderr
    return done.returncode == 0


def _digest(scheme: Scheme) -> list[str]:
    options = _PSS if scheme is Scheme.RSA_PSS_SHA256 else ()
    return [f"-{scheme.digest}", *(word for option in options for word in ("-sigopt", option))]


def _run(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["openssl", *map(str, arguments)], input=stdin, capture_output=True, check=False)
