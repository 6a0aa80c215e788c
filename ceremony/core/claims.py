# SPDX-License-Identifier: Apache-2.0
"""Hardware that is claimed, not attested (design, section 6): when two people's word is wanted, and how the log tells it.

A root key that a YubiKey made is attested. For every other key on a token, and every
other token, nothing shows a stranger that the device is no program; in production
two people who look at it say so, and audit repeats that it is their word.
"""

from __future__ import annotations

from ceremony.core.canonical import Json
from ceremony.core.plan import Custody

ACTION = "claim-hardware"
"""The act, by a token's serial; its result holds `by`, the names of the two."""
_YUBIKEY = "yubikey"


def attests(kind: str, custody: Custody) -> bool:
    """Tell whether a token of this kind attests the root key that it keeps in this custody."""
    return kind == _YUBIKEY and custody is Custody.TOKEN_ONLY


def claimants(by: Json) -> tuple[str, ...]:
    """Return the names of those who claim it, as a result tells them; none unless they are two."""
    names = tuple(dict.fromkeys(str(name) for name in by)) if isinstance(by, list) else ()
    return names if len(names) > 1 else ()
