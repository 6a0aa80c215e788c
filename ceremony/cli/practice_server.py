# SPDX-License-Identifier: Apache-2.0
"""What a Notary server does, played by a rehearsal that has none: it makes online keys, and signs snapshot and timestamp.

Its keys are throw-away keys; their private halves are kept with what the rehearsal's
people know, so that a later rehearsal can go on as if the bundle had been published.
A request is put together from what it serves, in the form that `fetch` brings.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ceremony.core import canonical, software_key
from ceremony.core.canonical import Json
from ceremony.core.dialects import Signature, notary
from ceremony.core.dialects.notary_chain import Root, read_root
from ceremony.core.keys import Algorithm, PublicKey
from ceremony.core.request import INDEX, KEY_ROLES, Repository, StoredFile, build_index, store
from ceremony.core.secret import Secret
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import CeremonyError

ADDRESS = "https://practice.invalid"
"""Where the request says that it comes from."""
_DAYS = {"snapshot": 3 * 365, "timestamp": 14}
"""How long a Notary server makes them last."""

History = Mapping[str, Sequence[tuple[int, bytes]]]
"""Role → versions and bytes, ascending."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server has of one repository."""

    keys: Mapping[str, bytes]
    """Its public keys by role, of `KEY_ROLES`, as it serves them."""
    history: History = field(default_factory=dict)
    """Empty for a repository that it does not know yet."""


class PracticeServer:
    """The throw-away keys of a server; `kept` are those of earlier rehearsals: fingerprint → PKCS#8 PEM."""

    def __init__(self, kept: Mapping[str, Secret] | None = None) -> None:
        self.kept = dict(kept or {})
        """Every key that it has: fingerprint → PKCS#8 PEM."""

    def new_key(self) -> PublicKey:
        """Make and keep a key, and return its public half."""
        made = software_key.make(Algorithm.ED25519)
        self.kept[made.public.sha256] = Secret(made.pkcs8_pem())
        return made.public

    def new_keys(self) -> dict[str, PublicKey]:
        """Make and keep a key for each role that a server signs."""
        return {role: self.new_key() for role in KEY_ROLES}

    def published(self, repository: str, history: History, now: datetime) -> dict[str, Sequence[tuple[int, bytes]]]:
        """Return a repository's history with a snapshot and a timestamp over its newest files, one version on.

        Raises CeremonyError when the newest root names keys that are not here, VerificationError for a root that is none.
        """
        root = read_root(repository, history["root"][-1][1])
        files = {role: versions[-1][1] for role, versions in history.items() if role not in KEY_ROLES}
        made: dict[str, Sequence[tuple[int, bytes]]] = {role: history[role] for role in files}
        for role in KEY_ROLES:
            version = history[role][-1][0] + 1 if role in history else 1
            data = self._signed(root, repository, role, version, files, now)
            made[role] = [(version, data)]
            files = {role: data}  # a timestamp names the snapshot alone
        return made

    def _signed(self, root: Root, repository: str, role: str, version: int, files: Mapping[str, bytes], now: datetime) -> bytes:
        key = self._key(root, repository, role)
        listed: dict[str, Json] = {name: _listed(data) for name, data in files.items()}
        payload = canonical.encode_trusted(
            {
                "_type": role.capitalize(),
                "expires": (now + timedelta(days=_DAYS[role])).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "meta": listed,
                "version": version,
            }
        )
        scheme = notary.DIALECT.scheme(key.public.algorithm)
        signature = Signature(notary.DIALECT.key_id(key.public), key.public.algorithm, key.sign(scheme, payload))
        return notary.go_encoding(payload, [signature])

    def _key(self, root: Root, repository: str, role: str) -> SoftwareKey:
        for key in root.roles[role].keys:
            if key.fingerprint in self.kept:
                return _private(self.kept[key.fingerprint])
        raise CeremonyError(
            f"{repository}: its {role} key is not a practice server's, so nothing can be published for it here",
            hint="publish the earlier rehearsal to its server, run `ceremony fetch`, and name the folder with --request",
        )


def _private(pem: Secret) -> SoftwareKey:
    return software_key.from_pkcs8(base64.b64decode("".join(pem.text().splitlines()[1:-1])))


def _listed(data: bytes) -> Json:
    hashes: dict[str, Json] = {n: base64.b64encode(hashlib.new(n, data).digest()).decode() for n in ("sha256", "sha512")}
    return {"hashes": hashes, "length": len(data)}


def key_file(public: PublicKey) -> bytes:
    """Return an Ed25519 public key as a server serves it."""
    raw = base64.b64encode(public.raw_ed25519).decode()
    return json.dumps({"keytype": "ed25519", "keyval": {"public": raw, "private": None}}).encode()


def key_files(keys: Mapping[str, PublicKey]) -> dict[str, bytes]:
    """Return public keys by role as a server serves them."""
    return {role: key_file(public) for role, public in keys.items()}


def request_files(offers: Mapping[str, Offer]) -> dict[str, bytes]:
    """Return the files of a request (path → bytes) that holds what a practice server has of repositories; none of none."""
    files: dict[str, bytes] = {}

    def stored(name: str, role: str, version: int, data: bytes) -> StoredFile:
        file = store(name, role, version, data)
        files[file.path] = data
        return file

    repositories = {
        name: Repository(
            keys={role: stored(name, role, 0, data) for role, data in offer.keys.items()},
            metadata={
                role: tuple(stored(name, role, version, data) for version, data in versions)
                for role, versions in offer.history.items()
            },
        )
        for name, offer in offers.items()
    }
    return {INDEX: build_index(ADDRESS, repositories), **files} if repositories else {}
