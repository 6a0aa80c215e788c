# SPDX-License-Identifier: Apache-2.0
"""Known answers of hashes (FIPS 180-4), canonical JSON (RFC 8785), and words (the PGP word list)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial

from ceremony.core import canonical, words
from ceremony.core.known_answers.answer import Answer, same

_ABC = {
    "sha256": b"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    "sha384": b"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
    "sha512": b"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    b"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
}
_JSON = '{"a":[1,-2,null,true],"b":"Zürich \\\\ \\"x\\"","c":{}}'.encode()
_VALUE: canonical.JsonObject = {"c": {}, "b": 'Zürich \\ "x"', "a": [1, -2, None, True]}
_NOT_CANONICAL = tuple(
    (data,)
    for data in (
        b'{"b":1,"a":2}',  # keys in another order
        b'{"a":1,"a":1}',  # a key twice
        b'{"a": 1}',  # a space
        b'{"a":1}\n',
        b'{"a":1.0}',  # a fraction
        b'{"a":9007199254740992}',  # 2**53
        b'{"a":"\\u0041"}',  # an escape that nobody needs
        b'{"a":"u\xcc\x88"}',  # not in normal form C
        b'{"a":"\x7f"}',  # a control character
        b'{"a":1}x',
        b"\xff",
    )
)
_DIGEST = b"e58294f2e9a227486e8b061b31cc528fd7fa3f19"
_WORDS = (
    b"topmost Istanbul Pluto vagabond treadmill Pacific brackish dictator goldfish Medusa "
    b"afflict bravado chatter revolver Dupont midsummer stopwatch whimsical cowbell bottomless"
)
_PASSPHRASE = b" ".join(_WORDS.lower().split()[: words.PASSPHRASE_WORDS])
_SWAPPED = b" ".join([*_PASSPHRASE.split()[1::-1], *_PASSPHRASE.split()[2:]])


def _hash(name: str, data: bytes, digest: bytes) -> None:
    same(hashlib.new(name, data).hexdigest().encode(), digest)


def _read(data: bytes) -> None:
    canonical.parse(data, "answer")


def _written(data: bytes) -> None:
    same(canonical.encode(_VALUE, "answer"), data)
    same(canonical.parse(data, "answer"), _VALUE)


def _words(digest: bytes, text: bytes) -> None:
    same(" ".join(words.words(digest.decode("ascii", "replace"))).encode(), text)


def _passphrase(text: bytes) -> None:
    words.check_words(text.decode("ascii", "replace"))


def _hashes(name: str) -> Answer:
    take: Callable[..., None] = partial(_hash, name)
    return Answer(f"SHA-{name.removeprefix('sha')}", "FIPS 180-4", take, (b"abc", _ABC[name]))


ANSWERS = (
    *map(_hashes, _ABC),
    Answer("canonical JSON, read", "RFC 8785", _read, (_JSON,), _NOT_CANONICAL, flips=False),
    Answer("canonical JSON, written", "RFC 8785", _written, (_JSON,)),
    Answer("words of a digest", "the PGP word list", _words, (_DIGEST, _WORDS)),
    Answer("words of a passphrase", "the PGP word list", _passphrase, (_PASSPHRASE,), ((_SWAPPED,), (_PASSPHRASE[8:],))),
)
