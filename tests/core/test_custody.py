# SPDX-License-Identifier: Apache-2.0
"""What a root key must read back as, for each custody, before and after it is locked."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from ceremony.core.custody import attributes_json, check_made, check_restored
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Custody
from ceremony.core.ports import KeyAttributes, TokenKey
from ceremony.errors import VerificationError
from tests.vectors.known_keys import known

PUBLIC = known(Algorithm.ECDSA_P256).public
ONLY = KeyAttributes(local=True, sensitive=True, extractable=False, always_sensitive=True, never_extractable=True)
WRAPPABLE = replace(ONLY, extractable=True, never_extractable=False)
LOCKED = replace(WRAPPABLE, extractable=False)
BROUGHT = KeyAttributes(local=False, sensitive=True, extractable=False, always_sensitive=False, never_extractable=False)


def _key(attributes: KeyAttributes) -> TokenKey:
    return TokenKey("acme-root", b"\x01", PUBLIC, attributes)


GOOD: dict[str, tuple[KeyAttributes, Custody, bool]] = {
    "token-only": (ONLY, Custody.TOKEN_ONLY, False),
    "token-only, after locking": (ONLY, Custody.TOKEN_ONLY, True),
    "token-wrapped, not locked yet": (WRAPPABLE, Custody.TOKEN_WRAPPED, False),
    "token-wrapped, locked": (LOCKED, Custody.TOKEN_WRAPPED, True),
    "imported": (BROUGHT, Custody.IMPORTED, False),
    "imported, after locking": (BROUGHT, Custody.IMPORTED, True),
}


@pytest.mark.parametrize(("attributes", "custody", "locked"), GOOD.values(), ids=GOOD)
def test_takes_a_key_that_fits_its_custody(attributes: KeyAttributes, custody: Custody, locked: bool) -> None:
    check_made(_key(attributes), Algorithm.ECDSA_P256, custody, locked=locked)


ONLY_PLAN, WRAPPED_PLAN, IMPORTED_PLAN = Custody.TOKEN_ONLY, Custody.TOKEN_WRAPPED, Custody.IMPORTED
REFUSED = [
    pytest.param(replace(ONLY, local=False), ONLY_PLAN, False, "was not made on the token", id="put on the token"),
    pytest.param(replace(ONLY, sensitive=False), ONLY_PLAN, False, "could be read from the token", id="not sensitive"),
    pytest.param(replace(ONLY, always_sensitive=False), ONLY_PLAN, False, "could be read", id="not always sensitive"),
    pytest.param(replace(ONLY, extractable=True), ONLY_PLAN, False, "can leave the token", id="token-only, extractable"),
    pytest.param(LOCKED, ONLY_PLAN, False, "could have left the token", id="token-only, once extractable"),
    pytest.param(LOCKED, WRAPPED_PLAN, False, "cannot be wrapped for its backup", id="token-wrapped, not extractable"),
    pytest.param(WRAPPABLE, WRAPPED_PLAN, True, "can leave the token", id="token-wrapped, locked in vain"),
    pytest.param(replace(WRAPPABLE, local=False), WRAPPED_PLAN, False, "was not made on the token", id="wrapped, put there"),
    pytest.param(replace(LOCKED, sensitive=False), WRAPPED_PLAN, True, "could be read", id="wrapped, not sensitive"),
    pytest.param(replace(BROUGHT, local=True), IMPORTED_PLAN, False, r"was .* calls it its own", id="imported, local"),
    pytest.param(
        replace(BROUGHT, never_extractable=True), IMPORTED_PLAN, False, "was .* it never could leave", id="imported, never"
    ),
    pytest.param(replace(BROUGHT, sensitive=False), IMPORTED_PLAN, False, "can be read from", id="imported, not sensitive"),
    pytest.param(replace(BROUGHT, extractable=True), IMPORTED_PLAN, False, "can leave the token", id="imported, extractable"),
    pytest.param(ONLY, IMPORTED_PLAN, False, "was .* calls it its own", id="imported, and made there"),
    pytest.param(BROUGHT, ONLY_PLAN, False, "was not made on the token", id="token-only, and imported"),
    pytest.param(BROUGHT, WRAPPED_PLAN, True, "was not made on the token", id="token-wrapped, and imported"),
]


@pytest.mark.parametrize(("attributes", "custody", "locked", "says"), REFUSED)
def test_refuses_a_key_that_does_not_fit(attributes: KeyAttributes, custody: Custody, locked: bool, says: str) -> None:
    with pytest.raises(VerificationError, match=f"^root key {PUBLIC.sha256[:16]}: {says}") as caught:
        check_made(_key(attributes), Algorithm.ECDSA_P256, custody, locked=locked)
    assert "do not use this token" in caught.value.hint


def test_refuses_a_key_of_another_algorithm() -> None:
    with pytest.raises(VerificationError, match=r": is ecdsa-p256, not ecdsa-p384$"):
        check_made(_key(ONLY), Algorithm.ECDSA_P384, Custody.TOKEN_ONLY, locked=False)


def test_takes_exactly_the_good_ones_of_all_that_a_token_may_say() -> None:
    good = set(GOOD.values())
    # A wrapped key that says it never could leave says too much, and nothing against its custody.
    good |= {(replace(a, never_extractable=True), c, k) for a, c, k in good if c is WRAPPED_PLAN}
    # Of an imported key nothing hangs on whether it was always sensitive: nobody could believe it.
    good |= {(replace(a, always_sensitive=True), c, k) for a, c, k in good if c is IMPORTED_PLAN}
    for flags in product([True, False], repeat=5):
        for custody, locked in product(Custody, [True, False]):
            attributes = KeyAttributes(*flags)
            try:
                check_made(_key(attributes), Algorithm.ECDSA_P256, custody, locked=locked)
            except VerificationError:
                assert (attributes, custody, locked) not in good
            else:
                assert (attributes, custody, locked) in good


def test_a_record_states_every_attribute() -> None:
    assert attributes_json(ONLY) == {
        "local": True,
        "sensitive": True,
        "extractable": False,
        "always_sensitive": True,
        "never_extractable": True,
    }


def test_a_yubikeys_key_has_no_attributes_and_is_judged_by_its_algorithm_alone() -> None:
    key = TokenKey("9c", b"", PUBLIC, None)
    for custody in (ONLY_PLAN, IMPORTED_PLAN):
        check_made(key, Algorithm.ECDSA_P256, custody, locked=False)
        with pytest.raises(VerificationError, match=r": is ecdsa-p256, not ecdsa-p384$"):
            check_made(key, Algorithm.ECDSA_P384, custody, locked=False)
    assert attributes_json(None) is None


UNWRAPPED = replace(BROUGHT, extractable=True)
IN_PLACE: dict[str, tuple[KeyAttributes | None, Custody, bool]] = {
    "unwrapped": (UNWRAPPED, Custody.TOKEN_WRAPPED, False),
    "unwrapped, locked": (BROUGHT, Custody.TOKEN_WRAPPED, True),
    "imported": (BROUGHT, Custody.IMPORTED, False),
    "on a YubiKey": (None, Custody.IMPORTED, False),
}


@pytest.mark.parametrize(("attributes", "custody", "locked"), IN_PLACE.values(), ids=IN_PLACE)
def test_takes_a_restored_key_that_fits_its_custody(attributes: KeyAttributes | None, custody: Custody, locked: bool) -> None:
    check_restored(replace(_key(BROUGHT), attributes=attributes), PUBLIC, custody, locked=locked)


@pytest.mark.parametrize(
    ("attributes", "custody", "locked", "said"),
    [
        pytest.param(replace(UNWRAPPED, local=True), WRAPPED_PLAN, False, "calls it its own", id="unwrapped, its own"),
        pytest.param(replace(UNWRAPPED, sensitive=False), WRAPPED_PLAN, False, "can be read", id="unwrapped, not sensitive"),
        pytest.param(BROUGHT, WRAPPED_PLAN, False, "cannot be wrapped for its new backup", id="unwrapped, locked too early"),
        pytest.param(UNWRAPPED, WRAPPED_PLAN, True, "can leave the token", id="locked in vain"),
        pytest.param(UNWRAPPED, IMPORTED_PLAN, False, "can leave the token", id="imported, extractable"),
    ],
)
def test_refuses_a_restored_key_that_does_not_fit(attributes: KeyAttributes, custody: Custody, locked: bool, said: str) -> None:
    with pytest.raises(VerificationError, match=said):
        check_restored(_key(attributes), PUBLIC, custody, locked=locked)


def test_refuses_another_key_than_the_one_that_was_restored() -> None:
    with pytest.raises(VerificationError, match=f"is {PUBLIC.sha256[:16]} on its token"):
        check_restored(_key(BROUGHT), known(Algorithm.ECDSA_P384).public, IMPORTED_PLAN, locked=False)
