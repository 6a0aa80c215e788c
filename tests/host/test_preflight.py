# SPDX-License-Identifier: Apache-2.0
"""Preflight on machines made of files: fit, unfit in each way, and blind in each way."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ceremony.core import canonical
from ceremony.core.machine_checks import MATTERS, SPIES
from ceremony.core.port_values import AIR_GAP
from ceremony.core.ports import Check
from ceremony.host import tool
from ceremony.host.memory import UNPROTECTED, Protection
from ceremony.host.preflight import SystemHost
from tests.fakes.host import FakeClock
from tests.fakes.host_machine import (
    CONNECTED,
    FIT,
    LISTENING,
    LIVE,
    LOGIN,
    ME,
    NOW,
    ROUTES,
    SOCKETS,
    STICK,
    SWAPS,
    Content,
    Link,
    machine,
    process,
    rules,
    utmp,
)

PROTECTED = Protection(locked=True, not_dumpable=True, no_core_files=True)
PACKAGE = tool.PACKAGE / "host"
"""A part of the program, which is read sooner than all of it."""
Changes = Mapping[str, Content]


def _host(
    root: Path, *, protection: Protection = PROTECTED, environ: Mapping[str, str] | None = None, now: datetime = NOW
) -> SystemHost:
    return SystemHost(
        root / "work" / "not yet",
        clock=FakeClock(now, timedelta()),
        protection=protection,
        root=root,
        environ=environ or {"PATH": "/usr/bin"},
        package=PACKAGE,
        uid=ME,
    )


def _preflight(
    root: Path,
    changes: Changes,
    *,
    protection: Protection = PROTECTED,
    environ: Mapping[str, str] | None = None,
    needed_bytes: int = 1,
    mounts: str = LIVE,
    stick: str = STICK,
    now: datetime = NOW,
) -> dict[str, Check]:
    host = _host(machine(root, changes, mounts=mounts, stick=stick), protection=protection, environ=environ, now=now)
    return {check.name: check for check in host.preflight(needed_bytes)}


@pytest.fixture(autouse=True)
def _is_a_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "released", lambda: tool.digests(PACKAGE))


def test_passes_a_machine_that_is_fit(tmp_path: Path) -> None:
    checks = _preflight(tmp_path, {})
    assert list(checks) == list(MATTERS)
    assert [check for check in checks.values() if not check.passed] == []
    saw = {name: check.saw for name, check in checks.items()}
    assert saw["bluetooth"] == "all blocked: 1"
    assert saw["time zone"] == "Europe/Zurich: it is 2026-11-19 10:00:00 CET"
    assert saw["sessions"] == "nobody but ada"
    assert saw["readers"] == "no other program holds it, pcscd runs"
    assert saw["kernel"] == "Linux version 6.12.1 (builder); lockdown: integrity"
    assert saw["firmware"] == "Maker, Model 7, 1.2.3, 01/02/2026; secure boot: on"
    assert saw["boot medium"] == "a live system: squashfs on /dev/loop0, read-only, and what changes is in memory"
    assert saw["work folder"] == "ext4 on /dev/sdb1: it stays there, and a power cut is resumed from"


IPV6 = f"{'fe80'.ljust(32, '0')} 40 {'0' * 32} 00 {'0' * 32} 00000100 00000001 00000000 00000001     eth1\n"
UNFIT = [
    pytest.param("network", {"sys/class/net/eth0/flags": "0x1003\n"}, "up: eth0 (down)", id="interface switched on"),
    pytest.param(
        "network", {"sys/class/net/wlan0/flags": "0x1002\n", "sys/class/net/wlan0/operstate": "up\n"}, "wlan0 (up)", id="up"
    ),
    pytest.param(
        "network", {"sys/class/net/tun0/flags": "0x1091\n", "sys/class/net/tun0/operstate": "unknown\n"}, "tun0", id="tunnel"
    ),
    pytest.param(
        "routes", {"proc/net/route": ROUTES + "eth0\t00000000\t0101A8C0\t0003\n"}, "routes through eth0", id="IPv4 route"
    ),
    pytest.param("routes", {"proc/net/ipv6_route": IPV6}, "routes through eth1", id="IPv6 route"),
    pytest.param("radios", {"sys/class/rfkill/rfkill0/soft": "0\n"}, "on: wlan phy0", id="radio on"),
    pytest.param("bluetooth", {"sys/class/rfkill/rfkill1/hard": "0\n"}, "on: bluetooth hci0", id="Bluetooth on"),
    pytest.param(
        "radios", {"sys/class/ieee80211/phy1/index": "1\n"}, "on: phy1, which has no switch", id="one more, unblockable"
    ),
    pytest.param("bluetooth", {"sys/class/bluetooth/hci1/index": ""}, "on: hci1, which has no switch", id="one more Bluetooth"),
    pytest.param("radios", {"sys/class/wwan/wwan0/index": "0\n"}, "on: wwan wwan0", id="a modem"),
    pytest.param("radios", {"sys/class/usbmisc/cdc-wdm0/dev": ""}, "on: usbmisc cdc-wdm0", id="a modem on USB"),
    pytest.param("radios", {"sys/class/ieee802154/phy7/index": "7\n"}, "on: ieee802154 phy7", id="a radio for things"),
    pytest.param(
        "swap",
        {"proc/swaps": SWAPS + "/dev/sda2 partition 8 0 -2\n", "sys/power/disk": "[disabled]\n"},
        "swap on /dev/sda2",
        id="swap",
    ),
    pytest.param("hibernation", {"sys/power/resume": "8:2\n"}, "it can be written to device 8:2", id="hibernation"),
    pytest.param(
        "sleep", {"etc/systemd/system/sleep.target": None}, "it can be suspended: freeze, mem", id="it can be suspended"
    ),
    pytest.param(
        "sleep",
        {"etc/systemd/system/sleep.target": Link("/dev/zero")},
        "it can be suspended",
        id="a unit that is linked, not masked",
    ),
    pytest.param(
        "core dumps", {"proc/sys/kernel/core_pattern": "|/usr/share/apport %p\n"}, "pattern |/usr/share/apport", id="core program"
    ),
    pytest.param("ptrace", {"proc/sys/kernel/yama/ptrace_scope": "0\n"}, "ptrace_scope is 0", id="anybody attaches"),
    pytest.param("ptrace", {"proc/sys/kernel/yama/ptrace_scope": None}, "this kernel has no Yama", id="no Yama"),
    pytest.param(
        "debugger",
        {"proc/self/status": "TracerPid:\t100\nVmLck:\t   39892 kB\n"},
        "attached: bash, process 100",
        id="a debugger",
    ),
    pytest.param(
        "debugger",
        {"proc/self/status": "TracerPid:\t4040\nVmLck:\t   39892 kB\n"},
        "attached: a program, process 4040",
        id="a debugger out of sight",
    ),
    pytest.param(
        "debugger",
        {"proc/self/task/1001/status": "TracerPid:\t100\n"},
        "attached: bash, process 100",
        id="a debugger of a thread",
    ),
    pytest.param("memory", {"proc/self/status": "TracerPid:\t0\nVmLck:\t       0 kB\n"}, "0 kB locked", id="memory not locked"),
    pytest.param(
        "clocks", {"sys/class/rtc/rtc0/since_epoch": "1000000000\n"}, "seconds apart from 2026-11-19 09:00:00 UTC", id="clocks"
    ),
    pytest.param("time zone", {"etc/localtime": None}, "no zone is set", id="no zone"),
    pytest.param("time zone", {"etc/localtime": "Europe/Zurich\n"}, "no zone is set", id="a zone without rules"),
    pytest.param(
        "sessions", {"run/utmp": utmp("bob", "tty3", size=400)}, "also logged in: bob on tty3", id="somebody else at a terminal"
    ),
    pytest.param("sessions", {"run/utmp": utmp("ada", "pts/3", "10.0.0.5")}, "ada on pts/3 from 10.0.0.5", id="from elsewhere"),
    pytest.param(
        "sessions",
        {"run/systemd/sessions/5": "USER=bob\nREMOTE=0\nTTY=tty4\nCLASS=user\nnonsense\n"},
        "also logged in: bob on tty4",
        id="a session of somebody else",
    ),
    pytest.param(
        "sessions",
        {"run/systemd/sessions/6": "USER=ada\nREMOTE=1\nREMOTE_HOST=10.0.0.5\nCLASS=user\n"},
        "also logged in: ada on no terminal from 10.0.0.5",
        id="a session from elsewhere",
    ),
    pytest.param("sessions", process(200, "vim", login=1001, tty=1026), "bob on tty2", id="a process of somebody else"),
    pytest.param("sessions", process(200, "sh", login=1007, tty=1089), "user 1007 on ttyS1", id="a serial line"),
    pytest.param(
        "sessions", process(200, "sh", tty=1033), "also logged in: root on tty9 without a login", id="a shell that no login began"
    ),
    pytest.param(
        "sessions",
        process(200, "sh", uid=ME, tty=1033),
        "also logged in: ada on tty9 without a login",
        id="a shell under our own name that no login began",
    ),
    pytest.param("sessions", process(200, "sh", login=1001, tty=2304), "bob on terminal 9:0", id="some other terminal"),
    pytest.param(
        "sessions",
        process(201, "sshd-session", line="sshd-session: ada@pts/4\0\0"),
        "also logged in: ada on pts/4 through ssh",
        id="through ssh",
    ),
    pytest.param("readers", process(200, "scdaemon"), "held by scdaemon", id="GnuPG"),
    pytest.param("readers", process(200, "pcscd"), "held by 2 times pcscd", id="two pcscd"),
    pytest.param(
        "readers",
        {"proc/net/unix": SOCKETS + LISTENING + CONNECTED},
        "held by 1 program connected to pcscd",
        id="a client of pcscd",
    ),
    pytest.param(
        "readers",
        {"proc/net/unix": SOCKETS + CONNECTED + CONNECTED},
        "held by 2 programs connected to pcscd",
        id="two clients of pcscd",
    ),
]


SPIED = [
    pytest.param({"proc/90/environ": "HOME=/\0LIBCCID_ifdLogLevel=0x0F\0"}, "LIBCCID_ifdLogLevel", id="its driver logs"),
    pytest.param({"proc/90/cmdline": "/usr/sbin/pcscd\0--foreground\0--apdu\0"}, "--apdu", id="it logs each command"),
    pytest.param({"proc/90/cmdline": "/usr/sbin/pcscd\0--deb\0"}, "--deb", id="it logs all, in short"),
    pytest.param({"proc/90/cmdline": "pcscd\0-fa\0-d\0"}, "-fa, -d", id="letters"),
]


@pytest.mark.parametrize(("changes", "saw"), SPIED)
def test_sees_what_pcscd_logs(tmp_path: Path, changes: Changes, saw: str) -> None:
    _only(_preflight(tmp_path, changes), "spies", f"pcscd was started with {saw}")


def test_a_pcscd_that_logs_nothing_is_no_spy(tmp_path: Path) -> None:
    line = "/usr/sbin/pcscd\0--foreground\0--auto-exit\0--\0-c/etc/reader.conf.d\0-x\0"
    check = _preflight(tmp_path, {"proc/90/cmdline": line, "proc/90/environ": "LANG=C\0"})["spies"]
    assert (check.passed, check.saw) == (True, "none is set")


AWAY = [
    pytest.param(
        {"proc/self/ns/net": Link("net:[4026532000]")},
        "a container shows not every network of this machine",
        ["network", "routes", "radios", "bluetooth", "readers"],
        id="a network of its own",
    ),
    pytest.param(
        {"proc/1/ns/net": None},
        "nobody but root is told whether this is the whole network of this machine",
        ["network", "routes", "radios", "bluetooth", "readers"],
        id="not root",
    ),
    pytest.param(
        {"proc/self/ns/pid": Link("pid:[4026532001]")},
        "a container shows not every process of this machine",
        ["network", "routes", "radios", "bluetooth", "debugger", "sessions", "readers"],
        id="processes of its own",
    ),
]


@pytest.mark.parametrize(("changes", "saw", "names"), AWAY)
def test_inside_a_container_nothing_of_the_air_gap_can_be_seen(
    tmp_path: Path, changes: Changes, saw: str, names: list[str]
) -> None:
    checks = _preflight(tmp_path, changes)
    assert [check.name for check in checks.values() if not check.passed] == names
    for name in names:
        assert checks[name].saw == f"cannot be seen ({saw})"
        assert checks[name].hint == "begin again as root, outside of every container, on the machine itself"
        assert checks[name].why == MATTERS[name].why


@pytest.mark.parametrize(("changes", "saw", "names"), AWAY)
def test_the_air_gap_is_open_inside_a_container(tmp_path: Path, changes: Changes, saw: str, names: list[str]) -> None:
    check = _host(machine(tmp_path, changes)).air_gap()
    assert (check.passed, check.saw) == (False, f"cannot be seen ({saw})")
    assert check.hint.startswith("begin again as root")
    assert set(names) > {"network", "routes", "radios", "bluetooth"}


def _only(checks: Mapping[str, Check], name: str, saw: str) -> None:
    """Hold that this check alone failed, saw this, and says why it matters and how to put it right."""
    assert {check.name: check.saw for check in checks.values() if not check.passed}.keys() == {name}
    assert saw in checks[name].saw
    assert (checks[name].why, checks[name].hint) == (MATTERS[name].why, MATTERS[name].hint)


@pytest.mark.parametrize(("name", "changes", "saw"), UNFIT)
def test_sees_what_is_not_fit(tmp_path: Path, name: str, changes: Changes, saw: str) -> None:
    _only(_preflight(tmp_path, changes), name, saw)


DISK = "/dev/sda2 / ext4 rw,relatime 0 0\n"
MOUNTS = [
    pytest.param("boot medium", DISK, STICK, "ext4 on /dev/sda2, which can be written", id="an installed system"),
    pytest.param(
        "boot medium",
        LIVE.replace("squashfs ro", "ext4 rw"),
        STICK,
        "an overlay over ext4 on /dev/loop0, which can be written",
        id="a layer that can be written",
    ),
    pytest.param(
        "boot medium",
        LIVE.replace("tmpfs /run/live/overlay tmpfs", "/dev/sdb3 /run/live/overlay ext4"),
        STICK,
        "and what changes is kept: ext4 on /dev/sdb3",
        id="a live system that keeps what changes",
    ),
    pytest.param(
        "boot medium",
        LIVE.replace("/run/live/rootfs/filesystem.squashfs/", "/rofs"),
        STICK,
        "cannot be seen (what is beneath the overlay is hidden)",
        id="a hidden layer",
    ),
    pytest.param(
        "boot medium",
        LIVE.replace("upperdir=/run/live/overlay", "upperdir=/cow"),
        STICK,
        "cannot be seen (what is beneath the overlay is hidden)",
        id="a hidden upper layer",
    ),
    pytest.param("boot medium", "overlay / overlay rw 0 0\n", STICK, "cannot be seen", id="an overlay that tells nothing"),
    pytest.param("boot medium", "", STICK, "cannot be seen (nothing is mounted there)", id="nothing at all"),
    pytest.param(
        "boot medium",
        LIVE + "/dev/sda3 /home ext4 rw 0 0\n/dev/sda4 /var/log xfs rw 0 0\n",
        STICK,
        "; but /home is ext4 on /dev/sda3, /var/log is xfs on /dev/sda4, which can be written",
        id="disks over folders of the system",
    ),
    pytest.param(
        "boot medium",
        LIVE.replace("/dev/sr0 /run/live/medium iso9660 ro", "/dev/sdc1 /run/live/medium vfat rw"),
        STICK,
        "; but /run/live/medium is vfat on /dev/sdc1, which",
        id="a medium that is mounted to be written",
    ),
    pytest.param(
        "boot medium",
        LIVE + "overlay /etc overlay rw,lowerdir=/run/live/rootfs/filesystem.squashfs/etc,upperdir=/srv/etc 0 0\n",
        STICK,
        "; but /etc is overlay, which",
        id="an overlay that keeps what changes",
    ),
    pytest.param(
        "boot medium",
        LIVE + "overlay /etc overlay rw,lowerdir=/a 0 0\n",
        STICK,
        "; but /etc is overlay",
        id="an overlay that hides it",
    ),
    pytest.param(
        "boot medium",
        LIVE + f"/dev/sdd1 {sys.prefix} ext4 rw 0 0\n",
        STICK,
        f"; but {sys.prefix} is ext4 on /dev/sdd1, which",
        id="the program on a disk",
    ),
    pytest.param("work folder", LIVE, "nas:/x {} nfs4 rw 0 0\n", "on another machine (nfs4 on nas:/x)", id="a network disk"),
    pytest.param(
        "work folder",
        LIVE,
        "overlay {} overlay rw,lowerdir=/a 0 0\n",
        "cannot be seen (where the overlay writes is hidden)",
        id="an overlay without an upper layer",
    ),
]


@pytest.mark.parametrize(("name", "mounts", "stick", "saw"), MOUNTS)
def test_sees_where_things_are_written(tmp_path: Path, name: str, mounts: str, stick: str, saw: str) -> None:
    _only(_preflight(tmp_path, {}, mounts=mounts, stick=stick), name, saw)


@pytest.mark.parametrize(
    ("mounts", "saw"),
    [
        pytest.param(DISK.replace("rw", "ro"), "ext4 on /dev/sda2, read-only", id="mounted read-only"),
        pytest.param("/dev/sr0 / iso9660 rw 0 0\n", "iso9660 on /dev/sr0, read-only", id="a disc"),
        pytest.param("rootfs / rootfs rw 0 0\n", "the whole system is in memory (rootfs)", id="in memory"),
        pytest.param(
            LIVE.replace("lowerdir=", "lowerdir+=").replace(",upperdir=/run/live/overlay/rw", ""),
            "a live system: squashfs on /dev/loop0, read-only, and what changes is in memory",
            id="an overlay that nobody writes to, as newer kernels tell of it",
        ),
        pytest.param(
            LIVE + "tmpfs /var/tmp tmpfs rw 0 0\n/dev/sda3 /home ext4 rw 0 0\n/dev/sda3 /home ext4 ro 0 0\n", "a live", id="over"
        ),
        pytest.param(
            LIVE + "sunrpc /var/lib/nfs/rpc_pipefs rpc_pipefs rw 0 0\n/dev/sda9 /srv ext4 rw 0 0\n", "a live", id="beside"
        ),
        pytest.param(
            LIVE + "overlay /etc overlay rw,lowerdir=/e,upperdir=/run/live/overlay/etc 0 0\n", "a live", id="changes in memory"
        ),
        pytest.param(DISK + "/dev/sdb /a\\040b ext4 rw 0 0\n" + LIVE, "a live system", id="the last mount counts"),
    ],
)
def test_a_boot_medium_that_cannot_be_written_passes(tmp_path: Path, mounts: str, saw: str) -> None:
    check = _preflight(tmp_path, {}, mounts=mounts)["boot medium"]
    assert (check.passed, check.saw[: len(saw)]) == (True, saw)


@pytest.mark.parametrize(
    ("stick", "saw"),
    [
        pytest.param("", "in memory (tmpfs): nothing of it stays here", id="the memory of a live system"),
        pytest.param("none {} tmpfs rw 0 0\n", "in memory (tmpfs): nothing of it stays here", id="a tmpfs"),
        pytest.param("/dev/zram0 {} ext4 rw 0 0\n", "in memory (ext4 on /dev/zram0): nothing", id="a disk in memory"),
    ],
)
def test_a_work_folder_in_memory_passes_and_people_are_told_what_a_power_cut_costs(tmp_path: Path, stick: str, saw: str) -> None:
    check = _preflight(tmp_path, {}, stick=stick)["work folder"]
    assert (check.passed, check.saw[: len(saw)]) == (True, saw)
    assert check.saw.endswith("after a power cut the ceremony is begun anew")


QUIET = [
    pytest.param("hibernation", {"sys/power/state": "freeze mem\n", "sys/power/disk": None}, "does not hibernate", id="no disk"),
    pytest.param("hibernation", {"sys/power/disk": "[disabled]\n", "sys/power/resume": "8:2\n"}, "forbids it", id="nohibernate"),
    pytest.param("hibernation", {}, "there is no place to write it to", id="no place"),
    pytest.param("sleep", {"sys/power/state": "disk\n"}, "this kernel does not suspend", id="no suspend"),
    pytest.param(
        "sleep",
        {"etc/systemd/system/sleep.target": None, "run/systemd/system/suspend.target": Link("/dev/null")},
        "forbidden: suspend.target is masked",
        id="suspend alone is masked",
    ),
    pytest.param("kernel", {"sys/kernel/security/lockdown": None}, "Linux version 6.12.1 (builder)", id="no lockdown"),
    pytest.param(
        "firmware",
        {path: None for path in FIT if "dmi" in path} | {"sys/firmware/devicetree/base/model": "Board 4 Rev 1.2\0"},
        "Board 4 Rev 1.2",
        id="a board without DMI",
    ),
    pytest.param(
        "firmware",
        {path: None for path in FIT if "efivars" in path},
        "Maker, Model 7, 1.2.3, 01/02/2026; secure boot: not known",
        id="no EFI",
    ),
    pytest.param("time zone", {"etc/timezone": None}, "a zone without a name: it is 2026-11-19 10:00:00 CET", id="nameless"),
    pytest.param(
        "time zone",
        {"etc/localtime": Link("../usr/share/zoneinfo/Europe/Paris")},
        "Europe/Paris: it is 2026-11-19 10:00:00 CET",
        id="a zone by its link",
    ),
    pytest.param(
        "time zone",
        {"etc/localtime": Link("../usr/share/rules"), "usr/share/rules": rules("UTC", 0)},
        "Europe/Zurich: it is 2026-11-19 09:00:00 UTC",
        id="a link that is no name",
    ),
    pytest.param("sessions", {"run/utmp": None}, "nobody but ada", id="no utmp"),
    pytest.param("sessions", {"run/utmp": utmp("ada", "tty7", ":0")}, "nobody but ada", id="a display of our own"),
    pytest.param(
        "sessions", {path: None for path in FIT if "systemd/sessions" in path}, "nobody but ada", id="no logind"
    ),
    pytest.param("sessions", {"etc/passwd": None, "run/utmp": None} | {path: None for path in FIT if "sessions" in path}, "nobody but user 1000", id="no names"),
    pytest.param("sessions", {"proc/self/loginuid": None}, "nobody but ada", id="a kernel that knows no logins"),
    pytest.param("sessions", {"proc/300/environ": ""}, "nobody but ada", id="a process that ended meanwhile"),
    pytest.param("readers", {path: None for path in FIT if path.startswith("proc/90/")}, "no other program holds it", id="no pcscd"),
    pytest.param("readers", {"proc/100/comm": None}, "no other program holds it, pcscd runs", id="a program that ended meanwhile"),
    pytest.param("routes", {"proc/net/ipv6_route": None}, "no route but through lo", id="no IPv6"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "changes", "saw"), QUIET)
def test_sees_what_is_as_it_should_be(tmp_path: Path, name: str, changes: Changes, saw: str) -> None:
    drop = dict.fromkeys(process(101, "sudo")) if name == "sessions" else {}
    check = _preflight(tmp_path, {**drop, **changes})[name]
    assert check.passed, check.saw
    assert saw in check.saw


BLIND: list[object] = [
    pytest.param("network", "sys/class/net/eth0/flags", None, id="interface"),
    pytest.param("network", "sys/class/net/eth0/flags", "up\n", id="interface with senseless flags"),
    pytest.param("routes", "proc/net/route", None, id="routes"),
    pytest.param("radios", "sys/class/rfkill/rfkill0/hard", None, id="radio"),
    pytest.param("bluetooth", "sys/class/rfkill/rfkill1/hard", None, id="Bluetooth"),
    pytest.param("sleep", "etc/systemd/system/sleep.target", "", id="a unit that is there"),
    pytest.param("hibernation", "sys/power/disk", None, id="how it hibernates"),
    pytest.param("hibernation", "sys/power/resume", None, id="where it hibernates"),
    pytest.param("core dumps", "proc/sys/kernel/core_pattern", None, id="core pattern"),
    pytest.param("ptrace", "proc/sys/kernel/yama/ptrace_scope", "yes\n", id="senseless Yama"),
    pytest.param("entropy", "proc/sys/kernel/random/entropy_avail", None, id="entropy"),
    pytest.param("debugger", "proc/self/task/1001/status", "Name:\tworker\n", id="a thread, told by halves"),
    pytest.param("clocks", "sys/class/rtc/rtc0/since_epoch", None, id="no hardware clock"),
    pytest.param("clocks", "sys/class/rtc/rtc0/since_epoch", "\x07\n", id="senseless hardware clock"),
    pytest.param("time zone", "etc/localtime", b"TZif2", id="a zone that is cut short"),
    pytest.param("sessions", "run/utmp", b"1234", id="utmp of another form"),
    pytest.param("sessions", "proc/self/loginuid", "nobody", id="a senseless login"),
    pytest.param("sessions", "proc/100/stat", "100 (bash) S", id="a senseless process"),
    pytest.param("readers", "proc/net/unix", None, id="sockets"),
    pytest.param("readers", "proc/net/unix", f"{SOCKETS}/run/pcscd/pcscd.comm\n", id="senseless sockets"),
    pytest.param("kernel", "proc/version", None, id="kernel"),
]


@pytest.mark.parametrize(("name", "path", "content"), BLIND)
def test_what_cannot_be_seen_did_not_pass(tmp_path: Path, name: str, path: str, content: str | None) -> None:
    checks = _preflight(tmp_path, {path: content})
    assert [check.name for check in checks.values() if not check.passed] == [name]
    assert checks[name].saw.startswith("cannot be seen (" if name != "sleep" else "it can be suspended")


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        pytest.param({"proc/swaps": None}, ["swap", "hibernation"], id="swap"),
        pytest.param({"sys/power/state": None}, ["hibernation", "sleep"], id="what the kernel can do"),
        pytest.param({"proc/self/status": None}, ["debugger", "memory"], id="ourselves"),
        pytest.param({"proc/self/status": "Name:\tceremony\n"}, ["debugger", "memory"], id="ourselves, told by halves"),
        pytest.param({"proc/self/status": "VmLck:\nTracerPid:\n"}, ["debugger", "memory"], id="ourselves, without numbers"),
        pytest.param(
            {path: None for path in FIT if path.startswith("proc/1/")},
            ["network", "routes", "radios", "bluetooth", "sessions", "readers", "spies"],
            id="other people",
        ),
        pytest.param(
            {"proc/self/ns/pid": None},
            ["network", "routes", "radios", "bluetooth", "debugger", "sessions", "readers"],
            id="where this program is",
        ),
        pytest.param({path: None for path in FIT if "dmi" in path}, ["firmware"], id="firmware"),
        pytest.param({"proc/self/loginuid": None, "proc/100/status": "Name:\tbash\n"}, ["sessions"], id="a process of nobody"),
    ],
)
def test_what_cannot_be_seen_of_more_than_one_did_not_pass(tmp_path: Path, changes: Changes, names: list[str]) -> None:
    checks = _preflight(tmp_path, changes)
    assert [check.name for check in checks.values() if not check.passed] == names
    assert all(checks[name].saw.startswith("cannot be seen (") for name in names)


def test_sees_nothing_on_another_system(tmp_path: Path) -> None:
    checks = _preflight(tmp_path, {**dict.fromkeys(FIT), "proc/mounts": None}, protection=UNPROTECTED)
    assert [check.name for check in checks.values() if check.passed] == ["time", "program", "room"]


def _without_rfkill(tmp_path: Path, *others: str) -> tuple[Check, Check]:
    changes: dict[str, Content] = {
        path: None for path in FIT if path.startswith(("sys/class/rfkill", "sys/class/bluetooth", "sys/class/ieee80211"))
    }
    checks = _preflight(tmp_path, {**changes, **{f"sys/class/{other}/index": "0\n" for other in others}})
    return checks["radios"], checks["bluetooth"]


def test_a_machine_without_radios_passes(tmp_path: Path) -> None:
    radios, bluetooth = _without_rfkill(tmp_path)
    assert (radios.passed, radios.saw) == (True, "no radio")
    assert (bluetooth.passed, bluetooth.saw) == (True, "no Bluetooth adapter")


def test_a_radio_that_nobody_can_block_is_on(tmp_path: Path) -> None:
    radios, bluetooth = _without_rfkill(tmp_path, "ieee80211/phy0", "bluetooth/hci0", "bluetooth/hci0:11")
    assert (radios.passed, radios.saw) == (False, "on: phy0, which has no switch")
    assert (bluetooth.passed, bluetooth.saw) == (False, "on: hci0, which has no switch")


@pytest.mark.parametrize(
    ("protection", "name"),
    [
        pytest.param(Protection(locked=False, not_dumpable=True, no_core_files=True), "memory", id="not locked"),
        pytest.param(Protection(locked=True, not_dumpable=False, no_core_files=True), "core dumps", id="dumpable"),
        pytest.param(Protection(locked=True, not_dumpable=True, no_core_files=False), "core dumps", id="core files"),
    ],
)
def test_believes_no_protection_that_did_not_work(tmp_path: Path, protection: Protection, name: str) -> None:
    checks = _preflight(tmp_path, {}, protection=protection)
    assert [check.name for check in checks.values() if not check.passed] == [name]


@pytest.mark.parametrize("variable", SPIES)
def test_names_a_spy_and_not_its_value(tmp_path: Path, variable: str) -> None:
    check = _preflight(tmp_path, {}, environ={variable: "/tmp/log-of-pins"})["spies"]
    assert (check.passed, check.saw) == (False, f"set: {variable}")


@pytest.mark.parametrize(
    ("zone", "passed", "saw"),
    [
        pytest.param("Europe/Paris", True, "Europe/Paris: it is 2026-11-19 10:00:00 CET", id="a name"),
        pytest.param(":Europe/Paris", True, ":Europe/Paris: it is", id="a name, as POSIX wants it"),
        pytest.param("/usr/share/zoneinfo/Europe/Paris", True, "/usr/share/zoneinfo/Europe/Paris: it is", id="a path"),
        pytest.param("CET-1CEST", False, "TZ is CET-1CEST, which names no zone here", id="rules of its own"),
        pytest.param("", False, "TZ is , which names no zone here", id="empty"),
    ],
)
def test_the_zone_of_this_program_is_one_that_is_known(tmp_path: Path, zone: str, passed: bool, saw: str) -> None:
    check = _preflight(tmp_path, {}, environ={"TZ": zone})["time zone"]
    assert (check.passed, check.saw[: len(saw)]) == (passed, saw)


@pytest.mark.parametrize(
    ("now", "saw"),
    [
        pytest.param(
            NOW.replace(year=2015), "it is 2015-11-19 09:00:00 UTC, before this program was released", id="a flat battery"
        ),
        pytest.param(NOW.replace(year=2074), "more than 20 years after this program was released", id="a mistyped year"),
    ],
)
def test_sees_a_time_that_cannot_be(tmp_path: Path, now: datetime, saw: str) -> None:
    _only(_preflight(tmp_path, {"sys/class/rtc/rtc0/since_epoch": f"{now.timestamp():.0f}"}, now=now), "time", saw)


def test_entropy_that_must_be_waited_for_did_not_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(*_: object) -> bytes:
        raise BlockingIOError

    monkeypatch.setattr(os, "getrandom", wait)
    check = _preflight(tmp_path, {})["entropy"]
    assert (check.passed, check.saw) == (False, "not seeded yet, 256 bits")


def test_swap_is_a_place_to_hibernate_to(tmp_path: Path) -> None:
    checks = _preflight(tmp_path, {"proc/swaps": SWAPS + "/dev/sda2 partition 8 0 -2\n"} | {"sys/power/resume": "8:2\n"})
    assert checks["hibernation"].saw == "it can be written to /dev/sda2, device 8:2"


def test_without_logins_whoever_is_at_a_terminal_under_another_name_is_somebody_else(tmp_path: Path) -> None:
    checks = _preflight(tmp_path, {"proc/self/loginuid": str(LOGIN)})
    _only(checks, "sessions", "also logged in: root on pts/1")


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        pytest.param({}, Check(AIR_GAP, passed=True, saw="cut off from every network", hint=""), id="shut"),
        pytest.param(
            {"sys/class/net/eth0/flags": "0x1003\n", "sys/class/rfkill/rfkill0/soft": "0\n"},
            Check(AIR_GAP, passed=False, saw="up: eth0 (down), on: wlan phy0", hint=MATTERS["network"].hint),
            id="open in two ways",
        ),
        pytest.param(
            {"sys/class/rfkill/rfkill1/hard": "0\n"},
            Check(AIR_GAP, passed=False, saw="on: bluetooth hci0", hint=MATTERS["bluetooth"].hint),
            id="open through Bluetooth",
        ),
        pytest.param(
            {"proc/net/route": None},
            Check(AIR_GAP, passed=False, saw="cannot be seen", hint=MATTERS["routes"].hint),
            id="what cannot be seen is open",
        ),
    ],
)
def test_looks_at_the_air_gap_alone(tmp_path: Path, changes: Changes, check: Check) -> None:
    seen = _host(machine(tmp_path, changes)).air_gap()
    assert (seen.name, seen.passed, seen.hint) == (check.name, check.passed, check.hint)
    assert seen.saw.startswith(check.saw)
    assert bool(seen.why) is not seen.passed


def test_the_work_folder_may_be_on_a_disk_over_a_folder_of_the_system(tmp_path: Path) -> None:
    host = SystemHost(
        Path("/var/stick/out"),
        clock=FakeClock(NOW, timedelta()),
        protection=PROTECTED,
        root=machine(tmp_path, {}, mounts=LIVE + "/dev/sdb1 /var/stick ext4 rw 0 0\n"),
        environ={},
        package=PACKAGE,
        uid=ME,
    )
    check = next(check for check in host.preflight(1) if check.name == "boot medium")
    assert check.passed, check.saw


def test_asks_for_the_room_that_is_needed(tmp_path: Path) -> None:
    check = _preflight(tmp_path, {}, needed_bytes=2**62)["room"]
    assert not check.passed
    assert check.saw.endswith(f"{2**62} are needed")


PROGRAMS: list[object] = [
    pytest.param(dict, "a checkout, which lists none of its files", id="a checkout"),
    pytest.param(lambda: {**tool.digests(PACKAGE), "tool.py": "00"}, "not as released: tool.py", id="a changed file"),
    pytest.param(lambda: {**tool.digests(PACKAGE), "more.py": "00"}, "not as released: more.py", id="a missing file"),
]


@pytest.mark.parametrize(("released", "saw"), PROGRAMS)
def test_holds_the_program_against_its_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, released: Callable[[], dict[str, str]], saw: str
) -> None:
    monkeypatch.setattr(tool, "released", released)
    check = _preflight(tmp_path, {})["program"]
    assert not check.passed
    assert check.saw == f"sha256 {tool.tool(PACKAGE).sha256}; {saw}"


def test_what_was_seen_is_cut_to_what_a_record_keeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "released", lambda: {f"file-{number}.py": "00" for number in range(500)})
    saw = _preflight(tmp_path, {})["program"].saw
    assert saw.startswith(f"sha256 {tool.tool(PACKAGE).sha256}; not as released: ")
    assert (len(saw), saw[-1]) == (401, "…")


def test_every_answer_fits_a_record(tmp_path: Path) -> None:
    strange: Changes = {"proc/swaps": SWAPS + "/dev/e\u0301\x85\x07 file 8 0 -2\n", "proc/version": b"Linux \xff\x1b[2J"}
    for check in _preflight(tmp_path, strange).values():
        canonical.encode({"name": check.name, "saw": check.saw, "hint": check.hint, "why": check.why})
