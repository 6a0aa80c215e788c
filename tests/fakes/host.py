# SPDX-License-Identifier: Apache-2.0
"""A machine, clocks and chance that a test decides on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ceremony.core.machine_checks import MATTERS
from ceremony.core.port_values import AIR_GAP
from ceremony.core.ports import Check, ToolFacts


class FakeClock:
    """A clock that moves by `step` each time it is read."""

    def __init__(
        self, start: datetime = datetime(2026, 11, 19, 9, 0, tzinfo=UTC), step: timedelta = timedelta(seconds=1)
    ) -> None:
        self.now = start
        self.step = step
        self.boot_id = "00000000-0000-4000-8000-000000000001"
        self._ticks = 0

    def utc(self) -> datetime:
        self.now += self.step
        return self.now

    def mono_ns(self) -> int:
        self._ticks += 1_000_000
        return self._ticks

    def boot(self) -> str:
        return self.boot_id

    def reboot(self, boot_id: str = "00000000-0000-4000-8000-000000000002") -> None:
        """Start again with another boot id, the monotonic clock at nought."""
        self.boot_id = boot_id
        self._ticks = 0


class CountingEntropy:
    """Bytes that are the same in every run, and different at every call; `taken` counts them."""

    def __init__(self, seed: str = "entropy") -> None:
        self.seed = seed
        self.taken = 0
        self._calls = 0

    def bytes(self, count: int) -> bytes:
        self.taken += count
        self._calls += 1
        return hashlib.shake_256(f"{self.seed} {self._calls}".encode()).digest(count)


class FakeHost:
    """A machine with the checks that a test gives it, by default one that passed; a `whole` one passes all others too, as a production wants."""

    def __init__(self, checks: Sequence[Check] | None = None, tool: ToolFacts | None = None, *, whole: bool = False) -> None:
        self.checks = checks if checks is not None else [Check("network", passed=True, saw="no interface is up but lo", hint="")]
        self.whole = whole
        self.facts = tool or ToolFacts(version="0.0.test", sha256="5a" * 32)
        self.needed: list[int] = []
        self.gaps = [True]

    def preflight(self, needed_bytes: int) -> Sequence[Check]:
        self.needed.append(needed_bytes)
        if not self.whole:
            return self.checks
        fit = {name: Check(name, passed=True, saw=f"{name} is fit", hint="") for name in MATTERS}
        return [*(fit | {check.name: check for check in self.checks}).values()]

    def air_gap(self) -> Check:
        """Return what `gaps` says: the next of them, the last one for good."""
        passed = self.gaps.pop(0) if len(self.gaps) > 1 else self.gaps[0]
        return Check(
            AIR_GAP, passed, saw="cut off from every network" if passed else "eth0 is up", hint="" if passed else "unplug it"
        )

    def tool(self) -> ToolFacts:
        return self.facts
