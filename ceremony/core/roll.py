# SPDX-License-Identifier: Apache-2.0
"""Roll call: what a person signs to show that they are here (SSHSIG, namespace `ceremony-roll-call`).

    ceremony-roll-call/v1
    ceremony: 3f0c1b7e0c3a4d5e8f90a1b2c3d4e5f6
    person: Ada Example
    challenge: 5d10...

UTF-8, a newline after each line. The challenge is 256 random bits, new each time that
somebody is called, so no answer can have been made before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ceremony.errors import VerificationError

NAMESPACE = "ceremony-roll-call"
ROLL_CALL = "evidence/roll-call/"
"""Where it is kept: `NNN-<name>.txt`, and the answer beside it, `.sig`."""
KEY, TYPED, ABSENT = "key", "typed name", "absent"
"""How somebody answered, as records state it; a typed name only in practice."""

_FORM = re.compile(
    rf"{NAMESPACE}/v1\nceremony: ([0-9a-f]{{32}})\nperson: ([^\n]+)\nchallenge: ([0-9a-f]{{64}})\n",
)


@dataclass(frozen=True, slots=True)
class Challenge:
    """What one person is asked."""

    ceremony: str
    """128 bits, hex."""
    person: str
    challenge: str
    """256 bits, hex."""

    def text(self) -> bytes:
        """Return the text that is signed, UTF-8."""
        return f"{NAMESPACE}/v1\nceremony: {self.ceremony}\nperson: {self.person}\nchallenge: {self.challenge}\n".encode()


def parse(data: bytes, subject: str) -> Challenge:
    """Return the challenge of a text; raises VerificationError for anything that `Challenge.text` would not write."""
    match = _FORM.fullmatch(data.decode("utf-8", "replace"))
    found = Challenge(*match.group(1, 2, 3)) if match else None
    if found is None or found.text() != data:
        raise VerificationError(subject, f"is not a {NAMESPACE}/v1 text", hint="it was changed; compare with another copy")
    return found
