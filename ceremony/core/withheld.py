# SPDX-License-Identifier: Apache-2.0
"""Personal data: in which bytes people can be found, so that a public copy leaves those out.

A person is found by name (whatever stands between its words, in whatever case), by the name
of their files, and by their key or its fingerprint; all of it as text, in hex and in base64.
What a person wrote in words of their own is taken to be about people, whatever it says.
Organisations, devices and places are not personal.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ceremony.core import bundle, cosign
from ceremony.core.plan import Person
from ceremony.core.record import Record
from ceremony.errors import VerificationError

_OWN_WORDS = ("deviation", "stop")
"""Kinds of records that hold what people wrote."""
_TELLING = 8
"""Characters of an encoded name below which it stands anywhere by chance."""
_KEY_END = 32
"""Bytes at the end of a key by which it is found."""


@dataclass(frozen=True, slots=True)
class _Trace:
    """Something that tells of a person: `text` is looked for first, which is quick, then `pattern` where there is one."""

    text: str
    pattern: re.Pattern[str] | None = None
    any_case: bool = True
    """`text` is in lower case, and found in any case."""


class Traces:
    """What tells of some people."""

    def __init__(self, people: Iterable[Person]) -> None:
        self._traces = [trace for person in people for trace in _traces(person)]

    def within(self, data: bytes) -> bool:
        """Tell whether any of the people can be found in these bytes; a break of lines hides nobody."""
        text = unicodedata.normalize("NFC", data.decode(errors="replace"))
        forms = {text, text.replace("\r", "").replace("\n", "")}
        return any(self._found(form, form.lower()) for form in forms)

    def _found(self, text: str, lower: str) -> bool:
        return any(
            trace.text in (lower if trace.any_case else text) and (trace.pattern is None or trace.pattern.search(text))
            for trace in self._traces
        )


def own_words(record: Record) -> bool:
    """Tell whether a record holds what a person wrote in words of their own."""
    return record.kind in _OWN_WORDS or record.body.get("reason", "") != ""


def _traces(person: Person) -> Iterator[_Trace]:
    name = person.name
    words = re.findall(r"[^\W_]+", name) or [name]
    yield _whole(words[0], r"[\W_]*".join(map(re.escape, words)))
    escaped = json.dumps(name)[1:-1]
    yield _whole(escaped, re.escape(escaped))
    yield _whole(digest := bundle.slug(name)[-8:], digest)
    yield from (trace for trace in _encoded(name.encode()) if len(trace.text) >= _TELLING)
    try:
        key = cosign.parse_public_key(person.key)
    except VerificationError:
        return  # of somebody who has none
    fingerprint = hashlib.sha256(key.blob).digest()
    yield from _encoded(key.blob[-_KEY_END:])
    yield from _encoded(fingerprint)
    yield _Trace(fingerprint.hex()[:16])  # so files of approvals are named
    if "@" in key.comment:
        yield _Trace(key.comment.lower())


def _whole(text: str, pattern: str) -> _Trace:
    """Return what is found by a text that a pattern begins with, and only where no letter or digit stands beside it."""
    return _Trace(text.lower(), re.compile(rf"(?<![^\W_]){pattern}(?![^\W_])", re.IGNORECASE))


def _encoded(data: bytes) -> Iterator[_Trace]:
    """Yield bytes in hex, and in base64 wherever in an encoded text they begin."""
    yield _Trace(data.hex())
    for before in range(3):
        text = base64.b64encode(bytes(before) + data).decode()
        whole = text[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]  # without characters that neighbours share
        yield _Trace(whole, any_case=False)
        yield _Trace(whole.replace("+", "-").replace("/", "_"), any_case=False)
