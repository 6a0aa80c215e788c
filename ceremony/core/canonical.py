# SPDX-License-Identifier: Apache-2.0
"""Canonical JSON, strict both ways.

One value has one encoding: UTF-8, keys sorted, no spaces, integers only, text in
NFC without control characters. Within those limits three specifications agree
byte for byte: RFC 8785 (the log), securesystemslib's canonical JSON (TUF) and
Go's canonical JSON (Notary). What lies outside is refused in both directions, so
`parse` accepts exactly what `encode` would have written.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn, TypeAlias

import orjson

from ceremony.errors import VerificationError

Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"
JsonObject: TypeAlias = "dict[str, Json]"

MAX_INTEGER = 2**53 - 1
"""RFC 8785, section 3.2.2.3: what an IEEE 754 double holds exactly."""
MAX_DEPTH = 64
"""Levels of lists and objects in one another."""

_SHOWN = 60
"""Characters of a refused text that a message repeats."""
_BEYOND_JSON = re.compile("[\x7f-\x9f]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def encode(value: Json, subject: str = "value") -> bytes:
    """Return the canonical encoding of `value` as UTF-8 bytes.

    Raises VerificationError, naming `subject`, for text that is not NFC or holds
    control characters, numbers that are not integers below 2**53, other types, and
    lists and objects deeper in one another than `MAX_DEPTH`.
    """
    _check(value, subject)
    return _ENCODER.encode(value).encode()


def encode_trusted(value: Json) -> bytes:
    """Return what `encode` returns, for a value that is known to be within its limits."""
    return _ENCODER.encode(value).encode()


def parse(data: bytes, subject: str = "value") -> Json:
    """Return the value that `data` encodes.

    Raises VerificationError, naming `subject`, unless `data` is byte for byte what
    `encode` writes: other spacing, order, escapes, duplicate keys are refused.
    """
    values = plain([data])
    return values[0] if values is not None and is_whole(values[0]) else _parse_slowly(data, subject)


_PLAIN = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER  # which refuses integers beyond MAX_INTEGER


def plain(documents: Sequence[bytes]) -> list[JsonObject] | None:
    """Return the objects that documents encode where that is quickly seen of them all, as of most lines of a log, else None: then ask `parse`.

    Numbers in them may be fractions, keys other than ASCII, and lists and objects too deep in one another; `is_whole` tells. Without
    a backslash and with nothing but ASCII there is no control character but DEL, and nothing to be normalised; what a second library
    writes byte for byte the same holds no key twice, no other order and no other spaces. It writes no newline, so as many values as
    documents are the same ones.
    """
    data = b"\n".join(documents)
    if b"\\" in data or b"\x7f" in data or not (data.isascii() or _is_normal(data)):
        return None
    try:
        values: list[JsonObject] = orjson.loads(b"[" + data.replace(b"\n", b",") + b"]")
        again = b"\n".join([orjson.dumps(value, option=_PLAIN) for value in values])
    except (ValueError, TypeError):  # it is no JSON; it holds what is not to be written
        return None
    return values if again == data and len(values) == len(documents) and set(map(type, values)) == {dict} else None


def _is_normal(data: bytes) -> bool:
    """Tell whether all is in normal form C, each part of it then too, without control characters that JSON lets pass."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return unicodedata.is_normalized("NFC", text) and not _BEYOND_JSON.search(text)


def is_whole(value: Mapping[str, object] | Sequence[object], levels: int = MAX_DEPTH) -> bool:
    """Tell whether no number inside is a fraction, no key other than ASCII, and nothing deeper than so many levels."""
    items: Iterable[object] = value
    if isinstance(value, Mapping):
        items = value.values()
        if not "".join(value).isascii():
            return False
    for item in items:
        if isinstance(item, str | int):  # asked first: most are
            continue
        if item is not None and not (isinstance(item, dict | list) and levels > 1 and is_whole(item, levels - 1)):
            return False
    return True


def _parse_slowly(data: bytes, subject: str) -> Json:
    value = parse_loose(data, subject)
    if encode(value, subject) != data:
        raise VerificationError(
            subject, "is not in canonical form", hint="it was written or changed by another program; use the original"
        )
    return value


def parse_object(data: bytes, subject: str = "value") -> JsonObject:
    """Return the object that `data` encodes; as `parse`, and anything but an object is refused."""
    value = parse(data, subject)
    if not isinstance(value, dict):
        raise VerificationError(subject, "is not a JSON object", hint="use the original file")
    return value


def parse_loose(data: bytes, subject: str = "value") -> Json:
    """Return the value of any JSON text without duplicate keys, whatever its spacing and order.

    Raises VerificationError, naming `subject`, for what is not JSON in UTF-8,
    holds a key twice, a number that is not an integer, or is nested too deep.
    """
    try:
        value: Json = json.loads(data.decode(), object_pairs_hook=_object, parse_float=_no_number, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise VerificationError(subject, f"is not the JSON that was expected ({error})", hint="use the original file") from error
    return value


def _object(pairs: list[tuple[str, Json]]) -> JsonObject:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice")
    return value


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:_SHOWN]} is not an integer")


def _check(value: Json, subject: str, levels: int = MAX_DEPTH) -> None:
    if isinstance(value, str):
        _check_text(value, subject)
    elif isinstance(value, list | dict):
        _check_inside(value, subject, levels)
    elif isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise _refused(subject, f"a number of {value.bit_length()} bits is too large")
    elif value is not None:
        raise _refused(subject, f"a {type(value).__name__} cannot be written")


def _check_inside(value: list[Json] | JsonObject, subject: str, levels: int) -> None:
    if levels == 0:
        raise _refused(subject, f"is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        for key in value:
            if not key.isascii():
                raise _refused(subject, f"the key {key[:_SHOWN]!r} is not plain ASCII text")
            _check_text(key, subject)
    for item in value.values() if isinstance(value, dict) else value:
        _check(item, subject, levels - 1)


def _check_text(text: str, subject: str) -> None:
    if text.isascii() and text.isprintable():
        return
    if _CONTROL.search(text):
        raise _refused(subject, f"the text {text[:_SHOWN]!r} holds a control character")
    if not unicodedata.is_normalized("NFC", text):
        raise _refused(subject, f"the text {text[:_SHOWN]!r} is not in Unicode normal form C")


def _refused(subject: str, what: str) -> VerificationError:
    return VerificationError(subject, what, hint="write plain text in normal form C and whole numbers")
