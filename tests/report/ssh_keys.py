# SPDX-License-Identifier: Apache-2.0
"""SSH keys of every kind that people sign with, and their SSHSIG signatures, bent at will (PROTOCOL.sshsig, PROTOCOL.u2f)."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ceremony.core.sshwire import mpint, string

_CURVES = {"nistp256": (ec.SECP256R1(), hashes.SHA256()), "nistp384": (ec.SECP384R1(), hashes.SHA384())} | {
    "nistp521": (ec.SECP521R1(), hashes.SHA512())
}
KINDS = (
    *("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"),
    *("sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"),
)


@dataclass(frozen=True)
class Bent:
    """What a signature says otherwise than ssh-keygen would; empty for what it says as that would."""

    namespace: bytes = b"ceremony-head"
    reserved: bytes = b""
    hash: bytes = b"sha512"
    format: str = ""
    flags: int = 1
    after_value: bytes = b""
    after_signature: bytes = b""
    after_blob: bytes = b""
    version: int = 1
    long_numbers: bool = False
    line: int = 70
    after_armor: bytes = b""


AS_IT_IS = Bent()


class SshKey:
    """A private key of one kind."""

    def __init__(self, kind: str, bits: int = 2048) -> None:
        self.kind = kind
        self._curve = next((name for name in _CURVES if name in kind), "")
        self._key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
        if "ed25519" in kind:
            self._key = ed25519.Ed25519PrivateKey.generate()
        elif self._curve:
            self._key = ec.generate_private_key(_CURVES[self._curve][0])
        else:
            self._key = rsa.generate_private_key(65537, bits)

    @property
    def blob(self) -> bytes:
        fields = [self.kind.encode()]
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            fields.append(self._key.public_key().public_bytes_raw())
        elif isinstance(self._key, ec.EllipticCurvePrivateKey):
            fields += [self._curve.encode(), self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)]
        else:
            numbers = self._key.public_key().public_numbers()
            return string(fields[0]) + mpint(numbers.e) + mpint(numbers.n)
        if self.kind.startswith("sk-"):
            fields.append(b"ssh:")
        return b"".join(map(string, fields))

    @property
    def line(self) -> str:
        return f"{self.kind} {base64.b64encode(self.blob).decode()}"

    def sign(self, message: bytes, bent: Bent = AS_IT_IS) -> bytes:
        digest = hashlib.new({b"md5": "md5", b"sha1": "sha1"}.get(bent.hash, bent.hash.decode()), message).digest()
        space = string(bent.namespace) + string(bent.reserved) + string(bent.hash)
        signed, trailer = b"SSHSIG" + space + string(digest), b""
        if self.kind.startswith("sk-"):
            trailer = bytes([bent.flags]) + (7).to_bytes(4)
            signed = hashlib.sha256(b"ssh:").digest() + trailer + hashlib.sha256(signed).digest()
        format_ = bent.format or ("rsa-sha2-512" if self.kind == "ssh-rsa" else self.kind)
        value = self._value(signed, format_, long_numbers=bent.long_numbers) + bent.after_value
        made = string(format_.encode()) + string(value) + trailer + bent.after_signature
        blob = b"SSHSIG" + bent.version.to_bytes(4) + string(self.blob) + space + string(made) + bent.after_blob
        text = base64.b64encode(blob)
        lines = b"".join(text[at : at + bent.line] + b"\n" for at in range(0, len(text), bent.line))
        return b"-----BEGIN SSH SIGNATURE-----\n" + lines + b"-----END SSH SIGNATURE-----\n" + bent.after_armor

    def _value(self, signed: bytes, format_: str, *, long_numbers: bool) -> bytes:
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(signed)
        if isinstance(self._key, rsa.RSAPrivateKey):
            chosen = {"rsa-sha2-256": hashes.SHA256(), "ssh-rsa": hashes.SHA1()}.get(format_, hashes.SHA512())
            return self._key.sign(signed, padding.PKCS1v15(), chosen)
        numbers = decode_dss_signature(self._key.sign(signed, ec.ECDSA(_CURVES[self._curve][1])))
        return b"".join(string(b"\0" + mpint(n)[4:]) if long_numbers else mpint(n) for n in numbers)


@lru_cache(maxsize=16)
def key(kind: str, bits: int = 2048) -> SshKey:
    """Return the one key of a kind that these tests use."""
    return SshKey(kind, bits)
