# SPDX-License-Identifier: Apache-2.0
"""A certificate authority for tests, and a server's certificate for loopback."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_START = datetime(2026, 1, 1, tzinfo=UTC)
_END = datetime(2046, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class TestTls:
    """PEM files: the CA's certificate, and a certificate and key for 127.0.0.1 and localhost."""

    __test__ = False
    ca: Path
    certificate: Path
    key: Path


def make_tls(folder: Path) -> TestTls:
    """Write a CA and what it issued into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    ca = _certificate("test CA", ca_key, "test CA", ca_key, x509.BasicConstraints(ca=True, path_length=None))
    leaf = _certificate("127.0.0.1", key, "test CA", ca_key, x509.SubjectAlternativeName(names))
    files = TestTls(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    files.ca.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    files.certificate.write_bytes(leaf.public_bytes(serialization.Encoding.PEM))
    files.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_START)
        .not_valid_after(_END)
        .add_extension(extension, critical=name == issuer)
        .sign(issuer_key, hashes.SHA256())
    )
