# SPDX-License-Identifier: Apache-2.0
"""A value that must not be seen: it shows nothing, compares with nothing, and can be wiped.

What Python cannot promise (copies made by the interpreter, by `str`, by C
libraries) is said in the guide; this type keeps a secret out of logs, messages,
tracebacks and pickles, and wipes its own copy.
"""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """Bytes behind a wall: `reveal()` and `text()` are the only ways in."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes | bytearray | str) -> None:
        self._value = bytearray(value.encode() if isinstance(value, str) else value)

    def reveal(self) -> bytes:
        """Return a copy of the secret as bytes."""
        return bytes(self._value)

    def text(self) -> str:
        """Return a copy of the secret as text; the secret is UTF-8."""
        return self._value.decode()

    def wipe(self) -> None:
        """Overwrite and drop this copy; the secret is empty afterwards."""
        for i in range(len(self._value)):
            self._value[i] = 0
        self._value.clear()

    def __repr__(self) -> str:
        return "Secret(...)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        """Refuse: comparing secrets by accident is how they leak into assertions."""
        raise TypeError("a secret is compared only by what it opens")

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError("a secret is never pickled")
