# SPDX-License-Identifier: Apache-2.0
"""Write share sets by SLIP-39 itself, with no code of the library that the program uses; `--check` compares with the files that are there.

GF(256), Lagrange, the Feistel cipher and RS1024 are written down here as
https://github.com/satoshilabs/slips/blob/master/slip-0039.md states them; only the list of words is the library's.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
from importlib.resources import files
from pathlib import Path

HERE = Path(__file__).parent
WORDS = (files("shamir_mnemonic") / "wordlist.txt").read_text().split()
SECRET, DIGEST = 255, 254
"""The places of the secret and of its digest on the polynomial."""

# --- the specification --------------------------------------------------------------


def _times(a: int, b: int) -> int:
    """Multiply in GF(256), Rijndael's polynomial."""
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = a << 1 ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def _inverse(a: int) -> int:
    power = 1
    for _ in range(254):
        power = _times(power, a)
    return power


def _at(points: dict[int, bytes], x: int) -> bytes:
    """Return the polynomial through the points, at x, byte by byte."""
    value = bytes(len(next(iter(points.values()))))
    for i, y in points.items():
        basis = 1
        for j in points:
            if j != i:
                basis = _times(basis, _times(x ^ j, _inverse(i ^ j)))
        value = bytes(v ^ _times(basis, b) for v, b in zip(value, y, strict=True))
    return value


def _checksum(data: list[int], extendable: bool) -> list[int]:
    generators = (0xE0E040, 0x1C1C080, 0x3838100, 0x7070200, 0xE0E0009, 0x1C0C2412, 0x38086C24, 0x3090FC48, 0x21B1F890, 0x3F3F120)
    check = 1
    for value in (*(b"shamir_extendable" if extendable else b"shamir"), *data, 0, 0, 0):
        top, check = check >> 20, (check & 0xFFFFF) << 10 ^ value
        for bit, generator in enumerate(generators):
            check ^= generator if top >> bit & 1 else 0
    check ^= 1
    return [check >> shift & 1023 for shift in (20, 10, 0)]


def _cipher(data: bytes, passphrase: bytes, identifier: int, exponent: int, extendable: bool, rounds: range) -> bytes:
    salt = b"" if extendable else b"shamir" + identifier.to_bytes(2)
    left, right = data[: len(data) // 2], data[len(data) // 2 :]
    for i in rounds:
        key = hashlib.pbkdf2_hmac("sha256", bytes([i]) + passphrase, salt + right, 2500 << exponent, len(right))
        left, right = right, bytes(a ^ b for a, b in zip(left, key, strict=True))
    return right + left


def _words(identifier: int, index: int, needed: int, value: bytes) -> str:
    """Return the share of the only group, extendable, with no iterations to spare."""
    head = identifier << 5 | 1 << 4
    numbers = index << 4 | needed - 1  # group 0, one group of one
    body = int.from_bytes(value)
    count = -(-8 * len(value) // 10)
    data = [head >> 10, head & 1023, numbers >> 10, numbers & 1023, *(body >> 10 * i & 1023 for i in reversed(range(count)))]
    return " ".join(WORDS[i] for i in data + _checksum(data, extendable=True))


def _split(secret: bytes, identifier: int, needed: int, total: int, chance: bytes) -> list[str]:
    """Return the shares; `chance` are the random bytes in the order in which the specification asks for them."""
    sealed = _cipher(secret, b"", identifier, 0, extendable=True, rounds=range(4))
    size = len(secret)
    points = {i: chance[size * i : size * (i + 1)] for i in range(needed - 2)}
    rest = chance[size * (needed - 2) :]
    points[DIGEST] = hmac.digest(rest, sealed, "sha256")[:4] + rest
    points[SECRET] = sealed
    return [_words(identifier, i, needed, points.get(i) or _at(points, i)) for i in range(total)]


def _join(shares: list[str], passphrase: bytes) -> str:
    """Return the secret of shares of a single group, in hex; nothing when the specification refuses them."""
    points: dict[int, bytes] = {}
    heads = set()
    for share in shares:
        data = [WORDS.index(word) for word in share.split()]
        head, numbers = data[0] << 10 | data[1], data[2] << 10 | data[3]
        padding = 10 * (len(data) - 7) % 16
        value = 0
        for word in data[4:-3]:
            value = value << 10 | word
        size = (10 * (len(data) - 7) - padding) // 8
        if data[-3:] != _checksum(data[:-3], extendable=bool(head >> 4 & 1)) or padding > 8 or value >> 8 * size:
            return ""
        heads.add((head, numbers & 0xF, numbers >> 8))
        points[numbers >> 4 & 0xF] = value.to_bytes(size)
    (head, needed, _), *others = heads
    if others or len(points) != len(shares) or len(shares) != needed + 1:
        return ""
    sealed = _at(points, SECRET) if needed else points[0]
    found = _at(points, DIGEST)
    if needed and hmac.digest(found[4:], sealed, "sha256")[:4] != found[:4]:
        return ""
    return _cipher(sealed, passphrase, head >> 5, head & 0xF, bool(head >> 4 & 1), range(3, -1, -1)).hex()


# --- the vectors --------------------------------------------------------------------

_PUBLISHED = {
    "one share": [
        "duckling enlarge academic academic agency result length solution fridge kidney coal piece deal husband erode duke ajar critical decision keyboard",
    ],
    "a wrong checksum": [
        "duckling enlarge academic academic agency result length solution fridge kidney coal piece deal husband erode duke ajar critical decision kidney",
    ],
    "wrong padding": [
        "duckling enlarge academic academic email result length solution fridge kidney coal piece deal husband erode duke ajar music cargo fitness",
    ],
    "2 of 3": [
        "shadow pistol academic always adequate wildlife fancy gross oasis cylinder mustang wrist rescue view short owner flip making coding armed",
        "shadow pistol academic acid actress prayer class unknown daughter sweater depict flip twice unkind craft early superior advocate guest smoking",
    ],
    "2 of 3, one missing": [
        "shadow pistol academic always adequate wildlife fancy gross oasis cylinder mustang wrist rescue view short owner flip making coding armed",
    ],
    "two identifiers": [
        "adequate smoking academic acid debut wine petition glen cluster slow rhyme slow simple epidemic rumor junk tracks treat olympic tolerate",
        "adequate stay academic agency agency formal party ting frequent learn upstairs remember smear leaf damage anatomy ladle market hush corner",
    ],
    "a wrong digest": [
        "guilt walnut academic acid deliver remove equip listen vampire tactics nylon rhythm failure husband fatigue alive blind enemy teaspoon rebound",
        "guilt walnut academic agency brave hamster hobo declare herd taste alpha slim criminal mild arcade formal romp branch pink ambition",
    ],
    "one extendable share": [
        "testify swimming academic academic column loyalty smear include exotic bedroom exotic wrist lobe cover grief golden smart junior estimate learn",
    ],
    "2 of 3, extendable": [
        "enemy favorite academic acid cowboy phrase havoc level response walnut budget painting inside trash adjust froth kitchen learn tidy punish",
        "enemy favorite academic always academic sniff script carpet romp kind promise scatter center unfair training emphasis evening belong fake enforce",
    ],
}  # fmt: skip
_SETS = [(2, 2), (2, 3), (3, 5), (5, 8), (16, 16)]


def _made(needed: int, total: int) -> dict[str, object]:
    stream = hashlib.shake_256(f"slip39 {needed} of {total}".encode()).digest(18 + 16 * needed)
    secret, identifier, chance = stream[:16], int.from_bytes(stream[16:18]) & 0x7FFF, stream[18 : 18 + 16 * (needed - 1) - 4]
    shares = _split(secret, identifier, needed, total, chance)
    return {
        "needed": needed, "identifier": identifier, "secret": secret.hex(), "chance": chance.hex(), "shares": shares,
    }  # fmt: skip


def _files() -> dict[str, str]:
    published = [{"what": what, "shares": shares, "secret": _join(shares, b"TREZOR")} for what, shares in _PUBLISHED.items()]
    made = [_made(*numbers) for numbers in _SETS]
    return {name: json.dumps(data, indent=2) + "\n" for name, data in (("published.json", published), ("sets.json", made))}


def main(arguments: list[str]) -> str:
    """Return what is wrong, in words; nothing when all is well."""
    for name, text in _files().items():
        if arguments != ["--check"]:
            (HERE / name).write_text(text)
        elif (HERE / name).read_text() != text:
            return f"{name} is not what this script writes"
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) or 0)
