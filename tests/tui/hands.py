# SPDX-License-Identifier: Apache-2.0
"""A monotonic clock whose hands a test moves."""

from __future__ import annotations


class Hands:
    """Stands at `now`, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now
