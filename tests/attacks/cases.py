# SPDX-License-Identifier: Apache-2.0
"""Named attacks over finished ceremonies: each is a folder's files, and the exit code that a verifier must give.

A kind is a generator, listed by `attack`. Whatever an attacker can compute is computed: a
folder whose log was changed has a manifest to match, and where it says so the whole log
was made anew (`tests.attacks.forger`). Kinds that begin with `insiders` go further: with
everybody's keys and the root's, so that no signature hides that a rule was broken.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from ceremony.core.bundle import MANIFEST
from ceremony.core.plan import Mode
from ceremony.errors import ExitCode
from tests.attacks.bases import Base
from tests.attacks.forger import digest

FAILED, INCOMPLETE = ExitCode.FAILED, ExitCode.INCOMPLETE
SEED = 20261119


@dataclass(frozen=True, slots=True)
class Attack:
    """What was done, and to what it leads."""

    name: str
    files: Mapping[str, bytes]
    wanted: ExitCode = FAILED
    signers: bytes | None = None
    """Brought by the auditor; None for the people of the base in production, for nobody in practice."""
    rules: ExitCode | None = None
    """What the scripts say, where an audit reads what they do not; None for the same."""


@dataclass(frozen=True, slots=True)
class Case:
    """An attack on one base."""

    kind: str
    name: str
    base: Base
    files: Mapping[str, bytes]
    signers: bytes
    wanted: ExitCode
    rules: ExitCode


Maker = Callable[[Base], Iterator[Attack]]
KINDS: dict[str, Maker] = {}
BITS: dict[str, Callable[[Base, Callable[[int], range]], Iterator[Attack]]] = {}
"""Kinds that flip bits: what is asked second says which bits of a byte."""
MODES: dict[str, tuple[Mode, ...]] = {}


def attack(kind: str, *modes: Mode) -> Callable[[Maker], Maker]:
    """List a generator under its kind, for these modes; for both when none is named."""

    def listed(make: Maker) -> Maker:
        KINDS[kind], MODES[kind] = make, modes or tuple(Mode)
        return make

    return listed


def cases(kind: str, base: Base, *, every: bool = False) -> Iterator[Case]:
    """Yield the attacks of a kind on a base; `every` bit, or of every byte the one whose turn it is."""
    made = BITS[kind](base, (lambda at: range(8)) if every else _turn) if kind in BITS else KINDS[kind](base)
    for one in made:
        signers = base.signers if one.signers is None else one.signers
        rules = one.wanted if one.rules is None else one.rules
        yield Case(kind, one.name, base, one.files, signers, one.wanted, rules)


def _turn(at: int) -> range:
    return range(at % 8, at % 8 + 1)


class Changed(Mapping[str, bytes]):
    """Files of which one is another, and the manifest to match, which is made when it is asked for."""

    def __init__(self, files: Mapping[str, bytes], path: str, data: bytes) -> None:
        self._files, self._path, self._data = files, path, data

    def __getitem__(self, path: str) -> bytes:
        if path == self._path:
            return self._data
        return self._manifest() if path == MANIFEST else self._files[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def _manifest(self) -> bytes:
        row = b"%s  " + self._path.encode() + b"\n"
        was, now = (row % digest(content).encode() for content in (self._files[self._path], self._data))
        return self._files[MANIFEST].replace(was, now)


def changed(files: Mapping[str, bytes], path: str, data: bytes) -> Mapping[str, bytes]:
    """Return files of which one is another, and the manifest to match."""
    return Changed(files, path, data)


def chance(what: str) -> random.Random:
    """Return the same chance in every run."""
    return random.Random(f"{SEED} {what}")
