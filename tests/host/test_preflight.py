# SPDX-License-Identifier: Apache-2.0
"""Preflight on machines made of files: fit, unfit in each way, and blind in each way."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ceremony.core import canonical
from ceremony.core.port_values import AIR_GAP
from ceremony.core.ports import Check
from ceremony.host import tool
from ceremony.host.machine import SPIES
from ceremony.host.memory import UNPROTECTED, Protection
from ceremony.host.preflight import HINTS, SystemHost
from tests.fakes.host import FakeClock

NOW = datetime(2026, 11, 19, 9, 0, tzinfo=UTC)
PROTECTED = Protection(locked=True, not_dumpable=True, no_core_files=True)
ROUTES = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
SWAPS = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
FIT = {
    "sys/class/net/lo/flags": "0x9\n",
    "sys/class/net/lo/operstate": "unknown\n",
    "sys/class/net/eth0/flags": "0x1002\n",
    "sys/class/net/eth0/operstate": "down\n",
    "sys/class/net/bonding_masters": "\n",
    "sys/class/rfkill/rfkill0/type": "wlan\n",
    "sys/class/rfkill/rfkill0/name": "phy0\n",
    "sys/class/rfkill/rfkill0/soft": "1\n",
    "sys/class/rfkill/rfkill0/hard": "0\n",
    "sys/class/rtc/rtc0/since_epoch": f"{int(NOW.timestamp()) + 3}\n",
    "proc/net/route": ROUTES,
    "proc/net/ipv6_route": f"{'0' * 32} 00 {'0' * 32} 00 {'0' * 32} ffffffff 00000001 00000000 00200200       lo\n",
    "proc/swaps": SWAPS,
    "proc/sys/kernel/core_pattern": "core\n",
    "proc/sys/kernel/random/entropy_avail": "256\n",
    "proc/self/status": "Name:\tceremony\nVmLck:\t   39892 kB\n",
}


def _machine(root: Path, changes: Mapping[str, str | None]) -> Path:
    for path, text in {**FIT, **changes}.items():
        if text is not None:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
    return root


def _preflight(
    root: Path,
    changes: Mapping[str, str | None],
    *,
    protection: Protection = PROTECTED,
    environ: Mapping[str, str] | None = None,
    needed_bytes: int = 1,
) -> dict[str, Check]:
    host = SystemHost(
        root / "work" / "not yet",
        clock=FakeClock(NOW, timedelta()),
        protection=protection,
        root=_machine(root, changes),
        environ=environ or {"PATH": "/usr/bin"},
    )
    return {check.name: check for check in host.preflight(needed_bytes)}


@pytest.fixture(autouse=True)
def _is_a_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "released", tool.digests)


def test_passes_a_machine_that_is_fit(tmp_path: Path) -> None:
    checks = _preflight(tmp_path, {})
    assert list(checks) == list(HINTS)
    assert [check for check in checks.values() if not check.passed] == []


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
    pytest.param("swap", {"proc/swaps": SWAPS + "/dev/sda2 partition 8 0 -2\n"}, "swap on /dev/sda2", id="swap"),
    pytest.param(
        "core dumps", {"proc/sys/kernel/core_pattern": "|/usr/share/apport %p\n"}, "pattern |/usr/share/apport", id="core program"
    ),
    pytest.param("memory", {"proc/self/status": "VmLck:\t       0 kB\n"}, "0 kB locked", id="memory not locked"),
    pytest.param(
        "clocks", {"sys/class/rtc/rtc0/since_epoch": "1000000000\n"}, "seconds apart from 2026-11-19 09:00:00 UTC", id="clocks"
    ),
]


@pytest.mark.parametrize(("name", "changes", "saw"), UNFIT)
def test_sees_what_is_not_fit(tmp_path: Path, name: str, changes: Mapping[str, str | None], saw: str) -> None:
    checks = _preflight(tmp_path, changes)
    assert [check.name for check in checks.values() if not check.passed] == [name]
    assert saw in checks[name].saw
    assert checks[name].hint


BLIND: list[object] = [
    pytest.param("network", "sys/class/net/eth0/flags", None, id="interface"),
    pytest.param("network", "sys/class/net/eth0/flags", "up\n", id="interface with senseless flags"),
    pytest.param("routes", "proc/net/route", None, id="routes"),
    pytest.param("radios", "sys/class/rfkill/rfkill0/hard", None, id="radio"),
    pytest.param("swap", "proc/swaps", None, id="swap"),
    pytest.param("core dumps", "proc/sys/kernel/core_pattern", None, id="core pattern"),
    pytest.param("memory", "proc/self/status", None, id="memory"),
    pytest.param("memory", "proc/self/status", "Name:\tceremony\n", id="memory that is not told"),
    pytest.param("memory", "proc/self/status", "VmLck:\n", id="memory without a number"),
    pytest.param("entropy", "proc/sys/kernel/random/entropy_avail", None, id="entropy"),
    pytest.param("clocks", "sys/class/rtc/rtc0/since_epoch", None, id="no hardware clock"),
    pytest.param("clocks", "sys/class/rtc/rtc0/since_epoch", "\x07\n", id="senseless hardware clock"),
]


@pytest.mark.parametrize(("name", "path", "content"), BLIND)
def test_what_cannot_be_seen_did_not_pass(tmp_path: Path, name: str, path: str, content: str | None) -> None:
    checks = _preflight(tmp_path, {path: content})
    assert [check.name for check in checks.values() if not check.passed] == [name]
    assert checks[name].saw.startswith("cannot be seen (")


def test_sees_nothing_on_another_system(tmp_path: Path) -> None:
    checks = _preflight(tmp_path, dict.fromkeys(FIT), protection=UNPROTECTED)
    assert [check.name for check in checks.values() if check.passed] == ["program", "spies", "room"]


def test_a_machine_without_ipv6_has_no_such_routes(tmp_path: Path) -> None:
    assert _preflight(tmp_path, {"proc/net/ipv6_route": None})["routes"].passed


def _without_rfkill(tmp_path: Path, *others: str) -> Check:
    changes: dict[str, str | None] = {path: None for path in FIT if "rfkill" in path}
    return _preflight(tmp_path, {**changes, **{f"sys/class/{other}/index": "0\n" for other in others}})["radios"]


def test_a_machine_without_radios_passes(tmp_path: Path) -> None:
    check = _without_rfkill(tmp_path)
    assert (check.passed, check.saw) == (True, "no radio")


def test_a_radio_that_nobody_can_block_is_on(tmp_path: Path) -> None:
    check = _without_rfkill(tmp_path, "ieee80211/phy0", "bluetooth/hci0")
    assert (check.passed, check.saw) == (False, "on: phy0, hci0")


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


def test_entropy_that_must_be_waited_for_did_not_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(*_: object) -> bytes:
        raise BlockingIOError

    monkeypatch.setattr(os, "getrandom", wait)
    check = _preflight(tmp_path, {})["entropy"]
    assert (check.passed, check.saw) == (False, "not seeded yet, 256 bits")


@pytest.mark.parametrize(
    ("changes", "check"),
    [
        pytest.param({}, Check(AIR_GAP, passed=True, saw="cut off from every network", hint=""), id="shut"),
        pytest.param(
            {"sys/class/net/eth0/flags": "0x1003\n", "sys/class/rfkill/rfkill0/soft": "0\n"},
            Check(AIR_GAP, passed=False, saw="up: eth0 (down), on: wlan phy0", hint=HINTS["network"]),
            id="open in two ways",
        ),
        pytest.param(
            {"proc/net/route": None},
            Check(AIR_GAP, passed=False, saw="cannot be seen", hint=HINTS["routes"]),
            id="what cannot be seen is open",
        ),
    ],
)
def test_looks_at_the_air_gap_alone(tmp_path: Path, changes: Mapping[str, str | None], check: Check) -> None:
    host = SystemHost(tmp_path, clock=FakeClock(NOW, timedelta()), protection=PROTECTED, root=_machine(tmp_path, changes))
    seen = host.air_gap()
    assert (seen.name, seen.passed, seen.hint) == (check.name, check.passed, check.hint)
    assert seen.saw.startswith(check.saw)


def test_asks_for_the_room_that_is_needed(tmp_path: Path) -> None:
    check = _preflight(tmp_path, {}, needed_bytes=2**62)["room"]
    assert not check.passed
    assert check.saw.endswith(f"{2**62} are needed")


PROGRAMS: list[object] = [
    pytest.param(dict, "a checkout, which lists none of its files; sha256 ", id="a checkout"),
    pytest.param(lambda: {**tool.digests(), "errors.py": "00"}, "not as released: errors.py; sha256 ", id="a changed file"),
    pytest.param(lambda: {**tool.digests(), "more.py": "00"}, "not as released: more.py; sha256 ", id="a missing file"),
]


@pytest.mark.parametrize(("released", "saw"), PROGRAMS)
def test_holds_the_program_against_its_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, released: Callable[[], dict[str, str]], saw: str
) -> None:
    monkeypatch.setattr(tool, "released", released)
    check = _preflight(tmp_path, {})["program"]
    assert not check.passed
    assert check.saw == saw + tool.tool().sha256


def test_every_answer_fits_a_record(tmp_path: Path) -> None:
    strange = {"proc/swaps": SWAPS + "/dev/e\u0301\x85\x07 file 8 0 -2\n"}
    for check in _preflight(tmp_path, strange).values():
        canonical.encode({"name": check.name, "saw": check.saw, "hint": check.hint})
