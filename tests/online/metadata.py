# SPDX-License-Identifier: Apache-2.0
"""Root and targets of a new Notary repository, written apart from the program's own dialect.

Software keys, `cryptography`, and securesystemslib's canonical JSON: an
independent judge of what a Notary server and client take.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from securesystemslib.formats import encode_canonical

Key = dict[str, object]
START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2036, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Signed:
    """A repository's metadata, and the key that its team signs with."""

    root: bytes
    targets: bytes
    targets_key: ec.EllipticCurvePrivateKey

    @property
    def files(self) -> dict[str, bytes]:
        return {"root": self.root, "targets": self.targets}


def genesis(gun: str, snapshot: Key, timestamp: Key, *, spaces: bool = False) -> Signed:
    """Make root and targets of `gun`; with `spaces`, encoded as Go would not."""
    root_private, targets_private = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_key = _key("ecdsa-x509", _certificate(gun, root_private).public_bytes(serialization.Encoding.PEM))
    targets_key = _key("ecdsa", _spki(targets_private))
    online = {"snapshot": snapshot, "timestamp": timestamp}
    keys = {"root": root_key, "targets": targets_key, **online}
    root = {
        "_type": "Root",
        "consistent_snapshot": False,
        "expires": "2036-01-01T00:00:00Z",
        "keys": {key_id(key): key for key in keys.values()},
        "roles": {role: {"keyids": [key_id(key)], "threshold": 1} for role, key in keys.items()},
        "version": 1,
    }
    return Signed(
        sign(root, root_private, root_key, spaces=spaces),
        sign(targets(1, {}), targets_private, targets_key, spaces=spaces),
        targets_private,
    )


def targets(version: int, files: Mapping[str, object]) -> dict[str, object]:
    return {
        "_type": "Targets",
        "delegations": {"keys": {}, "roles": []},
        "expires": "2029-01-01T00:00:00Z",
        "targets": dict(files),
        "version": version,
    }


def sign(payload: Mapping[str, object], private: ec.EllipticCurvePrivateKey, key: Key, *, spaces: bool = False) -> bytes:
    canonical = encode_canonical(dict(payload))
    assert canonical is not None
    r, s = decode_dss_signature(private.sign(canonical.encode(), ec.ECDSA(hashes.SHA256())))
    sig = base64.b64encode(r.to_bytes(32) + s.to_bytes(32)).decode()
    signature = {"keyid": key_id(key), "method": "ecdsa", "sig": sig}
    separators = (", ", ": ") if spaces else (",", ":")
    return json.dumps({"signed": json.loads(canonical), "signatures": [signature]}, separators=separators).encode()


def targets_entry(signed: Signed) -> Key:
    return _key("ecdsa", _spki(signed.targets_key))


def key_id(key: Key) -> str:
    canonical = encode_canonical(key)
    assert canonical is not None
    return hashlib.sha256(canonical.encode()).hexdigest()


def _key(keytype: str, public: bytes) -> Key:
    return {"keytype": keytype, "keyval": {"private": None, "public": base64.b64encode(public).decode()}}


def _spki(private: ec.EllipticCurvePrivateKey) -> bytes:
    return private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _certificate(gun: str, private: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, gun)])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(START)
        .not_valid_after(END)
        .sign(private, hashes.SHA256())
    )
