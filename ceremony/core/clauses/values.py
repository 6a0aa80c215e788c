# SPDX-License-Identifier: Apache-2.0
"""What is said of one clause of a standard: a row of the table that an auditor works with.

A row is judged by the log and the names of the folder's files alone. `MET` says that these show
it; it never says that what the records tell is true, which is what signatures and people are for.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MOST_LISTED = 12
"""How many records, and how many files, a row names at most; it counts all of them."""


class Holds(StrEnum):
    """What was found of a clause."""

    MET = "met"
    NOT_MET = "not-met"
    NOT_APPLICABLE = "not-applicable"
    OUTSIDE = "outside"

    @property
    def words(self) -> str:
        """The finding as people read it."""
        return "outside what software can prove" if self is Holds.OUTSIDE else self.replace("-", " ")


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause, or the part of one that can be judged by itself."""

    number: str
    """The row, and a letter where a row has parts: `7`, `1a`."""
    source: str
    """The clause, as its standard numbers it."""
    demand: str
    """What it wants, in our words."""
    finding: Holds
    why: str
    """One sentence."""
    records: tuple[int, ...] = ()
    """Numbers of the records that answer it, ascending: the first of them."""
    answered: int = 0
    """How many records answer it."""
    files: tuple[str, ...] = ()
    """Paths in the folder that answer it, sorted: the first of them."""
    filed: int = 0
    """How many files answer it."""
    checked: bool = True
    """False where the clause is told from memory, or from a transcription: compare with the standard."""

    @property
    def row(self) -> int:
        """The number of the row without its letter."""
        return int(self.number.rstrip("abcdefghijklmnopqrstuvwxyz"))

    @property
    def caution(self) -> str:
        """What to say beside a clause that was not compared with the standard's own text; empty for one that was."""
        return "" if self.checked else "from memory or from a transcription: compare with the standard"
