# SPDX-License-Identifier: Apache-2.0
"""The tags that an officer may strike out: those that a stolen key set after the last good version, and that still stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ceremony.core.agenda.entries import Agenda
from ceremony.core.published.differences import entry_words
from ceremony.core.rotation.impact import Impact


@dataclass(frozen=True, slots=True)
class Suspect:
    """A tag that a stolen key set, and that still stands."""

    repository: str
    tag: str
    version: int
    words: str


def suspects(agenda: Agenda, found: Impact) -> Iterator[Suspect]:
    """Yield the suspect tags that stand in the targets of repositories whose targets are signed in the ceremony."""
    for one in found.repositories:
        entry = agenda.entries.get(one.repository)
        for tag in one.tags() if entry is not None and entry.here else ():
            if tag.role == "targets" and tag.stands and tag.suspect and tag.after:
                yield Suspect(one.repository, tag.tag, tag.version, entry_words(tag.after))
