# SPDX-License-Identifier: Apache-2.0
"""The name and digest of every file that a ceremony leaves (design, section 7).

Names are relative, with forward slashes. The manifest is the one form that
`sha256sum -c` takes and that this program writes: lower-case hex, two spaces,
name, newline, sorted bytewise; any other bytes are a failure. Tars are
deterministic: the same files give the same bytes.
"""

from __future__ import annotations

import hashlib
import re
import string
import tarfile
from collections.abc import Iterable, Iterator, Mapping

from ceremony.errors import VerificationError

LOG = "ceremony.jsonl"
MANIFEST = "MANIFEST.sha256"
REPORT = "report.html"
README = "README.txt"
VERIFIER = "verify.sh"
PLAN = "evidence/plan.toml"
SITE = "evidence/site.toml"
PLAN_FILES = "evidence/plan-files/"
APPROVALS = "evidence/approvals/"
REQUEST = "evidence/request/"
SCRIPT = "evidence/script.md"
TRUSTED_ROOT = "evidence/trusted-root/"
"""What the plan's `trusted-root` names, where it is a file or a folder."""
ROOT_CERTIFICATES = "evidence/root-certificates/"
"""In a recovery: certificates of restored root keys by whose key ids the plan's `trusted-root` names them, `<key id>.pem`."""
YUBICO_ROOTS = "evidence/yubico-roots/"
"""The authorities' certificates that the site brought, PEM."""
ATTESTATION, DEVICE, AUTHORITIES = "attestation.pem", "device.pem", "authorities.pem"
"""Evidence of a YubiKey's token: the statement over its key, the certificate of slot F9, and those above it, the root last."""
CHALLENGE, CHALLENGE_SIGNATURE = "challenge.txt", "challenge.sig"
"""Evidence of a YubiKey's token: what its key signed once it was made, and the signature as openssl takes it."""
SET_ASIDE = "evidence/set-aside/"
PINNING = "bundle/trust-pinning.json"

IDENTITY = "private/identity.age"
REPOSITORIES = "private/repositories.age"
RECOVER = "RECOVER.txt"

_HEAD = re.compile(r"heads/([0-9]{4})\.txt")
_SIGNATURE = re.compile(r"heads/([0-9]{4})\.([a-z0-9-]+)\.sig")
_MANIFEST_LINE = re.compile(r"([0-9a-f]{64})  ([^\x00-\x1f\x7f]+)")
_SERIAL = re.compile("[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_BLOCK = 512


def folder(ceremony: str) -> str:
    """Return the name of the ceremony's folder on a volume."""
    return f"ceremony-{ceremony}"


def head(number: int) -> str:
    """Return the path of a numbered head statement, from 1."""
    return f"heads/{number:04}.txt"


def head_signature(number: int, person: str) -> str:
    """Return the path of a person's signature over a head."""
    return f"heads/{number:04}.{slug(person)}.sig"


def highest_head(paths: Iterable[str]) -> int:
    """Return the highest number of the head statements among paths; 0 when there are none."""
    return max(map(head_number, paths), default=0)


def head_number(path: str) -> int:
    """Return the number of a head statement's path; 0 for any other path."""
    match = _HEAD.fullmatch(path)
    return int(match[1]) if match else 0


def signed_head(path: str) -> tuple[int, str]:
    """Return head number and person's slug of a signature's path; `(0, "")` for any other path."""
    match = _SIGNATURE.fullmatch(path)
    return (int(match[1]), match[2]) if match else (0, "")


def slug(name: str) -> str:
    """Return a file name for a person or token: lower-case letters, digits and dashes, and a short digest.

    Only ASCII letters have a lower case here, as for every other verifier. The digest keeps
    two names apart whose letters are the same.
    """
    plain = re.sub("[^a-z0-9]+", "-", name.translate(_LOWER)).strip("-")[:40] or "x"
    return f"{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def root_public(serial: str) -> str:
    """Return the path of a root key's public key and certificates."""
    return f"bundle/keys/root-{safe(serial)}.pem"


def root_backup(serial: str) -> str:
    """Return the path, on a volume, of a root key's backup."""
    return f"private/root-{safe(serial)}.age"


def carried_backup(public_sha256: str) -> str:
    """Return the path, on a volume, of the backup of a root key that a recovery carried over and put on no token."""
    return f"private/root-key-{public_sha256[:16]}.age"


def token_evidence(serial: str, name: str) -> str:
    """Return the path of a piece of evidence about a token."""
    return f"evidence/tokens/{safe(serial)}/{name}"


def delivery(repository: str) -> str:
    """Return the path of a repository's private targets key, encrypted to its team."""
    return f"deliver/{repository}/targets.key.age"


def safe(serial: str) -> str:
    """Return a serial as part of a file name: as it is when every medium takes it, else its `slug`."""
    return serial if _SERIAL.fullmatch(serial) else slug(serial)


def in_manifest(path: str) -> bool:
    """Tell whether the manifest names this file: all but itself and people's signatures."""
    return path != MANIFEST and signed_head(path)[0] == 0


def manifest(digests: Mapping[str, str]) -> bytes:
    """Return the manifest of files (path → SHA-256 hex)."""
    names = sorted(digests, key=str.encode)
    return "".join(f"{digests[name]}  {name}\n" for name in names).encode()


def digest_of(files: Mapping[str, bytes]) -> str:
    """Return SHA-256, hex, over the manifest of files (path → bytes)."""
    return hashlib.sha256(manifest({path: hashlib.sha256(data).hexdigest() for path, data in files.items()})).hexdigest()


def parse_manifest(data: bytes) -> dict[str, str]:
    """Return path → SHA-256 hex.

    Raises VerificationError for any bytes that `manifest` would not write, and for a path
    with a control character: a carriage return means something to `sha256sum`.
    """
    hint = "the manifest was changed; compare it with another copy"
    try:
        rows = data.decode().split("\n")
    except UnicodeDecodeError as error:
        raise VerificationError(MANIFEST, "is not text", hint=hint) from error
    matches = [_MANIFEST_LINE.fullmatch(row) for row in rows]
    digests = {match[2]: match[1] for match in matches if match}
    if manifest(digests) != data:
        raise VerificationError(MANIFEST, "is not in the one form that is accepted", hint=hint)
    return digests


def tar(files: Iterator[tuple[str, bytes]]) -> Iterator[bytes]:
    """Yield the blocks of a deterministic tar (POSIX.1-2001): the caller gives the files sorted bytewise."""
    for name, data in files:
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), 0o644
        yield info.tobuf(tarfile.PAX_FORMAT)
        yield data
        yield b"\0" * (-len(data) % _BLOCK)
    yield b"\0" * (2 * _BLOCK)
