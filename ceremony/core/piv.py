# SPDX-License-Identifier: Apache-2.0
"""PIN, PUK and management key of a YubiKey: what the factory sets, what may be set instead, and how it is written.

A PIN and a PUK are printable ASCII (NIST SP 800-73-4, part 2, section 2.4.3, as far
as YubiKeys go along): 6 to 8 characters a PIN, 8 a PUK. The factory's values,
one character repeated and plain runs are refused: they are the first that anybody
tries. No message repeats what was typed, nor says how long it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from itertools import pairwise
from string import hexdigits

from ceremony.core.ports import Entropy
from ceremony.core.secret import Secret
from ceremony.errors import VerificationError


class Code(StrEnum):
    """What a custodian of a YubiKey types; the value is its name in messages."""

    PIN = "PIN"
    PUK = "PUK"


FACTORY: Mapping[Code, str] = {Code.PIN: "123456", Code.PUK: "12345678"}
"""What a YubiKey leaves the factory with."""
FACTORY_MANAGEMENT_KEY = bytes(range(1, 9)) * 3
TRIES = 5
"""How many tries a ceremony gives PIN and PUK."""

_LENGTHS = {Code.PIN: (6, 8), Code.PUK: (8, 8)}
_DIGITS = 8
_KEY_BYTES = {"AES128": 16, "AES256": 32}
_GROUP = 4


def check_code(code: Code, value: Secret) -> None:
    """Check a new PIN or PUK; raises VerificationError that says which rule it breaks."""
    text = value.reveal()
    shortest, longest = _LENGTHS[code]
    steps = {after - before for before, after in pairwise(text)}
    characters = f"{shortest} to {longest}" if shortest < longest else str(shortest)
    faults = (
        (not shortest <= len(text) <= longest, f"does not have {characters} characters"),
        (any(not 0x20 <= byte < 0x7F for byte in text), "has a character that is not plain ASCII"),
        (text in {factory.encode() for factory in FACTORY.values()}, "is a factory value"),
        (steps == {0}, "is one character, repeated"),
        (steps in ({1}, {-1}), "is a plain run of characters"),
    )
    for fault, what in faults:
        if fault:
            raise VerificationError(code, what, hint=f"take {characters} letters, digits or signs that nobody guesses")


def make_code(code: Code, entropy: Entropy) -> Secret:
    """Return a new PIN or PUK: eight random digits that `check_code` takes."""
    while True:
        made = Secret(f"{int.from_bytes(entropy.bytes(16)) % 10**_DIGITS:0{_DIGITS}}")
        try:
            check_code(code, made)
        except VerificationError:
            made.wipe()
        else:
            return made


def write_management_key(key: Secret) -> Secret:
    """Return a management key as people write it down: hex in groups of four."""
    digits = key.reveal().hex()
    return Secret(" ".join(digits[start : start + _GROUP] for start in range(0, len(digits), _GROUP)))


def read_management_key(typed: Secret, size: int) -> Secret:
    """Return the `size` bytes of a management key that was typed: hex, in any case, with spaces and dashes anywhere.

    Raises VerificationError for other characters, and for another length.
    """
    hint = f"type its {2 * size} hexadecimal digits as they stand on the paper"
    digits = "".join(typed.text().replace("-", "").split())
    if not set(digits) <= set(hexdigits):
        raise VerificationError("management key", "is not hexadecimal", hint=hint)
    if len(digits) != 2 * size:
        raise VerificationError("management key", f"does not have {2 * size} digits", hint=hint)
    return Secret(bytes.fromhex(digits))


def management_key_bytes(algorithm: str) -> int:
    """Return how long a management key of an algorithm is, as a YubiKey names it (`TDES`, `AES128`, ...), in bytes."""
    return _KEY_BYTES.get(algorithm, 24)
