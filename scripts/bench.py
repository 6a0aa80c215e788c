# SPDX-License-Identifier: Apache-2.0
"""Benchmarks of the offline part, on SoftHSM: every figure is a ratio to a peer that ran in the same process, just before.

    scripts/bench [REPOSITORIES]        default 10,000

- sign: repositories per second of the sign step (build, canonicalise, sign on the
  token, verify in software, log; targets signed by the new key) beside raw C_Sign
  of the same module in a loop;
- write: the bundle written beside a plain copy of the same files, each synced;
- memory: peak of a whole ceremony's offline part at 100, 1,000 and N repositories;
- rotate, scale, impact: a rotation of a stolen targets key beside `notary key rotate` in a loop (`bench_rotation`);
- backup: the back-up and drill of 1,000 repository keys on two volumes beside a plain copy (`bench_backup`);
- yubikey: signatures per second through our port beside yubikit's own, and commands a signature (`bench_yubikey`);
- log, shell: a log verified beside `json.loads` and sha256sum, a folder by `verify.sh` (`bench_evidence`);
- screens: from a key to the screen drawn, and from the start to the first screen (`bench_screens`).
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import bench_backup
import bench_evidence
import bench_room
import bench_rotation
import bench_screens
import bench_yubikey

from ceremony.cli import rehearse, stage
from ceremony.cli.practice import SECRETS, Rehearsal, load
from ceremony.cli.practice_request import practice_request
from ceremony.core.bundle import LOG
from ceremony.devices import softhsm
from ceremony.steps import runner, sign
from ceremony.steps.access import release
from ceremony.steps.items import filled
from ceremony.steps.opening import Inputs, open_ceremony
from ceremony.steps.room import Room
from ceremony.volumes.logfile import LogFiles
from ceremony.volumes.store import FolderStore

RAW_SIGNATURES = 10_000
SIZES = (100, 1_000)


class Peak(bench_room.Quiet):
    """Watches the process's memory, step by step (proc(5): VmHWM, clear_refs)."""

    highest = 0
    _step = ""

    def step(self, name: str, state: str) -> None:
        if state == "running":
            self.look()
            self._step = name

    def look(self) -> None:
        status = Path("/proc/self/status").read_text()
        if self._step not in {"protector", "drill"}:
            self.highest = max(self.highest, int(status.split("VmHWM:")[1].split()[0]))
        Path("/proc/self/clear_refs").write_text("5")


def raw_rate(folder: Path, pin: str, label: str) -> float:
    """Return C_Sign calls per second through python-pkcs11 in a plain loop, over digests of 2 KB messages."""
    os.environ |= softhsm.environment(folder / "rehearsal" / "tokens")
    import pkcs11

    library = pkcs11.lib(softhsm.find_module())
    with library.get_token(token_label="root-a").open(user_pin=pin) as session:
        key = session.get_key(pkcs11.ObjectClass.PRIVATE_KEY, label=label)
        digests = [hashlib.sha256(i.to_bytes(4) * 512).digest() for i in range(RAW_SIGNATURES)]
        start = time.perf_counter()
        for digest in digests:
            key.sign(digest, mechanism=pkcs11.Mechanism.ECDSA)
        return RAW_SIGNATURES / (time.perf_counter() - start)


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Return seconds and result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def sign_all(room: Room) -> dict[str, bytes]:
    """Do the sign step but for writing its files."""
    items = filled(room).items
    signatures = sign.root_signatures(room, sign.root_drafts(items))
    finished = (sign.finish(room, item, signatures.get(number, ())) for number, item in enumerate(items))
    return {path: data for files in finished for path, data in files.items()}


def plain_copy(files: dict[str, bytes], folder: Path) -> None:
    """Write the same files as a plain copy with sync does: one after the other, each synced, then the folders."""
    folders = set()
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        folders.add(target.parent)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.write(descriptor, data)
        os.fsync(descriptor)
        os.close(descriptor)
    for each in folders:
        descriptor = os.open(each, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def speed(count: int) -> None:
    """Print the rates of signing and writing."""
    with tempfile.TemporaryDirectory(prefix="ceremony-bench-") as name:
        folder = Path(name)
        room = bench_room.room_before("sign", folder, count)
        pin = load(folder / "rehearsal" / SECRETS).answers["pin:root-a"].text()
        raw = raw_rate(folder, pin, room.plan.name)
        seconds, files = timed(lambda: sign_all(room))
        rate = count / seconds
        print(f"sign    {rate:10,.0f} repositories/s   raw C_Sign {raw:10,.0f}/s     ratio {rate / raw:.2f}   (to reach: 0.33)")
        copied, _ = timed(lambda: plain_copy(files, folder / "copy"))
        (folder / "bundle").mkdir()
        written, _ = timed(lambda: FolderStore(folder / "bundle").write(files))
        print(
            f"write   {written:10.2f} s for {len(files)} files   plain copy {copied:8.2f} s   ratio {written / copied:.2f}   (at most: 1.5)"
        )
        release(room)


def memory(counts: tuple[int, ...]) -> None:
    """Print the peak memory of the offline part, each size in a process of its own."""
    peaks = []
    for count in counts:
        done = subprocess.run([sys.executable, __file__, "--peak", str(count)], check=True, capture_output=True, text=True)
        peaks.append(int(done.stdout))
        print(f"memory  {peaks[-1] / 1024:10,.1f} MiB at {count:,} repositories")
    if len(counts) == 1:
        return
    growth = (peaks[-1] - peaks[0]) / (counts[-1] - counts[0])
    print(f"memory  {growth:10.1f} KB more for each repository   (less than: 20)")


def peak(count: int) -> None:
    """Print the peak memory, in KB, of this process over a whole rehearsal of `count` repositories, but for two steps.

    The protector and the drill open age's passphrase envelope, which takes 512 MiB for a
    moment whatever the size, and would hide everything else.
    """
    with tempfile.TemporaryDirectory(prefix="ceremony-bench-") as name:
        made = bench_room.plan(count)
        set_stage = rehearse.set_stage(Rehearsal(Path(name) / "rehearsal"), made, None)
        people = Peak(set_stage.secrets.answers, set_stage.steps)
        room = stage.room_of(set_stage, "be" * 16, LogFiles(FolderStore(set_stage.folder), LOG), people, people)
        open_ceremony(room, Inputs(set_stage.site, "", {}, practice_request(made), {}, (), substituted_request=True))
        runner.hold(room, set_stage.steps, people)
        people.look()
    print(people.highest)


def main() -> None:
    """Run what the arguments ask for."""
    if sys.argv[1:2] == ["--peak"]:
        peak(int(sys.argv[2]))
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(f"{count:,} repositories, one P-256 root on SoftHSM, {os.cpu_count()} processors")
    speed(count)
    memory((*(size for size in SIZES if size < count), count))
    bench_rotation.rotation((count,))
    bench_backup.backup()
    bench_yubikey.yubikey()
    bench_evidence.evidence()
    bench_screens.screens(count)


if __name__ == "__main__":
    main()
