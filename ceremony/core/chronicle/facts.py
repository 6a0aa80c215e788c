# SPDX-License-Identifier: Apache-2.0
"""The members of a JSON object that anyone could have written: what is not there, or is something else, reads as nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ceremony.core.canonical import Json


@dataclass(frozen=True, slots=True)
class Facts:
    """A JSON object, read by member."""

    value: Mapping[str, Json]

    def __iter__(self) -> Iterator[str]:
        return iter(self.value)

    def __len__(self) -> int:
        return len(self.value)

    def text(self, name: str) -> str:
        """Return a member as text; empty when it is not there."""
        return as_text(self.value.get(name))

    def number(self, name: str) -> int | None:
        """Return a whole number; None for anything else."""
        value = self.value.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def count(self, name: str) -> int:
        """Return a number from 0; 0 for anything else."""
        return max(self.number(name) or 0, 0)

    def flag(self, name: str) -> bool:
        """Tell whether a member is true, and nothing else."""
        return self.value.get(name) is True

    def inner(self, name: str) -> Facts:
        """Return an object inside this one; an empty one for anything else."""
        return facts(self.value.get(name))

    def items(self, name: str) -> tuple[Json, ...]:
        """Return a list's items; none for anything else."""
        value = self.value.get(name)
        return tuple(value) if isinstance(value, list) else ()

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list's items as texts; none for anything else."""
        return tuple(as_text(item) for item in self.items(name))


def facts(value: Json) -> Facts:
    """Return an object's members; none for anything that is no object."""
    return Facts(value if isinstance(value, dict) else {})


def as_text(value: Json) -> str:
    """Return text as it is, nothing as nothing, any other value as its JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    except RecursionError:
        return "something nested too deep to be shown"
