# SPDX-License-Identifier: Apache-2.0
"""What a ceremony made, as it recorded it: the certificates of root keys, the repositories' keys, the digest of what people agreed to.

Pure, so that an audit reads from the bytes of a folder what the ceremony read back.
What is signed with that is the agenda's part.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ceremony.core.canonical import Json, JsonObject
from ceremony.core.dialects import Draft, Signer
from ceremony.core.keys import PublicKey, from_spki
from ceremony.errors import VerificationError

FIRST_VERSION = 1
_END = "-----END CERTIFICATE-----\n"


@dataclass(frozen=True, slots=True)
class RepositoryKeys:
    """The public keys of one repository."""

    targets: PublicKey | None
    """None where the one that is published stays."""
    snapshot: PublicKey | None
    """None in a repository that is published: what its new root names is judged from the request."""
    timestamp: PublicKey | None
    signers: tuple[Signer, ...]


def digest(listed: Iterable[Draft]) -> str:
    """Return SHA-256, hex, over the manifest lines of all drafts: what people agree to sign."""
    whole = hashlib.sha256()
    for draft in listed:
        whole.update(f"{hashlib.sha256(draft.payload).hexdigest()}  {draft.path}\n".encode())
    return whole.hexdigest()


def read_certificates(data: bytes, public: PublicKey, names: Sequence[str], subject: str) -> Mapping[str, str]:
    """Return common name → PEM of a file that holds a root's public key, then its certificates.

    Raises VerificationError, naming `subject`, for another key, another count or anything else in the file.
    """
    first, *pems = data.decode("ascii", "replace").replace(_END, _END + "\0").split("\0")
    head = public.pem.decode()
    found = [first.removeprefix(head), *pems]
    if not first.startswith(head) or found.pop() or len(found) != len(names):
        raise VerificationError(
            subject,
            f"does not hold the root's public key and {len(names)} certificates",
            hint="compare it with another copy",
        )
    return dict(zip(names, found, strict=True))


def read_repository_keys(listed: JsonObject, subject: str) -> Mapping[str, RepositoryKeys]:
    """Return the keys of every repository of a recorded list; raises VerificationError, naming `subject`, for any other."""
    try:
        return {name: _keys(entry) for name, entry in listed.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise VerificationError(subject, "is not a list of keys", hint="it was written by another program; stop") from error


def _keys(entry: Json) -> RepositoryKeys:
    members = _object(entry)
    signers = tuple(Signer(name, from_public(key)) for name, key in _object(members["signers"]).items())
    return RepositoryKeys(_public(members["targets"]), _public(members["snapshot"]), _public(members["timestamp"]), signers)


def _public(entry: Json) -> PublicKey | None:
    return None if entry is None else from_public(entry)


def from_public(entry: Json) -> PublicKey:
    """Return the public key of a recorded list's entry; raises KeyError, TypeError and ValueError for anything else."""
    return from_spki(base64.b64decode(str(_object(entry)["spki"]), validate=True))


def _object(value: Json) -> JsonObject:
    if not isinstance(value, dict):
        raise TypeError
    return value
