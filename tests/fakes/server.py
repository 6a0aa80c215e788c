# SPDX-License-Identifier: Apache-2.0
"""A Notary server in memory: it takes what a ceremony leaves, signs snapshots and timestamps, and gives requests with whole histories.

It verifies nothing; `tests/online` has the real one. What it serves is written with
securesystemslib's canonical JSON, and with nothing of the dialect.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ceremony.core.keys import Algorithm
from ceremony.core.request import Repository, StoredFile, build_index, path_of, store
from ceremony.core.software_key import SoftwareKey, make
from tests.core.dialects.forged import Signer, entry, signed

_BUNDLE, _METADATA = "bundle/tuf/", "/metadata/"
_SERVED = ("root", "targets", "snapshot", "timestamp")
_DAYS = "2029-11-19T00:00:00Z"


def bare(key: SoftwareKey) -> Signer:
    """Return a key as metadata lists it."""
    kind = key.public.algorithm.split("-", maxsplit=1)[0]
    return Signer(key, entry(kind, key.public.raw_ed25519 if kind == "ed25519" else key.public.spki))


@dataclass
class Hosted:
    """One repository on the server."""

    keys: dict[str, Signer]
    """The server's own, by role."""
    history: dict[str, dict[int, bytes]] = field(default_factory=dict)
    """Role → version → file."""

    def newest(self, role: str) -> bytes:
        return self.history[role][max(self.history[role])]

    def take(self, files: Mapping[str, bytes]) -> None:
        """Take metadata, as a POST brings it, and sign a snapshot and a timestamp over it."""
        for role, data in files.items():
            self.history.setdefault(role, {})[json.loads(data)["signed"]["version"]] = data
        others = [role for role in self.history if role not in ("snapshot", "timestamp")]
        self._sign("snapshot", {role: self.newest(role) for role in others})
        self._sign("timestamp", {"snapshot": self.newest("snapshot")})

    def _sign(self, role: str, files: Mapping[str, bytes]) -> None:
        meta = {
            name: {
                "hashes": {h: base64.b64encode(hashlib.new(h, data).digest()).decode() for h in ("sha256", "sha512")},
                "length": len(data),
            }
            for name, data in files.items()
        }
        version = max(self.history.get(role, {0: b""})) + 1
        content = {"_type": role.capitalize(), "expires": _DAYS, "meta": meta, "version": version}
        self.history.setdefault(role, {})[version] = signed(content, [self.keys[role]])


class FakeServer:
    """The whole server."""

    def __init__(self) -> None:
        self.hosted: dict[str, Hosted] = {}

    def known(self, name: str) -> Hosted:
        """Return a repository; one that is asked for gets keys, as on the real server."""
        if name not in self.hosted:
            self.hosted[name] = Hosted({role: bare(make(Algorithm.ED25519)) for role in ("snapshot", "timestamp")})
        return self.hosted[name]

    def publish(self, files: Mapping[str, bytes]) -> list[str]:
        """Take the bundle of a ceremony folder (path → bytes); return the names of its repositories."""
        found: dict[str, dict[str, bytes]] = {}
        for path, data in files.items():
            if path.startswith(_BUNDLE) and _METADATA in path:
                name, role = path.removeprefix(_BUNDLE).removesuffix(".json").split(_METADATA)
                found.setdefault(name, {})[role] = data
        for name, roles in found.items():
            self.known(name).take(roles)
        return list(found)

    def push(self, name: str, tags: Mapping[str, str], key: SoftwareKey, **changes: Any) -> None:
        """Sign new targets with tags (name → content) beside those that there are, as `notary add -p` does."""
        content = json.loads(self.known(name).newest("targets"))["signed"]
        for tag, text in tags.items():
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            content["targets"][tag] = {"hashes": {"sha256": digest}, "length": len(text)}
        content |= {"version": content["version"] + 1, **changes}
        self.known(name).take({"targets": signed(content, [bare(key)])})

    def request(self, names: Iterable[str] = ()) -> dict[str, bytes]:
        """Return a request (path → bytes): the server's keys, and everything that it has of its repositories."""
        repositories: dict[str, Repository] = {}
        files: dict[str, bytes] = {}

        def kept(name: str, role: str, version: int, data: bytes) -> StoredFile:
            stored = store(name, role, version, data)
            files[path_of(stored.sha256)] = data
            return stored

        for name in names or tuple(self.hosted):
            hosted = self.known(name)
            keys = {
                role: kept(
                    name, role, 0, json.dumps({**one.listed, "keyval": {**one.listed["keyval"], "private": None}}).encode()
                )
                for role, one in hosted.keys.items()
            }
            metadata = {}
            for role, versions in hosted.history.items():
                online = role in ("snapshot", "timestamp")
                wanted = [max(versions)] if online else sorted(versions)
                metadata[role] = tuple(kept(name, role, version, versions[version]) for version in wanted)
            repositories[name] = Repository(keys, metadata)
        return {"index.json": build_index("https://notary.example", repositories), **files}
