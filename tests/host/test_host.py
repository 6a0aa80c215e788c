# SPDX-License-Identifier: Apache-2.0
"""Clocks, chance, protected memory and the program's own digest, on this machine as it is."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path

import pytest

from ceremony.errors import CeremonyError
from ceremony.host import memory, tool
from ceremony.host.clocks import SystemClock
from ceremony.host.entropy import SystemEntropy


def test_the_clocks_go_forward_and_name_the_boot() -> None:
    clock = SystemClock()
    assert abs(clock.utc() - datetime.now(UTC)) < timedelta(seconds=5)
    assert clock.utc().utcoffset() == timedelta()
    assert 0 < clock.mono_ns() <= clock.mono_ns()
    assert clock.boot() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def test_a_machine_that_hides_its_boot_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CeremonyError, match="the id of this boot cannot be read"):
        SystemClock(tmp_path / "missing")


def test_random_bytes_are_as_many_as_asked_and_never_the_same() -> None:
    entropy = SystemEntropy()
    assert [len(entropy.bytes(count)) for count in (0, 1, 32)] == [0, 1, 32]
    assert entropy.bytes(32) != entropy.bytes(32)


PROTECT = """
import dataclasses, json, resource, subprocess, sys
from pathlib import Path
from ceremony.host import memory
if len(sys.argv) > 1:
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, 65536))
    resource.setrlimit = lambda which, limits, real=resource.setrlimit: (
        real(which, limits) if which != resource.RLIMIT_MEMLOCK else (_ for _ in ()).throw(ValueError("not allowed")))
    memory._capable = lambda status: False
facts = dataclasses.asdict(memory.protect())
bytes(20_000_000)  # later allocations still work
facts["VmLck"] = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmLck" in line)
facts["child"] = subprocess.run(["sh", "-c", "ulimit -c"], capture_output=True, text=True, check=True).stdout.strip()
print(json.dumps(facts))
"""


def _protect(*arguments: str) -> dict[str, object]:
    done = subprocess.run([sys.executable, "-c", PROTECT, *arguments], capture_output=True, text=True, check=True)
    facts: dict[str, object] = json.loads(done.stdout)
    return facts


def test_forbids_core_dumps_here_and_in_what_is_started_from_here() -> None:
    facts = _protect()
    assert (facts["not_dumpable"], facts["no_core_files"], facts["child"]) == (True, True, "0")


def test_says_that_memory_is_locked_only_when_it_is() -> None:
    facts = _protect()
    assert facts["locked"] is (facts["VmLck"] != "0")


def test_locks_nothing_where_a_limit_would_break_later_allocations() -> None:
    facts = _protect("limited")
    assert (facts["locked"], facts["VmLck"]) == (False, "0")


@pytest.mark.parametrize(
    ("status", "capable"),
    [
        pytest.param("Name:\tx\nCapEff:\t0000000000004000\n", True, id="may"),
        pytest.param("CapEff:\t000001ffffffbfff\n", False, id="may everything else"),
        pytest.param("Name:\tx\n", False, id="does not say"),
        pytest.param(None, False, id="cannot be read"),
    ],
)
def test_reads_the_right_to_lock_memory(tmp_path: Path, status: str | None, capable: bool) -> None:
    if status is not None:
        (tmp_path / "status").write_text(status)
    assert memory._capable(tmp_path / "status") is capable


# --- the program itself -----------------------------------------------------------


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for path, data in {
        "__init__.py": b"",
        "core/b.py": b"2",
        "core/a.py": b"1",
        "core/__pycache__/a.pyc": b"?",
        "Z.txt": b"z",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    return tmp_path


def test_lists_the_program_as_sha256sum_does(package: Path) -> None:
    names = ["Z.txt", "__init__.py", "core/a.py", "core/b.py"]
    printed = subprocess.run(["sha256sum", *names], cwd=package, capture_output=True, check=True).stdout
    assert tool.file_list(package) == printed
    assert tool.tool(package).sha256 == hashlib.sha256(printed).hexdigest()


def test_the_command_in_the_description_makes_the_same_digest() -> None:
    (line,) = [line for line in (tool.__doc__ or "").splitlines() if line.startswith("    cd ceremony")]
    done = subprocess.run(["bash", "-c", line], cwd=tool.PACKAGE.parent, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == tool.tool().sha256


def test_every_change_of_the_program_changes_its_digest(package: Path) -> None:
    seen = {tool.tool(package).sha256}
    (package / "core/a.py").write_bytes(b"1 ")
    seen.add(tool.tool(package).sha256)
    (package / "core/a.py").rename(package / "core/c.py")
    seen.add(tool.tool(package).sha256)
    (package / "more").write_bytes(b"")
    seen.add(tool.tool(package).sha256)
    assert len(seen) == 4


def test_knows_its_version_or_says_that_it_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    monkeypatch.setattr(metadata, "files", missing)
    assert tool.tool().version == "unknown"
    assert tool.released() == {}


def test_reads_what_a_wheel_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "ceremony-9.dist-info"
    (tmp_path / "ceremony").mkdir()
    info.mkdir()
    (tmp_path / "ceremony" / "a.py").write_bytes(b"1")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ceremony\nVersion: 9\n")
    (info / "RECORD").write_text(
        "ceremony/a.py,sha256=a4ayc_80_OGda4BO_1o_V0etpOqiLx1JwB5S3beHW0s,1\n"
        "ceremony-9.dist-info/METADATA,sha256=AAAA,1\nceremony/__pycache__/a.pyc,,\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert tool.tool(tmp_path / "ceremony").version == "9"
    assert tool.released() == tool.digests(tmp_path / "ceremony")
    assert tool.differences(tool.digests(tmp_path / "ceremony"), tool.released()) == []
