# SPDX-License-Identifier: Apache-2.0
"""A passphrase's work, made light: files in age's own format that cost milliseconds to open where age takes seconds.

age chooses how much work a passphrase is by how fast the machine is, and lets nobody else choose. A rehearsal
does that work three times over; tests that look at something else begin the program with this in it:

    python -m tests.peers.light_age ceremony-arguments...

Format: https://age-encryption.org/v1, with one scrypt stanza.
"""

from __future__ import annotations

import base64
import hmac
import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from ceremony.core import backup
from ceremony.core.secret import Secret

_WORK = 10
"""The binary logarithm of scrypt's N; age takes about 18."""
_LAST = bytes(11) + b"\x01"
"""The nonce of the first chunk of a payload that is the last one, too: of up to 64 KiB."""


def seal(identity: Secret, passphrase: Secret) -> bytes:
    """Return what `backup.seal_identity` returns, but lighter."""
    salt, file_key, nonce = os.urandom(16), os.urandom(16), os.urandom(16)
    work = Scrypt(salt=b"age-encryption.org/v1/scrypt" + salt, length=32, n=2**_WORK, r=8, p=1)
    wrapped = ChaCha20Poly1305(work.derive(passphrase.reveal())).encrypt(bytes(12), file_key, None)
    header = f"age-encryption.org/v1\n-> scrypt {_text(salt)} {_WORK}\n{_text(wrapped)}\n---".encode()
    mac = hmac.digest(_derived(file_key, b"", b"header"), header, "sha256")
    payload = ChaCha20Poly1305(_derived(file_key, nonce, b"payload")).encrypt(_LAST, identity.reveal(), None)
    return header + f" {_text(mac)}\n".encode() + nonce + payload


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _derived(key: bytes, salt: bytes, what: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt, what).derive(key)


def install() -> None:
    """Let this process seal lightly."""
    backup.seal_identity = seal


if __name__ == "__main__":
    from ceremony.__main__ import main

    install()
    main()
