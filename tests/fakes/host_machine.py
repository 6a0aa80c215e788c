# SPDX-License-Identifier: Apache-2.0
"""Machines made of files: what /proc, /sys, /run and /etc of one say that is fit, and what a test changes."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

NOW = datetime(2026, 11, 19, 9, 0, tzinfo=UTC)
ROUTES = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
SWAPS = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
SOCKETS = "Num       RefCount Protocol Flags    Type St Inode Path\n"
LISTENING = "0000000000000000: 00000002 00000000 00010000 0001 01 4711 /run/pcscd/pcscd.comm\n"
CONNECTED = "0000000000000000: 00000003 00000000 00000000 0001 03 4712 /run/pcscd/pcscd.comm\n"
ANONYMOUS = "0000000000000000: 00000003 00000000 00000000 0001 03 30\n"
LIVE = (
    "sysfs /sys sysfs rw 0 0\n"
    "/dev/sr0 /run/live/medium iso9660 ro,noatime 0 0\n"
    "/dev/loop0 /run/live/rootfs/filesystem.squashfs squashfs ro,noatime 0 0\n"
    "tmpfs /run/live/overlay tmpfs rw,noatime 0 0\n"
    "overlay / overlay rw,noatime,lowerdir=/run/live/rootfs/filesystem.squashfs/,upperdir=/run/live/overlay/rw,workdir=/run/live/overlay/work 0 0\n"
)
STICK = "/dev/sdb1 {} ext4 rw,noatime 0 0\n"
ME, LOGIN = 1000, 4294967295


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    target: str


Content = str | bytes | Link | None


def rules(abbreviation: str = "CET", offset: int = 3600) -> bytes:
    """Return the rules of a zone that always has one offset, in seconds (RFC 8536, version 1)."""
    name = abbreviation.encode() + b"\0"
    return b"TZif" + bytes(16) + struct.pack(">6l", 0, 0, 0, 0, 1, len(name)) + struct.pack(">lbB", offset, 0, 0) + name


def utmp(user: str, line: str, host: str = "", *, process: int = 1, kind: int = 7, size: int = 384) -> bytes:
    """Return an entry of utmp(5)."""
    return struct.pack("=hxxi32s4s32s256s", kind, process, line.encode(), b"id", user.encode(), host.encode()).ljust(size, b"\0")


def process(
    number: int, name: str, *, uid: int = 0, login: int | None = LOGIN, tty: int = 0, line: str = ""
) -> dict[str, Content]:
    """Return the files of a process."""
    at = f"proc/{number}"
    files: dict[str, Content] = {
        f"{at}/comm": f"{name}\n",
        f"{at}/stat": f"{number} ({name} (x)) S 1 {number} {number} {tty} -1 4194560\n",
        f"{at}/status": f"Name:\t{name}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n",
        f"{at}/cmdline": line or f"/usr/bin/{name}\0",
    }
    return files | ({} if login is None else {f"{at}/loginuid": str(login)})


FIT: dict[str, Content] = {
    "sys/class/net/lo/flags": "0x9\n",
    "sys/class/net/lo/operstate": "unknown\n",
    "sys/class/net/eth0/flags": "0x1002\n",
    "sys/class/net/eth0/operstate": "down\n",
    "sys/class/net/bonding_masters": "\n",
    "sys/class/rfkill/rfkill0/type": "wlan\n",
    "sys/class/rfkill/rfkill0/name": "phy0\n",
    "sys/class/rfkill/rfkill0/soft": "1\n",
    "sys/class/rfkill/rfkill0/hard": "0\n",
    "sys/class/rfkill/rfkill1/type": "bluetooth\n",
    "sys/class/rfkill/rfkill1/name": "hci0\n",
    "sys/class/rfkill/rfkill1/soft": "0\n",
    "sys/class/rfkill/rfkill1/hard": "1\n",
    "sys/class/bluetooth/hci0/index": "0\n",
    "sys/class/bluetooth/hci0/rfkill1/type": "bluetooth\n",
    "sys/class/ieee80211/phy0/index": "0\n",
    "sys/class/ieee80211/phy0/rfkill0/type": "wlan\n",
    "sys/class/usbmisc/hiddev0/dev": "180:0\n",
    "sys/class/rtc/rtc0/since_epoch": f"{int(NOW.timestamp()) + 3}\n",
    "sys/class/dmi/id/sys_vendor": "Maker\n",
    "sys/class/dmi/id/product_name": "Model 7\n",
    "sys/class/dmi/id/bios_version": "1.2.3\n",
    "sys/class/dmi/id/bios_date": "01/02/2026\n",
    "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c": b"\x06\0\0\0\1",
    "sys/kernel/security/lockdown": "none [integrity] confidentiality\n",
    "sys/power/state": "freeze mem disk\n",
    "sys/power/disk": "[platform] shutdown reboot suspend\n",
    "sys/power/resume": "0:0\n",
    "etc/systemd/system/sleep.target": Link("/dev/null"),
    "etc/localtime": rules(),
    "etc/timezone": "Europe/Zurich\n",
    "etc/passwd": "root:x:0:0:root:/:/bin/bash\nada:x:1000:1000:Ada:/ada:/bin/bash\nbob:x:1001:1001:::/bin/sh\n",
    "usr/share/zoneinfo/Europe/Paris": rules(),
    "run/systemd/sessions/2": "UID=1000\nUSER=ada\nACTIVE=1\nREMOTE=0\nTTY=tty2\nCLASS=user\n",
    "run/systemd/sessions/c1": "UID=117\nUSER=gdm\nREMOTE=0\nTTY=tty1\nCLASS=greeter\n",
    "run/systemd/sessions/2.ref/pipe": "",
    "run/utmp": utmp("ada", "tty2") + utmp("reboot", "~", "6.12", kind=2) + utmp("bob", "tty3", process=4040),
    "proc/net/route": ROUTES,
    "proc/net/ipv6_route": f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} ffffffff 00000001 00000000 00200200       lo\n",
    "proc/net/unix": SOCKETS + LISTENING + ANONYMOUS,
    "proc/swaps": SWAPS,
    "proc/version": "Linux version 6.12.1 (builder)\n",
    "proc/sys/kernel/core_pattern": "core\n",
    "proc/sys/kernel/yama/ptrace_scope": "2\n",
    "proc/sys/kernel/random/entropy_avail": "256\n",
    "proc/self/status": "Name:\tceremony\nTracerPid:\t0\nVmLck:\t   39892 kB\n",
    "proc/self/task/1000/status": "Name:\tceremony\nTracerPid:\t0\n",
    "proc/self/task/1001/status": "Name:\tworker\nTracerPid:\t0\n",
    "proc/self/task/1002/comm": "worker\n",
    "proc/self/ns/pid": Link("pid:[4026531836]"),
    "proc/self/ns/net": Link("net:[4026531840]"),
    "proc/1/ns/net": Link("net:[4026531840]"),
    "proc/self/loginuid": f"{ME}",
    **process(1, "systemd"),
    **process(80, "agetty", tty=1025),
    **process(90, "pcscd"),
    **process(100, "bash", uid=ME, login=ME, tty=34816),
    **process(101, "sudo", uid=0, login=ME, tty=34817),
    "proc/uptime": "1 1\n",
}


def machine(root: Path, changes: Mapping[str, Content], *, mounts: str = LIVE, stick: str = STICK) -> Path:
    """Make a fit machine with some changes below `root`, and return it; None leaves a file out. The work folder is on a stick."""
    files = {"proc/mounts": mounts + stick.format(root / "work"), **FIT, **changes}
    for path, content in files.items():
        file = root / path
        if content is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Link):
            file.symlink_to(content.target)
        elif isinstance(content, bytes):
            file.write_bytes(content)
        elif content is not None:
            file.write_text(content)
    return root
