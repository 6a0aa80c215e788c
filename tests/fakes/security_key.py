# SPDX-License-Identifier: Apache-2.0
"""A FIDO security key without hardware: OpenSSH's two kinds, made by hand as PROTOCOL.u2f says.

`ssh-keygen` makes and uses such keys on a device only; its `-Y verify` judges what is made here.
"""

from __future__ import annotations

import base64
import hashlib
import textwrap

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ceremony.core.security_key import ECDSA, ED25519
from ceremony.core.sshwire import mpint, string

TOUCHED, VERIFIED = 0x01, 0x04
"""Flags: somebody touched it; it checked a PIN or a finger."""


def armor(blob: bytes, width: int = 70) -> bytes:
    """Return a blob as an armored SSH signature."""
    text = base64.b64encode(blob)
    lines = [text[i : i + width] for i in range(0, len(text), width)]
    return b"\n".join([b"-----BEGIN SSH SIGNATURE-----", *lines, b"-----END SSH SIGNATURE-----"]) + b"\n"


class SoftSecurityKey:
    """One key; it counts its signatures as a device does."""

    def __init__(self, kind: str, application: bytes = b"ssh:") -> None:
        self.kind = kind
        self.application = application
        self.counter = 0
        self._private = {ED25519: ed25519.Ed25519PrivateKey.generate, ECDSA: lambda: ec.generate_private_key(ec.SECP256R1())}[
            kind
        ]()

    @property
    def blob(self) -> bytes:
        """The public key on the wire."""
        return b"".join(map(string, (self.kind.encode(), *self._public(), self.application)))

    @property
    def line(self) -> str:
        """The public key as one line."""
        return f"{self.kind} {base64.b64encode(self.blob).decode()}"

    def sign(
        self,
        namespace: str,
        message: bytes,
        *,
        flags: int = TOUCHED,
        algorithm: str = "sha512",
        more: bytes = b"",
        kind: str = "",
    ) -> bytes:
        """Return the armored SSHSIG; `more` stands behind the counter, `kind` is another format than the key's own."""
        space = string(namespace.encode()) + string(b"") + string(algorithm.encode())
        wanted = b"SSHSIG" + space + string(hashlib.new(algorithm, message).digest())
        value = self.touched(wanted, flags=flags, more=more, kind=kind)
        return armor(b"SSHSIG" + (1).to_bytes(4) + string(self.blob) + space + string(value))

    def touched(self, wanted: bytes, *, flags: int = TOUCHED, more: bytes = b"", kind: str = "") -> bytes:
        """Return the signature over what a program wants signed, as an agent gives it: format, value, flags and counter."""
        self.counter += 1
        trailer = bytes([flags]) + self.counter.to_bytes(4)
        told = hashlib.sha256(self.application).digest() + trailer + hashlib.sha256(wanted).digest()
        return string((kind or self.kind).encode()) + string(self._value(told)) + trailer + more

    def private_file(self) -> str:
        """Return what OpenSSH keeps of an ed25519 key in a file (PROTOCOL.key): a handle, which only the device could use."""
        blob = self.blob + bytes([TOUCHED]) + string(b"handle") + string(b"")
        private = bytes(8) + blob + string(b"ada")
        private += bytes(range(1, 1 + -len(private) % 8))
        data = b"openssh-key-v1\0" + string(b"none") * 2 + string(b"") + (1).to_bytes(4) + string(self.blob) + string(private)
        text = "\n".join(textwrap.wrap(base64.b64encode(data).decode(), 70))
        return f"-----BEGIN OPENSSH PRIVATE KEY-----\n{text}\n-----END OPENSSH PRIVATE KEY-----\n"

    def _public(self) -> tuple[bytes, ...]:
        if isinstance(self._private, ed25519.Ed25519PrivateKey):
            return (self._private.public_key().public_bytes_raw(),)
        return b"nistp256", self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def _value(self, told: bytes) -> bytes:
        if isinstance(self._private, ed25519.Ed25519PrivateKey):
            return self._private.sign(told)
        return b"".join(map(mpint, decode_dss_signature(self._private.sign(told, ec.ECDSA(hashes.SHA256())))))
