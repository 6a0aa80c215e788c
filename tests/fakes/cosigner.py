# SPDX-License-Identifier: Apache-2.0
"""People's keys in memory: signs SSHSIG as `ssh-keygen -Y sign` does, with Ed25519 keys made for the test."""

from __future__ import annotations

import base64
import hashlib
import textwrap
from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ceremony.core.sshwire import string


class FakeCosigner:
    """A key for each name; `absent` people cannot sign here and now."""

    def __init__(self, names: Iterable[str]) -> None:
        self._keys = {name: ed25519.Ed25519PrivateKey.generate() for name in names}
        self.absent: set[str] = set()
        self.signed: list[tuple[str, str]] = []

    def line(self, name: str) -> str:
        """Return a person's public key as OpenSSH writes it."""
        return self._keys[name].public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()

    def sign(self, person: str, namespace: str, message: bytes) -> bytes | None:
        if person in self.absent:
            return None
        self.signed.append((person, namespace))
        return self.elsewhere(person, namespace, message)

    def elsewhere(self, person: str, namespace: str, message: bytes) -> bytes:
        """Return what a person signed before the day, wherever they are now."""
        key = self._keys[person]
        public = string(b"ssh-ed25519") + string(key.public_key().public_bytes_raw())
        space = string(namespace.encode()) + string(b"") + string(b"sha512")
        value = key.sign(b"SSHSIG" + space + string(hashlib.sha512(message).digest()))
        blob = b"SSHSIG" + (1).to_bytes(4) + string(public) + space + string(string(b"ssh-ed25519") + string(value))
        body = "\n".join(textwrap.wrap(base64.b64encode(blob).decode(), 70))
        return f"-----BEGIN SSH SIGNATURE-----\n{body}\n-----END SSH SIGNATURE-----\n".encode()
