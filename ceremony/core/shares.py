# SPDX-License-Identifier: Apache-2.0
"""The protector's secret, split m of n: SLIP-39, one group, so that `shamir recover` puts it together.

The secret is 128 random bits, and the passphrase of `identity.age` is their hex, as
`shamir recover` prints it. 128 bits are what a passphrase of sixteen words has, and
as much as X25519, which age uses, is worth; 256 would make a share of 33 words
instead of 20, and each word more is one more to write down wrong.

What SLIP-39 leaves open: no passphrase of its own, so its iterations protect nothing
and the exponent is 0 (4 ms instead of 8, or of 60 at 4); the extendable flag is set,
as `shamir create` sets it; the group is the only one. The identifier, the first 15
bits of every share, is random, independent of the secret, and by the specification
public: records may hold it, and it tells at once whether a share is of this set.

No message here repeats a word that was typed. A share is named by its number,
counted from 1; a word by its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import combinations

from shamir_mnemonic import EncryptedMasterSecret, MnemonicError, Share, recover_ems, shamir, split_ems
from shamir_mnemonic.wordlist import WORD_INDEX_MAP

from ceremony.core.canonical import Json, JsonObject
from ceremony.core.ports import Entropy
from ceremony.core.secret import Secret
from ceremony.core.words import normalise_passphrase
from ceremony.errors import VerificationError

SECRET_BYTES = 16
SHARE_WORDS = 20
"""SLIP-39: four words of numbers, thirteen of the share's value, three of the checksum."""
_IDENTIFIER_BITS = 15
_EXPONENT = 0
_NO_PASSPHRASE = b""


@dataclass(frozen=True, slots=True)
class ShareSet:
    """What is not secret about the shares of one secret: what they have in common, and who keeps which."""

    identifier: int
    """SLIP-39's: random, the same in every share of a set, and in no other set but by chance."""
    needed: int
    keepers: tuple[str, ...]
    """Who keeps share 1, 2, ..."""

    def record(self) -> JsonObject:
        """Return it as a record holds it."""
        return {"identifier": self.identifier, "needed": self.needed, "custodians": list[Json](self.keepers)}

    @classmethod
    def of_record(cls, value: Json) -> ShareSet:
        """Return the set of a record; raises VerificationError when it does not say what `record` does."""
        fields = value if isinstance(value, dict) else {}
        identifier, needed, keepers = (fields.get(name) for name in ("identifier", "needed", "custodians"))
        if isinstance(identifier, int) and isinstance(needed, int) and isinstance(keepers, list) and 1 < needed <= len(keepers):
            return cls(identifier, needed, tuple(map(str, keepers)))
        raise VerificationError(
            "protector", "does not say how its secret was split", hint="this log is not one of a ceremony with shares"
        )


@dataclass(frozen=True, slots=True)
class Split:
    """A secret that was just split."""

    of: ShareSet
    passphrase: Secret = field(repr=False)
    """Of `identity.age`: the secret in lower-case hex."""
    shares: tuple[Secret, ...] = field(repr=False)
    """Share 1, 2, ...: words with one space between them."""

    def wipe(self) -> None:
        """Forget the secret and every share, as far as Python can."""
        for secret in (self.passphrase, *self.shares):
            secret.wipe()


def make(needed: int, keepers: Sequence[str], entropy: Entropy) -> Split:
    """Return a fresh secret split for `keepers`, `needed` of whom open it, after every quorum of them was tried.

    `needed` is 2 or more, and the keepers are 16 at most: the plan's lint sees to it.
    """
    secret = entropy.bytes(SECRET_BYTES)
    identifier = int.from_bytes(entropy.bytes(2)) % (1 << _IDENTIFIER_BITS)
    sealed = EncryptedMasterSecret.from_master_secret(
        secret, _NO_PASSPHRASE, identifier, extendable=True, iteration_exponent=_EXPONENT
    )
    with _chance(entropy):
        (group,) = split_ems(1, [(needed, len(keepers))], sealed)
    of = ShareSet(identifier, needed, tuple(keepers))
    split = Split(of, Secret(secret.hex()), tuple(Secret(share.mnemonic()) for share in group))
    check_quorums(split)
    return split


@contextmanager
def _chance(entropy: Entropy) -> Iterator[None]:
    """Let the library take its random bytes from `entropy`; it offers this variable for that, and no argument."""
    theirs = shamir.RANDOM_BYTES
    shamir.RANDOM_BYTES = entropy.bytes
    try:
        yield
    finally:
        shamir.RANDOM_BYTES = theirs


def check_quorums(split: Split) -> None:
    """Check that every quorum gives the secret back, from the words as they will be shown; raises VerificationError.

    There are 12,870 of them at most (8 of 16), which takes about a second.
    """
    read = [_parsed(share.text(), f"share {number}") for number, share in enumerate(split.shares, start=1)]
    # Equal ciphertexts decrypt to equal secrets, so the one that all of them give is decrypted once.
    found = {_combined(quorum) for quorum in combinations(read, split.of.needed)}
    if [sealed and sealed.decrypt(_NO_PASSPHRASE).hex() for sealed in found] != [split.passphrase.text()]:
        raise VerificationError(
            "shares",
            "do not give back the secret that was split",
            hint="nothing was shown; stop, and look for what is wrong with this computer",
        )


def _combined(quorum: Sequence[Share]) -> EncryptedMasterSecret | None:
    """Return what a quorum gives, still encrypted; None when its shares do not fit together (SLIP-39's digest)."""
    group = shamir.ShareGroup()
    try:
        for share in quorum:
            group.add(share)
        return recover_ems({0: group})
    except MnemonicError:
        return None


class Gathering:
    """Shares as people type them, until those that are needed fit together; a wrong one takes nothing from the others."""

    __slots__ = ("_of", "_taken")

    def __init__(self, of: ShareSet) -> None:
        self._of = of
        self._taken: dict[int, Share] = {}

    @property
    def taken(self) -> tuple[int, ...]:
        """Numbers of the shares that were taken."""
        return tuple(self._taken)

    @property
    def missing(self) -> int:
        """How many shares are still needed before any quorum is there."""
        return max(self._of.needed - len(self._taken), 0)

    def take(self, text: str, number: int) -> None:
        """Take share `number` as its keeper typed it, in any case and spacing.

        Raises VerificationError that says what is wrong: a word that is in no list, the
        wrong count, a checksum that does not hold, a share of another set, one that was
        typed already, or one that somebody else keeps.
        """
        subject = f"share {number}"
        share = _parsed(text, subject)
        self._check_set(share, subject)
        is_ = share.index + 1
        if is_ in self._taken:
            raise VerificationError(
                subject, f"is share {is_}, which was typed already", hint=f"take the paper that says share {number}"
            )
        if is_ != number:
            keeper = self._of.keepers[share.index]
            raise VerificationError(
                subject,
                f"is share {is_}, which {keeper} keeps",
                hint=f"take the paper that says share {number}, or choose share {is_}",
            )
        self._taken[number] = share

    def _check_set(self, share: Share, subject: str) -> None:
        of = self._of
        ours = (of.identifier, True, _EXPONENT, 0, 1, 1, of.needed)
        if tuple(share.group_parameters()) != ours or share.index >= len(of.keepers):
            raise VerificationError(
                subject,
                "is of another set",
                hint="take the paper of this ceremony; one of another ceremony, or of a try that was given up, opens nothing here",
            )

    def passphrase(self) -> Secret:
        """Return the passphrase of `identity.age`; raises VerificationError when no quorum of what was taken fits together.

        Shares of two sets with one identifier (by chance, once in 32,768) pass `take`.
        One more share then tells which is the stranger: it is dropped from `taken`.
        """
        for numbers in combinations(self._taken, self._of.needed):
            sealed = _combined([self._taken[number] for number in numbers])
            if sealed is not None:
                self._taken = {number: self._taken[number] for number in numbers}
                return Secret(sealed.decrypt(_NO_PASSPHRASE).hex())
        raise VerificationError(
            "shares",
            f"those of number {', '.join(map(str, self._taken))} do not fit together",
            hint="one of them is of another set; let one more custodian type a share, which tells them apart",
        )


def check_words(text: str, subject: str) -> None:
    """Check that a text, in any case and spacing, is a share, of whatever set; raises VerificationError, naming `subject`."""
    _parsed(text, subject)


def _parsed(text: str, subject: str) -> Share:
    """Return a share from its words; raises VerificationError, and says of no word what it is."""
    typed = normalise_passphrase(text).split()
    for place, word in enumerate(typed, start=1):
        if word not in WORD_INDEX_MAP:
            raise VerificationError(
                subject, f"word {place} is not in the list of words", hint=f"look at the spelling of word {place}"
            )
    if len(typed) != SHARE_WORDS:
        raise VerificationError(
            subject, f"has {len(typed)} words, not {SHARE_WORDS}", hint="compare it with the paper, word by word"
        )
    share = _read(" ".join(typed))
    if share is None:
        raise VerificationError(
            subject,
            "does not add up: every word is in the list, and its checksum does not hold",
            hint="compare it with the paper, word by word: one was taken for another, or two were swapped",
        )
    return share


def _read(mnemonic: str) -> Share | None:
    # The library's messages repeat words, so its error goes no further, not even as a cause.
    try:
        return Share.from_mnemonic(mnemonic)
    except MnemonicError:
        return None
