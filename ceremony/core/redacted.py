# SPDX-License-Identifier: Apache-2.0
"""A public copy of a ceremony folder: personal data is withheld, and what is left still verifies.

The log of a copy, `ceremony-redacted.jsonl`, has a line for each record: the raw line,
or in place of one that is withheld its leaf of the Merkle tree that heads state:

    {"leaf":"<RFC 6962 leaf hash, hex>","seq":31}

The 128 random bits in every record keep anybody from guessing what stands behind it.
Files are kept byte for byte, and only those whose digest stands in a record that is
shown; the last head is signed itself. `ceremony.core.audit.redacting` makes a copy, and
`ceremony.core.audit.redacted` verifies it.
"""

from __future__ import annotations

import re

from ceremony.core import proof
from ceremony.core.log import lines

LOG = "ceremony-redacted.jsonl"
NOTE = "REDACTED.txt"
FORM = "ceremony-redacted/v1"

_STUB = re.compile(rb'\{"leaf":"([0-9a-f]{64})","seq":(0|[1-9][0-9]{0,15})\}\n')
_NOTE = """\
{form}

This folder is a public copy of the folder of a ceremony. Personal data is withheld.

records in the log: {entries}
withheld: {withheld}

In {log} there is a line for each record. A record that names
somebody who did not agree to be named, or that holds words which a person
wrote, is withheld: its line is a hash, by which it still counts in what people
signed. The other files are copies; left out are those that could tell of
people, and those that no shown record names.

Verify it with the keys of people who were there, which you have from elsewhere:

    ceremony audit DIR --signers FILE

The part "Public copies" of docs/formats.md says what is checked, and how to
check it without this program.
"""


def stub(line: bytes, seq: int) -> bytes:
    """Return the line that stands for a raw line that is withheld."""
    return f'{{"leaf":"{proof.leaf(line).hex()}","seq":{seq}}}\n'.encode()


def withheld_leaf(line: bytes, seq: int) -> bytes | None:
    """Return the leaf hash of a line that stands for withheld record `seq`; None for any other line."""
    match = _STUB.fullmatch(line)
    return bytes.fromhex(match[1].decode()) if match and int(match[2]) == seq else None


def leaves(data: bytes) -> list[bytes]:
    """Return the leaf hashes of a log whose form was checked, be it whole or that of a copy."""
    return [withheld_leaf(line, seq) or proof.leaf(line) for seq, line in enumerate(lines(data))]


def note(entries: int, withheld: int) -> bytes:
    """Return what a copy says of itself; the text belongs to `FORM` and never changes."""
    return _NOTE.format(form=FORM, entries=entries, withheld=withheld, log=LOG).encode()
