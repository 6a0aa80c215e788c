# SPDX-License-Identifier: Apache-2.0
"""What the inventory says of root keys: where each was made, and whether that is attested, by whom and how."""

from __future__ import annotations

import json

import pytest

from ceremony.core import bundle
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Custody, RootPlan
from ceremony.errors import ExitCode
from ceremony.steps.inventory import INVENTORY
from tests.fakes.piv import yubikey, yubikey_rack
from tests.fakes.room import Ceremony, fast_seal, plan
from tests.fakes.token import FakeRack, fake_rack

__all__ = ["fast_seal"]

TOKENS = ("root-a", "root-b")


def held(rack: FakeRack, custody: Custody) -> Ceremony:
    """Return a finished ceremony."""
    ceremony = Ceremony(plan=plan(root=RootPlan(Algorithm.ECDSA_P256, TOKENS, 1, custody)), rack=rack)
    assert ceremony.hold() is ExitCode.DONE
    return ceremony


def settings(rack: FakeRack, custody: Custody) -> list[dict]:
    """Return the settings of each root key in the inventory."""
    inventory = json.loads(held(rack, custody).folder.files[INVENTORY])
    return [key["settings"] for key in inventory["root_keys"]]


def test_a_key_made_on_a_yubikey_is_attested_by_the_authorities_that_are_named():
    first, _ = settings(
        FakeRack(yubikey("root-a", slot="9d", firmware="5.7.2", fips=True), yubikey("root-b")), Custody.TOKEN_ONLY
    )
    assert first == {
        "custody": "token-only",
        "made": "on the token",
        "attested": True,
        "slot": "9d",
        "pin_policy": "always",
        "touch_policy": "cached",
        "firmware": "5.7.2",
        "form_factor": "USB-C keychain",
        "fips": True,
        "authorities": ["Test PIV Attestation A 1", "Test Intermediate A 1", "Test Root 1"],
        "pinned": False,
        "attributes": None,
        "attributes_locked": None,
    }


@pytest.mark.parametrize(
    ("custody", "locked"),
    [pytest.param(Custody.TOKEN_ONLY, False, id="only"), pytest.param(Custody.TOKEN_WRAPPED, True, id="wrapped")],
)
def test_a_key_made_on_another_token_is_attested_by_nobody(custody, locked):
    for said in settings(fake_rack(*TOKENS), custody):
        assert (said["made"], said["attested"]) == ("on the token", False)
        assert said["attributes"]["local"] is True
        assert (said["attributes_locked"] is not None) is locked
        assert not {"slot", "authorities", "pinned"} & said.keys()


@pytest.mark.parametrize("rack", [fake_rack, yubikey_rack], ids=["PKCS#11", "YubiKey"])
def test_a_key_that_was_imported_was_made_on_the_host_and_is_attested_by_nobody(rack):
    for said in settings(rack(*TOKENS), Custody.IMPORTED):
        assert (said["custody"], said["made"], said["attested"]) == ("imported", "on the host", False)
        assert not {"slot", "authorities", "pinned"} & said.keys()


def test_the_first_record_binds_the_authorities_that_the_site_brought():
    ceremony = held(yubikey_rack(*TOKENS), Custody.TOKEN_ONLY)
    (opened,) = ceremony.bodies("open")
    brought = {path: data for path, data in ceremony.folder.files.items() if path.startswith(bundle.YUBICO_ROOTS)}
    assert list(opened["authorities"]) == [path.removeprefix(bundle.YUBICO_ROOTS) for path in brought]
    assert brought == {bundle.YUBICO_ROOTS + name: data for name, data in ceremony.authority_files.items()}


def test_the_first_record_of_a_ceremony_without_yubikeys_binds_none():
    (opened,) = held(fake_rack(*TOKENS), Custody.TOKEN_ONLY).bodies("open")
    assert opened["authorities"] == {}
