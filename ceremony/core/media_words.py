# SPDX-License-Identifier: Apache-2.0
"""How a medium is shown to people, beside the others that are plugged in: what tells it apart, and why it cannot serve."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ceremony.core.ports import MediumIdentity, Option

_UNITS: Final = ("bytes", "kB", "MB", "GB", "TB")


def shown_key(identity: MediumIdentity) -> str:
    """Return what tells a medium from others that can be chosen: two partitions of one stick share its serial."""
    return f"{identity.serial}/{identity.partition}" if identity.partition else identity.serial


def shown(identity: MediumIdentity) -> Option:
    """Return a medium as people see it: model and serial; size, room, file system, label and place; what to know, what is wrong."""
    free = f"{bytes_in_words(identity.free)} free" if identity.free >= 0 else ""  # nobody knows before it is mounted
    label = f"label '{identity.label}'" if identity.label else ""
    place = identity.partition or identity.device
    facts = (bytes_in_words(identity.size), free, identity.file_system, label, place, identity.note)
    name = f"{identity.model}, serial {identity.serial}" if identity.serial else identity.model
    return Option(shown_key(identity), name, ", ".join(fact for fact in facts if fact), identity.trouble)


def listed(media: Iterable[MediumIdentity]) -> tuple[Option, ...]:
    """Return media as people see them, those that can serve before the others."""
    return tuple(map(shown, sorted(media, key=lambda identity: bool(identity.trouble))))


def bytes_in_words(count: int) -> str:
    """Return a number of bytes as it is printed on a stick: in thousands, with one decimal from kB on."""
    size, unit = float(count), 0
    while round(size, 1) >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.1f} {_UNITS[unit]}" if unit else f"{count} bytes"
