# SPDX-License-Identifier: Apache-2.0
"""Raw lines of the log, as far as a screen reads them: what cannot be read is None, and never an error here."""

from __future__ import annotations

from ceremony.core import canonical
from ceremony.core.canonical import JsonObject
from ceremony.errors import VerificationError


def read(line: bytes) -> JsonObject | None:
    """Return the record that a raw line holds; None for one that is none."""
    try:
        record = canonical.parse_loose(line, "record")
    except VerificationError:
        return None
    return record if isinstance(record, dict) else None
