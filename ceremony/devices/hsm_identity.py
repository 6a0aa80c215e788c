# SPDX-License-Identifier: Apache-2.0
"""What a token says of itself, and what that means: its identity, its PIN, whether it is made of files.

Pure: facts of CK_TOKEN_INFO (PKCS#11 v2.40, section 3.2) in, the values of the
`Token` port out.
"""

from __future__ import annotations

from enum import IntFlag

from ceremony.core.ports import PinState, TokenIdentity
from ceremony.devices.hsm_wire import TokenFacts


class Flag(IntFlag):
    """The flags of CK_TOKEN_INFO that are looked at."""

    USER_PIN_INITIALIZED = 0x8
    TOKEN_INITIALIZED = 0x400
    USER_PIN_COUNT_LOW = 0x10000
    USER_PIN_FINAL_TRY = 0x20000
    USER_PIN_LOCKED = 0x40000


# Manufacturer and model, each as the start of what the token says, in lower case with single spaces.
_SOFTWARE = (
    ("softhsm", ""),
    ("ibm", "soft"),  # opencryptoki
    ("ibm", "ibm softtok"),  # opencryptoki before 3.14
    ("", "sw tpm"),  # swtpm behind tpm2-pkcs11
    ("msft", "xcg ftpm"),  # Microsoft's TPM simulator
    ("mozilla", "nss"),
    ("kryoptic", ""),
    ("bouncyhsm", ""),
    ("gnome keyring", ""),
    ("pkcs#11 kit", ""),
)


def is_software(manufacturer: str, model: str) -> bool:
    """Tell whether a token that says this of itself is made of files: good for practice only."""
    made, called = " ".join(manufacturer.lower().split()), " ".join(model.lower().split())
    known = any(made.startswith(maker) and called.startswith(product) for maker, product in _SOFTWARE)
    return known or "simulator" in called


def is_yubikey(facts: TokenFacts) -> bool:
    """Tell whether a PKCS#11 token is a YubiKey's PIV application, seen through somebody's module."""
    return facts.model.startswith("YubiKey") or facts.label.startswith("YubiKey PIV")


def identity(name: str, facts: TokenFacts, module: str, module_sha256: str) -> TokenIdentity:
    """Return what names this token; `name` is the plan's, empty when no plan is involved."""
    return TokenIdentity(
        name=name,
        kind="pkcs11",
        serial=facts.serial,
        manufacturer=facts.manufacturer,
        model=facts.model,
        firmware=facts.firmware,
        label=facts.label,
        software=is_software(facts.manufacturer, facts.model),
        module=module,
        module_sha256=module_sha256,
    )


def pin_state(flags: int) -> PinState:
    """Return what the flags tell of the user's PIN: PKCS#11 tells the last try and none left, not a number."""
    locked = bool(flags & Flag.USER_PIN_LOCKED)
    last = bool(flags & Flag.USER_PIN_FINAL_TRY)
    return PinState(
        retries_left=0 if locked else 1 if last else None,
        locked=locked,
        initialised=bool(flags & Flag.USER_PIN_INITIALIZED),
    )
