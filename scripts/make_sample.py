# SPDX-License-Identifier: Apache-2.0
"""Make the sample ceremony folder of the self-test anew, by holding the practice of `sample-plan.toml`.

It is a real rehearsal, of which two things are left out: what the machine that makes it is like,
and those lines of the self-test that need a sample. Run it when the rules of an audit change; a
test says so. With a path, the sample is written there instead.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ceremony.cli import self_test_sample, stage
from ceremony.cli.main import main as ceremony
from ceremony.cli.self_test_checks import Line, ProgramTest
from ceremony.core.ports import Check
from ceremony.host import memory
from ceremony.host.clocks import SystemClock
from ceremony.host.preflight import SystemHost

PLAN = Path(__file__).with_name("sample-plan.toml")
SAW = "as it must be; a sample tells nothing of the machine that made it"
MAX_BYTES = 300_000


class Nowhere(SystemHost):
    """A machine of which nothing is told."""

    def preflight(self, needed_bytes: int) -> Sequence[Check]:
        return [self._untold(check) for check in super().preflight(needed_bytes)]

    def air_gap(self) -> Check:
        return self._untold(super().air_gap())

    @staticmethod
    def _untold(check: Check) -> Check:
        return replace(check, passed=True, saw=SAW, hint="")


class WithoutSample(ProgramTest):
    """The self-test before there is a sample."""

    def lines(self) -> Iterator[Line]:
        return (line for line in super().lines() if not line.name.startswith("sample"))


def hold(out: Path) -> bytes:
    """Hold the practice; return the tar that its courier carries."""
    stage.host_of = lambda held: Nowhere(held.folder, clock=SystemClock(), protection=memory.protect())
    stage.ProgramTest = WithoutSample
    code = ceremony(["rehearse", str(PLAN), "--auto", "--out", str(out)])
    if code:
        sys.exit(code)
    (tar,) = (out / "courier").glob("*.tar")
    return tar.read_bytes()


def main(arguments: Sequence[str]) -> None:
    path = Path(arguments[0]) if arguments else self_test_sample.SAMPLE
    with tempfile.TemporaryDirectory() as folder:
        packed = gzip.compress(hold(Path(folder) / "rehearsal"), mtime=0)
        new = Path(folder) / "sample.tar.gz"
        new.write_bytes(packed)
        files = self_test_sample.read(new)
        print(self_test_sample.verifies(files))
        for twin in self_test_sample.TWINS:
            print(f"{twin.what}: {self_test_sample.is_refused(files, twin)}")
    if len(packed) > MAX_BYTES:
        sys.exit(f"{len(packed)} bytes are more than the {MAX_BYTES} that a sample may have")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packed)
    print(f"{path.name}: {len(packed)} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
