# SPDX-License-Identifier: Apache-2.0
"""The form in which teams import keys; that the stock client takes it is shown in tests/cli/test_stock_client.py."""

from __future__ import annotations

import base64

import pytest

from ceremony.core import software_key
from ceremony.core.dialects import notary_keys
from ceremony.core.keys import Algorithm
from ceremony.errors import VerificationError

GUN = "reg.example:5000/acme/app"


@pytest.mark.parametrize("algorithm", [Algorithm.ECDSA_P256, Algorithm.ECDSA_P384, Algorithm.RSA_3072, Algorithm.ED25519])
def test_what_is_written_reads_back_as_the_same_key(algorithm):
    key = software_key.make(algorithm)
    data = notary_keys.write(GUN, "ab" * 32, key)
    assert data.splitlines()[1:5] == [f"gun: {GUN}".encode(), b"path: " + b"ab" * 32, b"role: targets", b""]
    assert notary_keys.read(data, "backup").pkcs8() == key.pkcs8()


def pem(der: bytes) -> bytes:
    return b"-----BEGIN PRIVATE KEY-----\nrole: targets\n\n" + base64.b64encode(der) + b"\n-----END PRIVATE KEY-----\n"


def own_form(key: software_key.SoftwareKey) -> bytes:
    data = notary_keys.write(GUN, "ab" * 32, key)
    return base64.b64decode(data.partition(b"\n\n")[2].removesuffix(b"\n-----END PRIVATE KEY-----\n"))


ED25519 = own_form(software_key.make(Algorithm.ED25519))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"-----BEGIN PRIVATE KEY-----\nrole: targets\n\n!!!\n-----END PRIVATE KEY-----\n", id="not base64"),
        pytest.param(pem(ED25519).replace(b"BEGIN", b"START"), id="another armor"),
        pytest.param(pem(ED25519[:-1]), id="cut short"),
        pytest.param(pem(ED25519 + b"\0"), id="something behind it"),
        pytest.param(pem(ED25519[:-1] + bytes([ED25519[-1] ^ 1])), id="another public half behind the seed"),
        pytest.param(pem(ED25519[:-96] + bytes([ED25519[-96] ^ 1]) + ED25519[-95:]), id="another public half before the seed"),
    ],
)
def test_refuses_what_it_would_not_write(data):
    with pytest.raises(VerificationError, match="backup: is not a repository key as notary imports it"):
        notary_keys.read(data, "backup")


def test_refuses_a_pkcs8_that_holds_no_key():
    with pytest.raises(VerificationError, match="is not a PKCS#8 key"):
        notary_keys.read(pem(b"\x30\x00"), "backup")
