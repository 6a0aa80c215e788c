# SPDX-License-Identifier: Apache-2.0
"""The virtual YubiKey counts wrong PINs and PUKs, blocks them, and lets them be changed as a real one does."""

from __future__ import annotations

import pytest
from yubikit.core import InvalidPinError
from yubikit.core.smartcard import ApduError
from yubikit.piv import DEFAULT_MANAGEMENT_KEY, PivSession

from tests.fakes.yubikey import VirtualYubiKey, connection

PIN, PUK = "123456", "12345678"


@pytest.fixture
def card() -> VirtualYubiKey:
    return VirtualYubiKey(12345678)


def managed(card: VirtualYubiKey) -> PivSession:
    session = PivSession(connection(card))
    session.authenticate(DEFAULT_MANAGEMENT_KEY)
    return session


def test_counts_wrong_pins_and_blocks(card: VirtualYubiKey) -> None:
    session = PivSession(connection(card))
    for left in (2, 1, 0, 0):
        with pytest.raises(InvalidPinError) as wrong:
            session.verify_pin("654321")
        assert (wrong.value.attempts_remaining, session.get_pin_metadata().attempts_remaining) == (left, left)
    with pytest.raises(InvalidPinError):
        session.verify_pin(PIN)
    with pytest.raises(InvalidPinError) as wrong:
        session.unblock_pin("87654321", "222222")
    assert wrong.value.attempts_remaining == 2
    session.unblock_pin(PUK, "222222")
    session.verify_pin("222222")
    told = session.get_puk_metadata()
    assert (told.default_value, told.total_attempts, told.attempts_remaining) == (True, 3, 3)
    assert not session.get_pin_metadata().default_value


def test_changes_pin_and_puk(card: VirtualYubiKey) -> None:
    session = PivSession(connection(card))
    session.change_pin(PIN, "11223344")
    session.change_puk(PUK, "556677")
    with pytest.raises(InvalidPinError):
        session.change_puk(PUK, "556677")
    with pytest.raises(ApduError, match="INCORRECT_PARAMETERS"):
        session.change_pin("11223344", "12345")
    session.verify_pin("11223344")
    assert not session.get_pin_metadata().default_value
    assert (session.get_puk_metadata().default_value, session.get_puk_metadata().attempts_remaining) == (False, 2)


def test_sets_tries_which_brings_the_factory_pin_back(card: VirtualYubiKey) -> None:
    session = managed(card)
    session.change_pin(PIN, "222222")
    with pytest.raises(ApduError, match="SECURITY_CONDITION_NOT_SATISFIED"):
        session.set_pin_attempts(5, 7)
    session.verify_pin("222222")
    session.set_pin_attempts(5, 7)
    pin, puk = session.get_pin_metadata(), session.get_puk_metadata()
    assert (pin.default_value, pin.total_attempts, pin.attempts_remaining, puk.total_attempts) == (True, 5, 5, 7)
    session.verify_pin(PIN)
    fresh = PivSession(connection(card))
    fresh.verify_pin(PIN)
    with pytest.raises(ApduError, match="SECURITY_CONDITION_NOT_SATISFIED"):
        fresh.set_pin_attempts(3, 3)
