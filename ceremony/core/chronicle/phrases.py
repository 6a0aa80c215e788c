# SPDX-License-Identifier: Apache-2.0
"""Turns of phrase that sentences and overviews share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_DIGITS = 16
"""Hex digits of a digest that a sentence repeats; the record has them all."""
_LISTED = 3
"""Names that a sentence repeats; the record has them all."""


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with what it counts: `1 key`, `2 keys`."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def short(digest: str) -> str:
    """Return as much of a digest as people compare at a glance."""
    return digest[:_DIGITS]


def listed(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more:,} more" if more > 0 else "")


def token(serial: str, names: Mapping[str, str]) -> str:
    """Return a token's name, where it is known, and its serial."""
    return f"{names[serial]} (serial {serial})" if serial in names else serial


def bag(seal: str) -> str:
    """Return the bag or seal of what somebody takes."""
    return f"bag or seal {seal}" if seal else "no bag or seal"


def tries(left: int) -> str:
    """Return how many tries of a PIN are left."""
    return {0: "no tries are left", 1: "one try is left"}.get(left, f"{left} tries are left")
