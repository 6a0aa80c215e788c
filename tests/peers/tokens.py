# SPDX-License-Identifier: Apache-2.0
"""A registry's token endpoint: issues the JSON Web Tokens that a real notary-server checks.

Docker Registry v2 authentication, "token": ES256, the certificate in `x5c`, one
`access` entry for the scope that was asked for.
"""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ISSUER = "test issuer"
SERVICE = "notary.example"


@dataclass(frozen=True)
class TokenIssuer:
    """A key, and the certificate that a server trusts tokens by."""

    private: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls) -> TokenIssuer:
        """Make an issuer of its own."""
        private = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, ISSUER)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2046, 1, 1, tzinfo=UTC))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        )
        return cls(private, builder.sign(private, hashes.SHA256()))

    def settings(self, realm: str, folder: Path) -> dict[str, object]:
        """Return a notary-server's `auth` setting that sends clients to `realm` and trusts this issuer."""
        bundle = folder / "issuer.pem"
        bundle.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        options = {"realm": realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": str(bundle)}
        return {"type": "token", "options": options}

    def token(self, path: str) -> str:
        """Return the token that a GET of `path` (with its query) asks for: the whole scope is granted."""
        query = parse_qs(urlsplit(path).query)
        kind, name, actions = query["scope"][0].split(":", 1)[0], *query["scope"][0].split(":", 1)[1].rsplit(":", 1)
        now = int(time.time())
        header = {"typ": "JWT", "alg": "ES256", "x5c": [_text(self.certificate.public_bytes(serialization.Encoding.DER))]}
        claims = {
            "iss": ISSUER,
            "sub": query.get("account", [""])[0],
            "aud": query["service"][0],
            "exp": now + 300,
            "nbf": now - 10,
            "iat": now,
            "jti": "test",
            "access": [{"type": kind, "name": name, "actions": actions.split(",")}],
        }
        signed = b".".join(_part(json.dumps(part).encode()) for part in (header, claims))
        r, s = decode_dss_signature(self.private.sign(signed, ec.ECDSA(hashes.SHA256())))
        return (signed + b"." + _part(r.to_bytes(32) + s.to_bytes(32))).decode()


def _part(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
