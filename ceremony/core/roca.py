# SPDX-License-Identifier: Apache-2.0
"""RSA keys that can be factored because of how a chip looked for their primes (ROCA, CVE-2017-15361, YSA-2017-01).

A library of one maker of chips, in smart cards, TPMs and YubiKeys 4 up to 4.3.4,
chose only primes of the form k·M + (65537^a mod M), M being the product of the
first primes. Each remainder of such a modulus, by each of those small primes, is
then a power of 65537, and of a sound modulus most are not: so the public key is
enough to tell (Nemec, Sys, Svenda, Klinec, Matyas: The Return of Coppersmith's
Attack, CCS 2017, section 2). For keys of 1,984 bits and more, M is made of the first
126 primes at least; a sound modulus passes for such a key once in 2^167.
"""

from __future__ import annotations

from functools import cache
from math import isqrt

from cryptography.hazmat.primitives.asymmetric import rsa

from ceremony.core.keys import PublicKey, load
from ceremony.errors import VerificationError

LAST_PRIME = 701
"""The 126th prime."""
_GENERATOR = 65537


def check_no_roca(public: PublicKey, subject: str) -> None:
    """Check that a key is not one that ROCA factors; raises VerificationError, naming `subject`. Keys other than RSA never are."""
    key = load(public.spki)
    if isinstance(key, rsa.RSAPublicKey) and has_fingerprint(key.public_numbers().n):
        raise VerificationError(
            subject,
            "is an RSA key that can be factored (ROCA, YSA-2017-01): a faulty chip chose its primes",
            hint="trust nothing that it signed, and make another key, not on that device",
        )


def has_fingerprint(modulus: int) -> bool:
    """Return whether each remainder of a modulus of 1,984 bits or more, by each small prime, is a power of 65537."""
    return all(pow(modulus, order, prime) == 1 for prime, order in _orders().items())


@cache
def _orders() -> dict[int, int]:
    """Return prime → how many powers of 65537 there are modulo it: what is one has that number as an exponent to 1."""
    primes = (n for n in range(3, LAST_PRIME + 1) if all(n % factor for factor in range(2, isqrt(n) + 1)))
    return {prime: _order(prime) for prime in primes}


def _order(prime: int) -> int:
    order, power = 1, _GENERATOR % prime
    while power != 1:
        power = power * _GENERATOR % prime
        order += 1
    return order
