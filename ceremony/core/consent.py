# SPDX-License-Identifier: Apache-2.0
"""Consent: what must not be one person's act, two agree to, each with a key of their own (SSHSIG, namespace `ceremony-consent`).

    ceremony-consent/v1
    origin: ceremony/3f0c1b7e0c3a4d5e8f90a1b2c3d4e5f6
    entries: 41
    chain: d64c...
    act: wipe-token 13078778
    person: Ada Example

UTF-8, a newline after each line. `entries` and `chain` state the log when the two were
asked, as a head does, so that a consent is of this ceremony and of that moment in it. It
is good for one act: the record of the act that names the two (`by`) names the files of
their texts too (`consents`), which were kept before it, each with its signature beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ceremony.core import claims
from ceremony.errors import VerificationError

NAMESPACE = "ceremony-consent"
CONSENTS = "evidence/consents/"
"""Where they are kept: `NNN-<name>.txt`, and `.sig` beside it."""
ACCEPT_FIRMWARE, WIPE_TOKEN = "accept-firmware", "wipe-token"
NEEDED: Mapping[str, str] = {claims.ACTION: "result", ACCEPT_FIRMWARE: "result", WIPE_TOKEN: "intent"}
"""Action → the kind of its record that names the two: of what cannot be undone, the one before it is done."""
BREAKS = frozenset({"begin", "end", "error", "stop", "resume"})
"""Kinds of records after which people are asked anew: consent is given to what people have before their eyes."""

_WORDS: Mapping[str, str] = {
    claims.ACTION: "call token {} hardware",
    ACCEPT_FIRMWARE: "use token {} though its firmware is not sound",
    WIPE_TOKEN: "wipe token {}",
}
_FORM = re.compile(
    rf"{NAMESPACE}/v1\norigin: ceremony/([0-9a-f]{{32}})\nentries: ([1-9][0-9]{{0,15}})\nchain: ([0-9a-f]{{64}})\n"
    r"act: ([^\n]+)\nperson: ([^\n]+)\n"
)


@dataclass(frozen=True, slots=True)
class Consent:
    """What one of the two signs."""

    ceremony: str
    """128 bits, hex."""
    entries: int
    """Records of the log when they were asked."""
    chain: str
    """SHA-256 of the last raw line of these, hex."""
    act: str
    """What is agreed to, as `act` names it."""
    person: str

    def text(self) -> bytes:
        """Return the text that is signed, UTF-8."""
        return (
            f"{NAMESPACE}/v1\norigin: ceremony/{self.ceremony}\nentries: {self.entries}\nchain: {self.chain}\n"
            f"act: {self.act}\nperson: {self.person}\n"
        ).encode()

    @property
    def words(self) -> str:
        """What is agreed to, in words that follow `agree to`."""
        action, _, key = self.act.partition(" ")
        return _WORDS[action].format(key) if action in _WORDS else self.act


def act(action: str, key: str) -> str:
    """Return the name of an act: what its records call `action` and `key`."""
    return f"{action} {key}"


def parse(data: bytes, subject: str) -> Consent:
    """Return the consent of a text; raises VerificationError for anything that `Consent.text` would not write."""
    match = _FORM.fullmatch(data.decode("utf-8", "replace"))
    found = Consent(match[1], int(match[2]), *match.group(3, 4, 5)) if match else None
    if found is None or found.text() != data:
        raise VerificationError(subject, f"is not a {NAMESPACE}/v1 text", hint="it was changed; compare with another copy")
    return found
