# SPDX-License-Identifier: Apache-2.0
"""The values that pass through the ports: what a step hears of media, the machine and its people; tokens: `token_values`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MediumIdentity:
    """What tells one removable medium from another."""

    serial: str
    """The device's own serial; for a stick that tells none, `uuid-<UUID of the file system>-<bytes>`; for a folder, its inode."""
    device: str
    """The physical device; two partitions of one stick share it."""
    model: str
    size: int
    """Bytes in all."""
    free: int
    """Bytes free; -1 while it is not mounted, for then nobody knows."""
    folder: bool
    """A plain folder in a medium's place: practice only."""
    partition: str = ""
    """The block device with the file system: a partition, or the whole device; empty for a folder."""
    file_system: str = ""
    uuid: str = ""
    """Of the file system, as blkid(8) tells it."""
    label: str = ""
    note: str = ""
    """What people should know before they choose it, one sentence; usually empty."""
    trouble: str = ""
    """Why it cannot serve, one sentence; empty for one that can."""


@dataclass(frozen=True, slots=True)
class Check:
    """One preflight check of the machine."""

    name: str
    passed: bool
    saw: str
    hint: str
    """How to put it right."""
    why: str = ""
    """Why it matters, a sentence without its full stop."""


AIR_GAP = "air gap"
"""The check that is made again and again: whether the machine is cut off."""


@dataclass(frozen=True, slots=True)
class ToolFacts:
    """What runs this ceremony."""

    version: str
    sha256: str
    """Over the names and digests of the program's own files."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question: `key` tells headless answerers what is asked, the rest is for people."""

    key: str
    title: str
    detail: str = ""
    who: str = ""
    """Who must answer: a person's name or role; empty for whoever is at the keyboard."""
    alarm: bool = False
    """Something went wrong: the screen says so, not by colour alone."""
    code: str = ""
    """What a QR code beside it says, where there is room for one; empty for none."""


@dataclass(frozen=True, slots=True)
class Option:
    """One of the things to choose among."""

    key: str
    label: str
    detail: str = ""
    trouble: str = ""
    """Why it cannot be chosen, one sentence; empty for one that can."""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between what is published and what is about to be signed."""

    repository: str
    role: str
    field: str
    before: str
    """Empty when it is new."""
    after: str
    """Empty when it goes."""


@dataclass(frozen=True, slots=True)
class Group:
    """Equal differences of one or more repositories."""

    change: Change
    """What is equal; its repository is that of the first."""
    members: Sequence[int]
    """The repositories, by their number in `Differences.names`."""
    exception: bool
    """It holds for half of the repositories or fewer: what stands alone must be seen."""


@dataclass(frozen=True, slots=True)
class Document:
    """One file that is about to be signed: what is published, and what is to be signed, as JSON in UTF-8."""

    path: str
    before: bytes
    """Empty when nothing is published."""
    after: bytes
    """Empty when it goes."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A table that people read before they go on."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    """Each as long as `columns`; thousands may be."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """One thing about the room that must stay as it is, as it is now."""

    name: str
    good: bool
    saw: str


@dataclass(frozen=True, slots=True)
class Errand:
    """What one person does after the ceremony."""

    person: str
    tasks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a ceremony that was closed leaves, for the last screen."""

    folder: str
    """Where the ceremony folder is."""
    head: str
    """Path of the final head in the folder."""
    digest: str
    """SHA-256 of the final head, hex: what people heard and signed."""
    signed: tuple[str, ...]
    """Who signed the final head."""
    quorum_met: bool
    copies: tuple[str, ...]
    """Where copies of the folder are: a medium's name and a path on it."""
    errands: tuple[Errand, ...]


@dataclass(frozen=True, slots=True)
class Deviation:
    """Something that did not go as the plan says."""

    expected: str
    happened: str
    decided: str
    by: str
