# SPDX-License-Identifier: Apache-2.0
"""Signing in batches: intent, signatures, each verified in software, result; one sync a batch.

The signatures stand in the log, so a ceremony that is killed goes on with the
batch that has no result. The next batch is prepared and given to the token while
this one is verified and recorded. A key that waits for a finger signs one message a batch,
or as many as one touch holds for, and people see when it waits.
"""

from __future__ import annotations

import base64
import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from ceremony.core.canonical import Json, JsonObject
from ceremony.core.keys import Scheme, verify
from ceremony.core.ports import Token, TokenKey
from ceremony.core.record import MAX_LINE
from ceremony.errors import VerificationError
from ceremony.steps.room import Room

_WORDS = {"sign-root": "Signing", "certify": "Certifying", "certify-slot": "Certifying for the slot"}
"""What people see of an action while it runs."""
_FRAME = 4096
"""Bytes of a line that are not signatures."""
TOUCH_SECONDS = 15
"""How long a YubiKey waits for a finger, and how long a touch holds where it is cached."""
_TOUCHED = {"always": 1, "cached": 64}
"""Signatures a batch, by touch policy: what one touch is good for."""


def sign_all(
    room: Room, token: Token, key: TokenKey, scheme: Scheme, *, action: str, count: int, message: Callable[[int], bytes]
) -> list[bytes]:
    """Return a signature (wire form) by `key` over each of `count` messages, in order.

    Raises VerificationError for a signature that does not verify, or a recorded batch
    that was over other messages; TokenError as the token does.
    """
    batches = _Batches(room, token, key, scheme, action, count, message)
    signatures: list[bytes] = []
    what = f"{_WORDS.get(action, action)} with {token.identity.name}, serial {token.identity.serial}"
    todo = batches.undone()
    fresh = batches.signed(todo) if todo else iter(())
    for number in range(batches.total):
        signatures += next(fresh) if number in todo else batches.recorded(number)
        room.operator.progress(what, len(signatures), count)
    return signatures


def touched(room: Room, token: Token, key: TokenKey, otherwise: str = "") -> AbstractContextManager[None]:
    """Show, while a key signs, that its token waits for a finger; where it does not, what is waited for `otherwise`, if anything."""
    if key.touch_policy != "never":
        return room.operator.waiting(f"{token.identity.name}, serial {token.identity.serial}", seconds=TOUCH_SECONDS)
    return room.operator.waiting(otherwise) if otherwise else nullcontext()


class _Batches:
    """The batches of one action on one token."""

    def __init__(
        self, room: Room, token: Token, key: TokenKey, scheme: Scheme, action: str, count: int, message: Callable[[int], bytes]
    ) -> None:
        self._room, self._token, self._key, self._scheme = room, token, key, scheme
        self._action, self._count, self._message = action, count, message
        self._size = batch_size(key)
        self.total = -(-count // self._size)

    def undone(self) -> Sequence[int]:
        """Return the numbers of the batches without a recorded result."""
        return [n for n in range(self.total) if self._room.journal.result(self._action, self._name(n)) is None]

    def recorded(self, number: int) -> list[bytes]:
        """Return the signatures of a batch from the log; raises VerificationError when they are over other messages."""
        body = self._room.journal.result(self._action, self._name(number)) or {}
        if body.get("messages") != _digest(self._messages(number)):
            raise VerificationError(
                f"{self._action} {self._name(number)}", "was over other messages", hint="the plan or the keys changed since; stop"
            )
        listed = body["signatures"]
        return [base64.b64decode(str(s)) for s in listed] if isinstance(listed, list) else []

    def signed(self, numbers: Sequence[int]) -> Iterator[list[bytes]]:
        """Return the signatures of each of these batches, each signed as it is asked for, verified and recorded."""
        in_flight: deque[tuple[int, list[bytes], JsonObject]] = deque()

        def prepare() -> Iterator[Sequence[bytes]]:
            for number in numbers:
                messages = self._messages(number)
                facts = self._facts(messages)
                self._room.journal.begin(self._action, self._name(number), facts)
                in_flight.append((number, messages, facts))
                yield messages

        stream = self._token.sign_stream(self._key, self._scheme, prepare())

        def one(_: int) -> list[bytes]:
            with touched(self._room, self._token, self._key):
                signatures = next(stream)
            number, messages, facts = in_flight.popleft()
            for position, (message, signature) in enumerate(zip(messages, signatures, strict=True)):
                subject = f"signature {number * self._size + position} of {self._action}"
                verify(self._key.public, self._scheme, message, signature, subject)
            encoded: list[Json] = [base64.b64encode(s).decode() for s in signatures]
            self._room.journal.finish(self._action, self._name(number), {**facts, "signatures": encoded})
            return signatures

        return map(one, numbers)

    def _name(self, number: int) -> str:
        return f"{self._token.identity.serial}/{number:05}"

    def _messages(self, number: int) -> list[bytes]:
        start = number * self._size
        return [self._message(i) for i in range(start, min(start + self._size, self._count))]

    def _facts(self, messages: Sequence[bytes]) -> JsonObject:
        return {
            "token": self._token.identity.serial,
            "public_sha256": self._key.public.sha256,
            "scheme": self._scheme,
            "count": len(messages),
            "messages": _digest(messages),
        }


def batch_size(key: TokenKey) -> int:
    """Return how many signatures of a key fit one line of the log, and are made with one touch."""
    length = 2 * key.public.algorithm.half or (64 if key.public.algorithm == "ed25519" else key.public.algorithm.bits // 8)
    fit = (MAX_LINE - _FRAME) // (len(base64.b64encode(b"0" * length)) + len('"",'))
    return min(fit, _TOUCHED.get(key.touch_policy, fit))


def _digest(messages: Sequence[bytes]) -> str:
    """Return SHA-256 over the SHA-256 of each message, hex."""
    return hashlib.sha256(b"".join(hashlib.sha256(m).digest() for m in messages)).hexdigest()
