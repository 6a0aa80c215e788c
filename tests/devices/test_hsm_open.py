# SPDX-License-Identifier: Apache-2.0
"""From the site file to one open token, or to none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ceremony.core.plan import SiteToken
from ceremony.devices.hsm import _choose, open_token
from ceremony.devices.hsm_link import HsmLink, Said
from ceremony.devices.hsm_uri import TokenUri
from ceremony.devices.hsm_wire import Fault, TokenFacts
from ceremony.errors import TokenError


def test_refuses_a_token_that_is_not_there_and_names_those_that_are(practice):
    with pytest.raises(TokenError, match=r"no token matches pkcs11:serial=5f3c21; its module shows .*root-a") as refused:
        open_token("root-x", replace(practice.sites["root-a"], pkcs11="pkcs11:serial=5f3c21"), env=practice.env)
    assert refused.value.token == "root-x"


def test_refuses_two_tokens_and_names_both(own):
    link = HsmLink("practice", own.sites["root-a"].module, env=own.env)
    link.call("initialise", label="root-b", so_pin=own.so_pin, user_pin=own.pin)
    again = TokenFacts.of(link.call("initialise", label="root-b", so_pin=own.so_pin, user_pin=own.pin))
    link.close()
    site = replace(own.sites["root-a"], pkcs11="pkcs11:token=root-b")
    with pytest.raises(TokenError, match=f"2 tokens match pkcs11:token=root-b: .*{again.serial}"):
        open_token("root-b", site, env=own.env)
    open_token("root-b", replace(site, pkcs11=f"pkcs11:serial={again.serial}"), env=own.env).close()


FACTS = TokenFacts(slot=3, label="root", serial="1", manufacturer="m", model="n", firmware="1.0", flags=0x40D)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        pytest.param(replace(FACTS, flags=0x5), "1 is not initialised", id="not initialised"),
        pytest.param(replace(FACTS, model="YubiKey YK5"), "1 is a YubiKey", id="a YubiKey"),
    ],
)
def test_refuses_a_token_that_cannot_be_used(facts, message):
    with pytest.raises(TokenError, match=message):
        _choose("root-a", TokenUri(serial="1"), [facts])


def test_says_so_when_a_module_shows_no_token():
    with pytest.raises(TokenError, match="its module shows none at all"):
        _choose("root-a", TokenUri(serial="1"), [])


def test_refuses_a_site_that_names_no_pkcs11_token():
    with pytest.raises(TokenError, match="has no pkcs11 URI in the site file"):
        open_token("root-a", SiteToken(yubikey=12345678, slot="9c"))


def test_a_token_that_was_swapped_since_it_was_listed_is_lost(practice):
    link = HsmLink("root-a", practice.sites["root-a"].module, env=practice.env)
    slot = next(facts["slot"] for facts in link.call("tokens")["tokens"] if facts["label"] == "root-a")
    with pytest.raises(Said) as said:
        link.call("select", slot=slot, serial="another", label="root-a")
    link.close()
    assert said.value.fault is Fault.LOST
