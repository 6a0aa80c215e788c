# SPDX-License-Identifier: Apache-2.0
"""Secrets as they could lie on a disk, and the search for them in raw images.

    needles = [*of_number("root key", scalar), *of_words("share 1", words)]
    assert found({"a": image}, needles) == []

An image is read in three ways: as bytes; as text, without line ends and without the
NULs that UTF-16 puts between letters; and as words, whatever stands between them.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

BLOCK = 4096
_ZEROS = bytes(BLOCK)
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_AGE = "AGE-SECRET-KEY-1"


@dataclass(frozen=True)
class Needle:
    """What must not be there, in one form."""

    what: str
    """Of which secret it is, and its form."""
    data: bytes
    read: str
    """How an image is read to find it: `bytes`, `text` or `words`."""


def without_zeros(data: bytes) -> bytes:
    """Return an image with each run of blocks of zeros cut to one: nothing that is searched for spans it."""
    kept: list[bytes] = []
    for at in range(0, len(data), BLOCK):
        block = data[at : at + BLOCK]
        if block != _ZEROS or (kept and kept[-1] != _ZEROS):
            kept.append(block)
    return b"".join(kept)


def as_text(data: bytes) -> bytes:
    """Return bytes without line ends, those that JSON writes too, and NULs."""
    return data.translate(None, b"\r\n\0").replace(b"\\n", b"")


def as_words(data: bytes) -> bytes:
    """Return the letters of bytes, small, with one space for whatever is between them."""
    return re.sub(rb"[^a-z]+", b" ", data.translate(None, b"\0").lower())


_READ: Mapping[str, Callable[[bytes], bytes]] = {"bytes": bytes, "text": as_text, "words": as_words}


def found(images: Mapping[str, bytes], needles: Iterable[Needle]) -> list[str]:
    """Return what is where: `place: what`, for each needle that an image (place → bytes) holds."""
    wanted = sorted(needles, key=lambda needle: needle.read)
    assert wanted
    there = []
    for place, data in images.items():
        views = {name: read(data) for name, read in _READ.items()}
        there += [f"{place}: {needle.what}" for needle in wanted if needle.data in views[needle.read]]
    return there


def of_number(what: str, secret: bytes) -> Iterator[Needle]:
    """Yield the forms of a secret number or seed, big-endian bytes."""
    yield Needle(f"{what}, bytes", secret, "bytes")
    yield Needle(f"{what}, bytes from the last", secret[::-1], "bytes")
    yield from _of_text(what, secret)
    yield Needle(f"{what}, decimal", str(int.from_bytes(secret)).encode(), "text")


def of_bytes(what: str, secret: bytes) -> Iterator[Needle]:
    """Yield the forms of something longer that is secret, such as a key's DER."""
    yield Needle(f"{what}, bytes", secret, "bytes")
    yield from _of_text(what, secret)


def _of_text(what: str, secret: bytes) -> Iterator[Needle]:
    yield Needle(f"{what}, hexadecimal", secret.hex().encode(), "text")
    yield Needle(f"{what}, hexadecimal in capitals", secret.hex().upper().encode(), "text")
    yield Needle(f"{what}, hexadecimal with colons", secret.hex(":").encode(), "text")
    # Wherever it begins in what was encoded; the letters that depend on its neighbours are left out.
    whole = (len(secret) - 2) // 3 * 3
    for shift in range(3):
        part = secret[shift : shift + whole]
        yield Needle(f"{what}, base64 from {shift}", base64.b64encode(part), "text")
        yield Needle(f"{what}, base64url from {shift}", base64.urlsafe_b64encode(part), "text")


def of_text(what: str, secret: str) -> Iterator[Needle]:
    """Yield the forms of a secret text: as it is, in small letters, in capitals, and encoded."""
    for form, text in (("as it is", secret), ("small", secret.lower()), ("in capitals", secret.upper())):
        yield Needle(f"{what}, {form}", text.encode(), "text")
    yield from _of_text(what, secret.encode())


def of_words(what: str, secret: str, run: int) -> Iterator[Needle]:
    """Yield each `run` words of a secret that follow one another, with something or with nothing between them."""
    words = secret.lower().split()
    assert len(words) > run
    for at in range(len(words) - run + 1):
        some = words[at : at + run]
        yield Needle(f"{what}, words from {at + 1}", " ".join(some).encode(), "words")
        yield Needle(f"{what}, words from {at + 1} run together", "".join(some).encode(), "words")
    yield from of_text(what, secret)


def of_age_identity(what: str, identity: str) -> Iterator[Needle]:
    """Yield the forms of an age identity and of the X25519 number in it."""
    assert identity.startswith(_AGE)
    digits = [_BECH32.index(letter) for letter in identity.removeprefix(_AGE).lower()]
    bits = "".join(f"{digit:05b}" for digit in digits[:-6])  # six of a checksum
    yield from of_text(what, identity)
    yield from of_number(f"number of {what}", int(bits[:256], 2).to_bytes(32))


ANY: Sequence[Needle] = (
    Needle("an age identity", _AGE.encode(), "text"),
    Needle("an age identity, small", _AGE.lower().encode(), "text"),
    Needle("a private key, PEM", b"PRIVATE KEY-----", "text"),
    Needle("what a rehearsal's people know", b"no such file exists in production", "text"),
)
"""What is a secret, whatever it says."""
