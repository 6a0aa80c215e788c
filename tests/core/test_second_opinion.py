# SPDX-License-Identifier: Apache-2.0
"""The second library takes what openssl signs, for every key and scheme of metadata, and nothing near it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ceremony.core import keys, second_opinion
from ceremony.core.keys import Algorithm, Scheme
from ceremony.errors import VerificationError
from tests.peers import openssl
from tests.vectors.known_keys import known, pem

MESSAGE = b"ceremony-head/v1\n"
SCHEMES = {
    Algorithm.ECDSA_P256: {Scheme.ECDSA_SHA256, Scheme.ECDSA_SHA384},
    Algorithm.ECDSA_P384: {Scheme.ECDSA_SHA256, Scheme.ECDSA_SHA384},
    Algorithm.RSA_3072: {Scheme.RSA_PSS_SHA256},
    Algorithm.RSA_4096: {Scheme.RSA_PSS_SHA256},
    Algorithm.ED25519: {Scheme.ED25519},
}
GOOD = [pytest.param(a, s, id=f"{a} {s}") for a, schemes in SCHEMES.items() for s in sorted(schemes)]
PAIRS = [
    pytest.param(a, s, other, id=f"{a} {s} as {other}")
    for a in Algorithm
    for s in sorted(SCHEMES[a])
    for other in Scheme
    if other != s
]


def _signed(folder: Path, algorithm: Algorithm, scheme: Scheme) -> bytes:
    signature = openssl.sign(folder, pem(algorithm), scheme, MESSAGE)
    return keys.der_to_raw(signature, algorithm) if algorithm.half else signature


@pytest.mark.parametrize(("algorithm", "scheme"), GOOD)
def test_takes_what_openssl_signed(tmp_path: Path, algorithm: Algorithm, scheme: Scheme) -> None:
    second_opinion.verify(known(algorithm).public, scheme, MESSAGE, _signed(tmp_path, algorithm, scheme), "head 1")


@pytest.mark.parametrize(("algorithm", "scheme"), GOOD)
def test_refuses_a_flipped_bit(tmp_path: Path, algorithm: Algorithm, scheme: Scheme) -> None:
    public, signature = known(algorithm).public, _signed(tmp_path, algorithm, scheme)
    for place in range(0, len(signature), 7):
        changed = bytearray(signature)
        changed[place] ^= 1 << place % 8
        with pytest.raises(VerificationError, match=r"^head 1: does not verify with a second library$") as caught:
            second_opinion.verify(public, scheme, MESSAGE, bytes(changed), "head 1")
        assert "stop" in caught.value.hint


@pytest.mark.parametrize(("algorithm", "scheme"), GOOD)
def test_refuses_another_message_key_or_length(tmp_path: Path, algorithm: Algorithm, scheme: Scheme) -> None:
    public, signature = known(algorithm).public, _signed(tmp_path, algorithm, scheme)
    others = [known(other).public for other in Algorithm if other is not algorithm]
    cases = [(public, MESSAGE + b"x", signature), (public, MESSAGE, b""), (public, MESSAGE, signature[:-1])]
    for key, message, value in [*cases, (public, MESSAGE, signature + b"\0"), *((o, MESSAGE, signature) for o in others)]:
        with pytest.raises(VerificationError, match="does not verify with a second library"):
            second_opinion.verify(key, scheme, message, value, "head 1")


def test_refuses_a_point_that_is_not_on_the_curve(tmp_path: Path) -> None:
    good = known(Algorithm.ECDSA_P256).public
    signature = _signed(tmp_path, Algorithm.ECDSA_P256, Scheme.ECDSA_SHA256)
    for spki in (good.spki[:-1] + bytes([good.spki[-1] ^ 1]), good.spki[:-1], good.spki + b"\0"):
        with pytest.raises(VerificationError, match="does not verify with a second library"):
            second_opinion.verify(replace(good, spki=spki), Scheme.ECDSA_SHA256, MESSAGE, signature, "head 1")


@pytest.mark.parametrize(("algorithm", "scheme", "other"), PAIRS)
def test_refuses_a_good_signature_under_the_name_of_another_scheme(
    tmp_path: Path, algorithm: Algorithm, scheme: Scheme, other: Scheme
) -> None:
    with pytest.raises(VerificationError, match="does not verify with a second library"):
        second_opinion.verify(known(algorithm).public, other, MESSAGE, _signed(tmp_path, algorithm, scheme), "head 1")
