# SPDX-License-Identifier: Apache-2.0
"""OpenSSH keys on FIDO security keys (PROTOCOL.u2f): their public form, and what such a device signs.

The kinds are sk-ssh-ed25519@openssh.com and sk-ecdsa-sha2-nistp256@openssh.com. The
device never signs a message itself, but its SHA-256 between three things of its own:

    sha256(application) || flags (1 byte) || counter (4 bytes) || sha256(message)

The lowest flag says that somebody touched it. SSHSIG goes around that as around any
other signature, in `cosign`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ceremony.core.sshwire import NotSshData, Reader, string

ED25519 = "sk-ssh-ed25519@openssh.com"
ECDSA = "sk-ecdsa-sha2-nistp256@openssh.com"
TRAILER = 5
"""Bytes after the signature itself: flags and counter."""

_APPLICATION = b"ssh:"
"""How the name that binds the key to OpenSSH begins."""
_CURVE = b"nistp256"
_TOUCHED = 0x01


@dataclass(frozen=True, slots=True)
class SecurityKey:
    """The public half of a key on a security key."""

    crypto: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey
    application: bytes

    @property
    def blob(self) -> bytes:
        """The key in the one form that OpenSSH writes."""
        fields: tuple[bytes, ...]
        if isinstance(self.crypto, ed25519.Ed25519PublicKey):
            fields = (ED25519.encode(), self.crypto.public_bytes_raw())
        else:
            fields = (ECDSA.encode(), _CURVE, self.crypto.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))
        return b"".join(map(string, (*fields, self.application)))

    def signed(self, trailer: bytes, message: bytes) -> bytes:
        """Return what the device signed for `message`; `trailer` is flags and counter as the signature brings them."""
        return hashlib.sha256(self.application).digest() + trailer + hashlib.sha256(message).digest()


def read(kind: str, blob: bytes) -> SecurityKey:
    """Return the key of a blob; raises NotSshData or ValueError for one of another kind, or not in its one form."""
    reader = Reader(blob)
    crypto: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey
    if reader.text() != kind:
        raise NotSshData("it is of another kind")
    if kind == ED25519:
        crypto = ed25519.Ed25519PublicKey.from_public_bytes(reader.string())
    else:
        reader.string()  # the curve: there is only one, and it is compared below
        crypto = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), reader.string())
    key = SecurityKey(crypto, reader.string())
    if key.blob != blob or not key.application.startswith(_APPLICATION):
        raise NotSshData("it is not as OpenSSH writes it")
    return key


def touched(trailer: bytes) -> bool:
    """Tell whether the device says, in flags and counter, that somebody touched it."""
    return bool(trailer[0] & _TOUCHED)
