# SPDX-License-Identifier: Apache-2.0
"""Benchmarks of the verifiers: records a second beside `sha256sum` and a bare JSON parse of the same log, in the same run.

    python scripts/bench_evidence.py [RECORDS]      default 1,000,000

- log: form, chain, Merkle tree and digest of a log that is read once and not kept, beside
  `json.loads` of each line and the program sha256sum; and the most memory that took;
- shell: `verify.sh` over a common rehearsal, beside `ceremony audit` of the same folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ceremony.cli.folder import open_folder
from ceremony.core import log
from ceremony.core.audit import audit
from ceremony.core.bundle import VERIFIER
from ceremony.core.log import Tail
from ceremony.core.record import FIRST_PREV, Outcome, Record
from ceremony.report import Report

RECORDS = 1_000_000
MIB = 1024
"""Of the KiB that getrusage(2) counts in."""


def timed(act: Callable[[], object]) -> float:
    """Return how many seconds of this process an act took."""
    before = time.process_time()
    act()
    return time.process_time() - before


def write(path: Path, count: int) -> None:
    """Write a log of so many records, as a large fleet's ceremony has them."""
    prev = FIRST_PREV
    with path.open("wb") as file:
        for seq in range(count):
            body: dict[str, object] = {"action": "sign-root", "key": f"5f3c21d0/{seq:07}", "count": 16, "messages": prev}
            line = Record(
                "c0" * 16, seq, prev, "5a" * 16, "2026-11-19T09:14:02.120331Z", seq, "b1f4", "intent", "sign", "ceremony",
                "Ada Example", Outcome.PENDING, body,
            ).line()  # fmt: skip
            file.write(line)
            prev = hashlib.sha256(line).hexdigest()


def hashed(path: Path, whole: hashlib._Hash) -> Iterator[bytes]:
    """Yield the lines of a file, and take each into a digest."""
    with path.open("rb") as file:
        for line in file:
            whole.update(line)
            yield line


def verify(path: Path) -> Tail:
    """Verify form and chain of a log that is read once, and return where it ends."""
    chain, whole = log.Chain(), hashlib.sha256()
    for _record in log.records(hashed(path, whole), chain):
        pass
    return chain.tail()


def parse(path: Path) -> None:
    """Parse each line, and nothing else."""
    with path.open("rb") as file:
        for line in file:
            json.loads(line)


def logs(count: int) -> None:
    """Print how fast a log is verified."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ceremony.jsonl"
        write(path, count)
        before = time.monotonic()
        subprocess.run(["sha256sum", path], check=True, stdout=subprocess.DEVNULL)
        peer = time.monotonic() - before
        bare, ours = timed(lambda: parse(path)), timed(lambda: verify(path))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
        size = path.stat().st_size / 2**20
    print(f"log      {count:,} records, {size:.0f} MiB: {ours:.1f} s, {count / ours:,.0f} a second, {peak:.0f} MiB at most")
    print(f"         json.loads {bare:.1f} s: {bare / ours:.2f} of its speed; sha256sum {peer:.1f} s")


def shell() -> None:
    """Print how fast a common folder is verified by the shell script, and by us."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "rehearsal"
        program = [sys.executable, "-m", "ceremony", "rehearse", "--auto", "--out", str(folder)]
        subprocess.run(program, check=True, capture_output=True, env=os.environ | {"NO_COLOR": "1"})
        ceremony = folder / "ceremony"
        script = Path(place) / VERIFIER
        script.write_bytes(Report().verifier())
        before = time.monotonic()
        subprocess.run(["sh", script, ceremony], check=True, stdout=subprocess.DEVNULL)
        by_script = time.monotonic() - before
        before = time.monotonic()
        with open_folder(ceremony) as reader:
            found = audit(reader, reporter=Report())
        ours = time.monotonic() - before
    print(f"shell    {len(found.found.records)} records: verify.sh {by_script:.1f} s, audit {ours:.1f} s")


def evidence(count: int = RECORDS) -> None:
    """Print all of it."""
    logs(count)
    shell()


if __name__ == "__main__":
    evidence(int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS)
