# SPDX-License-Identifier: Apache-2.0
"""Keys as the faulty chips made them are told by their public half; keys of anybody else are not.

The moduli are made here as the paper says: primes k·M + (65537^a mod M), where M is the product of the first 126 primes
for 3,072 bits, and of the first 225 for 4,096. What no key of ours can be, 2,048 bits, is told too.
"""

from __future__ import annotations

import random
from functools import cache
from itertools import count, islice
from math import gcd, isqrt, prod

import pytest
from Crypto.Util.number import isPrime
from cryptography.hazmat.primitives.asymmetric import rsa

from ceremony.core import roca, software_key
from ceremony.core.custody import check_made
from ceremony.core.keys import Algorithm, from_crypto
from ceremony.core.plan import Custody, Mode
from ceremony.core.plan_lint import lint
from ceremony.core.roca import LAST_PRIME, check_no_roca, has_fingerprint
from ceremony.core.token_values import TokenKey
from ceremony.errors import PlanRefused, VerificationError
from tests.fakes.plans import FILES, NOW, RULES, read

FIRST_PRIMES = {2048: 126, 3072: 126, 4096: 225}
# What the published detectors test: in the other primes below 168 every number is a power of 65537.
PUBLISHED = {11: 2, 13: 6, 17: 8, 19: 9, 37: 3, 53: 26, 61: 20, 71: 35, 73: 24, 79: 13, 97: 6} | {
    103: 51, 107: 53, 109: 54, 127: 42, 151: 50, 157: 78,
}  # fmt: skip


def primorial(number: int) -> int:
    return prod(islice(filter(isPrime, count(2)), number))


@cache
def faulty(bits: int) -> int:
    """Return a modulus of so many bits, made as the faulty library did; always the same."""
    chance = random.Random(bits)
    m = primorial(FIRST_PRIMES[bits])

    def prime() -> int:
        while True:
            # From the upper end, so that the product of two has all its bits.
            k = chance.randrange(isqrt(1 << (bits - 1)) // m + 1, 2 ** (bits // 2) // m)
            found = k * m + pow(65537, chance.getrandbits(200), m)
            if isPrime(found, randfunc=chance.randbytes):
                return found

    modulus = prime() * prime()
    assert modulus.bit_length() == bits
    return modulus


def test_every_small_prime_has_the_order_that_counting_gives():
    roca._orders.cache_clear()
    orders = roca._orders()
    assert list(orders) == [n for n in range(3, LAST_PRIME + 1) if isPrime(n)]
    assert orders == {prime: len({pow(65537, n, prime) for n in range(prime)}) for prime in orders}


@pytest.mark.parametrize("bits", [3072, 4096])
def test_refuses_a_key_of_a_faulty_chip(bits):
    public = from_crypto(rsa.RSAPublicNumbers(65537, faulty(bits)).public_key())
    with pytest.raises(
        VerificationError, match=r"^root key: is an RSA key that can be factored \(ROCA, YSA-2017-01\)"
    ) as refused:
        check_no_roca(public, "root key")
    assert "not on that device" in refused.value.hint


def test_refuses_a_root_key_that_a_token_made_so():
    public = from_crypto(rsa.RSAPublicNumbers(65537, faulty(3072)).public_key())
    key = TokenKey("9c", b"", public, None)
    with pytest.raises(VerificationError, match="can be factored"):
        check_made(key, Algorithm.RSA_3072, Custody.TOKEN_ONLY, locked=False)


def test_refuses_a_plan_for_which_a_team_brings_such_a_key():
    brought = from_crypto(rsa.RSAPublicNumbers(65537, faulty(3072)).public_key()).pem
    with pytest.raises(PlanRefused, match=r'"keys/app.pem" is an RSA key that can be factored') as refused:
        lint(read(files={**FILES, "keys/app.pem": brought}), RULES, now=NOW, mode=Mode.PRACTICE)
    assert refused.value.field == "repositories[1].targets.path"


def test_tells_a_key_of_the_size_that_such_chips_mostly_made():
    assert has_fingerprint(faulty(2048))


@pytest.mark.parametrize("bits", [3072, 4096])
def test_agrees_with_the_published_detectors(bits):
    assert all(pow(faulty(bits), power, prime) == 1 for prime, power in PUBLISHED.items())


def test_a_modulus_that_is_off_by_one_small_prime_is_none():
    modulus = faulty(3072)
    m = primorial(126)
    assert has_fingerprint(modulus % m)
    for prime in PUBLISHED:
        # The same remainders by all other primes, and by this one a number that is no power of 65537.
        others = m // prime
        step = others * pow(others, -1, prime)
        other = next(r for r in range(2, prime) if pow(r, PUBLISHED[prime], prime) != 1)
        assert not has_fingerprint(modulus + step * (other - modulus))


@pytest.mark.parametrize("algorithm", Algorithm)
def test_takes_keys_that_were_made_soundly(algorithm):
    check_no_roca(software_key.make(algorithm).public, "root key")


def test_a_sound_modulus_passes_for_a_faulty_one_once_in_2_to_the_167():
    chance = 1.0
    for prime in filter(isPrime, range(3, LAST_PRIME + 1)):
        chance *= len({pow(65537, power, prime) for power in range(prime)}) / (prime - 1)
    assert 2**-168 < chance < 2**-167
    assert gcd(primorial(126), LAST_PRIME) == LAST_PRIME
