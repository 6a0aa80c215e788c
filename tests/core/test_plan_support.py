# SPDX-License-Identifier: Apache-2.0
"""A plan and a site go together, or the site's field is named: YubiKeys, what their keys' custody may be, their authorities."""

from __future__ import annotations

import pytest

from ceremony.core.attestation import PINS
from ceremony.core.plan import Mode, Site, SiteToken
from ceremony.core.plan_support import check_site, site_authorities
from ceremony.errors import PlanRefused
from tests.core.attestation.chains import NEW, pem, yubico_files
from tests.fakes.plans import read

YUBIKEY, HSM = SiteToken(yubikey=7, slot="9c"), SiteToken(pkcs11="pkcs11:serial=1", module="/m")
VIRTUAL = {"virtual.pem": b"".join(pem(certificate.der) for certificate in NEW.built()[2].certificates.values())}


def site(*tokens: SiteToken) -> Site:
    return Site(dict(zip(("root-a", "root-b", "root-c"), tokens, strict=True)), {}, "", b"")


@pytest.mark.parametrize("custody", ["token-only", "imported"])
def test_a_yubikey_takes_keys_that_never_leave_it(custody):
    check_site(read(("token-only", custody)), site(YUBIKEY, HSM, HSM))


def test_a_yubikey_takes_no_key_that_is_to_be_wrapped():
    plan = read(("token-only", "token-wrapped"))
    check_site(plan, site(HSM, HSM, HSM))
    with pytest.raises(
        PlanRefused, match=r"^tokens\.root-b: is a YubiKey, whose keys cannot leave it to be backed up"
    ) as refused:
        check_site(plan, site(HSM, YUBIKEY, HSM))
    assert 'custody = "token-only" or "imported"' in refused.value.hint


@pytest.mark.parametrize("mode", list(Mode))
def test_authorities_are_wanted_where_a_yubikey_makes_a_key(mode):
    with pytest.raises(
        PlanRefused, match=r"^yubico-roots: is missing, and the key that is made on root-b must be attested$"
    ) as no:
        site_authorities(read(), site(HSM, YUBIKEY, YUBIKEY), {}, mode)
    assert "developers.yubico.com/PKI" in no.value.hint
    made = site_authorities(read(), site(HSM, YUBIKEY, YUBIKEY), yubico_files(), mode)
    assert made is not None
    assert {pin.name for pin in PINS} <= made.certificates.keys()


@pytest.mark.parametrize("mode", list(Mode))
def test_authorities_are_not_wanted_where_nothing_is_attested(mode):
    assert site_authorities(read(("token-only", "imported")), site(YUBIKEY, YUBIKEY, YUBIKEY), {}, mode) is None
    assert site_authorities(read(), site(HSM, HSM, HSM), {}, mode) is None


def test_authorities_of_somebody_else_serve_a_practice_alone():
    everything = site(YUBIKEY, YUBIKEY, YUBIKEY)
    assert site_authorities(read(), everything, VIRTUAL, Mode.PRACTICE) is not None
    with pytest.raises(PlanRefused, match=r"^yubico-roots: virtual\.pem: none of the pinned Yubico roots is there$") as refused:
        site_authorities(read(), everything, VIRTUAL, Mode.PRODUCTION)
    assert refused.value.field == "yubico-roots"
    assert refused.value.hint
