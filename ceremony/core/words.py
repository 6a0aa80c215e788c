# SPDX-License-Identifier: Apache-2.0
"""Bytes as words: digests to read aloud, passphrases to write down.

Both use the PGP word list (`pgp_words`): a byte at an even place is a word of two
syllables, one at an odd place a word of three, so a word that was missed or swapped
is heard, and found by `check_words`. A passphrase is 16 words: 128 random bits.

No message here repeats a word that was typed: it may be part of a secret. A word is
named by its place, counted from 1 as people count on paper.
"""

from __future__ import annotations

from ceremony.core.pgp_words import EVEN, ODD
from ceremony.core.ports import Entropy
from ceremony.core.secret import Secret
from ceremony.errors import VerificationError

PASSPHRASE_WORDS = 16
"""One word a byte: 128 bits."""

_LISTS = (EVEN, ODD)
_KNOWN = tuple(frozenset(word.lower() for word in words) for words in _LISTS)


def words(digest_hex: str) -> list[str]:
    """Return the words of a digest in hex, in either case and with or without spaces, one a byte.

    Raises VerificationError for text that is not whole bytes in hex.
    """
    try:
        digest = bytes.fromhex(digest_hex)
    except ValueError as error:
        raise VerificationError("digest", "is not hexadecimal", hint="use the whole digest, two characters a byte") from error
    return _encode(digest)


def passphrase(entropy: Entropy) -> Secret:
    """Return 128 bits of `entropy` as 16 words, lower-case, one space between them."""
    return Secret(" ".join(_encode(entropy.bytes(PASSPHRASE_WORDS))).lower())


def normalise_passphrase(text: str) -> str:
    """Return what was typed as `passphrase` writes it: lower-case, one space between words, none around them."""
    return " ".join(text.lower().split())


def check_words(text: str) -> None:
    """Check that `text`, in any case and spacing, is a passphrase that `passphrase` could have made.

    Raises VerificationError that names, by its place, the first word that is in
    neither list, or that only its neighbour's place could hold; or the wrong count.
    """
    typed = normalise_passphrase(text).split()
    for place, word in enumerate(typed):
        _check_word(word, place)
    if len(typed) != PASSPHRASE_WORDS:
        raise VerificationError(
            "passphrase", f"has {len(typed)} words, not {PASSPHRASE_WORDS}", hint="compare it with the paper, word by word"
        )


def _encode(data: bytes) -> list[str]:
    return [_LISTS[place % 2][byte] for place, byte in enumerate(data)]


def _check_word(word: str, place: int) -> None:
    if word in _KNOWN[place % 2]:
        return
    if word in _KNOWN[1 - place % 2]:
        raise VerificationError(
            "passphrase",
            f"word {place + 1} cannot stand at this place",
            hint=f"look around word {place + 1}: two words were swapped, or one was left out or typed twice",
        )
    raise VerificationError(
        "passphrase", f"word {place + 1} is not in the list of words", hint=f"look at the spelling of word {place + 1}"
    )
