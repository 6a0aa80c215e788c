# SPDX-License-Identifier: Apache-2.0
"""What time it is here: two clocks, the bounds of sense, the time zone. See `machine` for what each function returns and raises.

No time server can be asked, so people compare the clock with a watch; what a program can
tell is told here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from ceremony.host.machine import Seen, text

CLOCK_TOLERANCE = 5.0
"""Seconds that the hardware clock and the system clock may differ: the first ticks in whole ones."""
RELEASED = datetime(2026, 11, 1, tzinfo=UTC)
"""The month of this release: no ceremony is held with it before. A clock that lost its battery shows a time long before."""
SENSE = timedelta(days=20 * 365)
"""How long after its release nobody holds a ceremony with it: a clock that shows a later time is wrong."""

_ZONES = "usr/share/zoneinfo"
_MAGIC = b"TZif"
_SHOWN = "%Y-%m-%d %H:%M:%S"


def clocks(root: Path, now: datetime) -> Seen:
    """See whether the hardware clock agrees with `now`, which the system clock says."""
    hardware = int(text(root / "sys/class/rtc/rtc0/since_epoch"))
    apart = abs(hardware - now.timestamp())
    return apart <= CLOCK_TOLERANCE, f"the hardware clock is {apart:.0f} seconds apart from {now:{_SHOWN}} UTC"


def time(now: datetime) -> Seen:
    """See whether `now` lies between this release and the end of sense."""
    shown = f"it is {now:{_SHOWN}} UTC"
    if now < RELEASED:
        return False, f"{shown}, before this program was released ({RELEASED:%Y-%m})"
    if now > RELEASED + SENSE:
        return False, f"{shown}, more than 20 years after this program was released ({RELEASED:%Y-%m})"
    return True, shown


def zone(root: Path, environ: Mapping[str, str], now: datetime) -> Seen:
    """See which zone clocks of this machine show: a file of rules that is there; `now` is shown in it."""
    named = environ.get("TZ")
    file = root / "etc/localtime" if named is None else _zone_file(root, named.removeprefix(":"))
    name = named or _name(root)
    if not file.is_file() or not file.read_bytes().startswith(_MAGIC):
        return False, f"TZ is {named}, which names no zone here" if named is not None else "no zone is set"
    with file.open("rb") as rules:
        local = now.astimezone(ZoneInfo.from_file(rules))
    return True, f"{name}: it is {local:{_SHOWN} %Z}"


def _zone_file(root: Path, name: str) -> Path:
    """Return where the rules of a zone are; `name` is a path in its folder, or one from the root."""
    # An empty TZ means UTC to the C library, and nothing to people.
    return root / name.lstrip("/") if name.startswith("/") else root / _ZONES / (name or "none")


def _name(root: Path) -> str:
    """Return the name of the zone that is set for the whole machine."""
    link = root / "etc/localtime"
    if link.is_symlink():
        _, found, name = str(link.readlink()).rpartition("zoneinfo/")
        if found:
            return name
    told = root / "etc/timezone"
    return (text(told) if told.is_file() else "") or "a zone without a name"
