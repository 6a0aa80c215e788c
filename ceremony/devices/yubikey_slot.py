# SPDX-License-Identifier: Apache-2.0
"""Reading a YubiKey's slots: its key (GET METADATA) and its certificate (GET DATA); writes nothing, needs no PIN."""

from __future__ import annotations

from yubikit.core import Tlv
from yubikit.core.smartcard import SW, ApduError
from yubikit.piv import INS_GET_METADATA, OBJECT_ID, SLOT, PivSession

from ceremony.core.ports import PivStanding, Tries
from ceremony.devices.yubikey_facts import SLOTS, SlotFacts, certificate_in, slot_facts


def read_key(session: PivSession, slot: SLOT) -> SlotFacts | None:
    """Return the key in a slot, None for an empty one; for use within `talk`."""
    try:
        return slot_facts(slot, session.protocol.send_apdu(0, INS_GET_METADATA, 0, slot))
    except ApduError as error:
        if error.sw != SW.REFERENCE_DATA_NOT_FOUND:
            raise
        return None


def read_object(session: PivSession, slot: SLOT) -> bytes | None:
    """Return the data of a slot's certificate object, None when there is none; for use within `talk`."""
    try:
        return session.get_object(OBJECT_ID.from_slot(slot)) or None
    except ApduError as error:
        if error.sw != SW.FILE_NOT_FOUND:
            raise
        return None


def read_certificate(session: PivSession, slot: SLOT) -> bytes | None:
    """Return the DER certificate in a slot, None when there is none; for use within `talk`."""
    return certificate_in(read_object(session, slot) or b"")


def occupied_by(session: PivSession, slot: SLOT) -> str:
    """Return what a slot holds, `a key` or `a certificate`, empty for nothing; for use within `talk`."""
    if read_key(session, slot) is not None:
        return "a key"
    return "a certificate" if read_object(session, slot) is not None else ""


def standing(session: PivSession) -> PivStanding:
    """Return what the PIV application holds and what protects it; for use within `talk`."""
    pin, puk, management = session.get_pin_metadata(), session.get_puk_metadata(), session.get_management_key_metadata()
    keys = [read_key(session, slot) for slot in SLOTS]
    return PivStanding(
        pin=Tries(pin.default_value, pin.attempts_remaining, pin.total_attempts),
        puk=Tries(puk.default_value, puk.attempts_remaining, puk.total_attempts),
        management_key=management.key_type.name,
        management_key_factory=management.default_value,
        keys=tuple(key.shown for key in keys if key is not None),
        certificates=tuple(f"{slot:02x}" for slot in SLOTS if read_object(session, slot) is not None),
    )


def challenge(data: bytes) -> bytes:
    """Return the template of GENERAL AUTHENTICATE that has a key sign `data` (SP 800-73-4, part 2, section 3.2.4)."""
    return Tlv(0x7C, Tlv(0x82) + Tlv(0x81, data))


def response(template: bytes) -> bytes:
    """Return the signature in the answer to it; raises ValueError for another answer."""
    return Tlv.unpack(0x82, Tlv.unpack(0x7C, template))
