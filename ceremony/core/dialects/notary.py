# SPDX-License-Identifier: Apache-2.0
"""Notary v1 / Docker Content Trust: what stock `notary` and `docker trust` accept.

Two encodings, and the difference bites first: a *signature* is over canonical
JSON; the *file* must be what Go's `encoding/json` writes, which escapes `<`, `>`,
`&`, U+2028 and U+2029. A server re-encodes what it is sent and puts the hash of
its own encoding in the snapshot, so a file in another form is accepted and then
fails at every client.

Root keys are certificates (`ecdsa-x509`, `rsa-x509`) whose common name is the
GUN or a prefix ending in `*`. Signatures are over SHA-256, also with P-384.
The client's rules are in `notary_client`, apart from what is written here.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from ceremony.core.bundle import PINNING
from ceremony.core.dialects import DetachedSignature, Dialect, Draft, RepositorySpec, RootKey, Signature, notary_keys
from ceremony.core.dialects import notary_client as client
from ceremony.core.keys import Algorithm, PublicKey, Scheme
from ceremony.core.software_key import SoftwareKey

KEY_TYPES = {
    Algorithm.ECDSA_P256: "ecdsa",
    Algorithm.ECDSA_P384: "ecdsa",
    Algorithm.RSA_3072: "rsa",
    Algorithm.RSA_4096: "rsa",
    Algorithm.ED25519: "ed25519",
}
METHODS = {"ecdsa": "ecdsa", "rsa": "rsapss", "ed25519": "eddsa"}
SCHEMES = {"ecdsa": Scheme.ECDSA_SHA256, "rsa": Scheme.RSA_PSS_SHA256, "ed25519": Scheme.ED25519}

# Go's encoding/json escapes these even inside a RawMessage (HTMLEscape).
_ESCAPED = "<>&\u2028\u2029"
_GO_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def go_encoding(payload: bytes, signatures: Sequence[Signature]) -> bytes:
    """Return the file that Go writes for a signed canonical `payload`."""
    listed = ",".join(
        f'{{"keyid":"{s.key_id}","method":"{METHODS[KEY_TYPES[s.algorithm]]}","sig":"{base64.b64encode(s.value).decode()}"}}'
        for s in signatures
    )
    text = f'{{"signed":{payload.decode()},"signatures":[{listed}]}}'
    return (text.translate(_GO_ESCAPES) if any(char in text for char in _ESCAPED) else text).encode()


def key_entry(public: PublicKey) -> tuple[str, str]:
    """Return key id and canonical metadata entry of a repository key."""
    raw = public.raw_ed25519 if public.algorithm is Algorithm.ED25519 else public.spki
    return _entry(KEY_TYPES[public.algorithm], base64.b64encode(raw).decode())


@lru_cache(maxsize=64)
def _root_entry(key: RootKey) -> tuple[str, str]:
    return _entry(f"{KEY_TYPES[key.public.algorithm]}-x509", base64.b64encode(key.certificate.encode()).decode())


def _entry(key_type: str, public: str) -> tuple[str, str]:
    # Both texts are base64 or fixed words, so the canonical form needs no encoder; ten thousand roots feel it.
    canonical = f'{{"keytype":"{key_type}","keyval":{{"private":null,"public":"{public}"}}}}'
    return hashlib.sha256(canonical.encode()).hexdigest(), canonical


def _object(members: Mapping[str, str]) -> str:
    """Return the canonical object of members that are canonical already; their names are hex or fixed words."""
    return "{" + ",".join(f'"{name}":{members[name]}' for name in sorted(members)) + "}"


def _key_ids(key_ids: Iterable[str]) -> str:
    return "[" + ",".join(f'"{key_id}"' for key_id in sorted(set(key_ids))) + "]"


@lru_cache(maxsize=16)
def _time(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


class Notary(Dialect):
    """Notary v1."""

    name = "notary"
    root_algorithms = frozenset(Algorithm) - {Algorithm.ED25519}
    repository_algorithms = frozenset(Algorithm)
    needs_certificate = True

    def scheme(self, algorithm: Algorithm) -> Scheme:
        """Return how a key of this algorithm signs: always over SHA-256."""
        return SCHEMES[KEY_TYPES[algorithm]]

    def key_id(self, public: PublicKey) -> str:
        """Return SHA-256 of the canonical key, hex."""
        return key_entry(public)[0]

    def root_key_id(self, key: RootKey) -> str:
        """Return SHA-256 of the canonical certificate key, hex."""
        return _root_entry(key)[0]

    def path(self, repository: str, role: str) -> str:
        """Return the path in Notary's own trust folder layout (slashes of the GUN are folders)."""
        return f"bundle/tuf/{repository}/metadata/{role}.json"

    def root(self, spec: RepositorySpec) -> Draft:
        """Return root metadata: four roles, each key once."""
        roots = [_root_entry(key) for key in spec.root_keys]
        targets, snapshot, timestamp = key_entry(spec.targets), key_entry(spec.snapshot), key_entry(spec.timestamp)
        roles = (
            f'{{"root":{{"keyids":{_key_ids(key_id for key_id, _ in roots)},"threshold":{spec.threshold}}},'
            f'"snapshot":{{"keyids":["{snapshot[0]}"],"threshold":1}},'
            f'"targets":{{"keyids":["{targets[0]}"],"threshold":1}},'
            f'"timestamp":{{"keyids":["{timestamp[0]}"],"threshold":1}}}}'
        )
        keys = _object(dict([*roots, targets, snapshot, timestamp]))
        signed = (
            f'{{"_type":"Root","consistent_snapshot":false,"expires":"{_time(spec.root_expires)}",'
            f'"keys":{keys},"roles":{roles},"version":{spec.version}}}'
        )
        return Draft(spec.name, "root", self.path(spec.name, "root"), signed.encode())

    def targets(self, spec: RepositorySpec) -> Draft:
        """Return targets metadata: no targets yet; each signer as docker makes it, `targets/<name>` and `targets/releases`."""
        entries = {signer.name: key_entry(signer.public) for signer in spec.signers}
        roles = [_delegation(f"targets/{name}", [key_id]) for name, (key_id, _) in entries.items()]
        if entries:
            roles.append(_delegation("targets/releases", [key_id for key_id, _ in entries.values()]))
        signed = (
            f'{{"_type":"Targets","delegations":{{"keys":{_object(dict(entries.values()))},"roles":[{",".join(roles)}]}},'
            f'"expires":"{_time(spec.targets_expires)}","targets":{{}},"version":{spec.version}}}'
        )
        return Draft(spec.name, "targets", self.path(spec.name, "targets"), signed.encode())

    def assemble(self, draft: Draft, signatures: Sequence[Signature]) -> bytes:
        """Return the file as Go writes it."""
        return go_encoding(draft.payload, signatures)

    def check(self, repository: str, files: Mapping[str, bytes], now: datetime) -> Sequence[DetachedSignature]:
        """Judge the files by the client's rules."""
        return client.check(repository, files, now)

    def pinning(self, pins: Mapping[str, Sequence[str]]) -> Mapping[str, bytes]:
        """Return `trust-pinning.json`: the `trust_pinning` part of a Notary client's configuration."""
        certs = {name: list(key_ids) for name, key_ids in pins.items()}
        config = {"trust_pinning": {"certs": certs, "disable_tofu": True}}
        return {PINNING: json.dumps(config, indent=2, sort_keys=True).encode() + b"\n"}

    def delivery(self, repository: str, key: SoftwareKey) -> bytes:
        """Return what `notary key import` takes."""
        return notary_keys.write(repository, self.key_id(key.public), key)

    def read_delivery(self, data: bytes, subject: str) -> SoftwareKey:
        """Return the key of what `notary key import` takes."""
        return notary_keys.read(data, subject)


def _delegation(name: str, key_ids: Iterable[str]) -> str:
    return f'{{"keyids":{_key_ids(key_ids)},"name":{json.dumps(name, ensure_ascii=False)},"paths":[""],"threshold":1}}'


DIALECT = Notary()
