# SPDX-License-Identifier: Apache-2.0
"""Finished ceremonies to attack, and what only insiders have: people's keys and the tokens.

`ours` and `theirs` are two ceremonies of the same people; the second was held with other
tokens and on another day. `shadow` is one of other people under the same names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

import pytest

from ceremony.core import bundle
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Custody, Mode, RootPlan
from ceremony.core.ports import Reporter
from ceremony.core.software_key import SoftwareKey
from ceremony.errors import ExitCode, StorageError
from tests.fakes import room
from tests.fakes.cosigner import FakeCosigner
from tests.fakes.folder import FakeMedia, FakeVolume, fake_identity
from tests.fakes.host import CountingEntropy, FakeClock
from tests.fakes.reporter import FakeReporter
from tests.fakes.room import Ceremony, plan, repository
from tests.fakes.token import fake_rack

NAMES = ("Ada", "Sam", "Wim")
NEEDED = ("Sam", "Wim")
"""Whose signatures the quorum asks for."""
APP = "docker.io/acme/app"
_DAYS = {"ours": 19, "theirs": 20, "shadow": 19}
_IDS = {"ours": "c0", "theirs": "0c", "shadow": "c0"}


class Held:
    """`ports.Readable` over files in memory: nothing is copied, nothing is checked, as many are read."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files

    def names(self) -> Sequence[str]:
        return sorted(self.files, key=str.encode)

    def read(self, path: str) -> bytes:
        try:
            return self.files[path]
        except KeyError:
            raise StorageError("folder", f"holds no {path}", hint="read what is there") from None


@dataclass(frozen=True)
class Base:
    """A finished ceremony."""

    mode: Mode
    files: Mapping[str, bytes]
    people: FakeCosigner
    """Their keys: what no attacker has."""
    roots: Mapping[str, SoftwareKey]
    """Serial → root key: what no attacker has."""
    reporter: Reporter = field(default_factory=FakeReporter)

    @property
    def signers(self) -> bytes:
        """The people's keys, as an auditor brings them: of a practice none."""
        return signers_of(self.people) if self.mode is Mode.PRODUCTION else b""

    @property
    def last(self) -> int:
        """The number of the last head."""
        return bundle.highest_head(self.files)


def signers_of(people: FakeCosigner, names: Sequence[str] = NAMES, options: str = 'namespaces="ceremony-head"') -> bytes:
    """Return an `allowed_signers` file of these people."""
    rows = [" ".join(filter(None, (bundle.slug(name), options, people.line(name)))) for name in names]
    return "".join(f"{row}\n" for row in rows).encode()


@cache
def _people(which: str) -> FakeCosigner:
    return FakeCosigner(NAMES)


@cache
def base(mode: Mode = Mode.PRACTICE, which: str = "ours") -> Base:
    """Return a finished ceremony of this mode."""
    media = FakeMedia({role: FakeVolume(fake_identity(f"F{role}", folder=False)) for role in ("a", "b", "courier")})
    people = _people("others" if which == "shadow" else "same")
    with pytest.MonkeyPatch.context() as patch:
        room.quicken(patch)
        patch.setattr(room, "FakeCosigner", lambda _: people)
        root = RootPlan(Algorithm.ECDSA_P256, ("root-a",), 1, Custody.TOKEN_WRAPPED)
        rack = fake_rack("root-a", software=mode is Mode.PRACTICE)
        ceremony = Ceremony(
            plan=plan(repository(APP), root=root),
            mode=mode,
            media=media,
            rack=rack,
            ceremony=_IDS[which] * 16,
            clock=FakeClock(datetime(2026, 11, _DAYS[which], 9, 0, tzinfo=UTC)),
            entropy=CountingEntropy(which),
        )
        assert ceremony.hold() is ExitCode.DONE
    device = rack.devices["root-a"]
    return Base(mode, dict(ceremony.folder.files), people, {device.serial: device.keys[0].private})
