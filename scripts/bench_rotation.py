# SPDX-License-Identifier: Apache-2.0
"""Rotations of a fleet whose targets key was stolen: the offline part, beside `notary key rotate` in a loop, in turns.

`bench.py` prints these rows with the others; alone: python scripts/bench_rotation.py [REPOSITORIES...]     default 10,000

The ceremony is a rehearsal: its request is recorded in its folder, and the root key is on a
throw-away SoftHSM token, in its own worker process. Each repository was published as
`notary init -p` and `notary add -p` leave it, by a server with ECDSA keys: one root, two
versions of targets, one tag, snapshot and timestamp.

- rotate: 1,000 repositories, one stolen key. Every step from the recorded request to the
  verified files: each file read back and verified, impact and agenda, new keys, review, root
  signatures by the token, targets signatures, files written and synced, read back and judged.
  Beside `notary key rotate GUN targets`, software keys, a real server on loopback. With
  everything of both in this machine's memory (where a live system has it), and on its disk.
  The backups, which the stock client has none of, are printed apart; most of them is age's
  work factor, paid three times;
- scale: time and peak memory of the same, 40 stolen keys, each size in a process of its own.
  Not in the peak: age's work factor, 512 MiB for a moment, whatever the size;
- impact: which of all these repositories 40 stolen keys touch, once they were read.
"""

from __future__ import annotations

import base64
import gc
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import bench_room

from ceremony.cli import rehearse, stage
from ceremony.cli.earlier import Earlier
from ceremony.cli.practice import Rehearsal, load
from ceremony.cli.practice_request import read_request
from ceremony.cli.practice_roots import PracticeRoots, practice_roots
from ceremony.cli.practice_server import Offer, request_files
from ceremony.core import software_key
from ceremony.core.bundle import LOG
from ceremony.core.canonical import encode_trusted
from ceremony.core.dialects import Draft, RepositorySpec, RootKey, Signature
from ceremony.core.dialects.notary import DIALECT, key_entry
from ceremony.core.dialects.notary_sequel import SEQUEL
from ceremony.core.keys import Algorithm
from ceremony.core.plan import Plan
from ceremony.core.plan_reader import read_plan
from ceremony.core.rotation.impact import compromised, impact, index
from ceremony.core.software_key import SoftwareKey
from ceremony.host.entropy import SystemEntropy
from ceremony.steps.access import release
from ceremony.steps.opening import Inputs, open_ceremony
from ceremony.steps.room import Room
from ceremony.volumes.logfile import LogFiles
from ceremony.volumes.store import FolderStore

if TYPE_CHECKING:
    from tests.peers.notary import NotaryServer

COUNT = 1_000
LARGE = 10_000
TURNS = 3
PEERS = 100
"""Repositories that the stock client rotates in a turn: it takes as long for each."""
TO_REACH = 20
STOLEN = 40
MOST_KB = 20
MOST_SECONDS = 2
MEMORY = Path("/dev/shm")
PARTS = ("load-request", "impact", "repository-keys", "review", "sign", "verify")
APART = ("back-up", "drill")
SCRYPT = ("protector", "drill")
PREFIX = "docker.io/acme/"
ECDSA = Algorithm.ECDSA_P256
PLAN = """
schema = 1
name = "bench"
kind = "rotation"
dialect = "notary"
facility = "bench"
previous = "first"
trusted-root = "{trusted}"
[root]
tokens = ["root-a"]
[compromised]
keys = {stolen}
reason = "bench"
deliver-to = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
[backup]
protect = "passphrase"
[[people]]
name = "Ada"
role = "administrator"
organisation = "Acme"
key = ""
[[people]]
name = "Sam"
role = "security-officer"
organisation = "Acme"
key = ""
[[people]]
name = "Wim"
role = "witness"
organisation = "Notaries"
key = ""
independent = true
[close]
quorum = { witness = 1 }
"""


class Quiet(bench_room.Quiet):
    """Answers as a rehearsal does, strikes out no tag, and agrees to whom stolen keys touch."""

    def ask(self, prompt: object, default: str = "") -> str:
        return default

    def study(self, *_: object) -> bool:
        return True


@dataclass(frozen=True)
class World:
    """A fleet as it was fetched, the plan of its rotation, and the rehearsal that has its root's token."""

    trusted: str
    """Key ids."""
    stolen: Sequence[str]
    request: Mapping[str, bytes]
    first: Rehearsal

    @property
    def plan(self) -> Plan:
        text = PLAN.replace("{trusted}", self.trusted).replace("{stolen}", json.dumps(list(self.stolen)))
        return read_plan(text.encode(), {})


# --- the fleet --------------------------------------------------------------------


def world(folder: Path, count: int, stolen: int) -> World:
    """Publish so many repositories, whose targets are signed by `stolen` keys, dealt one after the other."""
    first = Rehearsal(folder / "first")
    prepared = rehearse.set_stage(first, World("0" * 64, ["1" * 64], {}, first).plan, None)
    keys = [software_key.make(ECDSA) for _ in range(stolen)]
    now = datetime.now(UTC)
    with practice_roots(prepared.rack, ["root-a"], prepared.secrets.answers, DIALECT, SystemEntropy()) as roots:
        root_keys = roots.certified([f"{PREFIX}*"], now, now + timedelta(days=3650))[f"{PREFIX}*"]
        offers = dict(published(count, keys, roots, root_keys, now + timedelta(days=3000)))
    trusted = " ".join(DIALECT.root_key_id(key) for key in root_keys)
    return World(trusted, [DIALECT.key_id(key.public) for key in keys], request_files(offers), first)


def published(
    count: int, keys: Sequence[SoftwareKey], roots: PracticeRoots, root_keys: tuple[RootKey, ...], until: datetime
) -> Iterator[tuple[str, Offer]]:
    """Yield what a server has of each repository."""
    online = [(software_key.make(ECDSA), software_key.make(ECDSA)) for _ in range(count)]
    specs = [
        RepositorySpec(
            f"{PREFIX}app-{number:05}", 1, root_keys, 1, keys[number % len(keys)].public,
            snapshot.public, timestamp.public, (), until, until,
        )
        for number, (snapshot, timestamp) in enumerate(online)
    ]  # fmt: skip
    signed_roots = roots.finished([(DIALECT.root(spec), spec.root_keys) for spec in specs])
    for number, (spec, root) in enumerate(zip(specs, signed_roots, strict=True)):
        targets = [(version, tagged(spec, version, keys[number % len(keys)])) for version in (1, 2)]
        snapshot, timestamp = online[number]
        over = listing(spec, "snapshot", {"root": root, "targets": targets[-1][1]}, snapshot)
        dated = listing(spec, "timestamp", {"snapshot": over}, timestamp)
        listed = {"snapshot": key_entry(spec.snapshot)[1], "timestamp": key_entry(spec.timestamp)[1]}
        history = {"root": [(1, root)], "targets": targets, "snapshot": [(1, over)], "timestamp": [(1, dated)]}
        yield spec.name, Offer({role: entry.encode() for role, entry in listed.items()}, history)


def tagged(spec: RepositorySpec, version: int, key: SoftwareKey) -> bytes:
    """Return a version of targets; the second has a tag."""
    draft = DIALECT.targets(replace(spec, version=version))
    tag = b'"1.0":{"hashes":{"sha256":"LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="},"length":5}' if version > 1 else b""
    return signed(replace(draft, payload=draft.payload.replace(b'"targets":{}', b'"targets":{' + tag + b"}")), key)


def listing(spec: RepositorySpec, role: str, files: Mapping[str, bytes], key: SoftwareKey) -> bytes:
    """Return a snapshot or timestamp over files."""
    meta = {
        name: {
            "hashes": {h: base64.b64encode(hashlib.new(h, data).digest()).decode() for h in ("sha256", "sha512")},
            "length": len(data),
        }
        for name, data in files.items()
    }
    content = {"_type": role.capitalize(), "expires": f"{spec.root_expires:%Y-%m-%dT%H:%M:%SZ}", "meta": meta, "version": 1}
    return signed(Draft(spec.name, role, "", encode_trusted(content)), key)


def signed(draft: Draft, key: SoftwareKey) -> bytes:
    """Return a file signed by one key."""
    value = key.sign(DIALECT.scheme(ECDSA), draft.payload)
    return DIALECT.assemble(draft, [Signature(DIALECT.key_id(key.public), ECDSA, value)])


# --- the ceremony -----------------------------------------------------------------


def rotate(plan: Plan, request: dict[str, bytes], first: Rehearsal, place: Path, look: Callable[[str], None]) -> Room:
    """Hold the rotation up to its verified files, and let the request go once it is recorded, as `ceremony run` does.

    `look` is told each step as it begins, and "" at the end.
    """
    chosen = rehearse.set_stage(Rehearsal(place), plan, None, before=Earlier(first, load(first.secrets)))
    people = Quiet(chosen.secrets.answers, chosen.steps)
    room = stage.room_of(chosen, "be" * 16, LogFiles(FolderStore(chosen.folder), LOG), people, people)
    open_ceremony(room, Inputs(chosen.site, "", {}, request, {}, (), substituted_request=True))
    request.clear()
    for info in chosen.steps:
        if info.name == "export":
            break
        look(info.name)
        bench_room.do(room, info.name)
    look("")
    return room


@dataclass
class Watch:
    """Seconds of each step, and how much memory the process had at most, KB, but for age's scrypt."""

    seconds: dict[str, float] = field(default_factory=dict)
    processor: dict[str, float] = field(default_factory=dict)
    highest: int = 0
    _step: str = ""
    _start: float = 0.0
    _used: float = 0.0

    def __call__(self, step: str) -> None:
        self.seconds[self._step] = time.perf_counter() - self._start
        self.processor[self._step] = time.process_time() - self._used
        if self._step not in SCRYPT:
            self.highest = max(self.highest, resident("VmHWM"))
        Path("/proc/self/clear_refs").write_text("5")
        self._step, self._start, self._used = step, time.perf_counter(), time.process_time()

    @property
    def offline(self) -> float:
        return sum(self.seconds[name] for name in PARTS)


def resident(what: str) -> int:
    """Return the process's memory, KB (proc(5))."""
    return int(Path("/proc/self/status").read_text().split(f"{what}:")[1].split()[0])


def children() -> float:
    """Return seconds of the processor that processes of ours that ended took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# --- beside the stock client --------------------------------------------------------


@dataclass
class Stock:
    """Repositories that the stock client rotates."""

    server: NotaryServer
    trust: Path
    names: Sequence[str]

    def run(self, *words: str) -> None:
        from tests.peers.notary import notary

        notary(*words, server=self.server.url, trust=self.trust)

    def publish(self) -> None:
        content = self.trust.parent / "content"
        content.write_text("one")
        for name in self.names:
            self.run("init", "-p", name)
            self.run("add", "-p", name, "1.0", str(content))

    def rotate(self) -> tuple[float, float]:
        """Return the seconds for each repository, and those of the processor without the server's."""
        start, used = time.perf_counter(), children()
        for name in self.names:
            self.run("key", "rotate", name, "targets")
        return (time.perf_counter() - start) / len(self.names), (children() - used) / len(self.names)


def beside(where: str, place: Path | None, count: int) -> None:
    """Rotate in turns with the stock client, and print the best of both."""
    sys.path.append(str(Path(__file__).resolve().parent.parent))
    from tests.peers.notary import NotaryServer

    ours: list[tuple[float, float, Watch]] = []
    theirs: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory(prefix="ceremony-bench-", dir=place) as name, NotaryServer(Path(name)) as server:
        folder = Path(name)
        stock = Stock(server, folder / "owner", [f"{PREFIX}app-{number:05}" for number in range(min(PEERS, count))])
        stock.publish()
        made = world(folder, count, 1)
        for turn in range(TURNS):
            theirs.append(stock.rotate())
            watch, worker = Watch(), children()
            release(rotate(made.plan, dict(made.request), made.first, folder / f"turn-{turn}", watch))
            used = sum(watch.processor[part] for part in PARTS) + children() - worker
            ours.append((watch.offline / count, used / count, watch))
    mine, watch = min(ours, key=lambda one: one[0])[0], min(ours, key=lambda one: one[0])[2]
    peer = min(wall for wall, _ in theirs)
    print(
        f"rotate  {where:6} {1 / mine:8,.0f} repositories/s   notary key rotate {1 / peer:6.1f}/s   ratio {peer / mine:5.1f}"
        f"   (to reach: {TO_REACH})"
    )
    mine, peer = min(used for _, used, _ in ours), min(used for _, used in theirs)
    print(
        f"rotate  {where:6} {mine * 1e3:8.2f} ms of the processor each   {peer * 1e3:14.1f} ms      ratio {peer / mine:5.1f}"
        "   (the token's worker counted, the server not)"
    )
    each = ", ".join(f"{part} {watch.seconds[part] / count * 1e3:.2f}" for part in PARTS)
    print(f"rotate  {where:6} ms each: {each}; apart: {', '.join(f'{part} {watch.seconds[part]:.1f} s' for part in APART)}")


# --- large fleets -----------------------------------------------------------------


def scale(counts: Sequence[int]) -> None:
    """Print time and memory of each size, and how long the impact question takes at the largest."""
    found = []
    for count in counts:
        with tempfile.TemporaryDirectory(prefix="ceremony-bench-", dir=MEMORY if MEMORY.is_dir() else None) as name:
            made = world(Path(name), count, STOLEN)
            for path, data in made.request.items():
                target = Path(name) / "request" / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            size = sum(map(len, made.request.values())) / count / 1024
            command = [sys.executable, __file__, "--held", name, made.trusted, *made.stolen]
            del made
            gc.collect()
            done = subprocess.run(command, check=True, capture_output=True, text=True)
        one = json.loads(done.stdout)
        found.append(one)
        each = one["seconds"] / count * 1e3
        print(
            f"scale   {one['peak'] / 1024:10,.1f} MiB and {each:.2f} ms each at {count:,} repositories, requests of {size:.1f} KB each"
        )
    if len(counts) > 1:
        growth = (found[-1]["peak"] - found[0]["peak"]) / (counts[-1] - counts[0])
        print(f"scale   {growth:10.1f} KB more for each repository   (less than: {MOST_KB})")
    print(
        f"impact  {found[-1]['impact']:10.2f} s for {STOLEN} stolen keys and {counts[-1]:,} repositories   (at most: {MOST_SECONDS})"
    )


def held(folder: Path, trusted: str, stolen: Sequence[str]) -> None:
    """Hold one rotation in this process, and print what it took as JSON."""
    plan = World(trusted, stolen, {}, Rehearsal(folder / "first")).plan
    watch = Watch()
    room = rotate(plan, dict(read_request(folder / "request", plan)), Rehearsal(folder / "first"), folder / "held", watch)
    if room.fleet is None:
        raise SystemExit("nothing was read")
    took = []
    for _ in range(TURNS):
        start = time.perf_counter()
        found = impact(room.fleet, compromised(stolen, {}, SEQUEL), indexed=index(room.fleet))
        took.append(time.perf_counter() - start)
    if len(found.repositories) != len(room.fleet):
        raise SystemExit(f"{len(found.repositories)} of {len(room.fleet)} repositories are touched")
    release(room)
    print(json.dumps({"seconds": watch.offline, "peak": watch.highest, "impact": min(took)}))


def rotation(counts: Sequence[int] = (LARGE,)) -> None:
    """Print every row."""
    if MEMORY.is_dir():
        beside("memory", MEMORY, COUNT)
    beside("disk", None, COUNT)
    scale((COUNT, *(count for count in counts if count > COUNT)))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--held"]:
        held(Path(sys.argv[2]), sys.argv[3], sys.argv[4:])
    else:
        rotation([int(word) for word in sys.argv[1:]] or [LARGE])
