# SPDX-License-Identifier: Apache-2.0
"""A process that dies at a chosen act: before it, in its middle, or just after it.

An act is whatever leaves a trace outside the process: a file begun, a line
appended, a key made, wrapped, locked or used, a YubiKey changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.fakes.folder import FakeFolder, FakeVolume
from tests.fakes.token import FakeRack, FakeToken


def deaths(first: int, end: int, when: str) -> range:
    """Return the acts to die at, from `first` to before `end`.

    What a death after an act leaves is what one before the next leaves: `before` and `after` take
    every second act each, and together miss nothing. `within` takes every act.
    """
    return range(first, end, 1 if when == "within" else 2)


class Killed(BaseException):
    """The process dies: nothing catches it."""


class Fate:
    """Counts acts and dies at one of them; `when` is `before`, `within` or `after`.

    Who is dead does nothing any more: no act of what runs while Python unwinds reaches a folder
    or token, as none does after a power cut.
    """

    def __init__(self) -> None:
        self.acts = 0
        self.at = -1
        self.when = "before"
        self.dead = False
        self.trace: list[str] = []

    def die_at(self, act: int, when: str) -> None:
        """Die at this act, counted from 0."""
        self.at, self.when, self.dead = act, when, False

    def live(self) -> None:
        """Die no more."""
        self.at, self.dead = -1, False

    def meets(self, what: str, when: str) -> bool:
        """Tell whether the act now under way is the last; `before` counts it. Raises Killed when it comes after the last."""
        if self.dead:
            raise Killed(what)
        if when == "before":
            self.acts += 1
            self.trace.append(what)
        self.dead = self.acts - 1 == self.at and self.when == when
        return self.dead

    def pass_by(self, what: str, when: str) -> None:
        """Die here, if it is time."""
        if self.meets(what, when):
            raise Killed(what)


class _Mortal(FakeFolder):
    fate: Fate

    def write(self, files: Mapping[str, bytes]) -> None:
        for path, data in files.items():
            self.fate.pass_by(f"write {path}", "before")
            if self.fate.meets(path, "within"):
                super().write({path: data[: len(data) // 2]})
                raise Killed(path)
            super().write({path: data})
            self.fate.pass_by(path, "after")

    def write_stream(self, path: str, chunks: Iterable[bytes]) -> str:
        whole = b"".join(chunks)
        self.write({path: whole})
        import hashlib

        return hashlib.sha256(whole).hexdigest()

    def append(self, path: str, data: bytes) -> None:
        self.fate.pass_by(f"append {path}", "before")
        if self.fate.meets(path, "within"):
            super().append(path, data[: len(data) // 2])
            raise Killed(path)
        super().append(path, data)
        self.fate.pass_by(path, "after")

    def set_aside(self, path: str, to: str) -> None:
        self.fate.pass_by(f"set aside {path}", "before")
        super().set_aside(path, to)
        self.fate.pass_by(path, "after")

    def truncate(self, path: str, size: int) -> None:
        self.fate.pass_by(f"truncate {path}", "before")
        super().truncate(path, size)
        self.fate.pass_by(path, "after")


class MortalFolder(_Mortal):
    """A folder whose writer can die."""

    def __init__(self, fate: Fate) -> None:
        super().__init__()
        self.fate = fate


class MortalVolume(_Mortal, FakeVolume):
    """A volume whose writer can die."""

    def __init__(self, fate: Fate, identity: Any) -> None:
        super().__init__(identity)
        self.fate = fate


class MortalRack(FakeRack):
    """Tokens whose user can die around each act on them."""

    def __init__(self, fate: Fate, rack: FakeRack) -> None:
        super().__init__(*rack.devices.values())
        self.fate = fate

    def open(self, name: str) -> FakeToken:
        return _around(super().open(name), self.fate)


_CHANGES = (*("wipe", "set_tries", "change_pin", "change_puk", "unblock_pin", "set_management_key", "store_certificate"),)


def _around(token: FakeToken, fate: Fate) -> FakeToken:
    for name in ("generate", "import_key", "unwrap", "lock", "wrap", "sign"):
        setattr(token, name, _mortal(getattr(token, name), name, fate))
    for name in _CHANGES if token.piv is not None else ():
        setattr(token.piv, name, _mortal(getattr(token.piv, name), name, fate))
    return token


def _mortal(method: Any, name: str, fate: Fate) -> Any:
    def call(*args: object) -> object:
        fate.pass_by(name, "before")
        result = method(*args)
        fate.pass_by(name, "after")
        return result

    return call
