# SPDX-License-Identifier: Apache-2.0
"""Back-up and drill on two volumes, beside a plain copy of the same bytes to the same media, in the same run.

`bench.py` prints these rows with the others; alone: python scripts/bench_backup.py [KEYS]

The media are two plain folders and, for root, two loop devices each with ext4, with vfat
(with exfat where the kernel has no vfat), and with ext4 on a disk as slow as a USB 2 stick
(`bench_stick`). On each a ceremony is held in rehearsal up to the back-up, and then the
steps back-up and drill:

- work factor: how often age's scrypt was paid, for each volume, and how long it took;
- media: every call of those steps to a volume, made again on the same volume in a fresh
  folder: create, write, sync, sync the folders, read back and compare; the same for each
  line of the log; all that the drill reads. In turns with the plain copy;
- rest: that, and what this program does itself: encode, encrypt, decrypt, decode, compare
  each public half, record. Not in it: the work factor, wrapping the root key on its token,
  ejecting and putting back;
- memory: the peak of both steps, in a process of its own.
"""

from __future__ import annotations

import mmap
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import bench_room
import pyrage

from ceremony.core import bundle
from ceremony.steps.access import release
from ceremony.steps.room import BACKUPS, Room
from ceremony.volumes.store import FolderStore
from ceremony.volumes.usb import UsbMedia

TURNS = 12
KEYS = 1_000
MEMORY = (1_000, 10_000)
STEPS = ("back-up", "drill")
ROLES = 3
MIB = 128
CALLS = ("write", "append", "truncate", "remove", "set_aside", "read", "exists", "size", "names")
PEER = f"""plain copy: the same files and lines of the log, in the same order, to one volume after the other. Each file is created
        exclusively, written and synced, then the folders are synced, then each is read back past the page cache (O_DIRECT), not
        compared; each line is appended, synced and read back so. Once: the drill reads a second time.
        Of each of these, and of each call of ours, the best of {TURNS} turns; what this program does itself in time of the processor."""

Call = tuple[str, tuple[Any, ...]]
Line = tuple[str, bytes]


class Watch:
    """A stopwatch that counts; what it wraps and is called from within is not timed twice."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.processor = 0.0
        self.calls = 0
        self._running = False

    def wrap(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            if self._running:
                return call(*arguments, **named)
            self._running = True
            start, processor = time.perf_counter(), time.process_time()
            try:
                return call(*arguments, **named)
            finally:
                self._running = False
                self.seconds += time.perf_counter() - start
                self.processor += time.process_time() - processor
                self.calls += 1

        return timed


@dataclass
class Watches:
    """What is timed in a ceremony."""

    opening: Watch = field(default_factory=Watch)
    sealing: Watch = field(default_factory=Watch)
    media: Watch = field(default_factory=Watch)
    ejecting: Watch = field(default_factory=Watch)
    token: Watch = field(default_factory=Watch)


@dataclass
class Traced:
    """A volume, what was on it before the back-up, and every call since."""

    volume: Any
    before: dict[str, bytes]
    calls: list[Call] = field(default_factory=list)

    @property
    def written(self) -> Iterator[dict[str, bytes] | Line]:
        for name, arguments in self.calls:
            if name in {"write", "append"}:
                yield (arguments[0], arguments[1]) if name == "append" else arguments[0]

    @property
    def bytes(self) -> int:
        return sum(sum(map(len, each.values())) if isinstance(each, dict) else len(each[1]) for each in self.written)


@dataclass(frozen=True)
class Took:
    """Seconds of one ceremony's back-up and drill."""

    whole: float
    opening: float
    ejecting: float
    own: float
    """Of the processor: in neither of these, nor in the media, nor while a key is wrapped."""
    media: float
    copy: float
    opened: int
    sealed: int
    factor: int
    bytes: int


@contextmanager
def replaced(module: Any, name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Iterator[None]:
    """Put a wrapped function in a module's place for a while."""
    real = getattr(module, name)
    setattr(module, name, wrap(real))
    try:
        yield
    finally:
        setattr(module, name, real)


def attach(room: Room, watches: Watches) -> list[Traced]:
    """Time and note every call to the two volumes from now on, and to the tokens when they wrap a key."""
    token: Any
    for token in room.tokens.values():
        token.wrap = watches.token.wrap(token.wrap)
    traced = []
    for role in BACKUPS:
        volume: Any = room.volumes[role]
        trace = Traced(volume, {path: volume.read(path) for path in volume.names()})
        for name in CALLS:
            setattr(volume, name, watches.media.wrap(noting(trace.calls, name, getattr(volume, name))))
        volume.reopen = watches.ejecting.wrap(volume.reopen)
        traced.append(trace)
    return traced


def noting(calls: list[Call], name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """Note a call on its way."""

    def noted(*arguments: Any) -> Any:
        calls.append((name, arguments))
        return call(*arguments)

    return noted


def ceremony(folder: Path, count: int, media: UsbMedia | None) -> Took:
    """Hold one ceremony to the end of its drill, then do on its volumes once more what it did, and a plain copy."""
    watches = Watches()
    with (
        replaced(pyrage.passphrase, "encrypt", watches.sealing.wrap),
        replaced(pyrage.passphrase, "decrypt", watches.opening.wrap),
    ):
        room = bench_room.room_before(STEPS[0], folder, count, media)
        traced = attach(room, watches)
        start, own = time.perf_counter(), time.process_time()
        for step in STEPS:
            bench_room.do(room, step)
        whole, own = time.perf_counter() - start, time.process_time() - own
        own -= sum(watch.processor for watch in (watches.opening, watches.media, watches.ejecting, watches.token))
    factor = work_factor(room)
    mine, copies = [], []
    for turn in range(TURNS):
        mine.append([seconds for trace in traced for seconds in once_more(trace, f"mine-{turn}")])
        copies.append([seconds for trace in traced for seconds in plain_copy(trace, f"plain-{turn}")])
    release(room)
    room.keyring.drop()
    return Took(
        whole, watches.opening.seconds, watches.ejecting.seconds, own, best(mine), best(copies),
        watches.opening.calls, watches.sealing.calls, factor, sum(trace.bytes for trace in traced),
    )  # fmt: skip


def work_factor(room: Room) -> int:
    """Return the work factor of the one file that is under a passphrase."""
    volume = room.volumes[BACKUPS[0]]
    heads = {path: volume.read(path).partition(b"\n---")[0] for path in volume.names() if path.endswith(".age")}
    factors = {path: int(found[1]) for path, head in heads.items() if (found := re.search(rb"-> scrypt \S+ ([0-9]+)\n", head))}
    if list(factors) != [room.on_volume(bundle.IDENTITY)]:
        raise SystemExit(f"under a passphrase: {list(factors)}")
    return factors.popitem()[1]


def best(turns: list[list[float]]) -> float:
    """Return the sum of each act's best time: whatever else the machine does hits some of them in some turns."""
    return float(sum(min(times) for times in zip(*turns, strict=True)))


def timed(act: Callable[[], object]) -> float:
    """Return the seconds of an act."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def once_more(trace: Traced, name: str) -> list[float]:
    """Call the volume once more as it was called, in a folder of its own beside the ceremony's; return the seconds of each call."""
    store = FolderStore(trace.volume.path / name, medium=True)
    store.path.mkdir()
    for path, data in trace.before.items():
        store.append(path, data)
    return [timed(partial(getattr(store, call), *arguments)) for call, arguments in trace.calls]


def plain_copy(trace: Traced, name: str) -> list[float]:
    """Write what was written once more, without this program; return the seconds of each write."""
    folder = Path(trace.volume.path / name)
    for path, data in trace.before.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        put(folder / path, data, os.O_CREAT)
    return [
        timed(partial(copy_files, folder, each) if isinstance(each, dict) else partial(copy_line, folder, *each))
        for each in trace.written
    ]


def copy_line(folder: Path, path: str, line: bytes) -> None:
    """Append a line, sync it and read it back."""
    size = (folder / path).stat().st_size
    put(folder / path, line, os.O_APPEND)
    read_back(folder / path, size)


def copy_files(folder: Path, files: dict[str, bytes]) -> None:
    """Write files one after the other, each synced, then sync their folders and read all of them back."""
    for path, data in files.items():
        put(folder / path, data, os.O_CREAT | os.O_EXCL)
    for each in {(folder / path).parent for path in files}:
        descriptor = os.open(each, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    for path in files:
        read_back(folder / path)


def put(path: Path, data: bytes, flags: int) -> None:
    """Write and sync a file."""
    descriptor = os.open(path, os.O_WRONLY | flags, 0o644)
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
    os.fsync(descriptor)
    os.close(descriptor)


def read_back(path: Path, start: int = 0) -> None:
    """Read a file past the page cache, from the page where `start` is."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECT)
    size, at = os.fstat(descriptor).st_size, start // mmap.PAGESIZE * mmap.PAGESIZE
    with mmap.mmap(-1, min(1 << 20, (size - at) // mmap.PAGESIZE * mmap.PAGESIZE + mmap.PAGESIZE)) as buffer:
        while at < size:
            at += os.preadv(descriptor, [buffer], at)
    os.close(descriptor)


# --- the media --------------------------------------------------------------------


def on_folders(count: int) -> Took:
    """Hold a ceremony on plain folders of this machine."""
    with tempfile.TemporaryDirectory(prefix="ceremony-bench-") as name:
        return ceremony(Path(name), count, None)


def on_sticks(count: int, file_system: str, *, slow: bool = False) -> Took:
    """Hold a ceremony on loop devices that are shown as USB sticks."""
    import bench_stick

    from tests.peers.usb import Hub

    with (
        tempfile.TemporaryDirectory(prefix="ceremony-bench-") as name,
        (bench_stick.SlowHub if slow else Hub)(Path(name)) as hub,
    ):
        for number in range(ROLES):
            hub.stick(serial=f"B{number}", file_systems=[file_system], mib=MIB, faulty=slow)
        with hub.media() as media:
            return ceremony(Path(name), count, media)


def portable() -> str:
    """Return vfat, or exfat where this kernel cannot mount vfat."""
    from tests.peers.usb import Hub

    with tempfile.TemporaryDirectory(prefix="ceremony-bench-") as name, Hub(Path(name)) as hub:
        stick = hub.stick(file_systems=["vfat"])
        done = subprocess.run(["mount", stick.device, hub.places], capture_output=True, check=False)
        return "exfat" if done.returncode else "vfat"


def media() -> dict[str, Callable[[int], Took]]:
    """Return what this machine can measure on: name → how."""
    found: dict[str, Callable[[int], Took]] = {"folder": on_folders}
    if os.geteuid() != 0:
        print("backup  on folders alone: only root makes loop devices")
        return found
    sys.path.append(str(Path(__file__).resolve().parent.parent))
    file_system = portable()
    return found | {
        "ext4": partial(on_sticks, file_system="ext4"),
        file_system: partial(on_sticks, file_system=file_system),
        "usb2": partial(on_sticks, file_system="ext4", slow=True),
    }


# --- what is printed --------------------------------------------------------------


def backup(count: int = KEYS) -> None:
    """Print how long it takes to back up and drill `count` repository keys on two volumes of each kind."""
    print(f"backup  {PEER}")
    for name, hold in media().items():
        took = hold(count)
        print(
            f"backup  {name:6} {took.whole:6.2f} s for {count:,} keys on two volumes, {took.opening:.2f} s of it the work factor,"
            f" {took.ejecting:.2f} s to eject and put back"
        )
        print(
            f"backup  {name:6} work factor 2^{took.factor}, paid {took.opened / len(BACKUPS):g} times a volume to open (to reach: 1),"
            f" {took.sealed} time for both to seal"
        )
        row(name, "media", took.media, took, "at most: 1.5")
        each = took.own / count / len(BACKUPS) * 1e6
        row(name, "rest", took.media + took.own, took, f"at most: 1.5; this program {each:.0f} us a key and volume")
    memory()


def row(name: str, what: str, seconds: float, took: Took, note: str) -> None:
    """Print one ratio."""
    copied = f"plain copy {took.copy:7.3f} s of {took.bytes / 1e6:.2f} MB"
    print(f"backup  {name:6} {what:5} {seconds:7.3f} s    {copied}    ratio {seconds / took.copy:5.2f}   ({note})")


def memory() -> None:
    """Print the peak memory of back-up and drill, each size in a process of its own."""
    for count in MEMORY:
        done = subprocess.run([sys.executable, __file__, "--peak", str(count)], check=True, capture_output=True, text=True)
        before, least, most = (int(part) / 1024 for part in done.stdout.split())
        print(
            f"backup  memory {least:7.1f} MiB at {count:,} keys ({before:.1f} before the back-up), {most:.1f} MiB while the work factor is paid"
        )


def peak(count: int) -> None:
    """Print, in KB, the peak memory before the back-up, in back-up and drill besides age's scrypt, and within it."""
    highest, scrypt = [0], [0]

    def look(into: list[int]) -> None:
        into[0] = max(into[0], int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]))
        Path("/proc/self/clear_refs").write_text("5")

    def wrap(call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*arguments: Any) -> Any:
            look(highest)
            try:
                return call(*arguments)
            finally:
                look(scrypt)

        return watched

    with tempfile.TemporaryDirectory(prefix="ceremony-bench-") as name:
        with replaced(pyrage.passphrase, "encrypt", wrap), replaced(pyrage.passphrase, "decrypt", wrap):
            room = bench_room.room_before(STEPS[0], Path(name), count)
            before = int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0])
            highest[0] = scrypt[0] = 0
            Path("/proc/self/clear_refs").write_text("5")
            for step in STEPS:
                bench_room.do(room, step)
            look(highest)
        release(room)
    print(before, highest[0], scrypt[0])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        peak(int(sys.argv[2]))
    else:
        backup(int(sys.argv[1]) if len(sys.argv) > 1 else KEYS)
