# SPDX-License-Identifier: Apache-2.0
"""The pure half of the YubiKey adapter: the blocks that keys sign, and certificate objects."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from ceremony.core.keys import Algorithm, Scheme, from_crypto, verify
from ceremony.devices.yubikey_facts import (
    CERTIFICATE_BYTES,
    COMMAND_BYTES,
    MESSAGE_BYTES,
    block,
    certificate_in,
    certificate_object,
)

SALT = bytes(range(32))
RSA = {bits: rsa.generate_private_key(65537, bits) for bits in (3072,)}


@given(message=st.binary(max_size=200), salt=st.binary(min_size=32, max_size=32))
@settings(max_examples=30, deadline=None)
@pytest.mark.parametrize("scheme", [Scheme.RSA_PSS_SHA256, Scheme.RSA_PKCS1_SHA256])
def test_what_an_rsa_key_is_given_makes_a_signature_that_another_library_verifies(scheme, message, salt):
    private = RSA[3072].private_numbers()
    data = block("1", Algorithm.RSA_3072, scheme, message, salt)
    assert len(data) == 384
    signature = pow(int.from_bytes(data), private.d, private.public_numbers.n).to_bytes(384)
    verify(from_crypto(RSA[3072].public_key()), scheme, message, signature)


@pytest.mark.parametrize("algorithm", [Algorithm.RSA_3072, Algorithm.RSA_4096])
@pytest.mark.parametrize("scheme", [Scheme.RSA_PSS_SHA256, Scheme.RSA_PKCS1_SHA256])
def test_a_block_is_as_long_as_the_modulus_and_below_it(algorithm, scheme):
    data = block("1", algorithm, scheme, b"x", SALT)
    assert len(data) == algorithm.bits // 8
    assert data[0] < 0x80


@pytest.mark.parametrize(
    ("algorithm", "scheme", "size", "zeros"),
    [
        pytest.param(Algorithm.ECDSA_P256, Scheme.ECDSA_SHA256, 32, 0, id="as long"),
        pytest.param(Algorithm.ECDSA_P256, Scheme.ECDSA_SHA384, 32, 0, id="longer"),
        pytest.param(Algorithm.ECDSA_P384, Scheme.ECDSA_SHA384, 48, 0, id="as long, P-384"),
        pytest.param(Algorithm.ECDSA_P384, Scheme.ECDSA_SHA256, 48, 16, id="shorter"),
    ],
)
def test_a_digest_is_cut_or_padded_to_the_order(algorithm, scheme, size, zeros):
    data = block("1", algorithm, scheme, b"x", SALT)
    assert len(data) == size
    assert data == bytes(zeros) + scheme.prehash(b"x")[: size - zeros]


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, CERTIFICATE_BYTES])
def test_a_certificate_comes_out_of_its_object_as_it_went_in(size):
    data = certificate_object(bytes(size))
    assert certificate_in(data) == bytes(size)


def test_limits_leave_room_for_what_a_command_holds_beside_them():
    # Header and lengths 7; 5C and the object's name 5; 53 and its length 4.
    assert 7 + 5 + 4 + len(certificate_object(bytes(CERTIFICATE_BYTES))) == COMMAND_BYTES
    # Header and lengths 7; 7C and its length 4; 82 00; 81 and its length 4.
    assert 7 + 4 + 2 + 4 + MESSAGE_BYTES == COMMAND_BYTES


def test_an_empty_object_holds_no_certificate():
    assert certificate_in(b"") is None
