# SPDX-License-Identifier: Apache-2.0
"""Write Notary metadata with other libraries than the program; `--check` compares with the files that are there."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from Crypto.Hash import SHA256
from Crypto.PublicKey import ECC
from Crypto.Signature import DSS, eddsa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from securesystemslib.formats import encode_canonical

HERE = Path(__file__).parent
KEYS = HERE.parent / "keys"
METHODS = {"ecdsa-x509": "ecdsa", "ed25519": "eddsa"}

Entry = dict[str, object]


def _pem(name: str) -> bytes:
    return (KEYS / f"{name}.pem").read_bytes()


def _certificate(name: str, serial: int) -> bytes:
    private = serialization.load_pem_private_key(_pem(name), password=None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "reg.example:5000/acme/*")])
    certificate = (
        x509.CertificateBuilder(subject, subject, private.public_key(), serial)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2046, 1, 1, tzinfo=UTC))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        .sign(private, hashes.SHA256(), ecdsa_deterministic=True)
    )
    return certificate.public_bytes(serialization.Encoding.PEM)


def _entry(key_type: str, public: bytes) -> tuple[str, Entry]:
    entry: Entry = {"keytype": key_type, "keyval": {"private": None, "public": base64.b64encode(public).decode()}}
    return hashlib.sha256(str(encode_canonical(entry)).encode()).hexdigest(), entry


def _public(name: str) -> tuple[str, Entry]:
    key = serialization.load_pem_private_key(_pem(name), password=None).public_key()
    if name == "ed25519":
        return _entry(name, key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return _entry(name.split("-", maxsplit=1)[0], der)


def _sign(name: str, message: bytes) -> bytes:
    key = ECC.import_key(_pem(name).decode())
    if name == "ed25519":
        return eddsa.new(key, "rfc8032").sign(message)
    return DSS.new(key, "deterministic-rfc6979").sign(SHA256.new(message))


def _file(signed: Mapping[str, object], signers: Sequence[tuple[str, tuple[str, Entry]]]) -> bytes:
    payload = str(encode_canonical(dict(signed)))
    signatures = [
        {
            "keyid": key_id,
            "method": METHODS[str(entry["keytype"])],
            "sig": base64.b64encode(_sign(name, payload.encode())).decode(),
        }
        for name, (key_id, entry) in signers
    ]
    return f'{{"signed":{payload},"signatures":{json.dumps(signatures, separators=(",", ":"))}}}'.encode()


def _role(*keys: tuple[str, Entry], threshold: int = 1) -> Entry:
    return {"keyids": sorted(key_id for key_id, _ in keys), "threshold": threshold}


def _vectors() -> dict[str, bytes]:
    certificates = {"root-p256.pem": _certificate("ecdsa-p256", 1), "root-p384.pem": _certificate("ecdsa-p384", 2)}
    one, two = (_entry("ecdsa-x509", pem) for pem in certificates.values())
    targets, snapshot, timestamp = _public("ed25519"), _public("ecdsa-p256"), _public("rsa-3072")
    alice, bob = _public("ecdsa-p384"), _public("rsa-4096")
    root = {
        "_type": "Root",
        "consistent_snapshot": False,
        "expires": "2036-11-19T00:00:00Z",
        "keys": dict([one, two, targets, snapshot, timestamp]),
        "roles": {
            "root": _role(one, two, threshold=2),
            "targets": _role(targets),
            "snapshot": _role(snapshot),
            "timestamp": _role(timestamp),
        },
        "version": 1,
    }
    roles = [
        {"name": "targets/alice", "paths": [""]} | _role(alice),
        {"name": "targets/bob", "paths": [""]} | _role(bob),
        {"name": "targets/releases", "paths": [""]} | _role(alice, bob),
    ]
    signed = {
        "_type": "Targets",
        "delegations": {"keys": dict([alice, bob]), "roles": roles},
        "expires": "2029-11-19T00:00:00Z",
        "targets": {},
        "version": 1,
    }
    return {
        **certificates,
        "root.json": _file(root, [("ecdsa-p256", one), ("ecdsa-p384", two)]),
        "targets.json": _file(signed, [("ed25519", targets)]),
    }


def main(arguments: list[str]) -> str:
    """Return what is wrong, in words; nothing when all is well."""
    for name, data in _vectors().items():
        if arguments != ["--check"]:
            (HERE / name).write_bytes(data)
        elif (HERE / name).read_bytes() != data:
            return f"{name} is not what this script writes"
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) or 0)
