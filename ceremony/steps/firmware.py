# SPDX-License-Identifier: Apache-2.0
"""Firmware: whether a YubiKey may be used for what the plan wants of it; advisories are in `ceremony.core.firmware`."""

from __future__ import annotations

from ceremony.core import consent
from ceremony.core.attestation import FormFactor
from ceremony.core.canonical import JsonObject
from ceremony.core.firmware import Decision, Firmware, Purpose, Series, Verdict, verdict
from ceremony.core.plan import Custody
from ceremony.core.ports import Prompt, TokenIdentity
from ceremony.core.record import Outcome
from ceremony.errors import TokenError
from ceremony.steps.room import Room
from ceremony.steps.two_people import agreed

ACTION = consent.ACCEPT_FIRMWARE
WORD = "DEVIATION"
_BIO = frozenset({FormFactor.USB_A_BIO, FormFactor.USB_C_BIO})


def check(room: Room, identity: TokenIdentity) -> None:
    """Judge a YubiKey's firmware and record it.

    Raises TokenError where it is refused; CeremonyError where it is taken only as a deviation, and two people do not want that.
    """
    algorithm, firmware = room.root.algorithm, Firmware.parse(identity.firmware)
    purpose = Purpose.IMPORT if room.root.custody is Custody.IMPORTED else Purpose.MAKE
    found = verdict(series(identity), firmware, algorithm, purpose, mode=room.mode)
    body: JsonObject = {"token": identity.serial, "decision": found.decision, "reasons": list(found.reasons)}
    refused = found.decision is Decision.REFUSE
    room.journal.record("firmware", body, outcome=Outcome.REFUSED if refused else Outcome.OK)
    reasons = "; ".join(found.reasons)
    room.operator.tell(f"{identity.name}, serial {identity.serial}, firmware {firmware}: {reasons}.")
    if refused:
        raise TokenError(
            identity.serial,
            f"its firmware {firmware} must not be used for this: {reasons}",
            hint="use another token; a YubiKey's firmware cannot be updated",
        )
    if found.decision is Decision.DEVIATION:
        _accept(room, identity, found)


def series(identity: TokenIdentity) -> Series:
    """Return the series of a YubiKey, as the device itself claims."""
    if identity.form_factor in _BIO:
        return Series.BIO
    return Series.FIPS if identity.fips else Series.STANDARD


def _accept(room: Room, identity: TokenIdentity, found: Verdict) -> None:
    """Have two people take the firmware as a deviation, once."""
    if room.journal.result(ACTION, identity.serial) is not None:
        return
    reasons = "; ".join(found.reasons)
    prompt = Prompt(
        f"firmware:{identity.name}",
        f"Use {identity.name}, serial {identity.serial}, though its firmware {identity.firmware} is not sound",
        detail=f"{reasons}. It is recorded as a deviation that two people decided on.",
        alarm=True,
    )
    both = agreed(room, prompt, WORD, consent.act(ACTION, identity.serial))
    body: JsonObject = {
        "expected": f"a YubiKey whose firmware is sound for {room.root.algorithm}",
        "happened": f"{identity.name}, serial {identity.serial}, has firmware {identity.firmware}: {reasons}",
        "decided": "it is used",
        "by": list(both.by),
    }
    room.journal.record("deviation", body, actor=" and ".join(both.by))
    room.journal.finish(ACTION, identity.serial, both.body())
