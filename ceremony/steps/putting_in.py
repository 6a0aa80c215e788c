# SPDX-License-Identifier: Apache-2.0
"""Putting a medium in: people see all that is plugged in, as it comes and goes, each with why it cannot serve.

The one that can is taken as soon as it is there; of several people choose one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from ceremony.core.media_judge import unfit
from ceremony.core.media_words import listed, shown_key
from ceremony.core.ports import MediumIdentity, Option, Prompt
from ceremony.errors import StorageError
from ceremony.steps.room import COURIER, Room

WhyNot = Callable[[MediumIdentity], str]
"""Returns why a medium cannot serve here though it could elsewhere, one sentence; empty for one that can."""


def nothing_against(_: MediumIdentity) -> str:
    """Return no reason against any medium."""
    return ""


def called(role: str) -> str:
    """Return what people call the medium of a role."""
    return {COURIER: "the courier", "old": "the old volume"}.get(role, f"volume {role}")


@dataclass
class Table:
    """What is plugged in, as it was when `look` looked last, judged for a role."""

    room: Room
    role: str
    why_not: WhyNot
    blind: bool = False
    """A machine that cannot be looked at is one with nothing plugged in, not an error."""
    more: Sequence[MediumIdentity] = ()
    """What can serve besides: media that have a role already."""
    seen: Sequence[MediumIdentity] = field(default=())

    def look(self) -> Sequence[MediumIdentity] | None:
        """Look now; return what can serve, None for nothing. Raises StorageError unless `blind`."""
        found: Sequence[MediumIdentity] = ()
        if self.blind:
            with suppress(StorageError):
                found = self.room.media.look(self.role)
        else:
            found = self.room.media.look(self.role)
        more = {one.serial: one for one in self.more}
        judged = [unfit(one, why) if (why := self.why_not(one)) else one for one in found]
        self.seen = [more.pop(one.serial, one) if one.trouble else one for one in judged]
        serials = {one.serial for one in self.seen}
        self.seen = [*self.seen, *(one for one in more.values() if one.serial not in serials)]
        return [one for one in self.seen if not one.trouble] or None

    def shown(self) -> Sequence[Option]:
        """Return what was seen, for people."""
        return listed(self.seen)

    def shown_now(self) -> Sequence[Option]:
        """Look now, and return what is seen, for people; raises as `look` does."""
        self.look()
        return self.shown()


def put_in(table: Table, prompt: Prompt) -> MediumIdentity | None:
    """Return the medium that can serve, now or once people put it in; of several the one they choose; None when they give up."""
    while True:
        serving = table.look() or table.room.operator.until(prompt, table.look, table.shown)
        if serving is None:
            return None
        if len(serving) == 1:
            return serving[0]
        which = Prompt(f"medium:{table.role}", f"Which medium is {called(table.role)}?")
        key = table.room.operator.choose(which, table.shown(), table.shown_now)
        for one in table.seen:
            if not one.trouble and shown_key(one) == key:  # else it was pulled as it was chosen
                return one
