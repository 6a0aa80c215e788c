# SPDX-License-Identifier: Apache-2.0
"""Known answers of backups: age files to a key and under a passphrase, shares (SLIP-39), keys wrapped with AES-KWP (RFC 5649)."""

from __future__ import annotations

from ceremony.core import backup, keys, shares
from ceremony.core.known_answers.answer import Answer, same
from ceremony.core.known_answers.backup_values import (
    AGE_FILE,
    AGE_PASSPHRASE_FILE,
    IDENTITY,
    RECIPIENT,
    WORDS,
    WRAPPED,
)
from ceremony.core.known_answers.key_values import MESSAGE, P256_SPKI
from ceremony.core.secret import Secret

_SET = shares.ShareSet(15681, 2, ("Ada Example", "Wim Example"))
_SECRET = b"063255ce5d020505db386d21091bd6f4"
_FIRST = (
    b"junction apart academic acid animal garden station credit daisy twice rebuild elevator luxury bishop language "
    b"priority blimp permit jerky staff"
)
_SECOND = (
    b"junction apart academic agency advance jury snake lair class salary estate scramble disaster scene wisdom "
    b"picture visitor scramble demand remove"
)
_OF_ANOTHER_SET = (
    b"marvel spend academic agency bundle famous plains alcohol inform anxiety realize admit organize legal game gums "
    b"destroy texture herald admit"
)
_MISREAD = _SECOND.replace(b"jury", b"junk")
"""A word of the list in another's place: only the checksum tells."""
_WRAPPING_KEY = bytes(range(32))


def _to_a_key(file: bytes, contents: bytes) -> None:
    same(backup.decrypt(file, Secret(IDENTITY), "answer"), contents)


def _written(contents: bytes) -> None:
    file = backup.encrypt(MESSAGE, RECIPIENT)
    same(MESSAGE in file, known=False)
    same(backup.decrypt(file, Secret(IDENTITY), "answer"), contents)


def _under_a_passphrase(file: bytes, passphrase: bytes) -> None:
    opened = backup.open_identity(file, Secret(passphrase))
    same(opened.text(), IDENTITY)
    same(backup.recipient_of(opened), RECIPIENT)


def _shares(first: bytes, second: bytes, secret: bytes) -> None:
    gathered = shares.Gathering(_SET)
    gathered.take(first.decode("ascii", "replace"), 1)
    gathered.take(second.decode("ascii", "replace"), 2)
    same(gathered.passphrase().reveal(), secret)


def _wrapped(blob: bytes, wrapping_key: bytes) -> None:
    same(backup.unwrap(blob, Secret(wrapping_key), "answer").public, keys.from_spki(P256_SPKI))


ANSWERS = (
    Answer("age file, opened", "age", _to_a_key, (AGE_FILE, MESSAGE), ((AGE_FILE[:-1], MESSAGE),)),
    Answer("age file, written", "age", _written, (MESSAGE,)),
    Answer("age file under a passphrase", "age's specification", _under_a_passphrase, (AGE_PASSPHRASE_FILE, WORDS.encode())),
    Answer(
        "shares put together", "SLIP-0039", _shares, (_FIRST, _SECOND, _SECRET),
        ((_FIRST, _MISREAD, _SECRET), (_FIRST, _OF_ANOTHER_SET, _SECRET), (_FIRST, _FIRST, _SECRET)),
    ),
    Answer("key wrapped with AES-KWP", "RFC 5649", _wrapped, (WRAPPED, _WRAPPING_KEY)),
)  # fmt: skip
