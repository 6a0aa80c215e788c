# SPDX-License-Identifier: Apache-2.0
"""What came out of an old backup, while it is in memory: root keys as they were kept, and repository keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ceremony.core import backup, software_key
from ceremony.core.canonical import JsonObject
from ceremony.core.dialects import Dialect
from ceremony.core.keys import PublicKey
from ceremony.core.plan import Custody
from ceremony.core.secret import Secret
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import VerificationError

_OTHER = "take the other old volume; one of the two is not what its log says"


@dataclass(slots=True)
class RootBackup:
    """A private root key as its backup holds it."""

    public: PublicKey
    wrapped: bytes = field(repr=False)
    """PKCS#8 under AES-KWP; empty when the key was made on the host."""
    secret: Secret = field(repr=False)
    """The wrapping key of `wrapped`; else the PKCS#8 itself."""

    @property
    def custody(self) -> Custody:
        """How it was kept."""
        return Custody.TOKEN_WRAPPED if self.wrapped else Custody.IMPORTED

    def private(self) -> SoftwareKey:
        """Return the private key, opened in this computer's memory."""
        if self.wrapped:
            return backup.unwrap(self.wrapped, self.secret, f"root key {self.public.sha256[:16]}")
        return software_key.from_pkcs8(self.secret.reveal())

    def contents(self) -> Mapping[str, bytes]:
        """Return what a backup of it holds beside its manifest (name → bytes)."""
        if self.wrapped:
            return {backup.WRAPPED: self.wrapped, backup.WRAPPING_KEY: self.secret.reveal().hex().encode() + b"\n"}
        return {backup.PKCS8: self.secret.reveal()}

    def wipe(self) -> None:
        """Forget the key."""
        self.secret.wipe()


def open_root(data: bytes, identity: Secret, public: PublicKey, subject: str) -> RootBackup:
    """Return the root key of an encrypted backup; raises VerificationError, naming `subject`, unless it is the one of `public`."""
    _, contents = backup.unpack(backup.decrypt(data, identity, subject), subject)
    if backup.root_key(contents, subject).public != public:
        raise VerificationError(subject, "holds another root key than its log says", hint=_OTHER)
    if backup.PKCS8 in contents:
        return RootBackup(public, b"", Secret(contents[backup.PKCS8]))
    return RootBackup(public, contents[backup.WRAPPED], Secret(bytes.fromhex(contents[backup.WRAPPING_KEY].decode().strip())))


def open_repositories(data: bytes, identity: Secret, dialect: Dialect, subject: str) -> Mapping[str, SoftwareKey]:
    """Return the private keys of an encrypted backup, by repository; raises VerificationError, naming `subject`."""
    manifest, contents = backup.unpack(backup.decrypt(data, identity, subject), subject)
    listed = manifest.get("repositories")
    found: dict[str, SoftwareKey] = {}
    for name, entry in listed.items() if isinstance(listed, dict) else ():
        found[name] = _repository_key(entry if isinstance(entry, dict) else {}, contents, dialect, f"{subject}, {name}")
    return found


def _repository_key(entry: JsonObject, contents: Mapping[str, bytes], dialect: Dialect, subject: str) -> SoftwareKey:
    key = dialect.read_delivery(contents.get(str(entry.get("key")), b""), subject)
    if key.public.sha256 != entry.get("public_sha256"):
        raise VerificationError(subject, "holds another key than its manifest says", hint=_OTHER)
    return key
