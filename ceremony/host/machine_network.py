# SPDX-License-Identifier: Apache-2.0
"""Whether this machine is cut off: interfaces, routes, radios, Bluetooth. See `machine` for what each function returns and raises."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ceremony.host.machine import Seen, lines, listed, text

_BLUETOOTH = "bluetooth"
_IFF_UP = 1
_NO_SWITCH: Mapping[str, re.Pattern[str]] = {
    "wwan": re.compile(""),
    "usbmisc": re.compile("cdc-wdm"),  # a modem's way to be told to connect
    "ieee802154": re.compile(""),
}
"""Kinds of device that are radios, or modems, and which of each: whether they are on, nothing tells for sure."""
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
    """See whether every radio but Bluetooth's is blocked; what has no switch of its own counts as on, and so does every mobile modem."""
    classes = listed(root / "sys/class")
    on = [f"{kind} {name}" for kind, names in _NO_SWITCH.items() for name in _class(root, classes, kind) if names.match(name)]
    return _radios(root, "ieee80211", on, bluetooth=False, what="radio")


def bluetooth(root: Path) -> Seen:
    """See whether every Bluetooth adapter is blocked; one that has no switch of its own counts as on."""
    return _radios(root, _BLUETOOTH, [], bluetooth=True, what="Bluetooth adapter")


def _radios(root: Path, kind: str, others: list[str], *, bluetooth: bool, what: str) -> Seen:
    classes = listed(root / "sys/class")
    every = [root / "sys/class/rfkill" / name for name in _class(root, classes, "rfkill")]
    switches = [radio for radio in every if (text(radio / "type") == _BLUETOOTH) is bluetooth]
    on = [f"{text(radio / 'type')} {text(radio / 'name')}" for radio in switches if not _blocked(radio)]
    # A connection to another device stands beside its adapter, as hci0:11.
    devices = [name for name in _class(root, classes, kind) if ":" not in name]
    on += [f"{name}, which has no switch" for name in devices if not _has_switch(root / "sys/class" / kind / name)]
    on += others
    if on:
        return False, f"on: {', '.join(on)}"
    return True, f"all blocked: {len(switches)}" if switches else f"no {what}"


def _class(root: Path, classes: list[str], kind: str) -> list[str]:
    return listed(root / "sys/class" / kind) if kind in classes else []


def _has_switch(device: Path) -> bool:
    return any(name.startswith("rfkill") for name in listed(device))


def _blocked(radio: Path) -> bool:
    return "1" in (text(radio / "soft"), text(radio / "hard"))
