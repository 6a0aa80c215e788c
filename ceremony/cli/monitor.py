# SPDX-License-Identifier: Apache-2.0
"""What the screen shows of the room all the time: whether the machine is cut off, and whether the media are in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ceremony.core.ports import Gauge, Host, Volume

NAMES = {"a": "volume a", "b": "volume b", "courier": "courier"}


class RoomMonitor:
    """`ports.Monitor` over the host and the media that were put in so far."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.media: Mapping[str, Volume] = {}
        """The media by role; a step puts them in, from another thread."""

    def look(self) -> Sequence[Gauge]:
        """Return the air gap, then each medium that was put in."""
        check = self._host.air_gap()
        gauges = [Gauge(check.name, check.passed, "shut" if check.passed else f"OPEN: {check.saw}")]
        for role, name in NAMES.items():
            volume = self.media.get(role)
            if volume is not None:
                present = volume.present()
                gauges.append(Gauge(name, present, "in" if present else "GONE"))
        return gauges
