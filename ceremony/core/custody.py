# SPDX-License-Identifier: Apache-2.0
"""What must be read back from a root key on a token, by custody (design, section 6).

Attributes say what a PKCS#11 token claims of a key; only on tokens that are
honest about them do they prove anything. They are recorded as read, and a key
whose attributes do not fit its custody is not used. A key on a YubiKey has none:
where it was made, only its attestation says.
"""

from __future__ import annotations

from ceremony.core.canonical import JsonObject
from ceremony.core.keys import Algorithm, PublicKey
from ceremony.core.plan import Custody
from ceremony.core.ports import KeyAttributes, TokenKey
from ceremony.core.roca import check_no_roca
from ceremony.errors import VerificationError

_HINT = "the key is not what the plan asks for; do not use this token"


def attributes_json(attributes: KeyAttributes | None) -> JsonObject | None:
    """Return the attributes as a record states them; None for a YubiKey's key, which has none that prove anything."""
    if attributes is None:
        return None
    return {
        "local": attributes.local,
        "sensitive": attributes.sensitive,
        "extractable": attributes.extractable,
        "always_sensitive": attributes.always_sensitive,
        "never_extractable": attributes.never_extractable,
    }


def check_made(key: TokenKey, algorithm: Algorithm, custody: Custody, *, locked: bool) -> None:
    """Check a root key as it was read back from its token.

    `locked` is whether a wrapped key was locked already. Raises VerificationError,
    naming the key, for another algorithm, a key that was not made where its custody says,
    one that can be read, one that leaves the token against its custody, or one that can be factored.
    """
    subject = f"root key {key.public.sha256[:16]}"
    a = key.attributes
    faults = [(key.public.algorithm is not algorithm, f"is {key.public.algorithm}, not {algorithm}")]
    if a is not None and custody is Custody.IMPORTED:
        faults += _imported(a)
    elif a is not None:
        faults += _made(a, wrapped=custody is Custody.TOKEN_WRAPPED, locked=locked)
    for fault, what in faults:
        if fault:
            raise VerificationError(subject, what, hint=_HINT)
    if custody is not Custody.IMPORTED:
        check_no_roca(key.public, subject)  # whatever the device says of its firmware: the key itself tells


def check_restored(key: TokenKey, public: PublicKey, custody: Custody, *, locked: bool) -> None:
    """Check a root key that was restored to its token, as it was read back; `custody` is how it is kept there.

    Raises VerificationError, naming the key, for another key, one that the token calls its own, one that can be read,
    and one that leaves the token, or cannot, against its custody.
    """
    subject, a = f"root key {public.sha256[:16]}", key.attributes
    faults = [(key.public != public, f"is {key.public.sha256[:16]} on its token")]
    if a is not None and custody is Custody.TOKEN_WRAPPED:
        faults += [
            *_imported(a)[:-1],
            (not locked and not a.extractable, "cannot be wrapped for its new backup (EXTRACTABLE is false)"),
            (locked and a.extractable, "can leave the token (EXTRACTABLE is true)"),
        ]
    elif a is not None:
        faults += _imported(a)
    for fault, what in faults:
        if fault:
            raise VerificationError(subject, what, hint=_HINT)


def _made(a: KeyAttributes, *, wrapped: bool, locked: bool) -> list[tuple[bool, str]]:
    return [
        (not a.local, "was not made on the token (LOCAL is false)"),
        (not a.sensitive or not a.always_sensitive, "could be read from the token (SENSITIVE or ALWAYS_SENSITIVE is false)"),
        (wrapped and not locked and not a.extractable, "cannot be wrapped for its backup (EXTRACTABLE is false)"),
        ((not wrapped or locked) and a.extractable, "can leave the token (EXTRACTABLE is true)"),
        (not wrapped and not a.never_extractable, "could have left the token (NEVER_EXTRACTABLE is false)"),
    ]


def _imported(a: KeyAttributes) -> list[tuple[bool, str]]:
    # A token that calls a key its own that was just put there tells nothing of any other key either.
    return [
        (a.local, "was put on the token, which calls it its own (LOCAL is true)"),
        (a.never_extractable, "was put on the token, which says that it never could leave (NEVER_EXTRACTABLE is true)"),
        (not a.sensitive, "can be read from the token (SENSITIVE is false)"),
        (a.extractable, "can leave the token (EXTRACTABLE is true)"),
    ]
