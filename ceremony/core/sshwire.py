# SPDX-License-Identifier: Apache-2.0
"""The data types of SSH (RFC 4251, section 5) that signatures are made of: string and mpint."""

from __future__ import annotations


class NotSshData(Exception):
    """Bytes that end too early or hold a number below nought; callers say of what."""


def string(data: bytes) -> bytes:
    """Return `data` as a string: its length in four bytes, then itself."""
    return len(data).to_bytes(4) + data


def mpint(number: int) -> bytes:
    """Return a number that is not below nought as an mpint, in its one shortest form."""
    return string(number.to_bytes(number.bit_length() // 8 + 1) if number else b"")


class Reader:
    """Takes fields off the front of some bytes; every method raises NotSshData when they end too early."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        taken = self._data[self._at : self._at + count]
        if len(taken) != count:
            raise NotSshData("it ends too early")
        self._at += count
        return taken

    def string(self) -> bytes:
        """Return the next string."""
        return self.take(int.from_bytes(self.take(4)))

    def text(self) -> str:
        """Return the next string, which is ASCII."""
        try:
            return self.string().decode("ascii")
        except UnicodeDecodeError as error:
            raise NotSshData("a name in it is not plain text") from error

    def mpint(self) -> int:
        """Return the next mpint, which is not below nought; other than the shortest form is for the caller to refuse."""
        data = self.string()
        number = int.from_bytes(data, signed=True)
        if number < 0:
            raise NotSshData("it holds a number below nought")
        return number
