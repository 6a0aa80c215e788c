# SPDX-License-Identifier: Apache-2.0
"""Notary files that are good but for one thing: changed, and then signed as if nothing were wrong.

Written with securesystemslib's canonical JSON and with nothing of the dialect.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from securesystemslib.formats import encode_canonical

from ceremony.core.dialects import notary_client
from ceremony.core.keys import Algorithm, Scheme
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import VerificationError
from tests.vectors.known_keys import known

GUN = "docker.io/acme/app"
NOW = datetime(2026, 11, 19, 9, 0, 0, tzinfo=UTC)
START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)

Where = tuple[str | int, ...]
"""The way to a member: names in objects, numbers in lists."""

Change = Callable[[Any], object]
"""What is done to a signed part, or to a whole file, before it is written."""


def certificate(
    key: SoftwareKey | None = None,
    name: str = GUN,
    *,
    start: datetime = START,
    end: datetime = END,
    issuer: SoftwareKey | None = None,
    digest: hashes.SHA256 | hashes.SHA384 | None = None,
    ca: bool | None = False,
) -> bytes:
    """Return a certificate, PEM; one fault at a time."""
    key = key or known(Algorithm.ECDSA_P256)
    private = (issuer or key)._private
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name, _validate=False)] if name else [])
    builder = x509.CertificateBuilder(subject, subject, key._private.public_key(), 7).not_valid_before(start).not_valid_after(end)
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    chosen = (digest or hashes.SHA256()) if key.public.algorithm is not Algorithm.ED25519 else None
    deterministic = True if isinstance(private, ec.EllipticCurvePrivateKey) else None
    return builder.sign(private, chosen, ecdsa_deterministic=deterministic).public_bytes(serialization.Encoding.PEM)


def entry(key_type: str, public: bytes | str) -> dict[str, Any]:
    """Return a key as a key table lists it."""
    text = public if isinstance(public, str) else base64.b64encode(public).decode()
    return {"keytype": key_type, "keyval": {"private": None, "public": text}}


def key_id(listed: dict[str, Any]) -> str:
    """Return the id of a listed key."""
    return hashlib.sha256(str(encode_canonical(listed)).encode()).hexdigest()


@dataclass(frozen=True)
class Signer:
    """Who signs, and how the file says so."""

    key: SoftwareKey
    listed: dict[str, Any]

    def signature(self, payload: bytes) -> dict[str, Any]:
        """Return the signature as a file lists it."""
        method, scheme = {
            "ecdsa": ("ecdsa", Scheme.ECDSA_SHA256),
            "rsa": ("rsapss", Scheme.RSA_PSS_SHA256),
            "ed25519": ("eddsa", Scheme.ED25519),
        }[self.key.public.algorithm.split("-")[0]]
        value = base64.b64encode(self.key.sign(scheme, payload)).decode()
        return {"keyid": key_id(self.listed), "method": method, "sig": value}


ROOT = Signer(known(Algorithm.ECDSA_P256), entry("ecdsa-x509", certificate()))
TARGETS = Signer(known(Algorithm.ED25519), entry("ed25519", known(Algorithm.ED25519).public.raw_ed25519))
SERVER = entry("ecdsa", known(Algorithm.ECDSA_P384).public.spki)
ALICE = entry("ecdsa", known(Algorithm.ECDSA_P256).public.spki)


def _role(*listed: dict[str, Any], threshold: int = 1) -> dict[str, Any]:
    return {"keyids": [key_id(one) for one in listed], "threshold": threshold}


def good_root(*roots: Signer, threshold: int = 1) -> dict[str, Any]:
    """Return the signed part of a good root."""
    listed = [root.listed for root in roots or (ROOT,)]
    content: dict[str, Any] = {
        "_type": "Root",
        "consistent_snapshot": False,
        "expires": "2036-11-19T00:00:00Z",
        "keys": {key_id(one): one for one in [*listed, TARGETS.listed, SERVER]},
        "roles": {
            "root": _role(*listed, threshold=threshold),
            "targets": _role(TARGETS.listed),
            "snapshot": _role(SERVER),
            "timestamp": _role(SERVER),
        },
        "version": 1,
    }
    return copy.deepcopy(content)


def good_targets() -> dict[str, Any]:
    """Return the signed part of good targets, with a signer as docker makes one."""
    roles = [{"name": name, "paths": [""], **_role(ALICE)} for name in ("targets/alice", "targets/releases")]
    content: dict[str, Any] = {
        "_type": "Targets",
        "delegations": {"keys": {key_id(ALICE): ALICE}, "roles": roles},
        "expires": "2029-11-19T00:00:00Z",
        "targets": {},
        "version": 1,
    }
    return copy.deepcopy(content)


def write(whole: dict[str, Any]) -> bytes:
    """Return a whole file as a server stores it; the signed part in canonical order."""
    text = json.dumps(whole, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode(errors="backslashreplace")


def signed(content: dict[str, Any], signers: Sequence[Signer]) -> bytes:
    """Return the file of a signed part."""
    payload = str(encode_canonical(content))
    signatures = [signer.signature(payload.encode()) for signer in signers]
    return write({"signed": json.loads(payload, strict=False), "signatures": signatures})


def forged(role: str, change: Change, signers: Sequence[Signer] | None = None) -> dict[str, bytes]:
    """Return the files of a repository with `change` done to a role's signed part, and all of it signed."""
    content = {"root": good_root(), "targets": good_targets()}
    change(content[role])
    by = {"root": [ROOT], "targets": [TARGETS]} | ({role: list(signers)} if signers is not None else {})
    return {name: signed(content[name], by[name]) for name in content}


def tampered(role: str, change: Change) -> dict[str, bytes]:
    """Return the files of a repository with `change` done to a role's whole file after it was signed."""
    files = forged(role, lambda _: None)
    whole = json.loads(files[role])
    change(whole)
    return files | {role: write(whole)}


GOOD = {"root": signed(good_root(), [ROOT]), "targets": signed(good_targets(), [TARGETS])}
ANOTHER = Signer(known(Algorithm.ECDSA_P384), entry("ecdsa-x509", certificate(known(Algorithm.ECDSA_P384))))


def check(files: dict[str, bytes], now: datetime = NOW) -> set[str]:
    """Return the algorithms of the keys whose signatures counted."""
    return {str(signature.public.algorithm) for signature in notary_client.check(GUN, files, now)}


def assert_refused(files: dict[str, bytes], role: str, says: str) -> None:
    """Check that a client refuses the files, naming repository and role."""
    with pytest.raises(VerificationError, match=f"^{GUN} {role}: ({says})") as caught:
        notary_client.check(GUN, files, NOW)
    assert caught.value.subject == f"{GUN} {role}"
    assert caught.value.hint


def holder(content: Any, where: Where) -> Any:
    """Return what holds the member at a place."""
    for name in where[:-1]:
        content = content[name]
    return content


def member(*where: str | int, to: object) -> Change:
    """Change the member at a place."""

    def change(content: Any) -> None:
        holder(content, where)[where[-1]] = to

    return change
