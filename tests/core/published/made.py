# SPDX-License-Identifier: Apache-2.0
"""What a server serves of a repository, made in memory, good but for what a test changes before it is signed.

    made = Made()
    made.root[2]["version"] = 7
    with pytest.raises(VerificationError): read(made)

Written with securesystemslib's canonical JSON, and with nothing of the dialect.
"""

from __future__ import annotations

import base64
import copy
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ceremony.core.dialects.notary_sequel import SEQUEL
from ceremony.core.keys import Algorithm
from ceremony.core.published.trusted import Anchor, TrustedRoot
from ceremony.core.published.values import Published, Served
from ceremony.core.served import ServerKeys
from ceremony.core.software_key import SoftwareKey, make
from tests.core.dialects.forged import Signer, certificate, entry, key_id, signed

APP, WEB = "docker.io/acme/app", "docker.io/acme/web"
NOW = datetime(2026, 11, 19, 9, 0, 0, tzinfo=UTC)
ROOT_DAYS, TARGETS_DAYS = "2036-11-19T15:55:44.458082986Z", "2029-11-19T00:00:00+01:00"
Content = dict[str, Any]


def certified(key: SoftwareKey, name: str = APP, **options: Any) -> Signer:
    """Return a root key with a certificate, as metadata lists it."""
    return Signer(key, entry(f"{key.public.algorithm.split('-', maxsplit=1)[0]}-x509", certificate(key, name, **options)))


def bare(key: SoftwareKey) -> Signer:
    """Return a key as metadata lists it."""
    kind = key.public.algorithm.split("-", maxsplit=1)[0]
    return Signer(key, entry(kind, key.public.raw_ed25519 if kind == "ed25519" else key.public.spki))


ROOT, TARGETS, SNAPSHOT, TIMESTAMP, ALICE, BOB, NEW, OTHER = (bare(make(Algorithm.ECDSA_P256)) for _ in range(8))
OLD_ROOT = certified(ROOT.key)
OFFERED = make(Algorithm.ED25519).public
"""A snapshot key that the server offers and no root names."""


def role(*signers: Signer, threshold: int = 1) -> Content:
    """Return a role of a root."""
    return {"keyids": [key_id(one.listed) for one in signers], "threshold": threshold}


def tag(text: str, **more: Any) -> Content:
    """Return an entry of targets."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return {"hashes": {"sha256": digest}, "length": len(text), **more}


def root(version: int, roots: Sequence[Signer] = (OLD_ROOT,), *, threshold: int = 1, targets: Signer = TARGETS) -> Content:
    """Return the signed part of a root."""
    roles = {
        "root": role(*roots, threshold=threshold),
        "targets": role(targets),
        "snapshot": role(SNAPSHOT),
        "timestamp": role(TIMESTAMP),
    }
    keys = {key_id(one.listed): one.listed for one in (*roots, targets, SNAPSHOT, TIMESTAMP)}
    return copy.deepcopy(
        {"_type": "Root", "consistent_snapshot": False, "expires": ROOT_DAYS, "keys": keys, "roles": roles, "version": version}
    )


def delegations(**signers: Signer) -> Content:
    """Return the delegations of docker signers, each in `targets/releases` too."""
    roles = [{"name": f"targets/{name}", "paths": [""], **role(one)} for name, one in signers.items()]
    if signers:
        roles.append({"name": "targets/releases", "paths": [""], **role(*signers.values())})
    return copy.deepcopy({"keys": {key_id(one.listed): one.listed for one in signers.values()}, "roles": roles})


def targets(version: int, tags: Mapping[str, Content], delegated: Content | None = None) -> Content:
    """Return the signed part of targets."""
    return {
        "_type": "Targets",
        "delegations": copy.deepcopy(delegated or delegations()),
        "expires": TARGETS_DAYS,
        "targets": copy.deepcopy(dict(tags)),
        "version": version,
    }


class Made:
    """A repository: two roots, three versions of targets, two signers of whom alice signed; `server` offers its own keys."""

    def __init__(self, gun: str = APP) -> None:
        self.gun = gun
        self.root = {1: root(1), 2: root(2)}
        self.root_by: dict[int, Sequence[Signer]] = {1: [OLD_ROOT], 2: [OLD_ROOT]}
        signers = delegations(alice=ALICE, bob=BOB)
        self.targets = {
            2: targets(2, {"1.0": tag("one")}),
            3: targets(3, {"1.0": tag("one"), "2.0": tag("two"), "gone": tag("gone")}, signers),
            5: targets(5, {"1.0": tag("ONE"), "2.0": tag("two"), "é<>": tag("three", custom={"a": [1, None]})}, signers),
        }
        self.targets_by: dict[int, Sequence[Signer]] = {2: [TARGETS], 3: [TARGETS], 5: [TARGETS]}
        self.delegated = {"targets/alice": {1: targets(1, {"a": tag("a")})}, "targets/releases": {1: targets(1, {"a": tag("a")})}}
        self.delegated_by = {"targets/alice": [ALICE], "targets/releases": [ALICE]}
        self.online_by = {"snapshot": [SNAPSHOT], "timestamp": [TIMESTAMP]}
        self.online: dict[str, Callable[[Content], object]] = {}
        """What is done to snapshot and timestamp before they are signed."""
        self.raw: dict[tuple[str, int], bytes] = {}
        """Files that are served in the place of those that were made."""
        self.server: ServerKeys | None = ServerKeys(SNAPSHOT.key.public, TIMESTAMP.key.public)

    def served(self) -> Served:
        """Return it all, signed."""
        metadata: dict[str, list[tuple[int, bytes]]] = {
            "root": [(v, signed(content, self.root_by[v])) for v, content in self.root.items()],
            "targets": [(v, signed(content, self.targets_by[v])) for v, content in self.targets.items()],
        }
        for name, versions in self.delegated.items():
            metadata[name] = [(v, signed(content, self.delegated_by[name])) for v, content in versions.items()]
        metadata = {name: [(v, self.raw.get((name, v), data)) for v, data in files] for name, files in metadata.items()}
        metadata["snapshot"] = [(7, self._online("snapshot", {name: files[-1][1] for name, files in metadata.items()}))]
        metadata["timestamp"] = [(9, self._online("timestamp", {"snapshot": metadata["snapshot"][0][1]}))]
        return Served(self.gun, metadata, self.server)

    def _online(self, name: str, files: Mapping[str, bytes]) -> bytes:
        version = {"snapshot": 7, "timestamp": 9}[name]
        meta = {
            other: {
                "hashes": {h: base64.b64encode(hashlib.new(h, data).digest()).decode() for h in ("sha256", "sha512")},
                "length": len(data),
            }
            for other, data in files.items()
        }
        content = {"_type": name.capitalize(), "expires": "2029-11-19T00:00:00Z", "meta": meta, "version": version}
        if name in self.online:
            self.online[name](content)
        return signed(content, self.online_by[name])


def pinned(*signers: Signer) -> TrustedRoot:
    """Return a trusted root that is key ids."""
    return TrustedRoot({}, (Anchor(key_ids=frozenset(key_id(one.listed) for one in signers or (OLD_ROOT,))),))


def read(made: Made, trusted: TrustedRoot | None = None, now: datetime = NOW) -> Published:
    """Return what is published of a repository."""
    return SEQUEL.read(made.served(), trusted or pinned(), now)
