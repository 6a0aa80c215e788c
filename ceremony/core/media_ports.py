# SPDX-License-Identifier: Apache-2.0
"""The ports of files and media: the ceremony's folder, volumes, the log's places, and what auditors get; steps import them from `ports`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from ceremony.core.port_values import MediumIdentity


class Readable(Protocol):
    """A finished ceremony folder, or the tar of one; every method may raise StorageError."""

    def names(self) -> Sequence[str]:
        """Return the paths of all files, sorted bytewise."""
        ...

    def read(self, path: str) -> bytes:
        """Return the bytes of a file."""
        ...


class Folder(Protocol):
    """Files written once; every method may raise StorageError."""

    @property
    def name(self) -> str:
        """Return how people know this medium: a path, or a stick's model and serial."""
        ...

    def write(self, files: Mapping[str, bytes]) -> None:
        """Create each file exclusively, sync it and its folder, read it back and compare."""
        ...

    def read(self, path: str) -> bytes:
        """Return the bytes of a file."""
        ...

    def exists(self, path: str) -> bool:
        """Tell whether a file or folder of this name is there."""
        ...

    def names(self) -> Sequence[str]:
        """Return the paths of all files, sorted bytewise."""
        ...

    def size(self, path: str) -> int:
        """Return the length of a file in bytes."""
        ...

    def append(self, path: str, data: bytes) -> None:
        """Append to a file (made when missing) and sync it; an error is final for this medium."""
        ...

    def truncate(self, path: str, size: int) -> None:
        """Cut a file to its first `size` bytes and sync it; only for a log's torn tail, set aside before."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file that no record and no manifest names: torn by a power cut after the close."""
        ...

    def write_stream(self, path: str, chunks: Iterable[bytes]) -> str:
        """As `write`, for one large file whose parts are made as they are written; return its SHA-256, hex."""
        ...

    def set_aside(self, path: str, to: str) -> None:
        """Rename a file that an interrupted write left; refuses when `to` is occupied."""
        ...


class Volume(Folder, Protocol):
    """A removable medium, opened."""

    @property
    def identity(self) -> MediumIdentity:
        """Return what tells this medium from another."""
        ...

    def present(self) -> bool:
        """Tell whether this very medium is there now, without reading from it; never raises."""
        ...

    def release(self) -> None:
        """Write everything out and let the medium go, so that it can be pulled; one that was let go already stays so.

        Nothing is read or written until `reopen`: that raises StorageError. Raises StorageError when something that was
        written may be lost, and when another program uses the medium.
        """
        ...

    def reopen(self) -> None:
        """Let the medium go and come back, past every cache; raises StorageError unless this very one is plugged in."""
        ...


class Media(Protocol):
    """The removable media in the room; `role` is `a`, `b`, `courier`, or `old`: one that is only read, and never written to."""

    def look(self, role: str) -> Sequence[MediumIdentity]:
        """Return every medium that is plugged in now; its `trouble` says why one cannot serve as `role`.

        It sees what was put in or taken out since the last look. Raises StorageError when the machine cannot be looked at.
        """
        ...

    def candidates(self, role: str) -> Sequence[MediumIdentity]:
        """Return those of `look` that could serve as `role` now; raises StorageError as it does."""
        ...

    def open(self, role: str, identity: MediumIdentity) -> Volume:
        """Open the medium that `look` showed; raises StorageError when it cannot serve as `role`."""
        ...

    def close(self) -> None:
        """Let every medium go that was opened, so that it can be pulled; raises the first StorageError, after all were tried."""
        ...


class Reporter(Protocol):
    """What auditors get beside the log, made from nothing but the folder: the same bytes whenever it is made again."""

    def page(self, folder: Readable) -> bytes:
        """Return `report.html` of a ceremony, UTF-8: what stands in the folder before its log's `close` record."""
        ...

    def verifier(self) -> bytes:
        """Return `verify.sh`: the same for every ceremony of a release."""
        ...


class LogWriter(Protocol):
    """The places that the log is written to, all of them or an error."""

    def append(self, lines: bytes) -> None:
        """Write whole lines to every place and sync each.

        Raises StorageError when the ceremony's folder did not take them, and then never writes again. Raises VolumesLost
        when it and every other place took them, and a volume did not: that volume is never written to again.
        """
        ...

    def mirror(self, volume: Volume, path: str) -> None:
        """Bring `volume` up to date, byte for byte, and write to it from now on; raises StorageError."""
        ...

    def drop(self, volume: Volume) -> None:
        """Write to `volume` no more; nothing happens when it is no mirror."""
        ...
