# SPDX-License-Identifier: Apache-2.0
"""What a token's own words and flags mean."""

from __future__ import annotations

import pytest

from ceremony.core.ports import PinState
from ceremony.devices.hsm_identity import is_software, is_yubikey, pin_state
from ceremony.devices.hsm_wire import TokenFacts, clean


@pytest.mark.parametrize(
    ("manufacturer", "model"),
    [
        pytest.param("SoftHSM project", "SoftHSM v2", id="SoftHSM"),
        pytest.param("IBM", "SW   TPM", id="swtpm"),
        pytest.param("IBM", "Soft", id="opencryptoki"),
        pytest.param("IBM Corp.", "IBM SoftTok", id="opencryptoki of old"),
        pytest.param("Mozilla Foundation", "NSS 3", id="NSS"),
        pytest.param("Kryoptic Project", "v1", id="Kryoptic"),
        pytest.param("Some Vendor", "HSM Simulator", id="a vendor's simulator"),
    ],
)
def test_tells_software_tokens(manufacturer, model):
    assert is_software(manufacturer, model)


@pytest.mark.parametrize(
    ("manufacturer", "model"),
    [
        pytest.param("Yubico (www.yubico.com)", "YubiHSM", id="YubiHSM"),
        pytest.param("www.CardContact.de", "PKCS#15 emulated", id="Nitrokey HSM"),
        pytest.param("Infineon", "SLB9670", id="a TPM"),
        pytest.param("IBM", "EP11", id="opencryptoki over a card"),
        pytest.param("SafeNet", "Luna K7", id="Luna"),
    ],
)
def test_takes_others_for_hardware_as_claimed(manufacturer, model):
    assert not is_software(manufacturer, model)


@pytest.mark.parametrize(
    ("flags", "state"),
    [
        pytest.param(0x40D, PinState(retries_left=None, locked=False), id="nothing told"),
        pytest.param(0x1040D, PinState(retries_left=None, locked=False), id="a wrong try"),
        pytest.param(0x3040D, PinState(retries_left=1, locked=False), id="last try"),
        pytest.param(0x7040D, PinState(retries_left=0, locked=True), id="blocked"),
        pytest.param(0x405, PinState(retries_left=None, locked=False, initialised=False), id="no PIN yet"),
    ],
)
def test_reads_the_state_of_the_pin(flags, state):
    assert pin_state(flags) == state


def test_tells_a_yubikey_behind_a_module():
    facts = TokenFacts(0, "YubiKey PIV #12345678", "12345678", "Yubico (www.yubico.com)", "YubiKey YK5", "5.43", 0x40D)
    assert is_yubikey(facts)
    assert not is_yubikey(TokenFacts(0, "root", "1", "Yubico (www.yubico.com)", "YubiHSM", "2.4", 0x40D))


def test_what_a_token_says_can_go_to_a_screen_and_into_the_log():
    assert clean("Zu\u0308rich \x1b[31m\u202e") == "Zürich \ufffd[31m\ufffd"
