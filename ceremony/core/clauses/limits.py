# SPDX-License-Identifier: Apache-2.0
"""What no log can show, and what this program cannot do: said in every report, whatever was found."""

from __future__ import annotations

from collections.abc import Sequence

from ceremony.core.clauses.seen import Seen
from ceremony.core.plan import Mode

UNPROVABLE = (
    "That the place was secured, and who else could enter it.",
    "That people are who they say: a key shows who has it, no passport.",
    "That no camera saw a PIN, a passphrase or a share.",
    "That a film, if there is one, is complete.",
    "What the true time was.",
    "That firmware and hardware of the ceremony's computer were honest.",
)
"""What standards want, and software cannot prove."""

_ALWAYS = (
    "This program overwrites secrets where it can; Python and its libraries may have copied them, and those copies cannot be wiped.",
    "PINs, passphrases and shares pass through the keyboard and memory of the ceremony's computer.",
    "An attestation says on which device a key was made, and not when; that the slot was empty before is the log's word.",
    "The log shows what the program was told; people who all agree to deceive can write one that fits together.",
)
_WRAPPED = "The computer held the key that root keys were wrapped under: while it made their backups it could have read them."
_IMPORTED = "The computer made root keys in its memory, or held restored ones: nothing attests that it kept no copy."
_CLAIMED = "That some tokens are hardware is the word of two people; nothing attests it."
_SOFTWARE = "Some tokens are programs: whoever has their files and a PIN has the keys."
_NO_BACKUP = "Root keys have no backup: when fewer tokens are left than the threshold, nothing can be signed any more."
_ALONE = "Whoever has the passphrase and one volume opens every backup alone."
_PRACTICE = "This was a practice: its keys, people or devices may stand in for real ones, and prove nothing about them."


def limits(seen: Seen) -> Sequence[str]:
    """Return what to know of this ceremony's keys and custody: what is always so, then what is so here."""
    tokens = [record.body for record in seen.devices.values()]
    shares = seen.made("protector").inner("shares")
    here = (
        (_WRAPPED, any(r.body.get("host_could_read") is True for r in seen.intents("wrap-key"))),
        (_IMPORTED, bool(seen.intents("import-key", "restore-key"))),
        (_CLAIMED, bool(seen.acts("claim-hardware"))),
        (_SOFTWARE, any(body.get("software") is not False for body in tokens)),
        (_NO_BACKUP, seen.closed and seen.makes_root and not seen.root_backed_up),
        (_ALONE, bool(seen.steps("protector")) and not shares),
        (_PRACTICE, seen.opened.text("mode") == Mode.PRACTICE),
    )
    return (*_ALWAYS, *(said for said, so in here if so))
