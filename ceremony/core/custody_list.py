# SPDX-License-Identifier: Apache-2.0
"""The custody list: who takes each token and each medium at the end, and in which bag or under which seal.

A `custody` record a thing, written while the log is being closed. The things are those
that the log itself knows: the tokens that were used, the two volumes, the courier, each by
its serial, so a medium that took another's place is a thing of its own. What a person says
is taken as it is: who has a thing a year later, and whether the bag is still whole, no log
can tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, auto

from ceremony.core.canonical import Json, JsonObject
from ceremony.core.past import Past

KIND = "custody"
COURIER = "courier"


class What(StrEnum):
    """What kind of thing is taken; the value is the name in lower case."""

    TOKEN = auto()
    VOLUME = auto()
    COURIER = auto()


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing that leaves the room in somebody's hands."""

    what: What
    name: str
    """The plan's name of a token, `a` or `b`, or `courier`."""
    serial: str

    @property
    def called(self) -> str:
        """What people call it."""
        return called(self.what, self.name)

    @property
    def key(self) -> tuple[str, str, str]:
        """What names it in `Past.custody`."""
        return str(self.what), self.name, self.serial

    def as_json(self) -> JsonObject:
        """Return what names it in a record."""
        return {"what": str(self.what), "name": self.name, "serial": self.serial}


@dataclass(frozen=True, slots=True)
class Taken:
    """A thing, who takes it, and the number of its bag or seal: empty for none."""

    thing: Thing
    holder: str
    seal: str


def called(what: str, name: str) -> str:
    """Return what people call a thing."""
    return "the courier" if what == What.COURIER else f"{what} {name}"


def things(past: Past) -> tuple[Thing, ...]:
    """Return all that somebody has to take: the tokens in the plan's order, then volumes and courier as they are now."""
    tokens = past.ended.get("tokens", {}).get("tokens")
    used = tokens if isinstance(tokens, dict) else {}
    return (
        *(Thing(What.TOKEN, name, _serial(device)) for name, device in used.items()),
        *(Thing(_medium(role), role, _serial(medium)) for role, medium in past.media.items()),
    )


def taken(past: Past) -> tuple[Taken, ...]:
    """Return who takes what, as far as it is recorded; a medium that was replaced since is not among it."""
    said = ((thing, past.custody.get(thing.key)) for thing in things(past))
    return tuple(Taken(thing, str(body["holder"]), str(body["seal"])) for thing, body in said if body is not None)


def left(past: Past) -> tuple[Thing, ...]:
    """Return the things of which no record tells who takes them."""
    return tuple(thing for thing in things(past) if thing.key not in past.custody)


def of_medium(role: str, serial: str) -> Thing:
    """Return the medium that had a role."""
    return Thing(_medium(role), role, serial)


def same_seal(one: str, other: str) -> bool:
    """Tell whether two numbers are one, however they were typed; no number is the same as none."""
    return _plain(one) == _plain(other) != ""


def twice(found: tuple[Taken, ...]) -> tuple[tuple[Taken, Taken], ...]:
    """Return the pairs that are said to be in one bag, or under one seal."""
    return tuple(
        (before, one) for number, one in enumerate(found) for before in found[:number] if same_seal(before.seal, one.seal)
    )


def both_volumes(found: tuple[Taken, ...]) -> str:
    """Return who takes both volumes; empty when nobody does."""
    volumes = [one.holder for one in found if one.thing.what is What.VOLUME]
    return volumes[0] if len(volumes) > 1 and len(set(volumes)) == 1 else ""


def _plain(seal: str) -> str:
    return "".join(seal.split()).casefold()


def _medium(role: str) -> What:
    return What.COURIER if role == COURIER else What.VOLUME


def _serial(facts: Json | Mapping[str, Json]) -> str:
    return str(facts.get("serial", "")) if isinstance(facts, Mapping) else ""
