# SPDX-License-Identifier: Apache-2.0
"""What must be read back from a root key on a token, by custody (design, section 6).

Attributes say what a PKCS#11 token claims of a key; only on tokens that are
honest about them do they prove anything. They are recorded as read, and a key
whose attributes do not fit its custody is not used.
"""

from __future__ import annotations

from ceremony.core.canonical import JsonObject
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Custody
from ceremony.core.ports import KeyAttributes, TokenKey
from ceremony.errors import VerificationError

_HINT = "the key is not what the plan asks for; do not use this token"


def attributes_json(attributes: KeyAttributes) -> JsonObject:
    """Return the attributes as a record states them."""
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
    naming the key, for another algorithm, a key that was not made on the token, one
    that can be read, or one that leaves the token against its custody.
    """
    subject = f"root key {key.public.sha256[:16]}"
    a = key.attributes
    wrapped = custody is Custody.TOKEN_WRAPPED
    faults = (
        (key.public.algorithm is not algorithm, f"is {key.public.algorithm}, not {algorithm}"),
        (not a.local, "was not made on the token (LOCAL is false)"),
        (not a.sensitive or not a.always_sensitive, "could be read from the token (SENSITIVE or ALWAYS_SENSITIVE is false)"),
        (wrapped and not locked and not a.extractable, "cannot be wrapped for its backup (EXTRACTABLE is false)"),
        ((not wrapped or locked) and a.extractable, "can leave the token (EXTRACTABLE is true)"),
        (not wrapped and not a.never_extractable, "could have left the token (NEVER_EXTRACTABLE is false)"),
    )
    for fault, what in faults:
        if fault:
            raise VerificationError(subject, what, hint=_HINT)
