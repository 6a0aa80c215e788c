# SPDX-License-Identifier: Apache-2.0
"""Points, moduli and signatures as tokens write them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ceremony.core import keys, software_key
from ceremony.core.keys import Algorithm, Scheme, verify
from ceremony.devices.hsm_keys import SHAPES, check_scheme, token_key, wire_signature
from ceremony.devices.hsm_wire import KeyFacts
from ceremony.errors import TokenError

P256 = software_key.make(Algorithm.ECDSA_P256)
P384 = software_key.make(Algorithm.ECDSA_P384)
ED = software_key.make(Algorithm.ED25519)
RSA = software_key.make(Algorithm.RSA_3072)


def point(key) -> str:
    if key is ED:
        return ED.public.raw_ed25519.hex()
    form = (serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return keys.load(key.public.spki).public_bytes(*form).hex()


def facts(key, **changes) -> KeyFacts:
    shape = SHAPES[key.public.algorithm]
    as_read = KeyFacts("root", "01", shape.kind, shape.params, "", "", "", 1, True, True, False, True, True)  # noqa: FBT003 - as read
    if shape.kind == "rsa":
        numbers = keys.load(key.public.spki).public_numbers()
        as_read = replace(as_read, modulus=f"{numbers.n:x}", exponent="010001")
    else:
        as_read = replace(as_read, point=point(key))
    return replace(as_read, **changes)


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        pytest.param(P256, {}, id="P-256 bare"),
        pytest.param(P256, {"point": "0441" + point(P256)}, id="P-256 in an octet string"),
        pytest.param(P384, {}, id="P-384 bare"),
        pytest.param(P384, {"point": "0461" + point(P384)}, id="P-384 in an octet string"),
        pytest.param(ED, {}, id="Ed25519 bare"),
        pytest.param(ED, {"point": "0420" + point(ED)}, id="Ed25519 in an octet string"),
        pytest.param(ED, {"point": "032100" + point(ED)}, id="Ed25519 in a bit string"),
        pytest.param(ED, {"params": "130c656477617264733235353139"}, id="Ed25519 by its name"),
        pytest.param(RSA, {}, id="RSA"),
    ],
)
def test_trap_8_reads_a_point_wrapped_or_bare(key, changes):
    assert token_key("1", facts(key, **changes)).public == key.public


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        pytest.param(P256, {"point": ""}, id="no point"),
        pytest.param(P256, {"point": point(P256)[:-2]}, id="a byte short"),
        pytest.param(P256, {"point": "0442" + point(P256)}, id="another length"),
        pytest.param(P256, {"point": "04" + "11" * 64}, id="not on the curve"),
        pytest.param(P256, {"params": "06052b8104000a"}, id="secp256k1"),
        pytest.param(P256, {"params": SHAPES[Algorithm.ECDSA_P384].params}, id="of the other curve"),
        pytest.param(ED, {"point": "0421" + point(ED) + "00"}, id="Ed25519, a byte long"),
        pytest.param(RSA, {"modulus": "", "exponent": ""}, id="no modulus"),
    ],
)
def test_refuses_what_is_no_key_of_a_dialect(key, changes):
    with pytest.raises(TokenError, match="'root' is not one that a dialect takes"):
        token_key("1", facts(key, **changes))


def test_refuses_an_rsa_key_of_another_size():
    small = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key().public_numbers()
    with pytest.raises(TokenError, match="not one that a dialect takes"):
        token_key("1", facts(RSA, modulus=f"{small.n:x}"))


@pytest.mark.parametrize(
    ("publics", "message"),
    [pytest.param(0, "has no public key beside", id="none"), pytest.param(2, "has 2 public keys beside", id="two")],
)
def test_refuses_a_private_key_without_its_one_public_half(publics, message):
    with pytest.raises(TokenError, match=message):
        token_key("1", facts(P256, publics=publics))


def test_what_a_token_does_not_tell_counts_as_the_weaker_answer():
    untold = dict.fromkeys(("local", "sensitive", "extractable", "always_sensitive", "never_extractable"))
    read = token_key("1", facts(P256, **untold)).attributes
    assert read.extractable
    assert not any((read.local, read.sensitive, read.always_sensitive, read.never_extractable))


def test_trap_8_keeps_the_leading_zero_of_a_half():
    zeros = 0
    for attempt in range(2_000):  # a half begins with a zero byte once in 256
        message = b"%d" % attempt
        signature = P256.sign(Scheme.ECDSA_SHA256, message)
        assert wire_signature("1", P256.public, signature) == signature
        zeros += signature[0] == 0
    assert zeros
    verify(P256.public, Scheme.ECDSA_SHA256, message, wire_signature("1", P256.public, signature))


def test_trap_8_pads_halves_of_equal_shorter_length():
    assert wire_signature("1", P256.public, b"\x01\x02" + b"\x03\x04") == b"\x01\x02".rjust(32, b"\0") + b"\x03\x04".rjust(
        32, b"\0"
    )


@pytest.mark.parametrize(
    ("key", "size"),
    [
        pytest.param(P256, 0, id="P-256, nothing"),
        pytest.param(P256, 66, id="P-256, too long"),
        pytest.param(P384, 97, id="P-384, odd"),
        pytest.param(ED, 63, id="Ed25519, short"),
        pytest.param(RSA, 383, id="RSA, short"),
    ],
)
def test_refuses_bytes_that_are_no_signature(key, size):
    with pytest.raises(TokenError, match=re.escape(f"gave {size} bytes that are not a signature of {key.public.algorithm}")):
        wire_signature("1", key.public, bytes(size))


@pytest.mark.parametrize(("key", "size"), [pytest.param(ED, 64, id="Ed25519"), pytest.param(RSA, 384, id="RSA")])
def test_takes_other_signatures_as_they_are(key, size):
    assert wire_signature("1", key.public, bytes(size)) == bytes(size)


def test_every_algorithm_has_a_shape_and_a_scheme():
    assert set(SHAPES) == set(Algorithm)
    for scheme in Scheme:
        taken = []
        for algorithm in Algorithm:
            try:
                check_scheme("1", algorithm, scheme)
            except TokenError:
                continue
            taken.append(algorithm)
        assert taken
