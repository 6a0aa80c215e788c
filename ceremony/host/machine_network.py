# SPDX-License-Identifier: Apache-2.0
"""Whether this machine is cut off: interfaces, routes, radios, Bluetooth. See `machine` for what each function returns and raises."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ceremony.host.machine import Seen, lines, listed, text

_BLUETOOTH = "bluetooth"
_IFF_UP = 1
_DOWN = ("down", "notpresent", "lowerlayerdown")


def interfaces(root: Path) -> Seen:
    """See whether any network interface but `lo` is up."""
    up = []
    for interface in sorted((root / "sys/class/net").iterdir()):
        if interface.name == "lo" or not interface.is_dir():
            continue
        flags = int(text(interface / "flags"), 16)
        state = text(interface / "operstate")
        if flags & _IFF_UP or state not in (*_DOWN, "unknown"):
            up.append(f"{interface.name} ({state})")
    return not up, f"up: {', '.join(up)}" if up else "no interface is up but lo"


def routes(root: Path) -> Seen:
    """See whether there is any route but through `lo`."""
    found = {line.split()[0] for line in lines(root / "proc/net/route")[1:]}
    # A kernel without IPv6 has no such file, and no such routes.
    ipv6 = root / "proc/net/ipv6_route"
    found |= {line.split()[-1] for line in lines(ipv6)} if ipv6.exists() else set()
    found.discard("lo")
    return not found, f"routes through {', '.join(sorted(found))}" if found else "no route but through lo"


def radios(root: Path) -> Seen:
    """See whether every radio but Bluetooth's is blocked; radios that nobody can block count as on."""
    return _radios(root, "ieee80211", bluetooth=False, what="radio")


def bluetooth(root: Path) -> Seen:
    """See whether every Bluetooth adapter is blocked; one that nobody can block counts as on."""
    return _radios(root, _BLUETOOTH, bluetooth=True, what="Bluetooth adapter")


def _radios(root: Path, unblockable: str, *, bluetooth: bool, what: str) -> Seen:
    classes = listed(root / "sys/class")
    switches = [radio for radio in _switches(root, classes) if (text(radio / "type") == _BLUETOOTH) is bluetooth]
    on = [f"{text(radio / 'type')} {text(radio / 'name')}" for radio in switches if not _blocked(radio)]
    if not switches and unblockable in classes:
        # A connection to another device stands beside its adapter, as hci0:11.
        on = [name for name in listed(root / "sys/class" / unblockable) if ":" not in name]
    if on:
        return False, f"on: {', '.join(on)}"
    return True, f"all blocked: {len(switches)}" if switches else f"no {what}"


def _switches(root: Path, classes: list[str]) -> Iterator[Path]:
    yield from sorted((root / "sys/class/rfkill").iterdir()) if "rfkill" in classes else ()


def _blocked(radio: Path) -> bool:
    return "1" in (text(radio / "soft"), text(radio / "hard"))
