# SPDX-License-Identifier: Apache-2.0
"""A known answer: what must be taken, and what must be refused, because a verifier that takes everything also takes what is right.

    judge(Answer("SHA-256", "FIPS 180-4", take=sha256_is, good=(b"abc", b"ba78...")))

From every part of what is right, what is wrong is made by changing one bit of it; an answer
may bring more that is wrong, where one bit is not what people would change.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ceremony.errors import CeremonyError, VerificationError

HINT = "do not hold a ceremony with this program; install it again from the kit"

Parts = tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """One algorithm, format or verifier, and what it must say."""

    name: str
    source: str
    """Whose answer it is: a standard, or the program that gave it."""
    take: Callable[..., None]
    """Is given the parts; raises CeremonyError for those that it refuses."""
    good: Parts
    bad: tuple[Parts, ...] = ()
    flips: bool = True
    """Whether one bit that is changed, in any part, makes it wrong."""

    def wrong(self) -> Iterator[Parts]:
        """Yield everything that must be refused."""
        yield from self.bad
        for place, part in enumerate(self.good):
            if part and self.flips:
                yield (*self.good[:place], flipped(part), *self.good[place + 1 :])


def judge(answer: Answer) -> int:
    """Check that an answer is taken, and that everything wrong is refused; return how much that was.

    Raises VerificationError, whose subject is the answer's name.
    """
    try:
        answer.take(*answer.good)
    except CeremonyError as error:
        raise VerificationError(answer.name, f"what is right was refused ({error})", hint=HINT) from error
    refused = 0
    for parts in answer.wrong():
        try:
            answer.take(*parts)
        except CeremonyError:
            refused += 1
            continue
        raise VerificationError(answer.name, "what was damaged was taken for right", hint=HINT)
    return refused


def same(found: object, known: object) -> None:
    """Raise VerificationError unless what was found is what is known."""
    if found != known:
        raise VerificationError("answer", "is another than the known one", hint=HINT)


def flipped(data: bytes) -> bytes:
    """Return the data with one bit changed, in its middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def from_base64(text: str) -> bytes:
    """Return what base64 over several lines stands for."""
    return base64.b64decode("".join(text.split()), validate=True)
