# SPDX-License-Identifier: Apache-2.0
"""The pitfalls that concern YubiKeys, by their numbers (the list is in `tests/test_pitfalls.py`), on virtual ones."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from smartcard.Exceptions import CardConnectionException
from smartcard.scard import SCARD_E_SHARING_VIOLATION
from yubikit.core import TRANSPORT
from yubikit.core.smartcard import SW, ApduError
from yubikit.logging import LOG_LEVEL
from yubikit.piv import KEY_TYPE, SLOT, PivSession

from ceremony.core import dialects, slot_certificate, software_key
from ceremony.core.attestation import Authorities, PinPolicy, TouchPolicy, from_pem, verify_attestation
from ceremony.core.attestation.certificates import DEVICE, Certificate
from ceremony.core.certificates import CertificateRequest
from ceremony.core.keys import Algorithm, Scheme, verify
from ceremony.core.plan import Mode, SiteToken
from ceremony.core.ports import KeyRequest, TokenKey
from ceremony.core.secret import Secret
from ceremony.devices.yubikey import YubiKeyRack, survey
from ceremony.devices.yubikey_facts import CERTIFICATE_BYTES, SLOTS
from ceremony.devices.yubikey_pcsc import Reader, Readers
from ceremony.devices.yubikey_token import YubiKeyToken
from ceremony.errors import PinLocked, TokenAbsent, TokenError, TokenLost, VerificationError, WrongPin
from tests.devices.yubikeys import (
    ATTEST,
    AUTHENTICATE,
    AUTHORITY,
    FACTORY_KEY,
    GENERATE,
    IMPORT,
    MANAGEMENT_KEY,
    PIN,
    PUK,
    PUT,
    RESET,
    VERIFY,
    prepare,
)
from tests.fakes import yubikey as virtual
from tests.fakes.yubikey import Authority, VirtualYubiKey, When, connection
from tests.fakes.yubikey.state import PivState
from tests.peers.pcscd import SmartCards

SERIAL = 12345678
REQUEST = KeyRequest("acme-root", b"\x01", Algorithm.ECDSA_P256, extractable=False, pin_policy="always", touch_policy="cached")
YKCS11 = ("/usr/lib/x86_64-linux-gnu/libykcs11.so.2", "/usr/lib/aarch64-linux-gnu/libykcs11.so.2", "/usr/lib64/libykcs11.so.2")
NOW = datetime(2026, 11, 19, tzinfo=UTC)


def plugged(*cards: VirtualYubiKey | virtual.Reader, transport: TRANSPORT = TRANSPORT.USB) -> Readers:
    """Return the readers of cards that are plugged in."""
    names = (f"Yubico YubiKey CCID {number:02d} 00" for number in range(len(cards)))
    found = [Reader(name, partial(connection, card, transport=transport)) for name, card in zip(names, cards, strict=True)]
    return lambda: found


def open_token(card: VirtualYubiKey | virtual.Reader, slot: str = "9c", serial: int = SERIAL) -> YubiKeyToken:
    return YubiKeyRack({"root-a": SiteToken(yubikey=serial, slot=slot)}, plugged(card)).open("root-a")


@pytest.fixture
def card() -> VirtualYubiKey:
    return VirtualYubiKey(SERIAL, authority=AUTHORITY)


@pytest.fixture
def token(card):
    opened = open_token(card)
    prepare(opened)
    yield opened
    opened.close()


def ykcs11() -> str:
    """Return the path of Yubico's own PKCS#11 module; fails where it is not installed."""
    found = [path for path in YKCS11 if Path(path).is_file()]
    assert found, "Yubico's PKCS#11 module is not installed: apt-get install ykcs11"
    return found[0]


def signs(token: YubiKeyToken, key, message: bytes = b"root") -> None:
    verify(key.public, Scheme.ECDSA_SHA256, message, token.sign(key, Scheme.ECDSA_SHA256, [message])[0])


# --- what proves that a key was made here ------------------------------------------


def test_pitfall_1_a_key_shows_no_attributes_and_only_an_attestation_tells_where_it_was_made(card, token):
    made = token.generate(REQUEST)
    assert made.attributes is None
    attestation = token.piv.attest()
    authorities = Authorities.read({"virtual.pem": AUTHORITY.pem}, AUTHORITY.pins)
    assert verify_attestation(attestation.statement, attestation.device, authorities, at=NOW).public == made.public
    other = open_token(card, "9a")
    other.piv.authorise(Secret(MANAGEMENT_KEY))
    brought = other.import_key(REQUEST, software_key.make(Algorithm.ECDSA_P256))
    assert brought.attributes is None
    with pytest.raises(TokenError, match="slot 9a holds an imported key, which no device attests"):
        other.piv.attest()
    other.close()


def test_pitfall_1_the_module_calls_an_imported_key_never_extractable(card, token):
    token.import_key(REQUEST, software_key.make(Algorithm.ECDSA_P256))
    token.close()
    with SmartCards(card) as room:
        shown = room.run("pkcs11-tool", "--module", ykcs11(), "--login", "--pin", PIN, "--list-objects", "--type", "privkey")
    assert shown.returncode == 0, shown.stderr
    assert "always sensitive, never extractable" in shown.stdout


@pytest.mark.parametrize("how", ["a key", "an imported key", "a certificate"])
def test_pitfall_4_an_occupied_slot_is_never_written_to(card, token, how):
    if how == "a certificate":
        token.piv.store_certificate(b"0" * 100)
    elif how == "a key":
        token.generate(REQUEST)
    else:
        token.import_key(REQUEST, software_key.make(Algorithm.ECDSA_P256))
    before, sent = card.saved(), card.count(GENERATE, IMPORT)
    private = software_key.make(Algorithm.ECDSA_P256)
    for act in (partial(token.generate, REQUEST), partial(token.import_key, REQUEST, private)):
        what = "a certificate" if how == "a certificate" else "a key"
        with pytest.raises(TokenError, match=f"slot 9c already holds {what}") as refused:
            act()
        assert "nothing was made" in refused.value.hint
    assert card.count(GENERATE, IMPORT) == sent
    assert card.saved() == before


# --- PIN, PUK, management key ------------------------------------------------------


@pytest.mark.parametrize("pin", ["VERIFY_NONE", "VERIFY_BIO", "", "12345", "123456789", "12345\xe9"])
def test_pitfall_5_words_that_are_no_pin_are_not_even_tried(card, token, pin):
    token.forget_pin()
    sent = card.count(VERIFY)
    with pytest.raises(TokenError, match="was not tried") as refused:
        token.unlock(Secret(pin))
    assert not isinstance(refused.value, WrongPin)
    assert card.count(VERIFY) == sent
    assert card.state.pin.left == card.state.pin.total
    with pytest.raises(TokenError, match="is locked"):
        token.sign(token.generate(REQUEST), Scheme.ECDSA_SHA256, [b"root"])


def test_pitfall_5_what_was_unlocked_signs(token):
    signs(token, token.generate(REQUEST))


@pytest.mark.parametrize("firmware", ["5.3.0", "5.4.3", "5.7.0", "5.7.4"])
def test_pitfall_6_it_is_read_what_still_has_its_factory_value(firmware):
    card = VirtualYubiKey(SERIAL, firmware, authority=AUTHORITY)
    token = open_token(card)
    piv = token.piv
    assert piv.standing().factory == ("PIN", "PUK", "management key")
    assert piv.standing().management_key == ("AES192" if firmware >= "5.7" else "TDES")
    piv.authorise(Secret(FACTORY_KEY))
    piv.set_management_key(Secret(MANAGEMENT_KEY))
    assert piv.standing().factory == ("PIN", "PUK")
    assert piv.standing().management_key == ("TDES" if firmware < "5.4" else "AES192")
    piv.change_pin(Secret("123456"), Secret(PIN))
    assert piv.standing().factory == ("PUK",)
    piv.change_puk(Secret("12345678"), Secret(PUK))
    assert piv.standing().factory == ()
    # Set back to what the factory sets, it is told again.
    piv.change_pin(Secret(PIN), Secret("123456"))
    assert piv.standing().factory == ("PIN",)
    token.close()


def test_pitfall_7_looking_spends_no_try_and_a_pin_is_tried_once(card):
    token = open_token(card)
    survey(plugged(VirtualYubiKey(1, authority=AUTHORITY)))
    token.piv.standing()
    assert token.find("any") is None
    assert (token.pin_state().retries_left, token.pin_state().locked) == (3, False)
    assert card.count(VERIFY) == 0
    for left in (2, 1, 0):
        with pytest.raises(WrongPin) as wrong:
            token.unlock(Secret("999999"))
        assert wrong.value.retries_left == token.pin_state().retries_left == card.state.pin.left == left
    sent = card.count(VERIFY)
    assert sent == 3
    assert token.pin_state().locked
    with pytest.raises(PinLocked):
        token.unlock(Secret("123456"))
    assert card.count(VERIFY) == sent
    token.close()


def test_pitfall_7_a_factory_value_is_never_tried_by_itself(card, token):
    token.close()
    card.power_off()
    sent = card.count(VERIFY, AUTHENTICATE)
    again = open_token(card)
    again.piv.standing()
    for act in (partial(again.generate, REQUEST), partial(again.piv.set_tries, 5, 5)):
        with pytest.raises(TokenError):
            act()
    assert card.count(VERIFY, AUTHENTICATE) == sent
    again.close()


def test_pitfall_8_setting_the_tries_is_known_to_bring_the_factory_values_back(card, token):
    token.piv.set_tries(5, 7)
    standing = token.piv.standing()
    assert (standing.pin.left, standing.pin.total, standing.puk.left, standing.puk.total) == (5, 5, 7, 7)
    assert standing.factory == ("PIN", "PUK")
    # The PIN that was held is not the PIN any more: nobody goes on with it.
    with pytest.raises(TokenError, match="is locked"):
        signs(token, token.generate(REQUEST))
    assert card.state.pin.left == 5


def test_pitfall_9_a_wipe_takes_every_key_and_leaves_the_one_that_attests(card, token):
    token.generate(REQUEST)
    token.piv.store_certificate(b"0" * 100)
    before = token.piv.attest()
    token.piv.wipe()
    standing = token.piv.standing()
    assert standing.occupied == ()
    assert standing.factory == ("PIN", "PUK", "management key")
    prepare(token)
    again = token.generate(REQUEST)
    after = token.piv.attest()
    assert after.device == before.device
    assert after.statement != before.statement
    authorities = Authorities.read({"virtual.pem": AUTHORITY.pem}, AUTHORITY.pins)
    assert verify_attestation(after.statement, after.device, authorities, at=NOW).public == again.public


def test_pitfall_9_nothing_wipes_but_the_wipe(card, token):
    # The card allows a reset once PIN and PUK are blocked; locking both must not lead there by itself.
    for secret, act in ((PIN, token.unlock), (PUK, lambda puk: token.piv.unblock_pin(puk, Secret(PIN)))):
        for _ in range(3):
            with pytest.raises(WrongPin):
                act(Secret("99999999"))
        with pytest.raises(PinLocked):
            act(Secret(secret))
    assert card.count(RESET) == 0


def test_pitfall_10_a_pin_is_given_for_every_signature_whatever_comes_between(card, token):
    key = token.generate(REQUEST)
    sent = card.count(VERIFY)
    for number in range(3):
        signs(token, key, b"%d" % number)
        token.piv.standing()
        token.pin_state()
    assert card.count(VERIFY) == sent + 3
    # The card itself signs nothing without: the second of two in a row is refused.
    raw = PivSession(connection(card))
    raw.verify_pin(PIN)
    raw.sign(SLOT.SIGNATURE, KEY_TYPE.ECCP256, b"x", SHA256(), None)
    with pytest.raises(ApduError) as refused:
        raw.sign(SLOT.SIGNATURE, KEY_TYPE.ECCP256, b"x", SHA256(), None)
    assert refused.value.sw == SW.SECURITY_CONDITION_NOT_SATISFIED


def test_pitfall_10_with_policy_once_the_pin_is_given_once(card, token):
    key = token.generate(replace(REQUEST, pin_policy="once"))
    signs(token, key)
    sent = card.count(VERIFY)
    for number in range(3):
        signs(token, key, b"%d" % number)
    assert card.count(VERIFY) == sent


def test_pitfall_10_a_pin_that_was_forgotten_signs_nothing(card, token):
    key = token.generate(replace(REQUEST, pin_policy="once"))
    signs(token, key)
    assert token.forget_pin() is False
    sent = card.count(VERIFY, AUTHENTICATE)
    with pytest.raises(TokenError, match="is locked"):
        token.sign(key, Scheme.ECDSA_SHA256, [b"root"])
    assert card.count(VERIFY, AUTHENTICATE) == sent


def test_pitfall_11_a_key_is_made_with_the_management_key_and_no_pin_stands_in_for_it(card, token):
    token.close()
    again = open_token(card)
    again.unlock(Secret(PIN))
    sent = card.count(GENERATE)
    with pytest.raises(TokenError, match="was not given its management key") as refused:
        again.generate(REQUEST)
    assert refused.value.hint == "its custodian enters the management key first"
    with pytest.raises(TokenError, match="its management key has 24 bytes, that one has not; it was not tried"):
        again.piv.authorise(Secret(PIN))
    with pytest.raises(TokenError, match="the management key is wrong; this spends no tries"):
        again.piv.authorise(Secret(bytes(24)))
    assert not again.piv.authorised()
    assert card.count(GENERATE) == sent
    assert card.state.pin.left == card.state.pin.total
    again.piv.authorise(Secret(MANAGEMENT_KEY))
    again.generate(REQUEST)
    again.close()


# --- policies and touch ------------------------------------------------------------


@pytest.mark.parametrize("slot", ["9a", "9c", "9d", "9e", "82", "95"])
@pytest.mark.parametrize(("pin", "touch"), [("always", "cached"), ("once", "never"), ("always", "always")])
def test_pitfall_12_policies_are_those_that_were_asked_for_in_every_slot(card, slot, pin, touch):
    token = open_token(card, slot)
    prepare(token)
    made = token.generate(replace(REQUEST, pin_policy=pin, touch_policy=touch))
    assert made.touch_policy == touch
    (shown,) = token.piv.standing().keys
    assert (shown.slot, shown.pin_policy, shown.touch_policy) == (slot, pin, touch)
    attestation = token.piv.attest()
    authorities = Authorities.read({"virtual.pem": AUTHORITY.pem}, AUTHORITY.pins)
    said = verify_attestation(attestation.statement, attestation.device, authorities, at=NOW)
    assert (said.pin_policy, said.touch_policy, said.slot) == (PinPolicy(pin), TouchPolicy(touch), slot)
    token.close()


@pytest.mark.parametrize("changes", [{"pin_policy": "default"}, {"pin_policy": "never"}, {"touch_policy": "default"}])
def test_pitfall_12_no_policy_is_left_to_the_device(card, token, changes):
    sent = card.count(GENERATE)
    with pytest.raises(TokenError, match="makes no key with PIN policy"):
        token.generate(replace(REQUEST, **changes))
    assert card.count(GENERATE) == sent


def test_pitfall_13_a_touch_that_does_not_come_is_said_and_costs_nothing(card, token):
    key = token.generate(replace(REQUEST, touch_policy="always"))
    assert key.touch_policy == "always"
    card.finger = False
    with pytest.raises(TokenError, match="was not touched in time; nothing was spent") as refused:
        token.sign(key, Scheme.ECDSA_SHA256, [b"root"])
    assert not isinstance(refused.value, TokenLost | WrongPin)
    assert "touch it while it blinks" in refused.value.hint
    assert card.state.pin.left == card.state.pin.total
    card.finger = True
    signs(token, key)
    assert card.touches == 1


def test_pitfall_13_a_touch_that_is_cached_holds_for_a_burst(card, token):
    key = token.generate(REQUEST)
    now = [0.0]
    card.clock = lambda: now[0]
    token.sign(key, Scheme.ECDSA_SHA256, [b"%d" % number for number in range(40)])
    assert card.touches == 1
    now[0] += virtual.CACHE_SECONDS
    signs(token, key)
    assert card.touches == 2


# --- slots and devices -------------------------------------------------------------


@pytest.mark.parametrize("slot", ["9a", "9c", "9d", "9e", "82", "95"])
def test_pitfall_18_a_slot_is_the_one_that_piv_calls_so(card, slot):
    token = open_token(card, slot)
    prepare(token)
    made = token.generate(REQUEST)
    assert made.label == slot
    assert set(card.state.keys) == {int(slot, 16), 0xF9}
    statement = token.piv.attest().statement
    assert Certificate.read(statement, DEVICE).subject.common_name == f"YubiKey PIV Attestation {slot}"
    token.close()


def certified(token: YubiKeyToken, key: TokenKey, name: str) -> bytes:
    """Return the DER certificate that a key makes of itself, for a common name."""
    wanted = CertificateRequest(key.public, name, NOW, datetime(2036, 11, 19, tzinfo=UTC), "c0" * 16, practice=True)
    body = wanted.to_be_signed()
    return from_pem(wanted.finish(body, token.sign(key, wanted.scheme, [body])[0]).encode(), "certificate")


@pytest.mark.parametrize("name", [slot_certificate.COMMON_NAME, "docker.io/acme/app"])
def test_pitfall_20_stock_notary_finds_the_root_key_by_the_certificate_in_its_slot(card, token, tmp_path, name):
    key = token.generate(REQUEST)
    token.piv.store_certificate(certified(token, key, name))
    token.close()
    with SmartCards(card) as room:
        listed = room.run("notary", "-d", tmp_path / "trust", "key", "list", env={"HOME": tmp_path})
        left = room.card(SERIAL).state.pin.left
    assert listed.returncode == 0, listed.stderr
    row = next(line.split() for line in listed.stdout.splitlines() if dialects.get("notary").key_id(key.public) in line)
    # Its column ROLE is the common name: a key of another name is no root key to it.
    assert (row[0], row[-1]) == (name, "yubikey")
    assert left == 3


def test_pitfall_20_a_key_without_a_certificate_is_not_found(card, token, tmp_path):
    key = token.generate(REQUEST)
    token.close()
    with SmartCards(card) as room:
        listed = room.run("notary", "-d", tmp_path / "trust", "key", "list", env={"HOME": tmp_path})
    assert listed.returncode == 0, listed.stderr
    assert dialects.get("notary").key_id(key.public) not in listed.stdout


def test_pitfall_21_the_device_is_the_one_of_that_serial_and_no_other_is_touched(card):
    others = [VirtualYubiKey(serial, authority=AUTHORITY) for serial in (SERIAL - 1, SERIAL + 1)]
    rack = YubiKeyRack({"root-a": SiteToken(yubikey=SERIAL, slot="9c")}, plugged(others[0], card, others[1]))
    token = rack.open("root-a")
    assert token.identity.serial == str(SERIAL)
    prepare(token)
    token.generate(REQUEST)
    token.close()
    for other in others:
        # Selected and asked what it is: nothing more.
        assert set(other.apdus) <= {0xA4, 0x1D, 0xC0}
        assert set(other.state.keys) == {0xF9}
    with pytest.raises(TokenAbsent, match=f"no reader holds YubiKey {SERIAL}; there is {SERIAL - 1}, {SERIAL + 1}"):
        YubiKeyRack({"root-a": SiteToken(yubikey=SERIAL, slot="9c")}, plugged(*others)).open("root-a")


def test_pitfall_21_two_devices_of_one_serial_are_refused(card):
    twin = VirtualYubiKey(SERIAL, authority=AUTHORITY)
    rack = YubiKeyRack({"root-a": SiteToken(yubikey=SERIAL, slot="9c")}, plugged(card, twin))
    with pytest.raises(TokenError, match=f"2 readers hold a YubiKey {SERIAL}"):
        rack.open("root-a")


@pytest.mark.parametrize("when", [When.BEFORE, When.AFTER])
def test_pitfall_21_another_device_in_the_same_reader_is_noticed_before_anything_is_done_to_it(card, when):
    reader, other = virtual.Reader(card), VirtualYubiKey(SERIAL + 1, authority=AUTHORITY)
    token = open_token(reader)
    prepare(token)
    key = token.generate(REQUEST)
    card.fault(VERIFY, when)
    with pytest.raises(TokenLost, match="stopped answering"):
        token.sign(key, Scheme.ECDSA_SHA256, [b"root"])
    reader.card = other
    for act in (partial(token.sign, key, Scheme.ECDSA_SHA256, [b"root"]), token.pin_state, partial(token.generate, REQUEST)):
        with pytest.raises(TokenLost):
            act()
    assert other.count(VERIFY, AUTHENTICATE, GENERATE, IMPORT, RESET) == 0


def test_pitfall_21_a_device_that_an_old_connection_reaches_is_named(card):
    # The exchange was quicker than the service looks, so that the connection goes on, to another card.
    reader, other = virtual.Reader(card, notices=False), VirtualYubiKey(SERIAL + 1, authority=AUTHORITY)
    token = open_token(reader)
    prepare(token)
    key = token.generate(REQUEST)
    reader.card = other
    with pytest.raises(TokenLost, match=rf"was taken out; in its place is YubiKey {SERIAL + 1}, to which nothing was done"):
        token.sign(key, Scheme.ECDSA_SHA256, [b"root"])
    assert other.state.pin.left == other.state.pin.total
    assert other.count(AUTHENTICATE, GENERATE, IMPORT, RESET) == 0


@pytest.mark.parametrize("size", [100, CERTIFICATE_BYTES - 1, CERTIFICATE_BYTES])
def test_pitfall_27_a_certificate_that_fits_is_read_back(card, token, size):
    data = b"0" * size
    token.piv.store_certificate(data)
    assert token.piv.certificate() == data
    assert PivSession(connection(card)).get_object(0x5FC10A)[-5:] == b"\x71\x01\x00\xfe\x00"


def test_pitfall_27_a_certificate_that_is_too_large_is_refused_before_it_is_sent(card, token):
    sent = card.count(PUT)
    with pytest.raises(TokenError, match=f"takes certificates of {CERTIFICATE_BYTES} bytes at most"):
        token.piv.store_certificate(b"0" * (CERTIFICATE_BYTES + 1))
    assert card.count(PUT) == sent
    assert token.piv.certificate() is None
    assert CERTIFICATE_BYTES <= 3052 - 4


def test_pitfall_28_all_24_slots_are_looked_at_and_the_rule_of_9c_holds_in_each(card):
    assert len(SLOTS) == 24
    for number in (0x9A, 0x9E, 0x82, 0x95):
        token = open_token(card, f"{number:02x}")
        if card.state.management.value == FACTORY_KEY:
            prepare(token)
        else:
            token.piv.authorise(Secret(MANAGEMENT_KEY))
            token.unlock(Secret(PIN))
        # In 9e a card asks for no PIN by default; a root key asks for it wherever it is.
        key = token.generate(REQUEST)
        sent = card.count(VERIFY)
        signs(token, key)
        signs(token, key)
        assert card.count(VERIFY) == sent + 2
        token.close()
    token = open_token(card)
    assert token.piv.standing().occupied == ("82", "95", "9a", "9e")
    token.close()


# --- who else is there -------------------------------------------------------------


def test_pitfall_30_no_log_ever_holds_a_pin(card, caplog):
    caplog.set_level(1)
    for name in ("yubikit", "yubikit.core.smartcard", "ykman", "ykman.pcsc", "fido2"):
        caplog.set_level(LOG_LEVEL.TRAFFIC, logger=name)
    token = open_token(card)
    prepare(token)
    signs(token, token.generate(REQUEST))
    with pytest.raises(WrongPin):
        token.unlock(Secret("135792"))
    token.close()
    logging.getLogger("yubikit.core.smartcard").log(LOG_LEVEL.TRAFFIC, "SEND: %s", PIN.encode().hex())
    logged = " ".join(record.getMessage() for record in caplog.records).lower()
    for secret in (PIN, PUK, "123456", "135792", "12345678"):
        assert secret.encode().hex() not in logged
        assert secret not in logged.replace(str(SERIAL), "")
    assert MANAGEMENT_KEY.hex() not in logged
    assert not [record for record in caplog.records if record.levelno <= LOG_LEVEL.TRAFFIC]


def test_pitfall_32_a_card_that_another_program_uses_is_said(card):
    def taken() -> object:
        raise CardConnectionException("in use", hresult=SCARD_E_SHARING_VIOLATION)

    readers: Callable[[], list[Reader]] = lambda: [Reader("Yubico YubiKey CCID 00 00", taken)]  # noqa: E731  (a port of one call)
    with pytest.raises(TokenAbsent, match="another program, such as GnuPG's scdaemon or a browser, is using it"):
        YubiKeyRack({"root-a": SiteToken(yubikey=SERIAL, slot="9c")}, readers).open("root-a")


def test_pitfall_32_a_card_that_was_reset_by_another_program_is_asked_anew_and_no_try_is_lost(card, token):
    key = token.generate(replace(REQUEST, pin_policy="once"))
    signs(token, key)
    card.power_off()
    with pytest.raises(TokenError) as refused:
        token.sign(key, Scheme.ECDSA_SHA256, [b"root"])
    assert not isinstance(refused.value, WrongPin)
    signs(token, key)
    assert card.state.pin.left == card.state.pin.total


@pytest.mark.parametrize(
    ("name", "transport"),
    [
        pytest.param("ACS ACR122U PICC Interface 00 00", TRANSPORT.NFC, id="by its name and its answer"),
        pytest.param("ACS ACR122U PICC Interface 00 00", TRANSPORT.USB, id="by its name"),
        pytest.param("Yubico YubiKey CCID 00 00", TRANSPORT.NFC, id="by its answer"),
    ],
)
def test_pitfall_33_a_card_on_a_contactless_reader_is_not_used(card, name, transport):
    def readers() -> list[Reader]:
        return [Reader(name, partial(connection, card, transport=transport))]

    with pytest.raises(TokenAbsent, match="contactless"):
        YubiKeyRack({"root-a": SiteToken(yubikey=SERIAL, slot="9c")}, readers).open("root-a")
    (row,) = survey(readers)
    assert row.identity is None
    assert "contactless" in row.problem
    assert card.count(VERIFY, AUTHENTICATE, GENERATE) == 0


# --- what a device says of itself --------------------------------------------------


def test_pitfall_35_an_attestation_under_the_owners_own_authority_is_refused():
    own = Authority("Acme's own CA")
    token = open_token(VirtualYubiKey(SERIAL, authority=own))
    prepare(token)
    token.generate(REQUEST)
    attestation = token.piv.attest()
    token.close()
    at = {"at": NOW}
    genuine = Authorities.read({"virtual.pem": AUTHORITY.pem}, AUTHORITY.pins)
    with pytest.raises(VerificationError, match="device certificate"):
        verify_attestation(attestation.statement, attestation.device, genuine, **at)
    # The owner's certificates are in the site's files, too: in a production they count for nothing.
    with pytest.raises(VerificationError, match=r"own\.pem: none of the pinned Yubico roots is there"):
        Authorities.of_site({"own.pem": own.pem}, Mode.PRODUCTION)
    rehearsed = Authorities.of_site({"own.pem": own.pem}, Mode.PRACTICE)
    assert verify_attestation(attestation.statement, attestation.device, rehearsed, **at).serial == SERIAL


@pytest.mark.parametrize("kept", ["PIN", "PUK", "management key", "what was in slot 9c"])
def test_pitfall_36_a_wipe_is_believed_once_everything_was_read_again(card, token, monkeypatch, kept):
    token.generate(REQUEST)

    def reset(state: PivState, firmware: object) -> None:
        whole = state.management, state.pin, state.puk, dict(state.keys)
        real(state, firmware)
        if kept == "PIN":
            state.pin = replace(whole[1], left=3)
        elif kept == "PUK":
            state.puk = replace(whole[2], left=3)
        elif kept == "management key":
            state.management = whole[0]
        else:
            state.keys = whole[3]

    real = PivState.reset
    monkeypatch.setattr(PivState, "reset", reset)
    with pytest.raises(TokenError, match=f"was wiped, but kept {'' if kept.startswith('what') else 'the '}{kept}"):
        token.piv.wipe()


def test_pitfall_36_the_attestation_is_asked_for_anew_after_a_wipe(card, token):
    token.generate(REQUEST)
    token.piv.attest()
    token.piv.wipe()
    with pytest.raises(TokenError, match="slot 9c is empty"):
        token.piv.attest()
    assert card.count(ATTEST) == 1
