# SPDX-License-Identifier: Apache-2.0
"""A medium that fails, lies or goes at a chosen operation; every operation that could is counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from ceremony.core.ports import MediumIdentity
from ceremony.errors import StorageError
from tests.fakes.folder import FakeMedia, FakeVolume, fake_identity


class Mode(StrEnum):
    """What happens at the chosen operation."""

    EIO = "the device fails"
    FULL = "there is no room left"
    SHORT = "half of it is written, then the device fails"
    LIE = "other bytes are read back at once"
    ROT = "other bytes are kept, and nothing is said"
    GONE = "it is pulled"


WRITES = frozenset({Mode.FULL, Mode.SHORT, Mode.LIE, Mode.ROT})
"""Modes that only an operation can meet that writes bytes."""
_SAYS = {
    Mode.EIO: "the device failed",
    Mode.FULL: "there is no room left",
    Mode.SHORT: "the device failed",
    Mode.LIE: "reads back otherwise than it was written",
    Mode.GONE: "the device is gone",
}


class FaultyVolume(FakeVolume):
    """A volume whose operation number `at`, from 0, goes wrong as `mode` says; after it, it is as good as before, unless it is gone."""

    def __init__(self, identity: MediumIdentity) -> None:
        super().__init__(identity)
        self.trace: list[tuple[str, bool]] = []
        """Every operation so far, and whether it writes bytes."""
        self.at = -1
        self.mode = Mode.EIO

    def go_wrong_at(self, operation: int, mode: Mode) -> None:
        """Choose the operation."""
        self.at, self.mode = operation, mode

    def _meets(self, what: str, *, writes: bool = False) -> bool:
        """Count an operation; raise what goes wrong before anything is written, return whether something does while it is."""
        self.trace.append((what, writes))
        now = len(self.trace) - 1 == self.at
        if now and self.mode is Mode.GONE:
            self.plugged = False
        if not self.plugged or (now and self.mode is Mode.EIO):
            raise self._error(Mode.EIO if self.plugged else Mode.GONE)
        if now and self.mode is Mode.FULL and writes:
            raise self._error(Mode.FULL)
        return now and writes

    def _error(self, mode: Mode) -> StorageError:
        return StorageError(self.name, _SAYS[mode], hint="use another medium")

    def _spoil(self, path: str, before: bytes, data: bytes) -> None:
        """Leave what a bad write leaves; raise unless the medium says nothing."""
        kept = data[: len(data) // 2] if self.mode is Mode.SHORT else data[:-2] + bytes([data[-2] ^ 1]) + data[-1:]
        self.files[path] = before + kept
        if self.mode is not Mode.ROT:
            raise self._error(self.mode)

    def write(self, files: Mapping[str, bytes]) -> None:
        for path, data in files.items():
            spoiled = self._meets(f"write {path}", writes=True)
            super().write({path: data})
            if spoiled:
                self._spoil(path, b"", data)

    def write_stream(self, path: str, chunks: Iterable[bytes]) -> str:
        import hashlib

        whole = b"".join(chunks)
        self.write({path: whole})
        return hashlib.sha256(whole).hexdigest()

    def append(self, path: str, data: bytes) -> None:
        try:
            spoiled = self._meets(f"append {path}", writes=bool(data))
            before = self.files.get(path, b"")
            super().append(path, data)
            if spoiled:
                self._spoil(path, before, data)
        except StorageError:
            self._final = True
            raise

    def read(self, path: str) -> bytes:
        self._meets(f"read {path}")
        return super().read(path)

    def exists(self, path: str) -> bool:
        self._meets(f"exists {path}")
        return super().exists(path)

    def names(self) -> Sequence[str]:
        self._meets("names")
        return super().names()

    def remove(self, path: str) -> None:
        self._meets(f"remove {path}")
        super().remove(path)

    def set_aside(self, path: str, to: str) -> None:
        self._meets(f"set aside {path}")
        super().set_aside(path, to)

    def release(self) -> None:
        self._meets("release")
        super().release()

    def reopen(self) -> None:
        self._meets("reopen")
        super().reopen()


class Sockets(FakeMedia):
    """Media of which some go; `fresh` plugs another one in."""

    def __init__(self, **volumes: FakeVolume) -> None:
        super().__init__({role: FakeVolume(fake_identity(f"F{role}")) for role in ("a", "b", "courier")} | volumes)
        self._made = 0

    def candidates(self, role: str) -> Sequence[MediumIdentity]:
        return [identity for identity in super().candidates(role) if self.volumes[role].present()]

    def fresh(self, role: str) -> FakeVolume:
        """Plug a fresh medium in, in the place of what was there."""
        self._made += 1
        self.volumes[role] = FakeVolume(fake_identity(f"fresh-{self._made}"))
        return self.volumes[role]
