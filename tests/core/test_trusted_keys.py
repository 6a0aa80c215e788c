# SPDX-License-Identifier: Apache-2.0
"""The root keys that a plan trusts, by the key ids of keys and of their certificates."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ceremony.core.certificates import CertificateRequest
from ceremony.core.dialects import RootKey, get
from ceremony.core.keys import Algorithm
from ceremony.core.trusted_keys import TrustedKeys, trusted_keys
from ceremony.errors import VerificationError
from tests.fakes.recovery import recovery_plan
from tests.vectors.known_keys import known

NOTARY = get("notary")
MINE, OTHER = known(Algorithm.ECDSA_P256), known(Algorithm.RSA_3072)


def certificate(key: object, name: str = "docker.io/acme/*") -> str:
    """Return the certificate that a key makes of itself."""
    start, end = (datetime(year, 1, 1, tzinfo=UTC) for year in (2026, 2036))
    request = CertificateRequest(key.public, name, start, end, "c0" * 16, practice=True)
    body = request.to_be_signed()
    return request.finish(body, key.sign(request.scheme, body))


def trusting(*key_ids: str) -> TrustedKeys:
    trusted = trusted_keys(recovery_plan(trusted_root=" ".join(key_ids)), {})
    assert trusted is not None
    return trusted


def test_a_root_key_is_named_by_its_own_key_id_or_by_that_of_a_certificate():
    public, pem = MINE.public, certificate(MINE)
    trusting(NOTARY.key_id(public)).check(public)
    trusting(NOTARY.root_key_id(RootKey(public, pem))).check(public, [certificate(MINE, "docker.io/other"), pem])


def test_a_key_id_of_a_certificate_names_nothing_without_the_certificate():
    trusted = trusting(NOTARY.root_key_id(RootKey(MINE.public, certificate(MINE))))
    for offered in ([], [certificate(MINE, "docker.io/other")], ["no certificate"]):
        with pytest.raises(VerificationError, match="is not one that the trusted root names"):
            trusted.check(MINE.public, offered)


def test_a_certificate_names_no_key_but_its_own():
    """Whose certificate it is, the certificate says, and not the file that it was found in."""
    theirs = certificate(known(Algorithm.ECDSA_P384))
    trusted = trusting(NOTARY.root_key_id(RootKey(MINE.public, theirs)))
    with pytest.raises(VerificationError, match="is not one that the trusted root names"):
        trusted.check(MINE.public, [theirs])
    assert trusted.certified(known(Algorithm.ECDSA_P384).public, [theirs]) != {}
    assert trusted.certified(OTHER.public, [theirs]) == {}


def test_what_has_a_trusted_key_id_and_is_no_certificate_is_told():
    key_id = NOTARY.root_key_id(RootKey(MINE.public, "no certificate"))
    with pytest.raises(VerificationError, match=f"^certificate {key_id[:16]}: holds no certificate or public key"):
        trusting(key_id).check(MINE.public, ["no certificate"])
