# SPDX-License-Identifier: Apache-2.0
"""Commands, answers and TLVs as smart cards speak them (ISO/IEC 7816-4), written apart from yubikit so that it judges them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum


class Status(IntEnum):
    """Status words; the value is the wire's."""

    OK = 0x9000
    MORE = 0x6100
    WRONG = 0x63C0
    """Plus the tries that are left, 15 at most."""
    WRONG_LENGTH = 0x6700
    NOT_ALLOWED = 0x6982
    BLOCKED = 0x6983
    CONDITIONS = 0x6985
    BAD_DATA = 0x6A80
    NOT_FOUND = 0x6A82
    NO_SPACE = 0x6A84
    NO_REFERENCE = 0x6A88
    BAD_P1P2 = 0x6B00
    NO_INSTRUCTION = 0x6D00
    NO_CLASS = 0x6E00


class Refusal(Exception):
    """The card's answer is this status word and no data."""

    def __init__(self, status: int) -> None:
        super().__init__(f"{status:04x}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Command:
    """One command APDU."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    extended: bool = False
    """Whether its lengths are of the extended form: then the answer comes in one piece."""

    @classmethod
    def parse(cls, apdu: bytes) -> Command:
        """Return the command of these bytes; raises Refusal for lengths that do not fit."""
        if len(apdu) < 4:
            raise Refusal(Status.WRONG_LENGTH)
        header, body = apdu[:4], apdu[4:]
        if len(body) >= 3 and body[0] == 0:
            length, rest = int.from_bytes(body[1:3]), body[3:]
            # Three bytes are an Le alone (case 2E).
            length = 0 if len(body) == 3 else length
            tail, extended = {0, 2}, True
        elif len(body) > 1:
            length, rest, tail, extended = body[0], body[1:], {0, 1}, False
        else:
            length, rest, tail, extended = 0, b"", {0}, False
        if len(rest) - length not in tail:
            raise Refusal(Status.WRONG_LENGTH)
        cla, ins, p1, p2 = header
        return cls(cla, ins, p1, p2, rest[:length], extended)


def tlv(tag: int, value: bytes = b"") -> bytes:
    """Return one TLV: DER's lengths, a tag of one or two bytes."""
    size = len(value)
    length = bytes([size]) if size < 0x80 else bytes([0x81, size]) if size < 0x100 else b"\x82" + size.to_bytes(2)
    return tag.to_bytes(1 if tag < 0x100 else 2) + length + value


def tlvs(data: bytes) -> dict[int, bytes]:
    """Return the TLVs that follow each other in `data`, by tag; raises Refusal when they are not whole."""
    return dict(_each(data))


def _each(data: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place < len(data):
        try:
            tag, place = data[place], place + 1
            if tag & 0x1F == 0x1F:
                tag, place = tag << 8 | data[place], place + 1
            size, place = data[place], place + 1
        except IndexError as error:
            raise Refusal(Status.BAD_DATA) from error
        if size > 0x80:
            width = size & 0x7F
            size, place = int.from_bytes(data[place : place + width]), place + width
        if place + size > len(data):
            raise Refusal(Status.BAD_DATA)
        yield tag, data[place : place + size]
        place += size
