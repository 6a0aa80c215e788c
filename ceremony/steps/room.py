# SPDX-License-Identifier: Apache-2.0
"""The room: all that a step can reach, and nothing else.

A step is `def run(room: Room) -> JsonObject`. What it returns is recorded when it
ends and given back by `room.result` in a resumed ceremony, so it holds only what
later steps need, and never a secret. What is too large for a record is a file of
the ceremony folder that the result names.
"""

from __future__ import annotations

import hashlib
import itertools
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from ceremony.core import bundle
from ceremony.core.agenda.entries import Agenda
from ceremony.core.agenda.items import Item
from ceremony.core.attestation import Authorities
from ceremony.core.canonical import Json, JsonObject
from ceremony.core.dialects import Dialect
from ceremony.core.keys import Algorithm
from ceremony.core.past import FOLDER
from ceremony.core.plan import Custody, Kind, Mode, Person, Plan, Role, RootPlan
from ceremony.core.ports import (
    Clock,
    Cosigner,
    Deviation,
    Entropy,
    Folder,
    Host,
    Media,
    Operator,
    Prompt,
    Reporter,
    SelfTest,
    Token,
    TokenRack,
    Volume,
)
from ceremony.core.published.reading import Fleet
from ceremony.core.record import Outcome
from ceremony.core.root_backup import RootBackup
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import CeremonyError, StorageError, VerificationError
from ceremony.steps.journal import Journal

BACKUPS = ("a", "b")
COURIER = "courier"
ROLES = (*BACKUPS, COURIER)
_T = TypeVar("_T")


@dataclass(slots=True)
class Keyring:
    """Private keys while they are in memory: repository keys by repository, in a recovery root keys too; dropped at the end."""

    keys: dict[str, SoftwareKey] = field(default_factory=dict, repr=False)
    roots: dict[str, RootBackup] = field(default_factory=dict, repr=False)
    """SHA-256 of the public half → a root key as the old backup holds it."""
    complete: bool = False
    """Whether it holds a key for every repository whose key is made, or carried over, in this ceremony."""

    def drop(self) -> None:
        """Forget every key."""
        self.keys.clear()
        for root in self.roots.values():
            root.wipe()
        self.roots.clear()
        self.complete = False


@dataclass(frozen=True, slots=True)
class Out:
    """A medium that failed or is gone, while nothing good is in its place."""

    name: str
    serial: str
    error: StorageError
    """What happened."""


def _raise(_: str, error: StorageError) -> None:
    raise error


@dataclass(slots=True)
class Room:
    """The ports, the plan, and what earlier steps made."""

    plan: Plan
    mode: Mode
    dialect: Dialect
    people: tuple[Person, ...]
    """The plan's people; in practice with the throw-away keys that stand in for theirs."""
    journal: Journal
    operator: Operator
    clock: Clock
    entropy: Entropy
    host: Host
    self_test: SelfTest
    cosigner: Cosigner
    rack: TokenRack
    media: Media
    site_volumes: Mapping[str, str]
    folder: Folder
    reporter: Reporter
    site_source: bytes = b""
    """The site file, byte for byte."""
    authorities: Authorities | None = None
    """Those that attestations of YubiKeys are verified against; None when the site names no file of them."""
    tokens: dict[str, Token] = field(default_factory=dict, repr=False)
    unlocked: set[str] = field(default_factory=set)
    """Names of the tokens that are logged in."""
    volumes: dict[str, Volume] = field(default_factory=dict, repr=False)
    on_failure: Callable[[str, StorageError], None] = field(default=_raise, repr=False)
    """What is done when a medium failed: returns once a good one has its role; see `replacing`."""
    out: dict[str, Out] = field(default_factory=dict)
    """Role → the medium that failed."""
    settling: bool = False
    """Whether something is being put in the place of a medium that failed."""
    replaced: int = 0
    """How often that was done; the same medium again counts too."""
    came_back: dict[str, str] = field(default_factory=dict)
    """Role → serial of a volume that was taken out for the drill, and came back."""
    restored_since: dict[str, str] = field(default_factory=dict)
    """Role → serial of a volume whose backups were restored after the close, when nothing is recorded any more."""
    keyring: Keyring = field(default_factory=Keyring, repr=False)
    fleet: Fleet | None = field(default=None, repr=False)
    """What is published, once it was read; see `agenda`."""
    agenda: Agenda | None = field(default=None, repr=False)
    """The repositories that are signed for, once that was worked out; see `agenda`."""
    signed: tuple[Item, ...] | None = field(default=None, repr=False)
    """What people agreed to, once all of it is signed; see `items`."""
    cut_off: bool = True
    """Whether the machine was cut off from every network when it was last looked at."""
    unrecorded: list[Deviation] = field(default_factory=list)
    """Deviations that people noted and the log does not hold yet."""

    @property
    def practice(self) -> bool:
        """Whether this is a practice ceremony."""
        return self.mode is Mode.PRACTICE

    @property
    def recovers(self) -> bool:
        """Whether this ceremony restores the keys of an earlier one."""
        return self.plan.kind is Kind.RECOVERY

    @property
    def root(self) -> RootPlan:
        """How root keys come to their tokens: as the plan says; in a recovery, those of the opened backup, none made there.

        In a recovery its custody is `imported`, which is what holds for a YubiKey; how each key is kept, `made_roots` says.
        """
        if not self.recovers:
            return self.plan.root
        roots = self.result("open-backup")["roots"]
        first = roots[0] if isinstance(roots, list) else None
        algorithm = Algorithm(str(first["algorithm"] if isinstance(first, dict) else ""))
        return RootPlan(algorithm, self.plan.key_tokens, 0, Custody.IMPORTED)

    def result(self, step: str) -> JsonObject:
        """Return what an earlier step made; raises CeremonyError when it has not ended."""
        made = self.journal.past.ended.get(step)
        if made is None:
            raise CeremonyError(f"step {step} has not ended", hint="steps run in the order of the procedure; resume the ceremony")
        return made

    def recorded(self, path: str) -> bytes:
        """Return a file of the ceremony folder; raises VerificationError unless it has the digest that was recorded."""
        data = self.folder.read(path)
        if sha256(data) != self.journal.past.files.get(path):
            raise VerificationError(
                path, "is not the file that was recorded", hint="it was changed since; stop, and look at the log"
            )
        return data

    def on_volumes(self, files: Mapping[str, bytes]) -> None:
        """Write files (path below the ceremony's folder → bytes) to both volumes, and record their digests.

        A file that an interrupted write left in the way is set aside and recorded.
        """
        digests: dict[str, Json] = {path: sha256(data) for path, data in files.items()}
        key = ",".join(sorted(files))
        there = {self.on_volume(path): data for path, data in files.items()}
        self.journal.begin("write-volumes", key, {"files": digests})
        for role in BACKUPS:
            self.with_volume(role, partial(self._clear, f"volume {role}", list(there)))
        before = -1
        while self.replaced != before:  # what took a medium's place meanwhile has none of these files
            before = self.replaced
            for role in BACKUPS:
                self.with_volume(role, partial(_put, there))
        self.journal.finish("write-volumes", key, {"files": digests})

    def with_volume(self, role: str, act: Callable[[Volume], _T]) -> _T:
        """Return what `act` does with a medium, or with what takes its place when it fails; raises what else `act` raises."""
        while True:
            volume = self.volume(role)
            try:
                return act(volume)
            except StorageError as error:
                if not self.blames_medium(error):
                    raise
                self.on_failure(role, error)

    def blames_medium(self, error: StorageError) -> bool:
        """Tell whether it was a medium that failed, and not the ceremony's folder."""
        return not self.journal.failed and error.store != self.folder.name

    def volume(self, role: str) -> Volume:
        """Return the medium of a role; raises CeremonyError when it is not in."""
        if role not in self.volumes:
            name = "the courier" if role == COURIER else f"volume {role}"
            raise CeremonyError(f"{name} is not in", hint="put it in and resume the ceremony")
        return self.volumes[role]

    def on_volume(self, path: str) -> str:
        """Return the path on a volume of a file of the ceremony's folder there."""
        return f"{bundle.folder(self.journal.ceremony)}/{path}"

    def backup_volumes(self) -> Iterator[tuple[str, Volume]]:
        """Yield the two volumes by role; raises CeremonyError when they are not in."""
        yield from ((role, self.volume(role)) for role in BACKUPS)

    def keep(self, files: Mapping[str, bytes]) -> None:
        """Write files of the ceremony folder and record their digests.

        A file that is recorded already must have the same bytes; one that an
        interrupted write left without a record is set aside. Raises StorageError.
        """
        known, new = self.journal.past.files, {}
        for path, data in files.items():
            if path not in known:
                new[path] = data
            elif known[path] != sha256(data):
                raise StorageError(
                    self.folder.name,
                    f"{path} is recorded with other contents",
                    hint="nothing is overwritten; stop, and look at the log",
                )
        self._clear(FOLDER, list(new), self.folder)
        if new:
            self.folder.write(new)
            self.journal.files({path: sha256(data) for path, data in new.items()})

    def compare(self, prompt: Prompt, digest: str) -> bool:
        """Have a digest read aloud and compared by two people, and record how it came out."""
        two = self.readers()
        same = self.operator.compare(prompt, digest, two)
        body: JsonObject = {"what": prompt.title, "digest": digest, "same": same, "by": list(two)}
        self.journal.record("compared", body, outcome=Outcome.OK if same else Outcome.REFUSED)
        return same

    def readers(self) -> tuple[str, str]:
        """Return the two who compare a digest, of those who are present: who is at the keyboard, and a witness before others."""
        listed = self.journal.past.ended.get("roll-call", {}).get("present")
        here = [person for person in self.people if not isinstance(listed, list) or person.name in listed]
        first = next((p for p in here if p.name == self.journal.recorded_by), here[0])
        others = sorted((p for p in here if p != first), key=lambda p: (p.role is not Role.WITNESS, not p.independent))
        return first.name, (others or [first])[0].name

    def take_deviations(self) -> None:
        """Record the deviations that people noted since the last time."""
        self.unrecorded.extend(self.operator.deviations())
        while self.unrecorded:
            noted = self.unrecorded[0]
            texts = {"expected": noted.expected, "happened": noted.happened, "decided": noted.decided}
            body: JsonObject = {name: writable(text) for name, text in texts.items()}
            self.journal.record("deviation", body, actor=writable(noted.by))
            self.unrecorded.pop(0)

    def put_last(self, path: str, make: Callable[[], bytes]) -> str:
        """Write the file that the `close` record is about to name, and return its SHA-256, hex; made when nothing is recorded before it.

        One that an interrupted write left is set aside first, which is a record. Raises StorageError.
        """
        self._clear(FOLDER, [path], self.folder)
        data = make()
        self.folder.write({path: data})
        return sha256(data)

    def set_aside(self, store: Folder, name: str, path: str) -> None:
        """Move a file that an interrupted write left out of the way, and record where it is; `name` as records name the store."""
        data = store.read(path)
        prefix = bundle.SET_ASIDE if name == FOLDER else self.on_volume("set-aside/")
        # A crash between the move and its record leaves a number taken that the log does not know of.
        numbers = itertools.count(self.journal.past.counts.get("set-aside", 0) + 1)
        names = (f"{prefix}{number:04}-{path.rsplit('/', 1)[-1]}" for number in numbers)
        to = next(name for name in names if not store.exists(name))
        store.set_aside(path, to)
        if not self.journal.past.closed:  # after the close nothing is recorded
            self.journal.record("set-aside", {"store": name, "path": path, "to": to, "bytes": len(data), "sha256": sha256(data)})

    def _clear(self, name: str, paths: list[str], store: Folder) -> None:
        for path in paths:
            if store.exists(path):
                self.set_aside(store, name, path)


def _put(files: Mapping[str, bytes], volume: Volume) -> None:
    new = {path: data for path, data in files.items() if not volume.exists(path)}
    for path, data in files.items():
        if path not in new and volume.read(path) != data:
            raise StorageError(volume.name, f"{path} is not there as it was written", hint="use another medium")
    if new:
        volume.write(new)


def writable(text: str) -> str:
    """Return a text from outside as the log takes it: NFC, what cannot be shown as an escape."""
    normal = unicodedata.normalize("NFC", text)
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in normal)


def sha256(data: bytes) -> str:
    """Return the SHA-256 of bytes, hex."""
    return hashlib.sha256(data).hexdigest()
