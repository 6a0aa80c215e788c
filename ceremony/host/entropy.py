# SPDX-License-Identifier: Apache-2.0
"""Random bytes of this machine: `ports.Entropy`."""

from __future__ import annotations

import os


class SystemEntropy:
    """`ports.Entropy` over the kernel's generator; waits until it was seeded (getrandom(2))."""

    def bytes(self, count: int) -> bytes:
        """Return `count` bytes fit for keys."""
        return os.urandom(count)
