# SPDX-License-Identifier: Apache-2.0
"""What a YubiKey in memory attests, and the authorities of the tests' own that it does so under."""

from __future__ import annotations

from functools import cache

from cryptography.hazmat.primitives import serialization

from ceremony.core.attestation import FormFactor, PinPolicy, TouchPolicy
from tests.core.attestation.chains import NEW, Chain, pem
from tests.fakes.device import FakeDevice
from tests.fakes.token import FakeRack


@cache
def built(firmware: str) -> tuple[bytes, dict[str, bytes]]:
    """Return the device certificate of a firmware, and the authorities above it as a site brings them."""
    _, device, authorities = _chain(firmware).built()
    return device, {"own.pem": b"".join(pem(certificate.der) for certificate in authorities.certificates.values())}


def _chain(firmware: str) -> Chain:
    return NEW.on(yubico={"3": bytes(map(int, firmware.split("."))).hex()})


def statement(device: FakeDevice) -> bytes:
    """Return what a YubiKey attests of the key in its slot, DER."""
    card = device.card
    held = card.slots[card.slot]
    serial = int(device.serial).to_bytes(4)
    policies = bytes(
        [list(PinPolicy).index(PinPolicy(held.pin_policy)) + 1, list(TouchPolicy).index(TouchPolicy(held.touch_policy)) + 1]
    )
    form = list(FormFactor).index(FormFactor(card.form_factor)) + 1 | (0x80 if card.fips else 0)
    says = {
        "3": bytes(map(int, card.firmware.split("."))).hex(),
        "7": (b"\x02\x04" + serial).hex(),
        "8": policies.hex(),
        "9": f"{form:02x}",
        **card.attests,
    }
    public = serialization.load_der_public_key(held.private.public.spki)
    chain = _chain(card.firmware).states(name=f"YubiKey PIV Attestation {card.slot}", public=public, yubico=says)
    return chain.statement.made(chain.device)


def authority_files(rack: FakeRack) -> dict[str, bytes]:
    """Return the authorities that the YubiKeys of a rack attest under, as a site would bring them: none for none."""
    firmwares = {device.card.firmware for device in rack.devices.values() if device.kind == "yubikey"}
    return {f"{firmware}-{name}": data for firmware in sorted(firmwares) for name, data in built(firmware)[1].items()}
