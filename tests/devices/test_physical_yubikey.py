# SPDX-License-Identifier: Apache-2.0
"""A real YubiKey, once somebody names it: `scripts/test --yubikey SERIAL tests/devices/test_physical_yubikey.py`.

It must be factory-fresh and empty, or nothing is done; it is wiped at the end. Its
attestation must chain to Yubico's pinned authorities, whose files are beside the
checkout or where `--yubikey-roots` says; a file of other authorities makes them count
too, for devices that Yubico did not make. The touch policy is `never`: nobody is there.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ceremony.core.attestation import Authorities, check_binding, verify_attestation
from ceremony.core.firmware import Firmware
from ceremony.core.keys import Algorithm, Scheme, verify
from ceremony.core.piv import FACTORY, FACTORY_MANAGEMENT_KEY, Code
from ceremony.core.plan import Mode, SiteToken
from ceremony.core.ports import KeyRequest, Token
from ceremony.core.secret import Secret
from ceremony.devices.yubikey import YubiKeyRack
from ceremony.errors import TokenError, WrongPin

SLOT = "9c"
PIN, PUK = "71539264", "28460175"
REQUEST = KeyRequest("physical", b"", Algorithm.ECDSA_P256, extractable=False, pin_policy="always", touch_policy="never")


@pytest.fixture
def token(yubikey: int) -> Iterator[Token]:
    opened = YubiKeyRack({"named": SiteToken(yubikey=yubikey, slot=SLOT)}).open("named")
    try:
        assert opened.piv is not None
        found = opened.piv.standing()
        assert len(found.factory) == 3, f"YubiKey {yubikey} is in use: it has values of its own"
        assert not found.occupied, f"YubiKey {yubikey} is in use: it holds keys or certificates"
        yield opened
        opened.piv.wipe()
    finally:
        opened.close()


def test_a_yubikey_does_what_a_ceremony_asks_of_it(token: Token, yubikey: int, yubikey_roots: Path) -> None:
    piv = token.piv
    assert piv is not None
    assert token.find("") is None
    token.unlock(Secret(FACTORY[Code.PIN]))
    piv.authorise(Secret(FACTORY_MANAGEMENT_KEY))
    piv.set_tries(5, 4)
    piv.change_pin(Secret(FACTORY[Code.PIN]), Secret(PIN))
    piv.change_puk(Secret(FACTORY[Code.PUK]), Secret(PUK))
    piv.set_management_key(Secret(secrets.token_bytes(piv.management_key_bytes())))
    standing = piv.standing()
    assert (standing.factory, standing.pin.total, standing.puk.total) == ((), 5, 4)
    with pytest.raises(WrongPin) as wrong:
        token.unlock(Secret("00000000"))
    assert wrong.value.retries_left == 4
    token.unlock(Secret(PIN))
    assert token.pin_state().retries_left == 5

    made = token.generate(REQUEST)
    given = piv.attest()
    paths = [yubikey_roots] if yubikey_roots.is_file() else sorted(yubikey_roots.glob("*.pem"))
    files = {path.name: path.read_bytes() for path in paths}
    attested = verify_attestation(given.statement, given.device, Authorities.of_site(files, Mode.PRACTICE), at=datetime.now(UTC))
    firmware = Firmware.parse(token.identity.firmware)
    check_binding(
        attested, public=made.public, serial=yubikey, slot=SLOT, firmware=firmware, pin_policy="always", touch_policy="never"
    )
    messages = [b"message %d" % number for number in range(20)]
    for message, signature in zip(messages, token.sign(made, Scheme.ECDSA_SHA256, messages), strict=True):
        verify(made.public, Scheme.ECDSA_SHA256, message, signature)
    with pytest.raises(TokenError, match="already holds"):
        token.generate(REQUEST)
    assert token.find("") == made
