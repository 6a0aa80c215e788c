# SPDX-License-Identifier: Apache-2.0
"""What one person alone must not decide: two of those who are here each type the word, and sign that they agree.

The word shows that they read what it is about, the signature that it was they
(`ceremony.core.consent`). Who has a key in the plan and answered the roll call with it
signs; only in practice are there others, who type.
"""

from __future__ import annotations

from dataclasses import dataclass

from ceremony.core import bundle, consent, cosign, roll
from ceremony.core.canonical import JsonObject
from ceremony.core.consent import Consent
from ceremony.core.ports import Prompt
from ceremony.errors import CeremonyError
from ceremony.steps.room import Room


@dataclass(frozen=True, slots=True)
class Agreed:
    """Two people's consent to one act."""

    by: tuple[str, str]
    """Their names."""
    consents: tuple[str, ...]
    """The files of what they signed, in that order; of somebody without a key in practice none."""

    def body(self) -> JsonObject:
        """Return the members of the act's record that tell of it."""
        return {"by": list(self.by), "consents": list(self.consents)}


def agreed(room: Room, prompt: Prompt, word: str, act: str) -> Agreed:
    """Return the consent of two people who each typed `word` and signed for `act`, which `consent.act` names; it is kept.

    The second is asked under the prompt's key with `:second` behind it. Raises CeremonyError when only one person is here,
    or one of the two did not agree, VerificationError for a signature that does not hold; then nothing is kept.
    """
    two = room.readers()
    if two[0] == two[1]:
        raise CeremonyError(
            f"this is for two people to decide, and only {two[0]} is here: {prompt.title}",
            hint="call somebody else, then try again",
        )
    head = room.journal.head()
    number = sum(path.startswith(consent.CONSENTS) and path.endswith(".sig") for path in room.journal.past.files)
    signed: dict[str, tuple[bytes, bytes]] = {}
    for person, key in zip(two, (prompt.key, f"{prompt.key}:second"), strict=True):
        asked = Prompt(key, prompt.title, detail=f"{prompt.detail} {person} types the word.", who=person, alarm=prompt.alarm)
        if not room.operator.confirm(asked, word=word):
            raise CeremonyError(f"{person} did not agree: {prompt.title}", hint="nothing was changed; try again, or stop")
        text = Consent(room.journal.ceremony, head.entries, head.chain, act, person).text()
        armored = _signed(room, prompt, person, text)
        if armored is not None:
            signed[f"{consent.CONSENTS}{number + len(signed) + 1:03}-{bundle.slug(person)}"] = text, armored
    # Both at once, and only now: what an interruption left of one of them would be nobody's consent to anything.
    room.keep({f"{name}{end}": data for name, pair in signed.items() for end, data in zip((".txt", ".sig"), pair, strict=True)})
    return Agreed(two, tuple(f"{name}.txt" for name in signed))


def _signed(room: Room, prompt: Prompt, person: str, text: bytes) -> bytes | None:
    """Return the armored SSHSIG of a person, verified; None for one who has no key, which is so only in practice."""
    armored = room.cosigner.sign(person, consent.NAMESPACE, text)
    if armored is not None:
        key = next(one.key for one in room.people if one.name == person)
        cosign.verify(armored, text, cosign.parse_public_key(key), consent.NAMESPACE, f"consent of {person}")
    elif not room.practice or room.journal.past.roll.get(person) == roll.KEY:
        raise CeremonyError(
            f"{person} did not sign that they agree: {prompt.title}",
            hint="nothing was changed; who agrees signs with their own key: try again, or stop",
        )
    return armored
