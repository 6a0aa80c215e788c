# SPDX-License-Identifier: Apache-2.0
"""From the site file to one YubiKey, or none."""

from __future__ import annotations

import pytest
from smartcard.Exceptions import CardConnectionException
from yubikit.core import TRANSPORT

from ceremony.core.plan import SiteToken
from ceremony.devices.rack import SiteRack
from ceremony.devices.yubikey import YubiKeyRack, open_yubikey, survey
from ceremony.devices.yubikey_pcsc import Reader
from ceremony.errors import CeremonyError, TokenAbsent, TokenError
from tests.devices.yubikeys import ATTEST, CONFIG, GET, SERIAL, VERSION, Desk, card, prepared
from tests.fakes.yubikey import Authority, VirtualYubiKey
from tests.fakes.yubikey.apdu import tlv, tlvs

CONTACTLESS = "ACS ACR122U PICC Interface 00 00"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def config(**fields):
    """Return a lie of the management application: these tags, with these values."""

    def lie(_, data, status):
        changed = tlvs(data[1:]) | {int(tag[1:], 16): value for tag, value in fields.items()}
        body = b"".join(tlv(tag, value) for tag, value in changed.items())
        return bytes([len(body)]) + body, status

    return {CONFIG: lie}


def test_finds_the_one_with_the_serial_among_several(desk):
    for serial in (1, 2, 3):
        desk.put(card(serial))
    token = desk.open(2)
    assert token.identity.serial == "2"
    assert [plug.free for plug in desk.plugs] == [True, False, True]
    token.close()
    assert all(plug.free for plug in desk.plugs)


def test_opens_several_one_beside_the_other(desk):
    cards = [card(1), card(2)]
    for one in cards:
        desk.put(one)
    rack = desk.rack(root_a=1, root_b=2)
    first = rack.open("root-a")
    before = cards[0].count()
    second = rack.open("root-b")
    assert cards[0].count() == before  # the one that is open was not disturbed
    assert [first.identity.serial, second.identity.serial] == ["1", "2"]
    assert first.pin_state() == second.pin_state()


def test_says_which_serials_there_are_when_it_is_none_of_them(desk):
    desk.put(card(7))
    desk.put(card(8))
    with pytest.raises(TokenAbsent, match=r"token root-a: no reader holds YubiKey 1; there is 7, 8$"):
        desk.open(1)
    assert all(plug.free for plug in desk.plugs)


def test_says_that_there_is_none_at_all(desk):
    with pytest.raises(TokenAbsent, match=r"no reader holds YubiKey 1; there is none$") as absent:
        desk.open(1)
    assert absent.value.hint == "plug it in over USB, or correct the site file"


def test_refuses_two_readers_with_the_same_serial(desk):
    desk.put(card(1))
    desk.put(card(1))
    with pytest.raises(TokenError, match="2 readers hold a YubiKey 1") as refused:
        desk.open(1)
    assert not isinstance(refused.value, TokenAbsent)
    assert all(plug.free for plug in desk.plugs)


@pytest.mark.parametrize(
    ("name", "transport", "said"),
    [
        pytest.param(CONTACTLESS, TRANSPORT.NFC, f"reader {CONTACTLESS} is not a YubiKey's own", id="by its name"),
        pytest.param("", TRANSPORT.NFC, "00 is contactless, and was not used", id="by its answer to reset"),
    ],
)
def test_refuses_a_contactless_reader(desk, name, transport, said):
    there = card(1)
    desk.put(there, name, transport)
    with pytest.raises(TokenAbsent, match=said):
        desk.open(1)
    assert there.apdus == []  # not spoken to
    (listed,) = survey(desk)
    assert listed.identity is None
    assert said in listed.problem


def test_says_that_another_program_uses_a_reader(desk):
    desk.put(card(1))
    held = desk.open(1)
    with pytest.raises(
        TokenAbsent, match="was not opened: another program, such as GnuPG's scdaemon or a browser, is using it"
    ) as busy:
        desk.open(1)
    assert "gpgconf --kill scdaemon" in busy.value.hint
    held.close()
    desk.open(1).close()


def test_a_reader_that_this_ceremony_holds_is_named_by_its_token(desk):
    desk.put(card(1))
    rack = YubiKeyRack({"root-a": SiteToken(yubikey=1, slot="9c"), "root-b": SiteToken(yubikey=2, slot="9c")}, desk)
    held = rack.open("root-a")
    with pytest.raises(TokenAbsent, match=r"no reader holds YubiKey 2; there is root-a$"):
        rack.open("root-b")
    held.close()
    with pytest.raises(TokenAbsent, match=r"no reader holds YubiKey 2; there is 1\.?$"):
        rack.open("root-b")


def test_says_that_a_readers_card_does_not_answer(desk):
    desk.put(None)
    with pytest.raises(TokenAbsent, match="was not opened: its card does not answer"):
        desk.open(1)


def test_says_that_a_card_went_away_while_it_was_looked_at(desk):
    there = card(1)
    there.lies[CONFIG] = lambda *_: _gone()
    desk.put(there)
    with pytest.raises(TokenAbsent, match="00 stopped answering"):
        desk.open(1)


def _gone():
    raise CardConnectionException("gone")


def test_refuses_a_card_that_is_no_yubikey(desk):
    there = card(1)
    there.lies[0xA4] = lambda *_: (b"", 0x6A82)
    desk.put(there)
    with pytest.raises(TokenAbsent, match="holds a card that is no YubiKey as this program knows them"):
        desk.open(1)


@pytest.mark.parametrize(
    ("firmware", "lies", "said", "hint"),
    [
        pytest.param("5.5.1", {}, "is a preview device (firmware 5.5.1)", "finished product", id="yubico's range"),
        pytest.param(
            "5.7.4",
            config(_19=tlv(1, b"\x05\x07\x04") + tlv(2, b"\x01") + tlv(3, b"\x00")),
            "is a preview device",
            "finished product",
            id="beta",
        ),
        pytest.param("5.2.7", {}, "has firmware 5.2.7, which cannot tell whether a slot is empty", "5.3.0 or later", id="5.2"),
        pytest.param("4.3.5", {}, "has firmware 4.3.5, which cannot tell", "firmware cannot be updated", id="4.3"),
        pytest.param("6.0.0", {}, "has firmware 6.0.0, a generation that this program does not know", "YubiKey 5", id="6"),
        pytest.param(
            "5.7.4", config(_3=b"\x00\x01"), "has its PIV application switched off over USB", "--enable PIV", id="PIV off"
        ),
        pytest.param(
            "5.7.4",
            {SERIAL: lambda *_: (b"\0\0\0\2", 0x9000)},
            "its management application says serial 1, its PIV application 2",
            "do not use",
            id="two serials",
        ),
        pytest.param(
            "5.7.4",
            {VERSION: lambda *_: (b"\5\7\1", 0x9000)},
            "its management application says firmware 5.7.4, its PIV application 5.7.1",
            "do not use",
            id="two firmwares",
        ),
        pytest.param(
            "5.7.4",
            {VERSION: lambda *_: (b"", 0x6D00)},
            "its PIV application does not answer",
            "put it back",
            id="unknown applet",
        ),
    ],
)
def test_refuses_a_device(desk, firmware, lies, said, hint):
    there = card(1, firmware)
    there.lies |= lies
    desk.put(there)
    with pytest.raises(TokenError) as refused:
        desk.open(1)
    assert f"token 1: {said}" in refused.value.message
    assert hint in refused.value.hint
    assert desk.plugs[0].free
    (listed,) = survey(desk)
    assert listed.identity.firmware == firmware
    assert listed.standing is None
    assert listed.problem == refused.value.message


def test_refuses_a_device_of_the_makers_own(desk):
    there = card(1, "0.0.1")  # what such a device says; its real version stands beside it
    there.lies |= config(_19=tlv(1, b"\x05\x08\x00") + tlv(2, b"\x00") + tlv(3, b"\x01"))
    desk.put(there)
    with pytest.raises(TokenError, match=r"token 1: is a preview device \(firmware 5.8.0\)"):
        desk.open(1)


def test_refuses_a_device_whose_attestation_key_is_of_the_authority_for_previews(desk):
    desk.put(VirtualYubiKey(1, authority=Authority("Yubico PIV Preview CA")))
    with pytest.raises(TokenError, match=r"is a preview device \(its attestation key was issued for one\)"):
        desk.open(1)


def test_opens_a_device_without_a_certificate_in_f9(desk):
    there = card(1)
    there.lies[GET] = lambda *_: (b"", 0x6A82)
    desk.put(there)
    desk.open(1).close()


@pytest.mark.parametrize("firmware", ["5.3.0", "5.4.3", "5.7.0", "5.7.4"])
def test_takes_every_firmware_that_has_metadata(desk, firmware):
    desk.put(card(1, firmware))
    assert desk.open(1).identity.firmware == firmware


def test_tells_the_series_and_the_form(desk):
    desk.put(card(1, form_factor=1, fips=True))
    identity = desk.open(1).identity
    assert (identity.fips, identity.form_factor, identity.model) == (True, "USB-A keychain", "YubiKey 5A FIPS")


@pytest.mark.parametrize("site", [pytest.param(SiteToken(slot="9c"), id="serial"), pytest.param(SiteToken(yubikey=1), id="slot")])
def test_refuses_a_site_that_names_no_serial_or_slot(desk, site):
    with pytest.raises(TokenError, match="root-a: has no YubiKey in the site file"):
        open_yubikey("root-a", site, desk)


def test_opening_spends_no_try_and_changes_nothing(desk):
    there = card(1)
    there.state.pin.left = 1
    desk.put(there)
    before = there.saved()
    desk.open(1).close()
    assert survey(desk)[0].standing.pin.left == 1
    assert there.saved() == before
    assert there.count(0x20, 0x24, 0x2C, ATTEST) == 0


# --- no service ------------------------------------------------------------------------


def _no_service() -> list[Reader]:
    raise CardConnectionException("Failed to establish context", hresult=0)


def test_says_that_there_is_no_smart_card_service():
    site = SiteToken(yubikey=1, slot="9c")
    with pytest.raises(TokenError, match=r"token root-a: no YubiKey can be reached.*pcscd") as refused:
        open_yubikey("root-a", site, _no_service)
    assert "apt-get install pcscd" in refused.value.hint
    with pytest.raises(CeremonyError, match=r"^no YubiKey can be reached"):
        survey(_no_service)


# --- what is plugged in ------------------------------------------------------------------


def test_lists_what_is_plugged_in(desk):
    desk.put(card(1))
    desk.put(card(2, "5.4.3"))
    prepared(desk, 1).close()
    first, second = survey(desk)
    assert [first.identity.serial, second.identity.serial] == ["1", "2"]
    assert first.standing.factory == ()
    assert second.standing.factory == ("PIN", "PUK", "management key")
    assert [first.verdict.decision, second.verdict.decision] == ["allow", "deviation"]
    assert "EUCLEAK" in second.verdict.reasons[0]
    assert all(plug.free for plug in desk.plugs)


def test_a_token_that_a_ceremony_holds_is_a_row_that_says_so(desk):
    desk.put(card(1))
    held = desk.open(1)
    (listed,) = survey(desk)
    assert "is using it" in listed.problem
    held.close()


# --- the rack of a whole site ---------------------------------------------------------------


def test_a_site_holds_yubikeys_beside_other_tokens(desk, practice):
    desk.put(card(1))
    rack = SiteRack({**practice.sites, "root-y": SiteToken(yubikey=1, slot="9c")}, practice.env, readers=desk)
    yubikey, other = rack.open("root-y"), rack.open("root-a")
    assert [yubikey.identity.kind, other.identity.kind] == ["yubikey", "pkcs11"]
    yubikey.close()
    other.close()
    with pytest.raises(TokenError, match="root-z: is not in the site file") as refused:
        rack.open("root-z")
    assert refused.value.hint == "add [tokens.root-z] with yubikey and slot, or with pkcs11 and module"
