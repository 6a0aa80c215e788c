# SPDX-License-Identifier: Apache-2.0
"""What a backup holds, and how it is protected: age files only, so that `age -d` opens them.

One fresh age identity, the *protector*, per ceremony. Every backup is encrypted
to its public half; the identity itself is `identity.age`, under a passphrase
(age's scrypt). Inside each backup is a tar:

- of a wrapped root key: `manifest.json`, `wrapped.bin` (PKCS#8 under AES-KWP,
  RFC 5649) and `wrapping-key.hex`, so that it can go straight back into a token;
- of a root key that was made on the host: `manifest.json` and `root-key.der` (PKCS#8);
- of repository keys: `manifest.json` and `<key id>.key` as their team imports it.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping

import pyrage
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap_with_padding

from ceremony.core import software_key
from ceremony.core.bundle import tar
from ceremony.core.canonical import JsonObject, encode, parse_object
from ceremony.core.secret import Secret
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import VerificationError

MANIFEST = "manifest.json"
WRAPPED = "wrapped.bin"
WRAPPING_KEY = "wrapping-key.hex"
PKCS8 = "root-key.der"


def make_protector() -> tuple[Secret, str]:
    """Return a fresh age identity (`AGE-SECRET-KEY-...`) and its recipient (`age1...`)."""
    identity = pyrage.x25519.Identity.generate()
    return Secret(str(identity)), str(identity.to_public())


def seal_identity(identity: Secret, passphrase: Secret) -> bytes:
    """Return the identity as an age file under a passphrase."""
    return bytes(pyrage.passphrase.encrypt(identity.reveal(), passphrase.text()))


def open_identity(data: bytes, passphrase: Secret) -> Secret:
    """Return the identity of `identity.age`; raises VerificationError for a wrong passphrase or a damaged file."""
    try:
        return Secret(pyrage.passphrase.decrypt(data, passphrase.text()))
    except pyrage.DecryptError as error:
        raise VerificationError(
            "identity.age",
            "does not open with this passphrase",
            hint="type the words again, in their order; or take the other volume",
        ) from error


def recipient_of(identity: Secret) -> str:
    """Return the recipient (`age1...`) of an identity; raises VerificationError for what is not one."""
    return str(_parsed(identity).to_public())


def _parsed(identity: Secret) -> pyrage.x25519.Identity:
    try:
        return pyrage.x25519.Identity.from_str(identity.text())
    except (pyrage.IdentityError, UnicodeDecodeError) as error:
        raise VerificationError(
            "protector", "is not an age identity", hint="it is of another program; take the other volume"
        ) from error


def encrypt(data: bytes, recipient: str) -> bytes:
    """Return `data` as an age file to one recipient: `age1...`, `ssh-ed25519 ...` or `ssh-rsa ...`.

    Raises VerificationError for a recipient that age does not take.
    """
    try:
        kind = pyrage.ssh.Recipient if recipient.startswith("ssh-") else pyrage.x25519.Recipient
        return bytes(pyrage.encrypt(data, [kind.from_str(recipient)]))
    except pyrage.RecipientError as error:
        raise VerificationError(
            "recipient", f"{recipient[:60]!r} is not one that age takes", hint="write age1..., ssh-ed25519 ... or ssh-rsa ..."
        ) from error


def decrypt(data: bytes, identity: Secret, subject: str) -> bytes:
    """Return the contents of an age file; raises VerificationError, naming `subject`, when it does not open."""
    opener = _parsed(identity)
    try:
        return bytes(pyrage.decrypt(data, [opener]))
    except pyrage.DecryptError as error:
        raise VerificationError(
            subject,
            "does not open with this ceremony's protector",
            hint="it is damaged, or of another ceremony; take the other volume",
        ) from error


def pack(manifest: JsonObject, contents: Mapping[str, bytes]) -> bytes:
    """Return the tar of a backup: its manifest and contents (name → bytes)."""
    files = {MANIFEST: encode(manifest) + b"\n", **contents}
    return b"".join(tar((name, files[name]) for name in sorted(files)))


def unpack(data: bytes, subject: str) -> tuple[JsonObject, Mapping[str, bytes]]:
    """Return manifest and contents of a backup's tar; raises VerificationError when it is not one."""
    contents: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for member in archive:
                file = archive.extractfile(member)
                contents[member.name] = file.read() if file else b""
        return parse_object(contents.pop(MANIFEST).removesuffix(b"\n"), subject), contents
    except (tarfile.TarError, KeyError, ValueError, OverflowError) as error:
        raise VerificationError(subject, "is not a backup of this kind", hint="it is damaged; take the other volume") from error


def root_key(contents: Mapping[str, bytes], subject: str) -> SoftwareKey:
    """Return the private root key that a backup holds, wrapped or not; raises VerificationError when it holds none."""
    if PKCS8 in contents:
        return software_key.from_pkcs8(contents[PKCS8])
    try:
        blob = contents[WRAPPED]
        wrapping_key = Secret(bytes.fromhex(contents[WRAPPING_KEY].decode().strip()))
    except (KeyError, ValueError) as error:
        raise VerificationError(subject, "holds no root key", hint="it is damaged; take the other volume") from error
    try:
        return unwrap(blob, wrapping_key, subject)
    finally:
        wrapping_key.wipe()


def unwrap(blob: bytes, wrapping_key: Secret, subject: str) -> SoftwareKey:
    """Return the private key of an AES-KWP blob; raises VerificationError when it does not unwrap.

    SoftHSM pads the PKCS#8 with NULs before it wraps, so what is behind the DER is cut off.
    """
    try:
        padded = aes_key_unwrap_with_padding(wrapping_key.reveal(), blob)
    except (InvalidUnwrap, ValueError) as error:  # ValueError: the wrapping key has no length that AES knows
        raise VerificationError(subject, "does not unwrap", hint="it is damaged; take the other volume") from error
    return software_key.from_pkcs8(padded[: _der_length(padded)])


def _der_length(data: bytes) -> int:
    """Return how many bytes the first DER element takes (X.690, section 8.1.3); all of them when that cannot be told."""
    first = data[1] if len(data) > 1 else 0
    count = first & 0x7F if first & 0x80 else 0
    return 2 + count + int.from_bytes(data[2 : 2 + count]) if count else 2 + first
