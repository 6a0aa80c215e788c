# SPDX-License-Identifier: Apache-2.0
"""Statements of our own, right but for one thing: what they say, and whether it is of this key and device."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from ceremony.core.attestation import (
    Attested,
    FormFactor,
    PinPolicy,
    TouchPolicy,
    check_binding,
    verify_attestation,
)
from ceremony.core.attestation.certificates import DEVICE, STATEMENT
from ceremony.core.firmware import Firmware, Series
from ceremony.errors import VerificationError
from tests.core.attestation.chains import AT, NEW, OLD, START, named, refused

F9 = re.escape(DEVICE)


# --- the statement ----------------------------------------------------------------------------

SLOTS = ["9a", "9c", "9d", "9e", *(f"{slot:x}" for slot in range(0x82, 0x96))]


@pytest.mark.parametrize("slot", SLOTS)
def test_the_subject_names_the_slot(slot: str) -> None:
    assert NEW.states(name=f"YubiKey PIV Attestation {slot}").verify().slot == slot


@pytest.mark.parametrize(
    "subject",
    [
        *(named(f"YubiKey PIV Attestation {slot}") for slot in ("9b", "81", "96", "f9", "9C", "9c ", "9", "09c")),
        named("Yubico PIV Attestation"),
        x509.Name([]),
        x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "YubiKey PIV Attestation 9c")]),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"YubiKey PIV Attestation {slot}") for slot in ("9c", "9a")]),
    ],
    ids=lambda name: name.rfc4514_string() or "empty",
)
def test_a_subject_that_names_no_slot_is_refused(subject: x509.Name) -> None:
    refused(NEW.states(subject=subject), f"{STATEMENT}: its subject '.*' names no PIV slot")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"_3": None}, "its firmware is not three bytes but nothing", id="no firmware"),
        pytest.param({"_3": "0507"}, "its firmware is not three bytes but 0507", id="short firmware"),
        pytest.param({"_3": "0403050704"}, "its firmware is not three bytes but 0403050704", id="wrapped firmware"),
        pytest.param(
            {"_3": "050705"}, "its firmware is 5.7.5, and that of the device certificate 5.7.4", id="firmware of another device"
        ),
        pytest.param({"_7": None}, "names no serial, which firmware 5.7.4 would", id="no serial"),
        pytest.param({"_7": ""}, "its serial is not a positive INTEGER but nothing", id="empty serial"),
        pytest.param({"_7": "0200"}, "its serial is not a positive INTEGER but 0200", id="serial of no bytes"),
        pytest.param({"_7": "0201ff"}, "its serial is not a positive INTEGER", id="negative serial"),
        pytest.param({"_7": "020100"}, "its serial is not a positive INTEGER", id="serial zero"),
        pytest.param({"_7": "020400c790"}, "its serial is not a positive INTEGER", id="serial cut"),
        pytest.param({"_7": "020300c790fa"}, "its serial is not a positive INTEGER", id="serial too long"),
        pytest.param({"_7": "040400c790fa"}, "its serial is not a positive INTEGER", id="serial of another type"),
        pytest.param({"_7": "0206010101010101"}, "its serial is not a positive INTEGER", id="serial of six bytes"),
        pytest.param({"_8": None}, "its PIN and touch policy are not two bytes but nothing", id="no policies"),
        pytest.param({"_8": "03"}, "its PIN and touch policy are not two bytes but 03", id="one policy"),
        pytest.param({"_8": "0002"}, "its PIN policy is 0x00, which is not known", id="PIN policy default"),
        pytest.param({"_8": "0602"}, "its PIN policy is 0x06, which is not known", id="PIN policy 6"),
        pytest.param({"_8": "0300"}, "its touch policy is 0x00, which is not known", id="touch policy default"),
        pytest.param({"_8": "0304"}, "its touch policy is 0x04, which is not known", id="touch policy 4"),
        pytest.param({"_9": None}, "names no form factor, which firmware 5.7.4 would", id="no form factor"),
        pytest.param({"_9": ""}, "its form factor is nothing, which is not known", id="empty form factor"),
        pytest.param({"_9": "00"}, "its form factor is 00, which is not known", id="form factor 0"),
        pytest.param({"_9": "43"}, "its form factor is 43, which is not known", id="form factor of a Security Key"),
        pytest.param({"_9": "0303"}, "its form factor is 0303, which is not known", id="two form factors"),
    ],
)
def test_a_statement_that_lacks_or_garbles_a_part_is_refused(changes: dict[str, str | None], message: str) -> None:
    refused(NEW.says(**changes), f"^{STATEMENT}: {message}")


@pytest.mark.parametrize("words", ["rsa-2048 intermediate", "p521 f9"])
def test_a_key_of_another_algorithm_is_refused(words: str) -> None:
    refused(NEW.states(key=words), f"^{STATEMENT}: its public key: is (rsa2048|secp521r1), which is not one of")


@pytest.mark.parametrize("byte", range(1, 6))
@pytest.mark.parametrize("touch", range(1, 4))
def test_policies_are_told_by_their_bytes(byte: int, touch: int) -> None:
    attested = NEW.says(_8=f"{byte:02x}{touch:02x}").verify()
    assert attested.pin_policy.value == ["never", "once", "always", "match-once", "match-always"][byte - 1]
    assert attested.touch_policy.value == ["never", "always", "cached"][touch - 1]


@pytest.mark.parametrize(
    ("byte", "certified", "form", "series"),
    [
        pytest.param("01", (), FormFactor.USB_A_KEYCHAIN, Series.STANDARD, id="USB-A"),
        pytest.param("85", (), FormFactor.USB_C_LIGHTNING, Series.FIPS, id="FIPS by form factor"),
        pytest.param("84", ("10",), FormFactor.USB_C_NANO, Series.FIPS, id="FIPS, certified"),
        pytest.param("02", ("10",), FormFactor.USB_A_NANO, Series.FIPS, id="FIPS by the device certificate alone"),
        pytest.param("03", ("11",), FormFactor.USB_C_KEYCHAIN, Series.STANDARD, id="CSPN"),
        pytest.param("06", (), FormFactor.USB_A_BIO, Series.BIO, id="Bio, USB-A"),
        pytest.param("87", (), FormFactor.USB_C_BIO, Series.BIO, id="Bio, USB-C"),
    ],
)
def test_form_factor_and_series(byte: str, certified: tuple[str, ...], form: FormFactor, series: Series) -> None:
    attested = NEW.says(_9=byte).on(yubico={"3": "050704", **dict.fromkeys(certified, "020108")}).verify()
    assert (attested.form_factor, attested.series) == (form, series)
    assert attested.fips_series is (int(byte, 16) >= 0x80)
    assert (attested.fips_certified, attested.cspn_certified) == ("10" in certified, "11" in certified)


def test_certifications_count_only_in_the_device_certificate() -> None:
    attested = NEW.says(_10="020108", _11="020101").verify()
    assert (attested.fips_certified, attested.cspn_certified) == (False, False)


def test_a_statement_of_firmware_below_5_may_lack_serial_and_form_factor_and_names_no_device() -> None:
    attested = OLD.says(_3="040305", _7=None, _9=None).on(yubico={}).verify()
    assert (attested.serial, attested.form_factor, attested.firmware) == (None, None, Firmware(4, 3, 5))
    with pytest.raises(VerificationError, match="names no serial, so that it is not shown to be of YubiKey 13078778"):
        bind(attested)


@pytest.mark.parametrize("value", ["02 04 00 4c 4b 40", "02 03 4c 4b 40", "02 05 00 00 4c 4b 40"])
def test_a_serial_is_read_as_wide_as_the_chip_writes_it(value: str) -> None:
    assert NEW.says(_7=value.replace(" ", "")).verify().serial == 5_000_000


def test_a_device_certificate_with_a_garbled_firmware_is_refused() -> None:
    refused(NEW.on(yubico={"3": "05"}), f"^{F9}: its firmware is not three bytes but 05")


@pytest.mark.parametrize(
    ("range_", "firmware", "holds"),
    [
        pytest.param(((4, 3, 0), (5, 7, 3)), "050703", True, id="old root, last firmware"),
        pytest.param(((4, 3, 0), (5, 7, 3)), "050704", False, id="old root, new firmware"),
        pytest.param(((4, 3, 0), (5, 7, 3)), "040204", False, id="old root, firmware that cannot attest"),
        pytest.param(((5, 7, 4), (255, 255, 255)), "050704", True, id="new root, first firmware"),
        pytest.param(((5, 7, 4), (255, 255, 255)), "050703", False, id="new root, old firmware"),
        pytest.param(((5, 7, 4), (255, 255, 255)), "060001", True, id="new root, unknown firmware"),
    ],
)  # fmt: skip
def test_an_authority_certifies_only_firmware_of_its_time(range_: Any, firmware: str, *, holds: bool) -> None:
    chain = replace(OLD, firmware=tuple(Firmware(*one) for one in range_)).says(_3=firmware).on(yubico={"3": firmware})
    if holds:
        assert chain.verify().firmware == Firmware(*bytes.fromhex(firmware))
    else:
        refused(chain, r"its firmware is \d\.\d\.\d, which Test PIV Root does not certify")


@given(st.dictionaries(st.sampled_from(["3", "7", "8", "9", "10", "7.1", "99"]), st.binary(max_size=8)))
def test_reading_a_signed_statement_is_total(values: dict[str, bytes]) -> None:
    extensions = {arc: value.hex() for arc, value in values.items()}
    _, device, authorities = _UNCHANGING
    made = replace(NEW.statement, yubico={**NEW.statement.yubico, **extensions}).made(NEW.device)
    try:
        attested = verify_attestation(made, device, authorities, at=AT)
    except VerificationError as error:
        faulty = error.subject
    else:
        faulty = STATEMENT
        told = f"{attested.firmware.major:02x}{attested.firmware.minor:02x}{attested.firmware.patch:02x}"
        assert told == extensions.get("3", "050704")
        assert attested.serial == int.from_bytes(values.get("7", bytes.fromhex("020400c790fa"))[2:])
    assert faulty == STATEMENT


@given(
    st.integers(1, 2**31 - 1),
    st.sampled_from(list(PinPolicy)),
    st.sampled_from(list(TouchPolicy)),
    st.sampled_from(list(FormFactor)),
    st.booleans(),
)
def test_what_a_device_states_is_what_is_read(
    serial: int, pin: PinPolicy, touch: TouchPolicy, form: FormFactor, fips: bool
) -> None:
    place = [list(kind).index(one) + 1 for kind, one in ((PinPolicy, pin), (TouchPolicy, touch), (FormFactor, form))]
    says = {
        "7": f"0204{serial:08x}",
        "8": f"{place[0]:02x}{place[1]:02x}",
        "9": f"{place[2] + 0x80 * fips:02x}",
    }
    made = replace(NEW.statement, yubico={**NEW.statement.yubico, **says}).made(NEW.device)
    attested = verify_attestation(made, *_UNCHANGING[1:], at=AT)
    assert (attested.serial, attested.pin_policy, attested.touch_policy) == (serial, pin, touch)
    assert (attested.form_factor, attested.fips_series) == (form, fips)


_UNCHANGING = NEW.built()


# --- binding -------------------------------------------------------------------------------------


def bind(attested: Attested, **changes: Any) -> None:
    given = {"public": attested.public, "serial": 13078778, "slot": "9c", "firmware": Firmware(5, 7, 4),
             "pin_policy": "always", "touch_policy": "always"}  # fmt: skip
    check_binding(attested, **{**given, **changes})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"serial": 1}, "its serial is 13078778, not 1", id="serial"),
        pytest.param({"slot": "9a"}, "its slot is 9c, not 9a", id="slot"),
        pytest.param({"firmware": Firmware(5, 7, 1)}, r"its firmware is 5\.7\.4, not 5\.7\.1", id="firmware"),
        pytest.param({"pin_policy": "once"}, "its PIN policy is always, not once", id="PIN policy"),
        pytest.param({"touch_policy": "cached"}, "its touch policy is always, not cached", id="touch policy"),
        pytest.param({"serial": 1, "slot": "9a", "touch_policy": "never"}, "its serial is", id="the first of three"),
    ],
)
def test_the_first_difference_is_named(change: dict[str, Any], message: str) -> None:
    attested = NEW.verify()
    bind(attested)
    with pytest.raises(VerificationError, match=f"^{STATEMENT}: {message}"):
        bind(attested, **change)


def test_a_statement_of_another_key_is_refused() -> None:
    attested, other = NEW.verify(), NEW.states(key="p256 another").verify()
    with pytest.raises(VerificationError, match=f"its public key is {attested.public.sha256}, not {other.public.sha256}"):
        bind(attested, public=other.public)


def test_devices_that_share_an_f9_key_are_told_apart_by_the_signed_serial() -> None:
    """Both chains verify with one device certificate; only the serial in the statement names the device."""
    _, device, authorities = _UNCHANGING
    for serial in (13078778, 13078779):
        made = replace(NEW.statement, yubico={**NEW.statement.yubico, "7": f"0204{serial:08x}"}).made(NEW.device)
        attested = verify_attestation(made, device, authorities, at=AT)
        bind(attested, serial=serial)
        with pytest.raises(VerificationError, match="its serial is"):
            bind(attested, serial=serial ^ 1)


def test_the_dates_of_a_statement_say_nothing_of_when_the_key_was_made() -> None:
    """Facts, section 1, point 4: dates are copied from the device certificate; nothing here is a time of making."""
    assert not [name for name in Attested.__dataclass_fields__ if "time" in name or "date" in name]
    assert NEW.states(start=START).verify() == NEW.states(start=START + timedelta(days=400)).verify()
