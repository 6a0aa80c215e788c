# SPDX-License-Identifier: Apache-2.0
"""A team's key file: what stock `notary` writes and takes, what openssl writes, and what is none."""

from __future__ import annotations

import base64
import subprocess

import pytest
from Crypto.IO import PKCS8
from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ceremony.core.dialects import notary_key_file
from ceremony.core.dialects.notary import DIALECT
from ceremony.core.keys import Algorithm
from ceremony.core.secret import Secret
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import VerificationError
from tests.peers.notary import PASSPHRASE, NotaryServer, notary
from tests.vectors.known_keys import known

GUN = "docker.io/acme/app"
ALGORITHMS = pytest.mark.parametrize("algorithm", list(Algorithm))


def read(data: bytes, passphrase: str | None = None) -> SoftwareKey:
    return notary_key_file.read(data, "team.key", None if passphrase is None else Secret(passphrase))


@ALGORITHMS
def test_takes_what_a_ceremony_delivers_and_plain_pkcs8(algorithm):
    key = known(algorithm)
    for data in (DIALECT.delivery(GUN, key), key.pkcs8_pem(), key.pkcs8_pem().replace(b"\n", b"\r\n")):
        assert not notary_key_file.is_encrypted(data, "team.key")
        assert read(data).public == key.public


@ALGORITHMS
@pytest.mark.parametrize("prf", ["hmacWithSHA1", "hmacWithSHA256"])
def test_takes_what_openssl_encrypts(algorithm, prf):
    key = known(algorithm)
    command = ["openssl", "pkcs8", "-topk8", "-v2prf", prf, "-passout", "pass:a b"]
    data = subprocess.run(command, input=key.pkcs8_pem(), capture_output=True, check=True).stdout
    assert notary_key_file.is_encrypted(data, "team.key")
    opened = read(data, "a b")
    assert opened.public == key.public
    assert opened.sign(DIALECT.scheme(algorithm), b"x")
    for wrong in ("ab", None):
        with pytest.raises(VerificationError, match=r"^team\.key: does not open with this passphrase$"):
            read(data, wrong)


def test_takes_what_the_stock_client_keeps_and_exports(tmp_path):
    ed25519 = known(Algorithm.ED25519)
    (tmp_path / "ed25519.key").write_bytes(DIALECT.delivery(GUN, ed25519))
    with NotaryServer(tmp_path) as server:
        trust = tmp_path / "trust"
        notary("init", "-p", GUN, server=server.url, trust=trust)
        notary("key", "import", str(tmp_path / "ed25519.key"), server=server.url, trust=trust)
        notary("key", "export", "-o", str(tmp_path / "all.pem"), server=server.url, trust=trust)
    kept = {path.stem: path.read_bytes() for path in (trust / "private").iterdir() if b"role: targets" in path.read_bytes()}
    assert len(kept) == 2
    for key_id, data in kept.items():
        assert notary_key_file.is_encrypted(data, "team.key")
        assert DIALECT.key_id(read(data, PASSPHRASE).public) == key_id
    assert read(kept[DIALECT.key_id(ed25519.public)], PASSPHRASE).public == ed25519.public
    with pytest.raises(VerificationError, match=r"^team\.key: holds [34] keys, and one is wanted$"):
        read((tmp_path / "all.pem").read_bytes(), PASSPHRASE)


def pem(kind: str, der: bytes) -> bytes:
    return f"-----BEGIN {kind}-----\n{base64.b64encode(der).decode()}\n-----END {kind}-----\n".encode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "is no private key in PEM, PKCS#8", id="nothing"),
        pytest.param(b"\xff\x00", "is no private key in PEM, PKCS#8", id="bytes"),
        pytest.param(known(Algorithm.ECDSA_P256).public.pem, "is no private key in PEM, PKCS#8", id="a public key"),
        pytest.param(pem("EC PRIVATE KEY", b"x"), "is no private key in PEM, PKCS#8", id="SEC 1"),
        pytest.param(pem("PRIVATE KEY", b"x").replace(b"e", b"="), "is damaged", id="no base64"),
        pytest.param(pem("PRIVATE KEY", b"x"), "holds no private key that signs targets", id="no key"),
        pytest.param(
            x25519.X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            "holds no private key that signs targets",
            id="a key that signs nothing",
        ),
        pytest.param(pem("ENCRYPTED PRIVATE KEY", b"x"), "does not open with this passphrase", id="nothing encrypted"),
        pytest.param(
            pem("ENCRYPTED PRIVATE KEY", PKCS8.wrap(b"x", "1.2.840.10045.2.1", "p", "PBKDF2WithHMAC-SHA1AndAES256-CBC")),
            "holds no private key that signs targets",
            id="no key inside",
        ),
    ],
)
def test_refuses_what_is_no_key_file(data, message):
    with pytest.raises(VerificationError, match=f"^team.key: {message}") as refused:
        read(data, "p")
    assert refused.value.hint
