# SPDX-License-Identifier: Apache-2.0
"""USB sticks to plug into this machine: loop devices with real file systems, shown as sticks by `usb_lsblk`. Needs root.

with Hub(folder) as hub:
    stick = hub.stick(serial="4C530001", file_systems=["ext4"])
    with hub.media() as media: ...                    # ceremony's own, which sees what is plugged in
    hub.unplug(stick); hub.plug(stick)

A stick made with `faulty=True` lies on a disk that fails when told: `stick.turn("gone")` (see `faulty_disk`).
Needs the packages mount, util-linux, fdisk, e2fsprogs, dosfstools, exfatprogs and exfat-fuse.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from ceremony.volumes.programs import Programs
from ceremony.volumes.usb import UsbMedia, UsbVolume

HERE = Path(__file__).parent
MIB = 1 << 20
_SECONDS = 30
_FORMATS = {
    "ext4": ["mkfs.ext4", "-q", "-O", "^resize_inode"],
    "vfat": ["mkfs.vfat"],
    "exfat": ["mkfs.exfat"],
    "swap": ["mkswap"],
}


def run(*command: object) -> str:
    """Run a program to its end and return what it printed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr or done.stdout}"
    return done.stdout


def open_first(media: UsbMedia, role: str = "a") -> UsbVolume:
    """Open the first medium that can serve."""
    return media.open(role, media.candidates(role)[0])


def mounts(within: Path) -> list[str]:
    """Return the lines of the kernel's table of mounts that name a folder."""
    return [line for line in Path("/proc/self/mountinfo").read_text(errors="replace").splitlines() if str(within) in line]


def programs(folder: Path) -> Programs:
    """Return how the programs are started that see the sticks of the hub in a folder, from any process."""
    python = (sys.executable, "-I", "-S")
    return Programs(
        lsblk=(*python, str(HERE / "usb_lsblk.py"), str(folder / "plugged.json")),
        mount=(*python, str(HERE / "usb_mount.py")),
        umount=("/usr/bin/umount",),
    )


def media(folder: Path) -> UsbMedia:
    """Return the program's own view of the sticks of the hub in a folder."""
    return UsbMedia(programs(folder), places=(str(folder / "places"),), folder=folder / "run")


@dataclass
class Stick:
    """A stick: its image, what it says of itself, and where it is plugged in."""

    image: Path
    says: dict[str, object]
    partitioned: bool = False
    read_only: bool = False
    control: Path | None = None
    device: str = ""
    """The loop device; empty while it is not plugged in."""
    partitions: list[str] = field(default_factory=list)

    def turn(self, mode: str) -> None:
        """Make a faulty disk do as `mode` says from now on."""
        assert self.control is not None
        self.control.write_text(mode)

    @property
    def file_system(self) -> str:
        """The block device of its first file system."""
        return self.partitions[0] if self.partitioned else self.device


class Hub:
    """The USB ports of this machine; lets everything go at the end."""

    disk = HERE / "faulty_disk.py"
    """The program behind a faulty stick."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0
        self._plugged: list[Stick] = []
        self._out: dict[str, Stick] = {}
        self._ends = ExitStack()
        self.run = folder / "run"
        self.run.mkdir()
        self.places = folder / "places"
        self.places.mkdir()
        self._tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for stick in list(self._plugged):
            self.unplug(stick)
        self._ends.close()

    @property
    def plugged(self) -> Sequence[Stick]:
        """The sticks that are plugged in."""
        return tuple(self._plugged)

    @property
    def programs(self) -> Programs:
        """How the programs are started that see the sticks."""
        return programs(self._folder)

    def media(self, programs: Programs | None = None) -> UsbMedia:
        """Return the program's own view of the sticks."""
        return UsbMedia(programs or self.programs, places=(str(self.places),), folder=self.run)

    def stick(
        self,
        *,
        serial: str | None = "4C530001",
        file_systems: Sequence[str] = ("ext4",),
        partitioned: bool | None = None,
        mib: int = 16,
        label: str = "",
        read_only: bool = False,
        faulty: bool = False,
        **says: object,
    ) -> Stick:
        """Make a stick and plug it in; one file system lies on the whole device unless `partitioned`, more on a partition each."""
        self._made += 1
        image = self._folder / f"stick-{self._made}.img"
        with image.open("wb") as file:
            file.truncate(mib * MIB)
        stick = Stick(image, {"serial": serial, "vendor": "SanDisk ", "model": "Ultra", **says})
        stick.partitioned = len(file_systems) > 1 if partitioned is None else partitioned
        if stick.partitioned:
            self._partition(image, mib, len(file_systems))
        if faulty:
            self._make_faulty(stick)
        self.plug(stick)
        for device, kind in zip(stick.partitions or [stick.device], file_systems, strict=False):
            labelled = ["-n" if kind == "vfat" else "-L", label] if label else []
            run(*_FORMATS[kind], *labelled, device)
        self.unplug(stick)
        stick.read_only = read_only
        self.plug(stick)
        return stick

    def clone(self, stick: Stick, **says: object) -> Stick:
        """Plug in another stick with the same bytes."""
        self._made += 1
        image = self._folder / f"stick-{self._made}.img"
        run("cp", "--sparse=always", stick.image, image)
        twin = Stick(image, stick.says | says, stick.partitioned)
        self.plug(twin)
        return twin

    def plug(self, stick: Stick) -> None:
        """Plug a stick in; it gets the next device that is free."""
        stick.device = run("losetup", "--find", "--show", *(["--read-only"] if stick.read_only else []), stick.image).strip()
        if stick.partitioned:
            run("partx", "--add", stick.device)  # the kernel need not know the form of the table
            names = run("lsblk", "--noheadings", "--list", "--output", "PATH", stick.device).split()
            stick.partitions = [name for name in names if name != stick.device]
        self._plugged.append(stick)
        self._tell()

    def unplug(self, stick: Stick) -> None:
        """Take a stick out, unmounted or not."""
        self._plugged.remove(stick)
        self._tell()
        numbers = {Path(device).stat().st_rdev for device in (stick.device, *stick.partitions)}
        for line in reversed(Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()):
            fields = line.split()
            major, minor = map(int, fields[2].split(":"))
            if os.makedev(major, minor) in numbers:
                point = fields[4].encode("utf-8", "surrogateescape").decode("unicode_escape")
                subprocess.run([b"umount", b"--lazy", point.encode("latin-1")], check=True, timeout=_SECONDS)
        if stick.partitioned:
            run("partx", "--delete", stick.device)
        run("losetup", "--detach", stick.device)
        stick.device, stick.partitions = "", []

    def pull(self, serial: str) -> bool:
        """Take the stick with this serial out, as people do when they are asked to; return that they did."""
        self._out[serial] = next(stick for stick in self._plugged if stick.says["serial"] == serial)
        self.unplug(self._out[serial])
        return True

    def push(self, serial: str) -> bool:
        """Put the stick with this serial back, as people do when they are asked to; return that they did."""
        self.plug(self._out.pop(serial))
        return True

    def mount(self, device: str, name: bytes, options: str = "rw") -> Path:
        """Mount as the desktop does, in a folder of this name where removable media belong."""
        point = Path(os.fsdecode(os.fsencode(self.places) + b"/" + name))
        point.mkdir(exist_ok=True)
        run("mount", "-o", options, device, point)
        return point

    def _tell(self) -> None:
        known = {stick.device: stick.says for stick in self._plugged}
        new = self._folder / "plugged.new"
        new.write_text(json.dumps(known))
        new.rename(self._folder / "plugged.json")

    def _partition(self, image: Path, mib: int, count: int) -> None:
        each = (mib - 1) // count
        table = "label: dos\n" + f",{each}M,0c\n" * count
        subprocess.run(["sfdisk", "--quiet", image], input=table, text=True, check=True, timeout=_SECONDS, capture_output=True)

    def _make_faulty(self, stick: Stick) -> None:
        folder = stick.image.with_suffix(".fuse")
        folder.mkdir()
        stick.control = stick.image.with_suffix(".control")
        stick.turn("good")
        server = subprocess.Popen([sys.executable, self.disk, stick.image, folder, stick.control])
        self._ends.callback(server.wait, _SECONDS)
        self._ends.callback(run, "umount", folder)
        until = time.monotonic() + _SECONDS
        while not (folder / "disk").exists():
            assert server.poll() is None, "the faulty disk did not start"
            assert time.monotonic() < until
        stick.image = folder / "disk"
