# SPDX-License-Identifier: Apache-2.0
"""What the state of a ceremony is made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ceremony.core.chronicle.phrases import bag


class StepState(StrEnum):
    """Where a step stands; the value is what people read."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    """It was running when people stopped, or the machine did."""
    AGAIN = "to be done again"


@dataclass(frozen=True, slots=True)
class Called:
    """A person of the plan, and how they answered the roll call."""

    role: str
    how: str = ""
    """Empty until they were called; `absent` when they did not answer."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A check of the machine, as it last came out."""

    passed: bool
    saw: str
    why: str = ""
    """Why it matters; empty when it passed."""
    hint: str = ""
    """How to put it right; empty when it passed."""


@dataclass(frozen=True, slots=True)
class Medium:
    """A volume or the courier."""

    serial: str
    model: str
    folder: bool
    """A folder in its place: practice only."""

    def __str__(self) -> str:
        return f"{'a folder' if self.folder else self.model}, serial {self.serial}"


@dataclass(frozen=True, slots=True)
class Device:
    """A token."""

    serial: str
    manufacturer: str
    model: str
    firmware: str
    software: bool

    def __str__(self) -> str:
        kind = ", made of software" if self.software else ""
        return f"serial {self.serial}, {self.manufacturer} {self.model}, firmware {self.firmware}{kind}"


@dataclass(frozen=True, slots=True)
class Repositories:
    """How many repositories there are, and how far they came."""

    total: int = 0
    keys_made: int = 0
    agreed_files: int = 0
    agreed_digest: str = ""
    """SHA-256, hex, of what people agreed to sign."""
    left_out: int = 0
    """Repositories that nothing is signed for."""
    verified_signatures: int = 0
    delivered: int = 0
    """Keys that were encrypted to their teams."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a volume gave back in the drill."""

    files: int
    repository_keys: int


@dataclass(frozen=True, slots=True)
class Compared:
    """A digest that people read aloud."""

    seq: int
    utc: str
    what: str
    digest: str
    by: tuple[str, ...]
    same: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """Who takes a token or a medium with them."""

    seq: int
    holder: str
    seal: str
    """Number of its bag or seal; empty for none."""

    def __str__(self) -> str:
        return f"{self.holder}, {bag(self.seal)}"


@dataclass(frozen=True, slots=True)
class Noted:
    """A deviation."""

    seq: int
    utc: str
    by: str
    expected: str
    happened: str
    decided: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, in words."""

    seq: int
    utc: str
    step: str
    text: str
