# SPDX-License-Identifier: Apache-2.0
"""The clocks of this machine: `ports.Clock`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from ceremony.errors import CeremonyError

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class SystemClock:
    """`ports.Clock` over the system's clocks; the boot id is read once, so a machine that hides it is told at once."""

    def __init__(self, boot_id: Path = BOOT_ID) -> None:
        try:
            self._boot = boot_id.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CeremonyError(
                f"the id of this boot cannot be read from {boot_id}", hint="run on Linux with /proc mounted"
            ) from error

    def utc(self) -> datetime:
        """Return the wall clock's time, aware, in UTC."""
        return datetime.now(UTC)

    def mono_ns(self) -> int:
        """Return nanoseconds since this boot, time asleep included, so that two programs of one boot compare."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def boot(self) -> str:
        """Return the id of this boot."""
        return self._boot
